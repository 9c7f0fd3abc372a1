//! Where all tasks stand, by the facts.

use std::{collections::HashMap, ops::Range};

use jiff::Timestamp;

use crate::{
    event::{Event, Outcome},
    ident::TaskKey,
    report::terminal::plain,
};

/// A phase and those of its tasks that the run is about, in the order of the plan.
#[derive(Debug, Clone)]
pub struct PhaseTasks {
    /// Its name.
    pub name: String,
    /// Its tasks.
    pub tasks: Vec<TaskKey>,
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    ToCome,
    /// Since when, and the last line that it wrote.
    Running {
        since: Timestamp,
        last: String,
    },
    /// An attempt failed, and another one comes.
    Retries {
        since: Timestamp,
    },
    Done,
    Failed,
    /// A person has to do something.
    Waits,
    /// It is skipped, blocked, or cannot be run here.
    LeftOut,
}

impl Standing {
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Running { .. } | Self::Retries { .. })
    }

    pub fn is_over(&self) -> bool {
        !self.is_active() && *self != Self::ToCome
    }
}

#[derive(Debug)]
pub(super) struct Task {
    pub key: TaskKey,
    pub standing: Standing,
}

#[derive(Debug)]
pub(super) struct Phase {
    pub name: String,
    tasks: Range<usize>,
    pub began: Option<Timestamp>,
    pub ended: Option<Timestamp>,
}

/// Where all tasks stand.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub phases: Vec<Phase>,
    pub tasks: Vec<Task>,
    index: HashMap<TaskKey, usize>,
    pub began: Option<Timestamp>,
    /// The signal that asked the run to stop.
    pub stopping: Option<String>,
}

impl Board {
    /// Begins with tasks that are all to come.
    pub fn new(phases: Vec<PhaseTasks>) -> Self {
        let mut board = Self::default();
        for phase in phases {
            let first = board.tasks.len();
            for key in phase.tasks {
                board.index.insert(key.clone(), board.tasks.len());
                let standing = Standing::ToCome;
                board.tasks.push(Task { key, standing });
            }
            board.phases.push(Phase {
                name: phase.name,
                tasks: first..board.tasks.len(),
                began: None,
                ended: None,
            });
        }
        board
    }

    /// Returns the tasks of a phase.
    pub fn of_phase(&self, phase: &Phase) -> &[Task] {
        &self.tasks[phase.tasks.clone()]
    }

    /// Whether a task of a phase runs.
    pub fn is_active(&self, phase: &Phase) -> bool {
        let mut tasks = self.of_phase(phase).iter();
        tasks.any(|task| task.standing.is_active())
    }

    /// Takes a fact into account.
    pub fn take(&mut self, event: &Event, at: Timestamp) {
        let (task, standing) = match event {
            Event::TaskStarted { task, .. } => {
                let last = String::new();
                (task, Standing::Running { since: at, last })
            }
            Event::TaskFinished { task, outcome, .. } => match outcome {
                Outcome::Succeeded => (task, Standing::Done),
                Outcome::Failed(_) => (task, Standing::Failed),
                Outcome::Cancelled => (task, Standing::Waits),
            },
            Event::RetryScheduled { task, .. } => (task, Standing::Retries { since: at }),
            Event::TaskUpToDate { task, .. }
            | Event::TaskSettled {
                task, done: true, ..
            } => (task, Standing::Done),
            Event::TaskSkipped { task, .. }
            | Event::TaskBlocked { task, .. }
            | Event::TaskNotRun { task, .. } => (task, Standing::LeftOut),
            Event::TaskPaused { task, .. } | Event::TaskInterrupted { task, .. } => {
                (task, Standing::Waits)
            }
            Event::RunStarted(_) => {
                self.began = Some(at);
                return;
            }
            Event::CancelRequested { by } => {
                self.stopping = Some(by.clone());
                return;
            }
            Event::ChildKept { .. }
            | Event::CheckAnswered { .. }
            | Event::TaskSettled { done: false, .. }
            | Event::TaskInvalidated { .. }
            | Event::GateConfirmed { .. }
            | Event::PhaseApproved { .. }
            | Event::DecisionAnswered { .. }
            | Event::EvidenceCaptured { .. }
            | Event::TaskRolledBack { .. }
            | Event::RunFinished(_) => return,
        };
        self.stand(task, standing, at);
    }

    /// Takes a line of output of a task.
    pub fn said(&mut self, task: &TaskKey, line: &str) {
        let Some(&index) = self.index.get(task) else {
            return;
        };
        if let Standing::Running { last, .. } = &mut self.tasks[index].standing {
            let line = plain(line).replace('\t', " ");
            if !line.trim().is_empty() {
                line.trim().clone_into(last);
            }
        }
    }

    fn stand(&mut self, task: &TaskKey, standing: Standing, at: Timestamp) {
        let Some(&index) = self.index.get(task) else {
            return;
        };
        self.tasks[index].standing = standing;
        let of_task = |phase: &&mut Phase| phase.tasks.contains(&index);
        if let Some(phase) = self.phases.iter_mut().find(of_task) {
            phase.began.get_or_insert(at);
            let mut tasks = self.tasks[phase.tasks.clone()].iter();
            let is_over = tasks.all(|task| task.standing.is_over());
            phase.ended = is_over.then_some(at);
        }
    }
}
