//! From a plan and its values to the graph.

use std::collections::{HashMap, HashSet};

use super::{
    barriers, budget,
    cycle::{self, Wait},
    late,
    legs::legs,
    model::{Edge, EdgeSource, Node, Standing, TaskGraph, resolve_among},
    nulls,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Span},
    expression::ReadError,
    ident::{EnvironmentName, TaskId, TaskKey},
    plan::{
        Plan, Task,
        field::Scope as _,
        model::{Condition, Read},
        values::{PlanningScope, Values, evaluation_problem},
    },
};

/// Builds the graph.
///
/// # Errors
///
/// Every cycle, every reference that could mean several tasks, every matrix that cannot be expanded, every text that
/// would be made of the `null` of a skipped task.
pub fn build<'p>(plan: &'p Plan, values: &Values) -> Result<TaskGraph<'p>, Vec<Diagnostic>> {
    let mut problems = Diagnostics::new();
    let by_id: HashMap<&TaskId, usize> = plan
        .tasks
        .iter()
        .enumerate()
        .map(|(index, task)| (&task.id, index))
        .collect();
    let waits: Vec<Vec<Wait>> = plan
        .tasks
        .iter()
        .enumerate()
        .map(|(index, task)| waits_of(index, task, &by_id))
        .collect();
    problems.extend(cycle::find(plan, &waits));
    let mut nodes = Vec::with_capacity(plan.tasks.len());
    for task in &plan.tasks {
        add_nodes(plan, values, task, &mut nodes, &mut problems);
    }
    if problems.has_errors() {
        return Err(sorted(problems));
    }
    let of_task = group(&nodes);
    let edges: Vec<Vec<Edge>> = nodes
        .iter()
        .map(|node| edges_of(&nodes, node, &of_task, &mut problems))
        .collect();
    for (node, edges) in nodes.iter_mut().zip(edges) {
        node.after = edges;
    }
    place_in_phases(plan, &waits, &mut nodes, &by_id);
    let barriers = barriers::raise(plan, &waits, &mut nodes, &by_id);
    problems.extend(barriers::stuck(&nodes, &barriers));
    problems.extend(nulls::find(plan, values, &nodes, &of_task));
    problems.extend(budget::exceeded(plan, values, &nodes));
    if problems.has_errors() {
        return Err(sorted(problems));
    }
    let index = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| (node.key.clone(), index))
        .collect();
    Ok(TaskGraph {
        plan,
        nodes,
        barriers,
        index,
        of_task,
    })
}

fn sorted(mut problems: Diagnostics) -> Vec<Diagnostic> {
    problems.sort();
    problems.into_vec()
}

fn waits_of(index: usize, task: &Task, by_id: &HashMap<&TaskId, usize>) -> Vec<Wait> {
    let needs = task.needs.iter().filter_map(|(id, span)| {
        Some(Wait {
            to: *by_id.get(id)?,
            span: *span,
            why: format!("needs `{id}`"),
        })
    });
    let reads = task.reads.iter().filter_map(|read| {
        let to = *by_id.get(&task_read(read)?)?;
        let why = match &read.through {
            Some(through) => format!("reads `{}` through {through}", read.reference),
            None => format!("reads `{}`", read.reference),
        };
        // What a task reads of itself in its checks comes after its body.
        (to != index || !read.after_body).then(|| Wait {
            to,
            span: read.reference.span.clone().into(),
            why,
        })
    });
    needs.chain(reads).collect()
}

/// Returns the task that a reference names.
fn task_read(read: &Read) -> Option<TaskId> {
    (read.reference.root == "tasks").then(|| read.reference.names().first()?.parse().ok())?
}

fn add_nodes<'p>(
    plan: &'p Plan,
    values: &Values,
    task: &'p Task,
    nodes: &mut Vec<Node<'p>>,
    problems: &mut Diagnostics,
) {
    let environments: Vec<Option<&EnvironmentName>> = match task.environments.is_empty() {
        true => vec![None],
        false => task.environments.iter().map(Some).collect(),
    };
    for environment in environments {
        let legs = match legs(task, &values.planning(plan, environment, None)) {
            Ok(Some(legs)) => legs
                .into_iter()
                .map(|(name, leg)| (Some(name), Some(leg)))
                .collect(),
            Ok(None) => vec![(None, None)],
            Err(problem) => {
                problems.push(*problem);
                return;
            }
        };
        for (name, leg) in legs {
            let scope = values.planning(plan, environment, leg.as_ref());
            let standing = standing(plan, task, &scope, problems);
            let key = TaskKey {
                task: task.id.clone(),
                leg: name,
                environment: environment.cloned(),
            };
            nodes.push(Node {
                key,
                task,
                phase: task.phase,
                late: false,
                leg,
                after: Vec::new(),
                waits_for: Vec::new(),
                standing,
            });
        }
    }
}

