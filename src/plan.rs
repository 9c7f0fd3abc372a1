//! The deployment plan: what the file says, and what it means.
//!
//! A [`Plan`] is always valid: names are well formed, every name resolves, every expression parses and stands where it
//! may. [`read`] reports every problem at once, in file order. Reading goes in stages (syntax, shape, names, expressions,
//! what is known now, files); nothing that follows from an earlier problem is reported.
mod build;
pub mod duration;
pub mod field;
mod files;
pub mod fingerprint;
pub mod grammar;
pub mod kind;
mod load;
pub mod model;
mod names;
mod node;
mod position;
pub mod requirement;
mod shape;
pub mod values;
mod workflows;

pub use fingerprint::{Fingerprint, Parts as FingerprintParts};
pub use load::{Read, read, read_bytes, read_text};
pub use model::{Phase, Plan, Task};
pub use names::{GITHUB, connections_of};
