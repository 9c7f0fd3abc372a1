//! Sensitive outputs and artifacts on their way to another job.

use std::collections::HashSet;

use super::known::Known;
use crate::{
    diagnostic::Diagnostic,
    ident::TaskId,
    plan::model::{Kind, Parts, Read, Task},
};

/// Returns a problem for each sensitive value that another job reads and that nobody could seal (`plan-format.md`, 3.7).
pub(super) fn unsealed(parts: &Parts, known: &Known<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, reader) in parts.tasks.iter().enumerate() {
        let mut seen = HashSet::new();
        for read in reader
            .reads
            .iter()
            .filter(|read| read.reference.root == "tasks")
        {
            let names = read.reference.names();
            let [id, what, name, ..] = names.as_slice() else {
                continue;
            };
            let maker = id
                .parse::<TaskId>()
                .ok()
                .and_then(|id| parts.task_index.get(&id).copied());
            let Some(maker) = maker.filter(|&maker| maker != index && !known.doubts(maker)) else {
                continue;
            };
            let task = &parts.tasks[maker];
            if is_sensitive(task, what, name)
                && !is_one_job(parts, task, reader)
                && !is_sealed(parts, task)
                && seen.insert((maker, *name))
            {
                found.push(problem(task, reader, read, what, name));
            }
        }
    }
    found
}

fn is_sensitive(task: &Task, what: &str, name: &str) -> bool {
    match what {
        // Terraform keeps its outputs in the state and is asked again.
        "outputs" => {
            task.kind != Kind::Terraform
                && task
                    .outputs
                    .get(name)
                    .is_some_and(|output| output.sensitive)
        }
        _ => task
            .artifacts
            .get(name)
            .is_some_and(|artifact| artifact.sensitive),
    }
}

fn is_one_job(parts: &Parts, task: &Task, reader: &Task) -> bool {
    task.phase == reader.phase && parts.phase_of(task).one_job
}

fn is_sealed(parts: &Parts, task: &Task) -> bool {
    !task.environments.is_empty()
        && task.environments.iter().all(|name| {
            let environment = parts.environments.get(name);
            environment.is_none_or(|environment| environment.recipient.is_some())
        })
}

fn problem(task: &Task, reader: &Task, read: &Read, what: &str, name: &str) -> Diagnostic {
    let noun = what.trim_end_matches('s');
    let message = format!(
        "{noun} `{name}` of `{}` is sensitive, and nothing seals it on its way to `{}`, which is another job",
        task.id, reader.id
    );
    let help = if task.environments.is_empty() {
        "let the task belong to an environment with a `recipient`, or put both into a phase with `one-job: true`"
    } else {
        "give its environments a `recipient`, or put both into a phase with `one-job: true`"
    };
    Diagnostic::error("unsealed", message)
        .at(read.reference.span.clone().into())
        .help(help)
}
