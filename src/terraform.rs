//! Terraform and OpenTofu: arguments out, meaning in.
//!
//! What the program prints and writes becomes data here: the changes of a saved plan, problems of a configuration, outputs.
//! No process is started, no file opened and no clock read; whoever drives the program does that.
mod address;
pub mod changes;
pub mod shim;

pub use address::AddressPattern;
pub use changes::{Changes, ChangesError, Reading};
