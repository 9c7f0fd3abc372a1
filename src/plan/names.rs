//! Holds every name of a plan against what the plan declares.
mod declared;
mod reading;
mod through;

pub use declared::check_names;
pub use reading::{GITHUB, check_sites};
pub use through::{connections_of, follow};
