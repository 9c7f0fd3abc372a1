//! The rendered job graph on this machine, on stand-ins.
//!
//! A [`Stage`] is the place: one folder that holds the stand-ins' state, the ledgers and the work trees. [`play`] carries
//! out the jobs of a rendered workflow as a runner would: each step its own process of this program with its own GitHub
//! world, each job its own work tree. The rehearsal looks at what arrived, from outside; nothing of it is in the program
//! that it starts.
pub mod contexts;
pub mod google;
pub mod hub;
mod job;
mod loopback;
mod play;
#[cfg(unix)]
pub mod provider;
pub mod registry;
mod request_log;
mod stage;
mod terraform;
mod tree;
mod world;

pub use contexts::JobResult;
pub use job::{JobEnd, JobReport, Runner as JobRunner, StepReport};
pub use play::{Happening, Played, play};
pub use stage::{Stage, StageError, StageOptions};
pub use tree::Source;
pub use world::{GithubWorld, RehearsedEvent, inherited};
