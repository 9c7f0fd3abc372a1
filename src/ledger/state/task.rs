//! The state of one task.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    digest::Digest,
    event::{
        CheckAnswer, CheckMoment, Effect, Failure, FailureKind, LogRef, Outcome, OutputValue,
        ProcessIdentity, Reason, Waiting,
    },
    ident::{CheckId, Name, RunId, TaskKey},
};

/// The last word on a task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TaskState {
    /// Nothing was recorded, or it is to be repeated.
    #[default]
    ToDo,
    /// An attempt was started and has not ended.
    Running,
    /// It was done, and its checks held.
    Succeeded,
    /// It was done before, with the same fingerprint.
    UpToDate {
        /// When it was done.
        since: Timestamp,
    },
    /// Its last attempt failed.
    Failed(Failure),
    /// Its last attempt was stopped with its run.
    Cancelled,
    /// Its last attempt was started by a run that no longer lives, and nobody knows how far it came.
    Interrupted {
        /// What its kind says about it, once somebody asked.
        advice: Option<String>,
    },
    /// It does not take part.
    Skipped {
        /// Why.
        because: Reason,
    },
    /// It could not start, because of another.
    Blocked {
        /// What it waits for.
        on: TaskKey,
    },
    /// It waits for a person.
    Paused {
        /// For what.
        waiting: Waiting,
    },
    /// It could not be carried out at this place.
    NotRun {
        /// Why.
        because: String,
    },
    /// What it did was undone.
    RolledBack {
        /// The way that was taken.
        way: String,
    },
    /// It was done, and that no longer counts.
    Invalidated {
        /// Why.
        because: String,
    },
}

/// What the records say about one task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRecord {
    /// The last word on it.
    pub state: TaskState,
    /// Time of its last record.
    pub at: Timestamp,
    /// The run that wrote its last record.
    pub run: RunId,
    /// Its last attempt.
    pub attempt: Option<Attempt>,
    /// The last success before that attempt: what a rollback to the previous state returns to.
    pub former: Option<Attempt>,
    /// The latest answer of each check since that attempt began.
    pub checks: BTreeMap<CheckId, CheckRecord>,
    /// Who confirmed it last, where it is a gate.
    pub confirmed: Option<Word>,
    /// Who last said that it is done or is to be repeated.
    pub settled: Option<Word>,
    /// How its last rollback ended, and the evidence that was kept before it.
    pub undone: Undone,
    pub(super) standing: Standing,
}

/// What the last attempt is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There was none.
    Nothing,
    /// It has no end.
    Open,
    /// It succeeded, and nothing since has changed that.
    Counts,
    /// It ended without success; a further one with the same fingerprint is counted on.
    Spent,
    /// It ended, and the next one is counted from 1.
    Void,
    /// Its effect is gone; the next one is counted from 1.
    Undone,
}

/// One attempt of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Its number, from 1, counted across runs.
    pub number: u32,
    /// The run that started it.
    pub run: RunId,
    /// When it was started.
    pub started: Timestamp,
    /// What the task was made of.
    pub fingerprint: Digest,
    /// Whether it changes something outside.
    pub changes: bool,
    /// Children that run under a keeper, and may still run when the run does not.
    pub kept: Vec<KeptChild>,
    /// Its end; `None` while it runs, and for ever where it was interrupted.
    pub ended: Option<Ended>,
    /// The attempt that follows its failure, until that one starts.
    pub retry: Option<RetryRecord>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// The run that recorded it, which may be a later one that looked.
    pub run: RunId,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took; zero where a person said that it is done.
    pub took: Duration,
    /// Its outputs.
    pub outputs: BTreeMap<Name, OutputValue>,
    /// Files that it hands over: name and path as [`super::super::Ledger::place_artifact`] takes it.
    pub artifacts: BTreeMap<Name, String>,
    /// What it did to the outside.
    pub effects: Vec<Effect>,
    /// Where its full log is.
    pub log: Option<LogRef>,
}

/// A child of an attempt that runs under a keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptChild {
    /// The keeper.
    pub keeper: ProcessIdentity,
    /// Folder of the keeper's files, relative to the ledger.
    pub folder: String,
    /// Why the child was started.
    pub purpose: String,
}

/// An attempt that is to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryRecord {
    /// Its number.
    pub attempt: u32,
    /// When it is due.
    pub due: Timestamp,
    /// Why the one before failed.
    pub because: FailureKind,
}

/// The latest answer of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckRecord {
    /// When it was answered.
    pub at: Timestamp,
    /// The run that asked.
    pub run: RunId,
    /// When in the life of the task it was asked.
    pub moment: CheckMoment,
    /// What was seen.
    pub answer: CheckAnswer,
}

