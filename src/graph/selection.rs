//! Which tasks a run is about.

use std::collections::BTreeSet;

use super::model::TaskGraph;
use crate::{
    diagnostic::{nearest, words::list_ticked},
    ident::{EnvironmentName, PhaseId},
};

/// What the command line asks for; empty lists ask for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Phases.
    pub phases: Vec<PhaseId>,
    /// Tasks, as `TASK`, `TASK[LEG]`, `TASK@ENVIRONMENT` or `TASK[LEG]@ENVIRONMENT`; `TASK` means all of its legs and environments.
    pub tasks: Vec<String>,
    /// Environments; shared tasks are always among the candidates.
    pub environments: Vec<EnvironmentName>,
    /// A task from which on, in the order of phases, everything is selected.
    pub from: Option<String>,
}

/// A selection that names what the plan does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan has no {what} `{name}`")]
pub struct SelectionError {
    what: &'static str,
    name: String,
    nearest: Option<String>,
    known: Vec<String>,
}

impl SelectionError {
    /// Returns what to write instead.
    pub fn hint(&self) -> String {
        match &self.nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("it has {}", list_ticked(&self.known)),
        }
    }
}

/// Returns the indices of the selected tasks, in the order of the graph; none may be left.
///
/// # Errors
///
/// A phase, task or environment that the plan does not have.
pub fn select(
    graph: &TaskGraph<'_>,
    selection: &Selection,
) -> Result<BTreeSet<usize>, SelectionError> {
    let plan = graph.plan();
    for phase in &selection.phases {
        let known: Vec<String> = plan
            .phases
            .iter()
            .map(|phase| phase.id.to_string())
            .collect();
        check("phase", phase.as_str(), known)?;
    }
    for environment in &selection.environments {
        check(
            "environment",
            environment.as_str(),
            plan.environments
                .keys()
                .map(|name| name.to_string())
                .collect(),
        )?;
    }
    for task in selection.tasks.iter().chain(&selection.from) {
        if !graph.nodes().iter().any(|node| names(task, &node.key)) {
            check(
                "task",
                task,
                plan.tasks.iter().map(|task| task.id.to_string()).collect(),
            )?;
            check(
                "task",
                task,
                graph
                    .nodes()
                    .iter()
                    .map(|node| node.key.to_string())
                    .collect(),
            )?;
        }
    }
    let from = selection
        .from
        .as_ref()
        .and_then(|from| graph.nodes().iter().find(|node| names(from, &node.key)));
    let chosen = graph.nodes().iter().enumerate().filter(|(_, node)| {
        let phase = &plan.phases[node.task.phase].id;
        let in_phase = selection.phases.is_empty() || selection.phases.contains(phase);
        let in_tasks =
            selection.tasks.is_empty() || selection.tasks.iter().any(|task| names(task, &node.key));
        let environment = node.key.environment.as_ref();
        let in_environment = selection.environments.is_empty()
            || environment.is_none_or(|name| selection.environments.contains(name));
        let is_later = from.is_none_or(|from| {
            node.phase > from.phase
                || (node.phase == from.phase && node.task.span >= from.task.span)
        });
        in_phase && in_tasks && in_environment && is_later
    });
    Ok(chosen.map(|(index, _)| index).collect())
}

fn names(wanted: &str, key: &crate::ident::TaskKey) -> bool {
    if wanted == key.task.as_str() || wanted == key.to_string() {
        return true;
    }
    let Ok(wanted) = wanted.parse::<crate::ident::TaskKey>() else {
        return false;
    };
    let same_leg = wanted.leg.is_none() || wanted.leg == key.leg;
    let same_environment = wanted.environment.is_none() || wanted.environment == key.environment;
    wanted.task == key.task && same_leg && same_environment
}

fn check(what: &'static str, name: &str, known: Vec<String>) -> Result<(), SelectionError> {
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    Err(SelectionError {
        what,
        name: name.to_owned(),
        nearest,
        known,
    })
}
