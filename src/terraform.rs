//! Terraform and OpenTofu: arguments out, meaning in.
//!
//! What the program prints and writes becomes data here: the changes of a saved plan, problems of a configuration, progress,
//! outputs, states, locks. No process is started, no file opened and no clock read; whoever drives the program does that.
mod address;
pub mod arguments;
mod backend;
pub mod changes;
mod failure;
pub mod hcl;
mod lock_file;
mod module;
mod output;
mod state;
pub mod told;

pub use address::AddressPattern;
pub use backend::InitialisedBackend;
pub use changes::{Changes, ChangesError, Reading};
pub use failure::{Failure, StateLock};
pub use lock_file::{LockFile, LockFileError, LockedProvider};
pub use module::{Backend, Declared, Module, Variable};
pub use output::{Output, OutputError};
pub use state::{Rescue, State, StateError};
