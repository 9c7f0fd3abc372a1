//! Where a task is.

use super::shape::{Preset, TaskIndex};

/// Where a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is not selected.
    Unselected(Preset),
    /// Something before it has not ended.
    Waiting,
    /// It waits for a slot.
    Ready,
    /// The driver looks at it.
    Preparing,
    /// An attempt runs.
    Running {
        /// Its number.
        attempt: u32,
    },
    /// An attempt failed, and the delay before the next one is not over.
    Delayed {
        /// The number of the next one.
        attempt: u32,
    },
    /// The delay is over, and it waits for a slot.
    Due {
        /// The number of the next attempt.
        attempt: u32,
    },
    /// Final: it was done.
    Succeeded,
    /// Final: it was done before.
    UpToDate,
    /// Final: it does not take part.
    Skipped,
    /// Final: it cannot be carried out here.
    NotRun,
    /// Final: its last attempt failed.
    Failed,
    /// Final: it was stopped.
    Cancelled,
    /// Final unless it is resumed: it waits for a person.
    Paused,
    /// Final unless what it is blocked on is resumed.
    Blocked {
        /// The task that is to blame.
        on: TaskIndex,
    },
    /// Final: the run was cancelled or stopped at a failure before it could start.
    NotStarted,
}

impl Status {
    /// Whether nothing more happens to the task, unless somebody resumes it or what it is blocked on.
    pub fn is_final(self) -> bool {
        match self {
            Self::Waiting
            | Self::Ready
            | Self::Preparing
            | Self::Running { .. }
            | Self::Delayed { .. }
            | Self::Due { .. } => false,
            Self::Unselected(_)
            | Self::Succeeded
            | Self::UpToDate
            | Self::Skipped
            | Self::NotRun
            | Self::Failed
            | Self::Cancelled
            | Self::Paused
            | Self::Blocked { .. }
            | Self::NotStarted => true,
        }
    }
}
