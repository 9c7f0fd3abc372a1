//! What the records come to: the state of each task, and what people and runs said and did.
//!
//! [`RunState`] is a fold: the same records give the same state, and it knows no clock and no process. Two questions are
//! answered by the caller: which runs live (so a start without an end is *interrupted*), and which fingerprint a task has
//! now (so a success counts or not).
mod fold;
mod run;
mod task;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod properties;

pub use run::{Approval, DecisionRecord, JobRecord, RunRecord, RunState};
pub use task::{
    Attempt, CheckRecord, Ended, KeptChild, Resume, RetryRecord, TaskRecord, TaskState, Undone,
    Word,
};
