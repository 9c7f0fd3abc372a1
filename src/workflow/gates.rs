//! Gates: jobs that wait for reviewers.

use super::{conditions::inert, grants, groups::Group, order::Set};
use crate::{graph::TaskGraph, ident::EnvironmentName, plan::Phase};

/// A gate job and whom it holds back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Id of its job.
    pub id: String,
    /// Name of the phase that waits.
    pub phase: String,
    /// Where.
    pub environment: EnvironmentName,
    /// Indices of the groups that it holds back.
    pub groups: Vec<usize>,
}

/// Returns the id of the gate before a phase in an environment. Ids of the plan hold no underscore, so it is no task's.
pub fn gate_id(phase: &Phase, environment: &EnvironmentName) -> String {
    format!("approval_{}--{environment}", phase.id)
}

/// One gate a phase and environment in which reviewers are asked.
pub fn gates(graph: &TaskGraph<'_>, groups: &[Group]) -> Vec<Gate> {
    let mut gates: Vec<Gate> = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        let mut nodes = group.nodes.iter().map(|&node| &graph.nodes()[node]);
        let Some(node) = nodes.find(|node| grants::is_approved(graph.plan(), node)) else {
            continue;
        };
        let Some(environment) = node.key.environment.clone() else {
            continue;
        };
        let phase = &graph.plan().phases[node.task.phase];
        let id = gate_id(phase, &environment);
        match gates.iter_mut().find(|gate| gate.id == id) {
            Some(gate) => gate.groups.push(index),
            None => gates.push(Gate {
                id,
                phase: inert(&phase.name),
                environment,
                groups: vec![index],
            }),
        }
    }
    gates
}

/// Puts the gates behind the groups as further vertices. A gate waits for what all that it holds back wait for: it adds no
/// order between tasks, and is asked when the first of them could start.
pub fn hold_back(gates: &[Gate], ancestors: &mut Vec<Set>, n_groups: usize) {
    let size = n_groups + gates.len();
    for set in ancestors.iter_mut() {
        set.grow(size);
    }
    for gate in gates {
        let mut common = ancestors[gate.groups[0]].clone();
        gate.groups
            .iter()
            .for_each(|&group| common.keep(&ancestors[group]));
        ancestors.push(common);
    }
    let held: Vec<Set> = ancestors
        .iter()
        .enumerate()
        .map(|(vertex, set)| {
            let mut set = set.clone();
            for (index, gate) in gates.iter().enumerate() {
                if gate
                    .groups
                    .iter()
                    .any(|&group| group == vertex || ancestors[vertex].contains(group))
                {
                    set.insert(n_groups + index);
                }
            }
            set
        })
        .collect();
    *ancestors = held;
}
