//! Which login is whose: what is known of a registry's users on this machine and in this job.
//!
//! For a registry nobody's plan says anything about, [`logins_for`] asks in this order: the job's token where GitHub itself is the
//! registry, docker's configuration, that of podman and its kin, and on Google's registries application default credentials. What a
//! plan says comes before all of them. Nothing is sent here, and no program is started: a login is shown when a registry asks for it.

mod config;
mod error;
mod order;

pub use error::LoginError;
pub use order::{Login, Surroundings, is_github, is_google, logins_for, services};
