//! What the driver tells the scheduler, and what the scheduler wants done.

use std::time::Duration;

use super::shape::TaskIndex;
use crate::event::{Failure, FailureKind, Outcome};

/// What the driver tells. An input that does not fit the task's status (a timer that fires after a cancel) changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The run begins. To be given once, first.
    Begin,
    /// The driver looked at a task whose prerequisites are satisfied.
    Prepared {
        /// The task of an [`Effect::Prepare`].
        task: TaskIndex,
        /// What it found.
        verdict: Verdict,
    },
    /// An attempt ended.
    Finished {
        /// The task of an [`Effect::Start`].
        task: TaskIndex,
        /// How it ended.
        outcome: Outcome,
    },
    /// The delay of an [`Effect::ScheduleRetry`] is over.
    RetryDue(TaskIndex),
    /// What a paused task waited for has come: it is prepared again, and what was blocked on it waits again.
    Resumed(TaskIndex),
    /// The run is to stop: nothing starts any more.
    Cancel,
}

/// What the driver found when it looked at a task: its condition, its values, its fingerprint, its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It has to run.
    Run {
        /// Attempts that the ledger counts already; the next one has the number behind it.
        attempts_before: u32,
    },
    /// Its last record has the same fingerprint.
    UpToDate,
    /// It does not take part.
    Skip,
    /// It waits for a person.
    Pause,
    /// It cannot be carried out at this place.
    NotRun,
    /// It cannot be carried out at all: its values make no sense. Never repeated.
    Fail(Failure),
}

/// What the driver has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Look at the task, and answer with [`Input::Prepared`].
    Prepare(TaskIndex),
    /// Start an attempt, and answer with [`Input::Finished`].
    Start {
        /// The task.
        task: TaskIndex,
        /// The attempt's number, from 1, counted across runs.
        attempt: u32,
    },
    /// Stop the running attempt; its end is still awaited. Given once for each running attempt.
    Stop(TaskIndex),
    /// Wait, and then tell [`Input::RetryDue`].
    ScheduleRetry {
        /// The task.
        task: TaskIndex,
        /// The attempt that comes next.
        attempt: u32,
        /// How long, to which the driver adds its jitter.
        delay: Duration,
        /// Why the last attempt failed.
        because: FailureKind,
    },
    /// The task cannot start in this run.
    Blocked {
        /// The task.
        task: TaskIndex,
        /// The task that is to blame: the first one that ended unsatisfied, not the one in between.
        on: TaskIndex,
    },
    /// The task was not started, because the run was cancelled or stopped at a failure.
    NotStarted {
        /// The task.
        task: TaskIndex,
    },
    /// Every task has a final status. Given once, and once more after each [`Input::Resumed`] that woke a task behind it.
    Done,
}
