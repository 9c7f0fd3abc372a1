//! The graph's parts.

use std::collections::HashMap;

use crate::{
    diagnostic::Span,
    expression::Map,
    ident::{EnvironmentName, TaskId, TaskKey},
    plan::{Plan, Task},
};

/// The acyclic graph of all tasks of a plan.
#[derive(Debug)]
pub struct TaskGraph<'p> {
    pub(super) plan: &'p Plan,
    pub(super) nodes: Vec<Node<'p>>,
    pub(super) barriers: Vec<Barrier>,
    pub(super) index: HashMap<TaskKey, usize>,
    pub(super) of_task: HashMap<&'p TaskId, Vec<usize>>,
}

/// One task in one environment, for one leg.
#[derive(Debug)]
pub struct Node<'p> {
    /// Who it is.
    pub key: TaskKey,
    /// The task of the plan.
    pub task: &'p Task,
    /// Index of the phase as part of which it counts: its own, or a later one for a late task.
    pub phase: usize,
    /// Whether it waits for a task of a later phase than its own.
    pub late: bool,
    /// Values of its leg.
    pub leg: Option<Map>,
    /// Tasks that come first, by `needs` and by references.
    pub after: Vec<Edge>,
    /// Barriers that it waits for, as indices of [`TaskGraph::barriers`].
    pub waits_for: Vec<usize>,
    /// Whether it takes part, as far as that is known before the run.
    pub standing: Standing,
}

/// Whether a task takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    TakesPart,
    /// Its condition, or its phase's, is false.
    Skipped {
        /// The condition as written.
        because: String,
    },
    /// Its condition reads something that only the run will know.
    Undecided,
}

/// A task that comes first.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Index of the task.
    pub to: usize,
    /// Why it comes first.
    pub source: EdgeSource,
}

/// Why a task comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EdgeSource {
    /// `needs` names it.
    Needs(Span),
    /// An expression reads it.
    Reference {
        /// Where.
        span: Span,
        /// The reference as written.
        text: String,
        /// Through what: "connection `cluster`".
        through: Option<String>,
    },
}

/// All tasks of one phase in one walk, or the late ones among them.
#[derive(Debug, Clone)]
pub struct Barrier {
    /// The walk: an environment, or the shared tasks.
    pub environment: Option<EnvironmentName>,
    /// Index of the phase.
    pub phase: usize,
    /// Whether it holds only the late tasks.
    pub late_only: bool,
    /// Indices of its tasks.
    pub members: Vec<usize>,
}

impl<'p> TaskGraph<'p> {
    /// Returns the plan.
    pub fn plan(&self) -> &'p Plan {
        self.plan
    }

    /// Returns all tasks, in file order; environments in their order, legs in theirs.
    pub fn nodes(&self) -> &[Node<'p>] {
        &self.nodes
    }

    /// Returns the barriers of phases.
    pub fn barriers(&self) -> &[Barrier] {
        &self.barriers
    }

    /// Finds a task.
    pub fn find(&self, key: &TaskKey) -> Option<usize> {
        self.index.get(key).copied()
    }

    /// Returns the tasks to which `tasks.T` leads for a reader in an environment: T there, else the shared T, else T's only
    /// environment; several only where T has legs.
    pub fn resolve(&self, task: &TaskId, reader: Option<&EnvironmentName>) -> Vec<usize> {
        let of_task = self.of_task.get(task).map_or(&[][..], Vec::as_slice);
        resolve_among(&self.nodes, of_task, reader).unwrap_or_default()
    }
}

/// Chooses among the nodes of one task; `None` where a shared reader could mean several environments.
pub(super) fn resolve_among(
    nodes: &[Node<'_>],
    of_task: &[usize],
    reader: Option<&EnvironmentName>,
) -> Option<Vec<usize>> {
    let in_environment = |wanted: Option<&EnvironmentName>| -> Vec<usize> {
        of_task
            .iter()
            .copied()
            .filter(|&index| nodes[index].key.environment.as_ref() == wanted)
            .collect()
    };
    for wanted in [reader, None] {
        let found = in_environment(wanted);
        if !found.is_empty() {
            return Some(found);
        }
    }
    let first = of_task
        .first()
        .and_then(|&index| nodes[index].key.environment.as_ref());
    let only = in_environment(first);
    (only.len() == of_task.len()).then_some(only)
}