/// What a person said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The run that recorded it.
    pub run: RunId,
}

/// What is known about the undoing of a task since its last attempt began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Undone {
    /// The way that was taken last.
    pub way: Option<String>,
    /// Why it could not be undone, if so.
    pub failure: Option<Failure>,
    /// When that was.
    pub at: Option<Timestamp>,
    /// Paths of the evidence that was kept before, relative to the ledger.
    pub evidence: Vec<String>,
}

/// What a run has to do about a task, as far as the ledger knows.
#[derive(Debug, Clone, PartialEq)]
pub enum Resume<'s> {
    /// It has to run.
    Run {
        /// Attempts that count already: the next one has the number behind it.
        attempts_before: u32,
    },
    /// Its last attempt succeeded with this fingerprint, and nothing has changed that since.
    UpToDate(&'s Attempt),
    /// An attempt has no end. Its kind says whether it is repeated, looked at, or settled by a person.
    Unfinished(&'s Attempt),
}

impl TaskRecord {
    /// Tells what a run has to do about the task when its fingerprint is `fingerprint` now.
    ///
    /// Only the last attempt counts: after v1 and v2 came v1 again, v1 runs again (`docs/guide.md`, "Identity and resume"). Words
    /// that say that nothing was tried (blocked, paused, skipped, not run) leave it as it is.
    pub fn resume(&self, fingerprint: &Digest) -> Resume<'_> {
        let again = Resume::Run { attempts_before: 0 };
        let Some(attempt) = &self.attempt else {
            return again;
        };
        match self.standing {
            Standing::Open => Resume::Unfinished(attempt),
            Standing::Counts if attempt.fingerprint == *fingerprint => Resume::UpToDate(attempt),
            Standing::Spent if attempt.fingerprint == *fingerprint => Resume::Run {
                attempts_before: attempt.number,
            },
            Standing::Nothing
            | Standing::Counts
            | Standing::Spent
            | Standing::Void
            | Standing::Undone => again,
        }
    }

    /// Returns the last attempt if it succeeded and nothing has changed that since.
    pub fn success(&self) -> Option<&Attempt> {
        match self.standing {
            Standing::Counts => self.attempt.as_ref(),
            Standing::Nothing
            | Standing::Open
            | Standing::Spent
            | Standing::Void
            | Standing::Undone => None,
        }
    }

    /// Whether something that it did may still be there: an attempt was started, and it was not undone.
    pub fn may_hold(&self) -> bool {
        self.attempt.is_some() && self.standing != Standing::Undone
    }

    /// Returns the last attempt that succeeded, whether it still counts or not.
    pub fn last_success(&self) -> Option<&Attempt> {
        let succeeded = |attempt: &&Attempt| {
            let ended = attempt.ended.as_ref();
            ended.is_some_and(|ended| ended.outcome == Outcome::Succeeded)
        };
        self.attempt
            .as_ref()
            .filter(succeeded)
            .or(self.former.as_ref())
    }

    /// Returns the last attempt if nobody knows how it ended. It may still run.
    pub fn unfinished(&self) -> Option<&Attempt> {
        match self.standing {
            Standing::Open => self.attempt.as_ref(),
            Standing::Nothing
            | Standing::Counts
            | Standing::Spent
            | Standing::Void
            | Standing::Undone => None,
        }
    }

    /// Whether the last word on the task satisfies what waits for it: it succeeded, is up to date, or is skipped.
    pub fn satisfies(&self) -> bool {
        match &self.state {
            TaskState::Succeeded | TaskState::UpToDate { .. } | TaskState::Skipped { .. } => true,
            TaskState::ToDo
            | TaskState::Running
            | TaskState::Failed(_)
            | TaskState::Cancelled
            | TaskState::Interrupted { .. }
            | TaskState::Blocked { .. }
            | TaskState::Paused { .. }
            | TaskState::NotRun { .. }
            | TaskState::RolledBack { .. }
            | TaskState::Invalidated { .. } => false,
        }
    }

    /// Returns the number of the last attempt; 0 where there was none.
    pub fn attempts(&self) -> u32 {
        self.attempt.as_ref().map_or(0, |attempt| attempt.number)
    }

    /// Returns the end of the last attempt.
    pub fn ended(&self) -> Option<&Ended> {
        self.attempt.as_ref()?.ended.as_ref()
    }

    pub(super) fn new(at: Timestamp, run: RunId) -> Self {
        Self {
            state: TaskState::ToDo,
            at,
            run,
            attempt: None,
            former: None,
            checks: BTreeMap::new(),
            confirmed: None,
            settled: None,
            undone: Undone::default(),
            standing: Standing::Nothing,
        }
    }
}
