//! What becomes an annotation of the run.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::{
    event::{Event, Failure, Outcome},
    github::command::{Annotation, AnnotationLevel, Annotations},
    ident::TaskKey,
    report::{terminal::waits, visible},
};

/// Where a task stands in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The plan file, from the root of the repository.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// What went wrong, and what a person should know, until the run is over.
#[derive(Debug, Default)]
pub(super) struct Findings {
    spots: HashMap<TaskKey, Spot>,
    /// The last word on each task that failed or wants something, in the order in which they came.
    of_tasks: IndexMap<TaskKey, Annotation>,
    notices: Vec<String>,
}

impl Findings {
    pub fn new(spots: HashMap<TaskKey, Spot>) -> Self {
        Self {
            spots,
            ..Self::default()
        }
    }

    /// Takes a fact into account. An attempt that is repeated takes back what was said of the one before.
    pub fn take(&mut self, event: &Event) {
        use AnnotationLevel::{Error, Notice, Warning};
        let (task, level, message) = match event {
            Event::TaskStarted { task, .. }
            | Event::TaskUpToDate { task, .. }
            | Event::TaskSettled { task, .. }
            | Event::TaskFinished {
                task,
                outcome: Outcome::Succeeded | Outcome::Cancelled,
                ..
            } => {
                self.of_tasks.shift_remove(task);
                return;
            }
            Event::TaskFinished {
                task,
                outcome: Outcome::Failed(failure),
                ..
            } => (task, Error, with_hint(&failure.message, failure)),
            Event::TaskRolledBack {
                task,
                way,
                failure: Some(failure),
            } => {
                let message = format!("not rolled back by {way}: {}", failure.message);
                (task, Error, with_hint(&message, failure))
            }
            Event::TaskInterrupted { task, advice } => (task, Warning, advice.clone()),
            Event::TaskInvalidated { task, because } => {
                (task, Warning, format!("no longer holds: {because}"))
            }
            Event::TaskNotRun { task, because } => (task, Warning, format!("not run: {because}")),
            Event::TaskPaused { task, waiting } => {
                let (why, next) = waits(task, waiting);
                (task, Notice, format!("paused: {why}\nnext: {next}"))
            }
            Event::RunStarted(_)
            | Event::ChildKept { .. }
            | Event::CheckAnswered { .. }
            | Event::RetryScheduled { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskBlocked { .. }
            | Event::GateConfirmed { .. }
            | Event::PhaseApproved { .. }
            | Event::DecisionAnswered { .. }
            | Event::EvidenceCaptured { .. }
            | Event::TaskRolledBack { failure: None, .. }
            | Event::CancelRequested { .. }
            | Event::RunFinished(_) => return,
        };
        let lines: Vec<String> = message.lines().map(visible).collect();
        let mut annotation = Annotation::new(level, lines.join("\n")).titled(task.to_string());
        if let Some(spot) = self.spots.get(task) {
            annotation = annotation.at(&spot.file, spot.line, spot.column);
        }
        self.of_tasks.insert(task.clone(), annotation);
    }

    /// Takes a notice into account.
    pub fn notice(&mut self, text: &str) {
        self.notices.push(visible(text));
    }

    /// Returns the annotations.
    pub fn annotations(&self) -> Annotations {
        let mut annotations = Annotations::new();
        let warn =
            |text: &String| Annotation::new(AnnotationLevel::Warning, text).titled("deploy-action");
        let of_tasks = self.of_tasks.values().cloned();
        of_tasks
            .chain(self.notices.iter().map(warn))
            .for_each(|annotation| annotations.push(annotation));
        annotations
    }
}

fn with_hint(message: &str, failure: &Failure) -> String {
    match &failure.hint {
        Some(hint) => format!("{message}\nhint: {hint}"),
        None => message.to_owned(),
    }
}