fn standing(
    plan: &Plan,
    task: &Task,
    scope: &PlanningScope<'_>,
    problems: &mut Diagnostics,
) -> Standing {
    let mut standing = Standing::TakesPart;
    for condition in plan.phase_of(task).condition.iter().chain(&task.condition) {
        match decide(condition, scope) {
            Ok(Some(true)) => {}
            Ok(Some(false)) => {
                return Standing::Skipped {
                    because: condition.text.clone(),
                };
            }
            Ok(None) => standing = Standing::Undecided,
            Err(problem) => problems.push(*problem),
        }
    }
    standing
}

/// Decides a condition by what is known before the run; `Ok(None)` where that is not enough.
fn decide(
    condition: &Condition,
    scope: &PlanningScope<'_>,
) -> Result<Option<bool>, Box<Diagnostic>> {
    let answer = condition
        .expression
        .evaluate_condition(&|reference| scope.read(reference), &|patterns| {
            scope.hash_files(patterns)
        });
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => match error.read_error() {
            Some(ReadError::NotYet { .. } | ReadError::Open { .. } | ReadError::NoValue { .. }) => {
                Ok(None)
            }
            _ => Err(Box::new(evaluation_problem(&error))),
        },
    }
}

/// The nodes of each task, in their order.
fn group<'p>(nodes: &[Node<'p>]) -> HashMap<&'p TaskId, Vec<usize>> {
    let mut groups: HashMap<&TaskId, Vec<usize>> = HashMap::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let group = groups.entry(&node.task.id);
        group.or_insert_with(|| Vec::with_capacity(1)).push(index);
    }
    groups
}

fn edges_of(
    nodes: &[Node<'_>],
    node: &Node<'_>,
    of_task: &HashMap<&TaskId, Vec<usize>>,
    problems: &mut Diagnostics,
) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::new();
    let mut seen = HashSet::new();
    let needs = node
        .task
        .needs
        .iter()
        .map(|(id, span)| (id.clone(), EdgeSource::Needs(*span), *span));
    let reads = node.task.reads.iter().filter_map(|read| {
        let span = read.reference.span.clone().into();
        let source = EdgeSource::Reference {
            span,
            text: read.reference.to_string(),
            through: read.through.clone(),
        };
        Some((task_read(read)?, source, span))
    });
    for (id, source, span) in needs.chain(reads) {
        let Some(of_task) = of_task.get(&id).filter(|_| id != node.key.task) else {
            continue;
        };
        match resolve_among(nodes, of_task, node.key.environment.as_ref()) {
            Some(found) => edges.extend(found.into_iter().filter(|to| seen.insert(*to)).map(
                |to| Edge {
                    to,
                    source: source.clone(),
                },
            )),
            None => problems.push(ambiguous(node, &id, span)),
        }
    }
    edges
}

fn ambiguous(node: &Node<'_>, id: &TaskId, span: Span) -> Diagnostic {
    Diagnostic::error(
        "shared-reads",
        format!(
            "`{id}` exists in several environments, and `{}` belongs to none of them",
            node.key
        ),
    )
    .at(span)
    .help("put `environment: …` on the reading task or its phase")
}

fn place_in_phases(
    plan: &Plan,
    waits: &[Vec<Wait>],
    nodes: &mut [Node<'_>],
    by_id: &HashMap<&TaskId, usize>,
) {
    let own: Vec<usize> = plan.tasks.iter().map(|task| task.phase).collect();
    let counted = late::phases(&own, waits);
    for node in nodes {
        if let Some(&task) = by_id.get(&node.key.task) {
            node.phase = counted[task];
            node.late = counted[task] > own[task];
        }
    }
}
