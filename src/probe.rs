//! Asks one thing once, and says what was observed.
//!
//! A probe returns [`Evidence`]: observations by the names that plans judge (plan format, "Checks"), and the rule of
//! its kind for a check without `expect`. What cannot be reached is an observation; a [`ProbeError`] means that the
//! question itself could not be asked.
//!
//! Deliberately absent: waiting until something holds (`within`, `every`) and judging `expect`, which are the
//! caller's, and masking of what was observed.
mod client;
mod container;
mod error;
mod file;
mod git;
mod http;
mod image;
mod observation;
mod repository;
mod resolve;
mod run;
mod tcp;

pub use container::observe_container;
pub use error::ProbeError;
pub use file::{FileQuestion, ask_file};
pub use git::{GitQuestion, ask_git};
pub use http::{HttpQuestion, ask_http};
pub use image::{ImageFacts, observe_image};
pub use observation::{Evidence, Observation, Observations, Unit};
pub use repository::Git;
pub use resolve::Resolve;
pub use run::{RunFacts, observe_run};
pub use tcp::{TcpQuestion, ask_tcp};
