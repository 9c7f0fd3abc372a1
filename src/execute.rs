//! Drives the scheduler against the world.
//!
//! A [`Run`] holds everything that a run of a plan needs; [`Run::drive`] performs the scheduler's effects. Facts go through
//! the recorder: to the ledger first, to the reporters then. Nothing here knows whether it is rehearsed: a rehearsal leads
//! connections elsewhere (`stand_in`) and changes nothing else.
mod approval;
mod attempt;
mod body;
mod checks;
mod context;
mod destroy;
mod drive;
mod error;
mod files;
mod fingerprint;
mod gate;
mod here;
mod login;
mod modules;
mod outputs;
mod prepare;
mod preview;
mod recorder;
mod registry;
mod reviewed;
mod run;
mod scope;
mod secrets;
pub mod stand_in;
mod tool;
mod trust;
mod world;

pub use body::{Drifted, Repaired};
pub use destroy::{DestructionGate, Doomed, Held, Left};
pub use error::{ExecuteError, chain};
pub use files::{Listing, copy_folder};
pub use here::not_there_yet;
pub use login::Logins;
pub use preview::Previewed;
pub use recorder::{Known, Recorder};
pub use reviewed::Reviewed;
pub use run::{DryRun, Run};
pub use secrets::Secrets;
pub use stand_in::StandIns;
pub use tool::Tools;
pub use trust::{Moment, Refusal, Trust};
pub use world::{Options, Reads, World};
