//! What happens next: a pure state machine over the shape of a task graph.
//!
//! A [`Scheduler`] turns [`Input`]s (a task was prepared, ended, may be repeated; the run is cancelled) into [`Effect`]s
//! (prepare, start, stop, repeat later). It knows tasks by their [`TaskIndex`] in the file's order and nothing else of
//! them. This module performs no I/O, reads no clock and draws no random number: delays are handed to the driver, which
//! adds the jitter.
mod limits;
mod message;
mod retry;
mod scheduler;
mod shape;
mod status;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod properties;

pub use limits::{AfterFailure, Limits};
pub use message::{Effect, Input, Verdict};
pub use retry::RetryPolicy;
pub use scheduler::Scheduler;
pub use shape::{Barrier, BarrierIndex, InvalidShape, Preset, Shape, ShapeTask, TaskIndex};
pub use status::Status;
