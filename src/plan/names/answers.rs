//! Tasks that answer decisions.

use super::known::Known;
use crate::{
    diagnostic::{Diagnostic, words::list_ticked},
    ident::TaskId,
    plan::model::Parts,
};

/// Returns a problem for each decision that a task with environments answers: a decision has one answer for all of them.
pub(super) fn of_several_environments(parts: &Parts, known: &Known<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, decision) in &parts.decisions {
        for reference in &decision.reads {
            let task = reference
                .names()
                .first()
                .filter(|_| reference.root == "tasks")
                .and_then(|task| task.parse::<TaskId>().ok())
                .and_then(|id| parts.task_index.get(&id).copied());
            let Some(index) = task.filter(|&index| !known.doubts(index)) else {
                continue;
            };
            let task = &parts.tasks[index];
            if !task.environments.is_empty() {
                let places = list_ticked(task.environments.iter().map(AsRef::<str>::as_ref));
                let places = places.replace(" or ", " and ");
                found.push(
                    Diagnostic::error(
                        "shared-reads",
                        format!("task `{}` answers decision `{name}`, and belongs to {places}: a decision has one answer for all environments", task.id),
                    )
                    .at(reference.span.clone().into())
                    .also(task.span, "the task is here")
                    .help("put `environment: none` on the task"),
                );
            }
        }
    }
    found
}
