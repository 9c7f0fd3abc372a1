//! What is to be done: one clear sentence each, the most pressing first.

use std::collections::BTreeMap;

use super::Material;
use crate::{
    checkpoint::{
        state::State,
        summary::{FailureLine, TaskSummary},
    },
    diagnostic::words::count,
    event::Waiting,
    ident::TaskKey,
    ledger::TaskState,
    report::words::joined,
};

/// The most tasks that one sentence names.
const MOST_NAMED: usize = 3;

/// Returns what to do. Something is always said.
pub(super) fn actions(
    material: &Material<'_>,
    tasks: &[TaskSummary],
    failures: &[FailureLine],
) -> Vec<String> {
    let mut actions: Vec<String> = first_failure(failures).into_iter().collect();
    actions.extend(interrupted(tasks));
    actions.extend(waiting(material));
    let of = |state: State| -> Vec<&TaskKey> {
        let tasks = tasks.iter().filter(|task| task.state == state);
        tasks.map(|task| &task.key).collect()
    };
    let running = of(State::Running);
    if !running.is_empty() {
        let verb = if running.len() == 1 { "runs" } else { "run" };
        actions.push(format!("Wait: {} {verb}.", named(&running)));
    }
    let cancelled = of(State::Cancelled);
    if !cancelled.is_empty() {
        actions.push(format!("Run again: {} cancelled.", was(&cancelled)));
    }
    let stale = of(State::NoLongerHolds);
    if !stale.is_empty() {
        let verb = if stale.len() == 1 { "holds" } else { "hold" };
        actions.push(format!("Run again: {} no longer {verb}.", named(&stale)));
    }
    let not_run = of(State::NotRun);
    if !not_run.is_empty() {
        actions.push(format!(
            "Run where it is possible: {} not run here.",
            was(&not_run)
        ));
    }
    let to_do = of(State::ToDo);
    if actions.is_empty() && !to_do.is_empty() {
        actions.push(format!("Run: {} to do.", is(&to_do)));
    }
    if actions.is_empty() {
        actions.push(rest(tasks));
    }
    actions
}

fn first_failure(failures: &[FailureLine]) -> Option<String> {
    let first = failures.first()?;
    let doing = if first.of_rollback {
        "the rollback of task"
    } else {
        "task"
    };
    let others = match failures.len() - 1 {
        0 => String::new(),
        others => format!(" It failed first; {} followed.", count(others, "failure")),
    };
    let next = match &first.hint {
        Some(hint) => format!(": {}", hint.trim_end_matches('.')),
        None => " and run again".to_owned(),
    };
    Some(format!("Repair {doing} `{}`{next}.{others}", first.task))
}

fn interrupted(tasks: &[TaskSummary]) -> Vec<String> {
    let tasks = tasks.iter().filter(|task| task.state == State::Interrupted);
    tasks
        .map(|task| {
            format!(
                "Look how far task `{0}` came, then run again with `--done {0}` or `--force {0}`.",
                task.key
            )
        })
        .collect()
}

/// Returns what people are asked for, each once, with the number of tasks that wait for it.
fn waiting(material: &Material<'_>) -> Vec<String> {
    let mut waits: BTreeMap<&Waiting, Vec<&TaskKey>> = BTreeMap::new();
    for node in material.graph.nodes() {
        if let Some(TaskState::Paused { waiting }) =
            material.record(node).map(|record| &record.state)
        {
            waits.entry(waiting).or_default().push(&node.key);
        }
    }
    waits
        .iter()
        .filter_map(|(waiting, tasks)| asked(material, waiting, tasks))
        .collect()
}

fn asked(material: &Material<'_>, waiting: &Waiting, tasks: &[&TaskKey]) -> Option<String> {
    let verb = if tasks.len() == 1 { "waits" } else { "wait" };
    let who = format!("{} {verb} for it", named(tasks));
    match waiting {
        Waiting::Decision { decision } => {
            let preferred = material
                .plan()
                .decisions
                .get(decision)
                .and_then(|found| found.preferred.as_ref());
            let advice = preferred.map_or(String::new(), |preferred| {
                format!(" (advised: `{preferred}`)")
            });
            let file = material.plan().source.name();
            Some(format!(
                "Answer decision `{decision}` in `{file}`{advice}: {who}."
            ))
        }
        Waiting::Approval { phase, environment } => Some(format!(
            "Approve phase `{phase}` in environment `{environment}`: {who}."
        )),
        Waiting::Confirmation { text } => {
            let task = tasks.first()?;
            let text = text.trim_end_matches('.');
            Some(format!(
                "Do this and confirm it with `--confirm {task}`: {text}."
            ))
        }
        // Said of each interrupted task by itself.
        Waiting::Settlement => None,
    }
}

fn rest(tasks: &[TaskSummary]) -> String {
    let unproved: Vec<&TaskKey> = tasks
        .iter()
        .filter(|task| task.state == State::AutomatedUnproved)
        .map(|task| &task.key)
        .collect();
    let undone = tasks
        .iter()
        .filter(|task| task.state == State::RolledBack)
        .count();
    match (undone, unproved.is_empty()) {
        (0, true) => "Nothing: all is done.".to_owned(),
        (0, false) => format!(
            "Nothing has to be done. No check proves {}.",
            named(&unproved)
        ),
        (undone, _) => {
            let verb = if undone == 1 { "was" } else { "were" };
            format!(
                "Decide what comes next: {} {verb} rolled back.",
                count(undone, "task")
            )
        }
    }
}

fn was(tasks: &[&TaskKey]) -> String {
    let verb = if tasks.len() == 1 { "was" } else { "were" };
    format!("{} {verb}", named(tasks))
}

fn is(tasks: &[&TaskKey]) -> String {
    let verb = if tasks.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", named(tasks))
}

fn named(tasks: &[&TaskKey]) -> String {
    if tasks.len() > MOST_NAMED {
        return count(tasks.len(), "task");
    }
    let names: Vec<String> = tasks.iter().map(|task| format!("`{task}`")).collect();
    joined(&names)
}
