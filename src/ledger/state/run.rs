//! The state of a plan in all of its walks.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use indexmap::IndexMap;
use jiff::Timestamp;

use super::task::{Attempt, Resume, TaskRecord, TaskState, Word};
use crate::{
    digest::Digest,
    event::{Reality, Record, StartedRun},
    ident::{EnvironmentName, Name, PhaseId, RunId, TaskKey},
};

/// What the records of one or several walks come to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunState {
    pub(super) tasks: BTreeMap<TaskKey, TaskRecord>,
    pub(super) decisions: BTreeMap<Name, DecisionRecord>,
    pub(super) approvals: Vec<Approval>,
    pub(super) runs: IndexMap<RunId, RunRecord>,
}

/// The answer to a decision that a task gave, or a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRecord {
    /// The answer.
    pub answer: String,
    /// Who or what answered, and when.
    pub word: Word,
}

/// The approval of a phase in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The phase.
    pub phase: PhaseId,
    /// The environment.
    pub environment: EnvironmentName,
    /// Whether it was given by a rehearsal.
    pub reality: Reality,
    /// Who gave it, when, and in which run.
    pub word: Word,
}

/// One run, with all of its jobs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunRecord {
    /// Its jobs by name, in the order of their beginning; one without a name where it has no jobs.
    pub jobs: IndexMap<Option<String>, JobRecord>,
    /// The signal that asked it to stop, and when.
    pub cancelled: Option<(String, Timestamp)>,
}

/// One job of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// When it began, last.
    pub started: Timestamp,
    /// What was known then.
    pub about: StartedRun,
    /// When it ended, and with which exit code; `None` while it runs or if it was cut off.
    pub ended: Option<(Timestamp, u8)>,
}

impl RunState {
    /// Folds the records of one walk.
    pub fn of<'r>(records: impl IntoIterator<Item = &'r Record>) -> Self {
        let mut state = Self::default();
        for record in records {
            state.apply(record);
        }
        state
    }

    /// Folds the records of several walks, each in its own order, and among them by time. Where two have the same time, the
    /// lower number goes first, then the walk that is named first.
    pub fn of_walks(walks: &[&[Record]]) -> Self {
        let mut state = Self::default();
        let key = |walk: usize, place: usize| {
            let record = walks[walk].get(place)?;
            Some(Reverse((record.at, record.seq, walk, place)))
        };
        let mut heads: BinaryHeap<_> = (0..walks.len()).filter_map(|walk| key(walk, 0)).collect();
        while let Some(Reverse((_, _, walk, place))) = heads.pop() {
            state.apply(&walks[walk][place]);
            heads.extend(key(walk, place + 1));
        }
        state
    }

    /// Returns what is known about a task; `None` where nothing was ever recorded.
    pub fn task(&self, task: &TaskKey) -> Option<&TaskRecord> {
        self.tasks.get(task)
    }

    /// Returns all tasks with a record, by name. Those that the plan no longer has are among them.
    pub fn tasks(&self) -> impl Iterator<Item = (&TaskKey, &TaskRecord)> {
        self.tasks.iter()
    }

    /// Tells what a run has to do about a task whose fingerprint is `fingerprint` now.
    pub fn resume(&self, task: &TaskKey, fingerprint: &Digest) -> Resume<'_> {
        match self.tasks.get(task) {
            Some(record) => record.resume(fingerprint),
            None => Resume::Run { attempts_before: 0 },
        }
    }

    /// Returns the tasks whose last attempt has no end, with that attempt.
    pub fn unfinished(&self) -> impl Iterator<Item = (&TaskKey, &Attempt)> {
        let tasks = self.tasks.iter();
        tasks.filter_map(|(task, record)| Some((task, record.unfinished()?)))
    }

    /// Marks as interrupted what runs by these records and was started by no run that lives. Nothing is recorded by that.
    pub fn mark_interrupted(&mut self, lives: impl Fn(&TaskKey, &Attempt) -> bool) {
        for (task, record) in &mut self.tasks {
            let dead = record
                .unfinished()
                .is_some_and(|attempt| !lives(task, attempt));
            if dead && record.state == TaskState::Running {
                record.state = TaskState::Interrupted { advice: None };
            }
        }
    }

    /// Returns the answer that a task or a rehearsal gave to a decision.
    pub fn decision(&self, decision: &Name) -> Option<&DecisionRecord> {
        self.decisions.get(decision)
    }

    /// Returns all approvals, in the order in which they were given.
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// Returns the last approval of a phase in an environment. Whether it counts for this run is the caller's to say.
    pub fn approval(&self, phase: &PhaseId, environment: &EnvironmentName) -> Option<&Approval> {
        let mut latest_first = self.approvals.iter().rev();
        latest_first
            .find(|approval| approval.phase == *phase && approval.environment == *environment)
    }

    /// Returns all runs, in the order of their first record.
    pub fn runs(&self) -> impl Iterator<Item = (&RunId, &RunRecord)> {
        self.runs.iter()
    }

    /// Returns what is known about a run.
    pub fn run(&self, run: &RunId) -> Option<&RunRecord> {
        self.runs.get(run)
    }
}
