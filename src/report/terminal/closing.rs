//! The last paragraph: how many tasks ended how, and what failed first.

use std::collections::BTreeMap;

use crate::{
    diagnostic::words::count,
    event::{Event, Outcome},
    ident::TaskKey,
    report::{Colours, Tone, visible},
};

/// How a task ended in this run. The order is that of the paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Failed,
    Interrupted,
    Cancelled,
    Running,
    Paused,
    Blocked,
    NotRun,
    RolledBack,
    Done,
    UpToDate,
    Skipped,
}

impl End {
    fn words(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
            Self::Running => "cut off",
            Self::Paused => "paused",
            Self::Blocked => "blocked",
            Self::NotRun => "not run",
            Self::RolledBack => "rolled back",
            Self::Done => "done",
            Self::UpToDate => "up to date",
            Self::Skipped => "skipped",
        }
    }
}

/// What the paragraph is made of.
#[derive(Debug, Default)]
pub(in crate::report) struct Closing {
    ends: BTreeMap<TaskKey, End>,
    /// Failed attempts in their order, with their messages.
    failures: Vec<(TaskKey, String)>,
}

impl Closing {
    /// Takes a fact into account.
    pub fn take(&mut self, event: &Event) {
        let (task, end) = match event {
            Event::TaskStarted { task, .. } => (task, End::Running),
            Event::TaskFinished { task, outcome, .. } => match outcome {
                Outcome::Succeeded => (task, End::Done),
                Outcome::Failed(failure) => {
                    self.failures.push((task.clone(), failure.message.clone()));
                    (task, End::Failed)
                }
                Outcome::Cancelled => (task, End::Cancelled),
            },
            Event::TaskUpToDate { task, .. } => (task, End::UpToDate),
            Event::TaskSkipped { task, .. } => (task, End::Skipped),
            Event::TaskBlocked { task, .. } => (task, End::Blocked),
            Event::TaskPaused { task, .. } => (task, End::Paused),
            Event::TaskNotRun { task, .. } => (task, End::NotRun),
            Event::TaskInterrupted { task, .. } => (task, End::Interrupted),
            Event::TaskSettled {
                task, done: true, ..
            } => (task, End::Done),
            Event::TaskRolledBack {
                task,
                failure: None,
                ..
            } => (task, End::RolledBack),
            Event::TaskRolledBack {
                task,
                failure: Some(_),
                ..
            } => (task, End::Failed),
            Event::RunStarted(_)
            | Event::ChildKept { .. }
            | Event::CheckAnswered { .. }
            | Event::RetryScheduled { .. }
            | Event::TaskSettled { done: false, .. }
            | Event::TaskInvalidated { .. }
            | Event::GateConfirmed { .. }
            | Event::PhaseApproved { .. }
            | Event::DecisionAnswered { .. }
            | Event::EvidenceCaptured { .. }
            | Event::CancelRequested { .. }
            | Event::RunFinished(_) => return,
        };
        self.ends.insert(task.clone(), end);
    }

    /// Writes the paragraph.
    pub fn text(&self, exit: u8, colours: Colours) -> String {
        let mut numbers: BTreeMap<End, usize> = BTreeMap::new();
        for end in self.ends.values() {
            *numbers.entry(*end).or_default() += 1;
        }
        let words: Vec<String> = numbers
            .iter()
            .map(|(end, number)| format!("{number} {}", end.words()))
            .collect();
        let tone = match exit {
            0 => Tone::Good,
            4 => Tone::Attention,
            _ => Tone::Bad,
        };
        let tasks = colours.paint(tone, &count(self.ends.len(), "task"));
        let mut text = match words.is_empty() {
            true => format!("\n{tasks}: nothing was to be done"),
            false => format!("\n{tasks}: {}", words.join(", ")),
        };
        // An attempt that was repeated with success is no failure of the run.
        let still_failed = |task: &TaskKey| self.ends.get(task) != Some(&End::Done);
        let first = self.failures.iter().find(|(task, _)| still_failed(task));
        if let Some((task, message)) = first {
            text.push_str(&format!("\nfirst failure: {task}: {}", visible(message)));
        }
        text
    }
}
