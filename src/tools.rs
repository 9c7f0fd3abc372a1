//! Programs at the versions that a plan pins: found on this machine, or installed into a folder of ours.
//!
//! A [`Tool`] is a program of exactly the version that the plan says: the first of its name on the PATH where that has it, else one
//! that was installed below the user's cache folder, from a release whose SHA-256 the plan names. Nothing is downloaded without
//! such a digest, and nothing by [`look`], which `doctor` and a rehearsal ask.
mod error;
mod find;
mod install;
mod known;
mod release;
mod resolve;
mod unpack;
mod zip;

pub use error::ToolError;
pub use find::{find, version};
pub use known::platform;
pub use resolve::{Download, Origin, Place, Standing, Tool, look, resolve};
