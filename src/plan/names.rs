//! Names: whether each leads somewhere, whether it may stand where it does, and what a task reads through others.
mod answers;
mod declared;
mod environments;
mod known;
mod reading;
mod sealed;
mod through;

pub use declared::check_names;
pub use known::Known;
pub use reading::{GITHUB, check_sites};
pub use through::{connections_of, follow};
