//! What bounds a run.

use std::num::NonZeroUsize;

/// What bounds a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many tasks are prepared or run at the same time.
    pub slots: NonZeroUsize,
    /// What a failure means for the tasks that do not depend on it.
    pub after_failure: AfterFailure,
}

/// What a failure means for the tasks that do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// They go on.
    KeepGoing,
    /// None is started any more; those that run end (`--fail-fast`).
    StartNothing,
}
