//! From a plan and its values to the graph.

use std::collections::HashMap;

use super::{
    cycle::{self, Wait},
    late,
    legs::legs,
    model::{Barrier, Edge, EdgeSource, Node, Standing, TaskGraph, resolve_among},
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
    let mut nodes = Vec::new();
    for task in &plan.tasks {
        add_nodes(plan, values, task, &mut nodes, &mut problems);
    }
    if problems.has_errors() {
        return Err(sorted(problems));
    }
    let of_task = group(&nodes, &by_id, plan.tasks.len());
    let edges: Vec<Vec<Edge>> = nodes
        .iter()
        .map(|node| edges_of(&nodes, node, &by_id, &of_task, &mut problems))
        .collect();
    for (node, edges) in nodes.iter_mut().zip(edges) {
        node.after = edges;
    }
    place_in_phases(plan, &waits, &mut nodes, &by_id);
    let barriers = barriers(plan, &waits, &mut nodes, &by_id);
    problems.extend(stuck(&nodes, &barriers));
    problems.extend(nulls::find(plan, values, &nodes));
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

fn group(nodes: &[Node<'_>], by_id: &HashMap<&TaskId, usize>, n_tasks: usize) -> Vec<Vec<usize>> {
    let mut groups = vec![Vec::new(); n_tasks];
    for (index, node) in nodes.iter().enumerate() {
        if let Some(&task) = by_id.get(&node.key.task) {
            groups[task].push(index);
        }
    }
    groups
}

fn edges_of(
    nodes: &[Node<'_>],
    node: &Node<'_>,
    by_id: &HashMap<&TaskId, usize>,
    of_task: &[Vec<usize>],
    problems: &mut Diagnostics,
) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::new();
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
        let Some(&task) = by_id.get(&id) else {
            continue;
        };
        if id == node.key.task {
            continue;
        }
        match resolve_among(nodes, &of_task[task], node.key.environment.as_ref()) {
            Some(found) => {
                for to in found
                    .into_iter()
                    .filter(|to| edges.iter().all(|edge| edge.to != *to))
                    .collect::<Vec<_>>()
                {
                    edges.push(Edge {
                        to,
                        source: source.clone(),
                    });
                }
            }
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

fn barriers(
    plan: &Plan,
    waits: &[Vec<Wait>],
    nodes: &mut [Node<'_>],
    by_id: &HashMap<&TaskId, usize>,
) -> Vec<Barrier> {
    let mut is_late = vec![false; plan.tasks.len()];
    for node in nodes.iter().filter(|node| node.late) {
        if let Some(&task) = by_id.get(&node.key.task) {
            is_late[task] = true;
        }
    }
    let awaited = late::awaited_by_late(&is_late, waits);
    let barriers = gather(plan, nodes);
    for node in nodes.iter_mut() {
        let is_awaited = by_id.get(&node.key.task).is_some_and(|&task| awaited[task]);
        let waits = |barrier: &Barrier| match (
            barrier.late_only,
            barrier.environment == node.key.environment,
        ) {
            (true, own_walk) => {
                own_walk && barrier.phase == node.phase && !node.late && !is_awaited
            }
            (false, true) => barrier.phase < node.phase,
            (false, false) if barrier.environment.is_none() => barrier.phase < node.phase,
            (false, false) => comes_first(
                plan,
                barrier.environment.as_ref(),
                node.key.environment.as_ref(),
            ),
        };
        node.waits_for = (0..barriers.len())
            .filter(|&index| waits(&barriers[index]))
            .collect();
    }
    barriers
}

fn gather(plan: &Plan, nodes: &[Node<'_>]) -> Vec<Barrier> {
    let mut barriers: Vec<Barrier> = Vec::new();
    let walks = std::iter::once(None).chain(plan.environments.keys().map(Some));
    for walk in walks {
        for phase in 0..plan.phases.len() {
            let members = |late_only: bool| -> Vec<usize> {
                let here = nodes.iter().enumerate().filter(|(_, node)| {
                    node.key.environment.as_ref() == walk && node.phase == phase
                });
                here.filter(|(_, node)| !late_only || node.late)
                    .map(|(index, _)| index)
                    .collect()
            };
            for late_only in [false, true] {
                let members = members(late_only);
                if !members.is_empty() {
                    barriers.push(Barrier {
                        environment: walk.cloned(),
                        phase,
                        late_only,
                        members,
                    });
                }
            }
        }
    }
    barriers
}

/// Whether an environment needs another, directly or not.
fn comes_first(
    plan: &Plan,
    first: Option<&EnvironmentName>,
    then: Option<&EnvironmentName>,
) -> bool {
    let (Some(first), Some(then)) = (first, then) else {
        return false;
    };
    let mut open = vec![then];
    let mut seen: Vec<&EnvironmentName> = Vec::new();
    while let Some(name) = open.pop() {
        for need in plan
            .environments
            .get(name)
            .map_or(&[][..], |environment| &environment.needs)
        {
            if need == first {
                return true;
            }
            if !seen.contains(&need) {
                seen.push(need);
                open.push(need);
            }
        }
    }
    false
}

/// Tasks that could never start: environments that need each other, or that wait for each other across phases.
fn stuck(nodes: &[Node<'_>], barriers: &[Barrier]) -> Option<Diagnostic> {
    let mut waiting: Vec<usize> = nodes
        .iter()
        .map(|node| node.after.len() + node.waits_for.len())
        .collect();
    let mut open_members: Vec<usize> = barriers
        .iter()
        .map(|barrier| barrier.members.len())
        .collect();
    let mut readers = vec![Vec::new(); nodes.len()];
    let mut behind = vec![Vec::new(); barriers.len()];
    let mut holds = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        node.after
            .iter()
            .for_each(|edge| readers[edge.to].push(index));
        node.waits_for
            .iter()
            .for_each(|&barrier| behind[barrier].push(index));
    }
    for (index, barrier) in barriers.iter().enumerate() {
        barrier
            .members
            .iter()
            .for_each(|&member| holds[member].push(index));
    }
    let mut ready: Vec<usize> = (0..nodes.len())
        .filter(|&index| waiting[index] == 0)
        .collect();
    let mut n_done = 0;
    while let Some(task) = ready.pop() {
        n_done += 1;
        let mut freed: Vec<usize> = readers[task].clone();
        for &barrier in &holds[task] {
            open_members[barrier] -= 1;
            if open_members[barrier] == 0 {
                freed.extend(&behind[barrier]);
            }
        }
        for reader in freed {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                ready.push(reader);
            }
        }
    }
    if n_done == nodes.len() {
        return None;
    }
    let stuck: Vec<String> = nodes
        .iter()
        .zip(&waiting)
        .filter(|(_, left)| **left > 0)
        .take(5)
        .map(|(node, _)| format!("`{}`", node.key))
        .collect();
    let first = nodes
        .iter()
        .zip(&waiting)
        .find(|(_, left)| **left > 0)
        .map(|(node, _)| node.task.span)?;
    Some(
        Diagnostic::error("cycle", format!("tasks wait for each other across environments: {}", stuck.join(", ")))
            .at(first)
            .help("an environment waits for the whole of those that it needs; look at `needs` of the environments"),
    )
}
