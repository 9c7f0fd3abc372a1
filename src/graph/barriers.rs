//! Phases as barriers: what waits for all tasks of a phase, and what could then never start.

use std::collections::HashMap;

use super::{
    cycle::Wait,
    late,
    model::{Barrier, Node},
};
use crate::{
    diagnostic::Diagnostic,
    ident::{EnvironmentName, TaskId},
    plan::Plan,
};

/// Sets up the barriers of a plan, and tells each node for which of them it waits.
pub(super) fn raise(
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

/// One barrier for each phase of each walk that has tasks, and one for its late tasks.
fn gather(plan: &Plan, nodes: &[Node<'_>]) -> Vec<Barrier> {
    let mut members: HashMap<(Option<&EnvironmentName>, usize), Vec<usize>> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let place = (node.key.environment.as_ref(), node.phase);
        members.entry(place).or_default().push(index);
    }
    let walks = std::iter::once(None).chain(plan.environments.keys().map(Some));
    let places = walks.flat_map(|walk| (0..plan.phases.len()).map(move |phase| (walk, phase)));
    let mut barriers = Vec::new();
    for (walk, phase) in places {
        let Some(all) = members.remove(&(walk, phase)) else {
            continue;
        };
        let late: Vec<usize> = all
            .iter()
            .copied()
            .filter(|&index| nodes[index].late)
            .collect();
        for (late_only, members) in [(false, all), (true, late)] {
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
pub(super) fn stuck(nodes: &[Node<'_>], barriers: &[Barrier]) -> Option<Diagnostic> {
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
