//! The canonical states of tasks, phases, goals and items (`docs/guide.md`, "The checkpoint").

use serde::Serialize;

use crate::report::Tone;

/// What a task, or a set of tasks, has come to. The order is that of concern: what needs a person most comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its last attempt failed.
    Failed,
    /// It was cut off, and nobody knows how far it came.
    Interrupted,
    /// What it did was undone.
    RolledBack,
    /// It was stopped with its run.
    Cancelled,
    /// It was done, and that no longer counts.
    NoLongerHolds,
    /// It runs.
    Running,
    /// It waits for a person.
    Waiting,
    /// It could not start, because of another task.
    Blocked,
    /// It has not been started.
    ToDo,
    /// It could not be carried out at this place, and nothing was tried.
    NotRun,
    /// It was done, and no check says so.
    AutomatedUnproved,
    /// A person says that it is done.
    DoneClaimed,
    /// It was done, and at least one check held.
    DoneVerified,
    /// It does not take part.
    Skipped,
    /// The plan no longer has it.
    Obsolete,
}

impl State {
    /// Returns its words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::RolledBack => "rolled back",
            Self::Cancelled => "cancelled",
            Self::NoLongerHolds => "no longer holds",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::ToDo => "to do",
            Self::NotRun => "not run",
            Self::AutomatedUnproved => "done but not proved",
            Self::DoneClaimed => "claimed to be done",
            Self::DoneVerified => "done and verified",
            Self::Skipped => "skipped",
            Self::Obsolete => "obsolete",
        }
    }

    /// Returns its tone.
    pub fn tone(self) -> Tone {
        match self {
            Self::Failed => Tone::Bad,
            Self::Interrupted
            | Self::RolledBack
            | Self::Cancelled
            | Self::NoLongerHolds
            | Self::Waiting => Tone::Attention,
            Self::Running => Tone::Active,
            Self::DoneVerified => Tone::Good,
            Self::Blocked
            | Self::ToDo
            | Self::NotRun
            | Self::AutomatedUnproved
            | Self::DoneClaimed
            | Self::Skipped
            | Self::Obsolete => Tone::Quiet,
        }
    }

    /// Returns one character for it, as an ornament beside its words.
    pub fn symbol(self) -> char {
        match self {
            Self::Failed => '✗',
            Self::Interrupted | Self::NoLongerHolds => '!',
            Self::RolledBack => '↺',
            Self::Cancelled => '×',
            Self::Running => '▶',
            Self::Waiting => '‖',
            Self::Blocked | Self::ToDo => '·',
            Self::NotRun | Self::Skipped | Self::Obsolete => '–',
            Self::AutomatedUnproved | Self::DoneClaimed => '○',
            Self::DoneVerified => '✓',
        }
    }

    /// Whether it was carried out to its end, proved or not.
    pub fn is_done(self) -> bool {
        match self {
            Self::AutomatedUnproved | Self::DoneClaimed | Self::DoneVerified => true,
            Self::Failed
            | Self::Interrupted
            | Self::RolledBack
            | Self::Cancelled
            | Self::NoLongerHolds
            | Self::Running
            | Self::Waiting
            | Self::Blocked
            | Self::ToDo
            | Self::NotRun
            | Self::Skipped
            | Self::Obsolete => false,
        }
    }

    /// Returns what several states come to: the most concerning one. What is skipped counts only where all is.
    pub fn of_all(states: impl IntoIterator<Item = Self>) -> Self {
        states.into_iter().min().unwrap_or(Self::Skipped)
    }
}
