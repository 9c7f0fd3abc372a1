//! From plan, document and run state to a [`Summary`].

mod check;
mod costs;
mod document;
mod failure;
mod image;
mod next;
mod people;
mod proof;
mod scope;
mod task;
mod way_back;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use jiff::Timestamp;

use self::scope::KnownScope;
use super::{
    state::State,
    summary::{Overall, PhaseSummary, RunLine, Summary, TaskSummary, Title},
};
use crate::{
    diagnostic::words::count,
    document::Document,
    event::Reality,
    graph::{Node, TaskGraph},
    ident::{EnvironmentName, RunId},
    ledger::{RunState, TaskRecord},
    plan::{Plan, values::Values},
};

/// What a summary is made of.
#[derive(Debug, Clone, Copy)]
pub struct Material<'m> {
    /// The tasks.
    pub graph: &'m TaskGraph<'m>,
    /// What was known before anything ran.
    pub values: &'m Values,
    /// The plan document, where the plan names one.
    pub document: Option<&'m Document>,
    /// What happened. What runs by the records and is known to be dead must be marked as interrupted.
    pub state: &'m RunState,
    /// Indices of the tasks that the run is about; `None`: all. Only they count for the overall state.
    pub selected: Option<&'m BTreeSet<usize>>,
    /// The time at which the summary is made.
    pub now: Timestamp,
}

impl Summary {
    /// Folds what is known into a summary.
    pub fn of(material: &Material<'_>) -> Self {
        let tasks: Vec<TaskSummary> = material
            .graph
            .nodes()
            .iter()
            .map(|node| task::summary(material, node))
            .collect();
        let failures = failure::fold(material);
        let people = people::fold(material);
        let way_back = way_back::fold(material);
        let overall = overall(material, &tasks, next::actions(material, &tasks, &failures));
        Self {
            format: Self::FORMAT,
            title: title(material),
            overall,
            failures,
            images: image::fold(material, &tasks),
            people,
            proofs: proof::fold(material, &tasks),
            costs: costs::fold(material),
            phases: phases(material, tasks),
            way_back,
        }
    }
}

impl<'m> Material<'m> {
    fn plan(&self) -> &'m Plan {
        self.graph.plan()
    }

    /// Returns the run that is told about: the last one that began.
    fn run(&self) -> Option<&'m RunId> {
        self.state.runs().last().map(|(run, _)| run)
    }

    fn record(&self, node: &Node<'_>) -> Option<&'m TaskRecord> {
        self.state.task(&node.key)
    }

    fn is_selected(&self, index: usize) -> bool {
        self.selected
            .is_none_or(|selected| selected.contains(&index))
    }

    fn scope(&self, environment: Option<&'m EnvironmentName>) -> KnownScope<'m> {
        KnownScope::new(self, environment, None)
    }
}

/// Returns the weakest word of several.
fn weakest<'r>(realities: impl Iterator<Item = &'r Reality>) -> Option<Reality> {
    realities.max().cloned()
}

fn title(material: &Material<'_>) -> Title {
    let plan = material.plan();
    let environments = plan.environments.iter().map(|(name, environment)| {
        let url = environment.url.as_ref();
        (
            name.clone(),
            url.and_then(|url| material.scope(Some(name)).text(url)),
        )
    });
    Title {
        plan: plan.name.clone(),
        description: plan.description.clone(),
        environments: environments.collect(),
        run: material.run().and_then(|run| run_line(material.state, run)),
        at: material.now,
    }
}

fn run_line(state: &RunState, id: &RunId) -> Option<RunLine> {
    let run = state.run(id)?;
    let jobs = || run.jobs.values();
    let first = jobs().min_by_key(|job| job.started)?;
    let ends: Option<Vec<Timestamp>> = jobs().map(|job| job.ended.map(|(at, _)| at)).collect();
    Some(RunLine {
        id: id.clone(),
        url: first.about.url.clone(),
        commit: first.about.commit.clone(),
        actor: first.about.actor.clone(),
        rehearsal: jobs().any(|job| job.about.rehearsal),
        started: first.started,
        finished: ends.and_then(|ends| ends.into_iter().max()),
        cancelled: run.cancelled.as_ref().map(|(signal, _)| signal.clone()),
    })
}

/// Counts states, the most concerning first.
fn counts(states: impl Iterator<Item = State>) -> IndexMap<State, usize> {
    let mut counts = IndexMap::new();
    for state in states {
        *counts.entry(state).or_insert(0) += 1;
    }
    counts.sort_keys();
    counts
}

fn overall(material: &Material<'_>, tasks: &[TaskSummary], next: Vec<String>) -> Overall {
    let selected = || {
        let indexed = tasks.iter().enumerate();
        indexed.filter_map(|(index, task)| material.is_selected(index).then_some(task))
    };
    let counts = counts(selected().map(|task| task.state));
    let reality = weakest(selected().filter_map(|task| task.reality.as_ref()));
    let n_selected = selected().count();
    let mut words: Vec<String> = counts
        .iter()
        .map(|(state, number)| format!("{number} {}", state.words()))
        .collect();
    if n_selected < tasks.len() {
        words.push(format!("{} not selected", tasks.len() - n_selected));
    }
    Overall {
        state: State::of_all(counts.keys().copied()),
        reality,
        headline: match words.is_empty() {
            true => "the plan has no tasks".to_owned(),
            false => format!("{}: {}", count(tasks.len(), "task"), words.join(", ")),
        },
        counts,
        next,
    }
}

fn phases(material: &Material<'_>, tasks: Vec<TaskSummary>) -> Vec<PhaseSummary> {
    let mut of_phase: Vec<Vec<TaskSummary>> = Vec::new();
    of_phase.resize_with(material.plan().phases.len(), Vec::new);
    for (node, task) in material.graph.nodes().iter().zip(tasks) {
        of_phase[node.phase].push(task);
    }
    let phases = material.plan().phases.iter().zip(of_phase);
    phases
        .map(|(phase, tasks)| {
            let counts = counts(tasks.iter().map(|task| task.state));
            PhaseSummary {
                id: phase.id.clone(),
                name: phase.name.clone(),
                state: State::of_all(counts.keys().copied()),
                counts,
                tasks,
            }
        })
        .collect()
}
