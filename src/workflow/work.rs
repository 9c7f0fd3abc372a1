//! Which jobs have something to do: what the `plan` job tells the others.

use std::collections::BTreeSet;

use super::{WorkflowError, gates::gate_id, grants, groups::groups};
use crate::graph::TaskGraph;

/// Returns the ids of the jobs that have something to do, the gates before them among them.
///
/// # Errors
///
/// Two jobs would have one id.
pub fn jobs_with_work(
    graph: &TaskGraph<'_>,
    selected: &BTreeSet<usize>,
    has_work: impl Fn(usize) -> bool,
) -> Result<Vec<String>, WorkflowError> {
    let mut found = Vec::new();
    for group in groups(graph, selected)? {
        let working: Vec<usize> = group
            .nodes
            .iter()
            .copied()
            .filter(|&index| has_work(index))
            .collect();
        for &index in &working {
            let node = &graph.nodes()[index];
            if let Some(environment) = node
                .key
                .environment
                .as_ref()
                .filter(|_| grants::is_approved(graph.plan(), node))
            {
                let gate = gate_id(graph.plan().phase_of(node.task), environment);
                if !found.contains(&gate) {
                    found.push(gate);
                }
            }
        }
        if !working.is_empty() {
            found.push(group.id);
        }
    }
    Ok(found)
}
