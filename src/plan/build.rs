//! From the tree of a plan file to what it means; every problem is kept, and what depends on it is left out.
mod checks;
mod covers;
mod data;
mod draft;
mod fields;
mod phases;
mod rollback;
mod task;
mod tool;

pub use draft::{Draft, Mention, Named, Owner, Site};

pub use data::build;
pub(in crate::plan) use data::not_an_option;
