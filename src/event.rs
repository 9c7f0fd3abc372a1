//! The vocabulary of facts: what happened, in the past tense, without a word about how it is shown.
//!
//! Every view (terminal, comment, summary, page, status) is a fold of [`Record`]s; a fact that is not here cannot be shown.
mod record;

pub use record::{
    Answer, CheckAnswer, CheckMoment, Effect, Event, Failure, FailureKind, LogRef, Outcome,
    OutputValue, ProcessIdentity, Reality, Reason, Record, RunSummary, StartedRun, Waiting,
};
