//! What happens next: a pure state machine over the shape of a task graph.
//!
//! A [`Scheduler`] turns [`Input`]s (a task was prepared, ended, may be repeated; the run is cancelled) into [`Effect`]s
//! (prepare, start, stop, repeat later). It knows tasks by their [`TaskIndex`] in the file's order and nothing else of
//! them. This module performs no I/O, reads no clock and draws no random number: delays are handed to the driver, which
//! adds the jitter.
mod retry;
mod scheduler;
mod shape;

#[cfg(test)]
mod properties;

pub use retry::RetryPolicy;
pub use scheduler::{AfterFailure, Effect, Input, Limits, Scheduler, Status, Verdict};
pub use shape::{Barrier, BarrierIndex, InvalidShape, Preset, Shape, ShapeTask, TaskIndex};
