//! In which order tasks are looked at: each after all that come before it.

use std::collections::BTreeSet;

use crate::graph::TaskGraph;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    Node(usize),
    Barrier(usize),
}

/// Returns the selected tasks in an order in which each comes after those that it waits for, otherwise as the plan has them.
pub(super) fn of(graph: &TaskGraph<'_>, selected: &BTreeSet<usize>) -> Vec<usize> {
    let mut order = Vec::with_capacity(selected.len());
    let mut seen = BTreeSet::new();
    for &first in selected {
        let mut open = vec![(Stop::Node(first), false)];
        while let Some((stop, is_ready)) = open.pop() {
            if is_ready {
                if let Stop::Node(index) = stop
                    && selected.contains(&index)
                {
                    order.push(index);
                }
                continue;
            }
            if !seen.insert(stop) {
                continue;
            }
            open.push((stop, true));
            open.extend(
                before(graph, stop)
                    .into_iter()
                    .rev()
                    .map(|stop| (stop, false)),
            );
        }
    }
    order
}

fn before(graph: &TaskGraph<'_>, stop: Stop) -> Vec<Stop> {
    match stop {
        Stop::Node(index) => {
            let node = &graph.nodes()[index];
            let edges = node.after.iter().map(|edge| Stop::Node(edge.to));
            let barriers = node.waits_for.iter().map(|&barrier| Stop::Barrier(barrier));
            edges.chain(barriers).collect()
        }
        Stop::Barrier(barrier) => {
            let members = graph.barriers()[barrier].members.iter();
            members.map(|&member| Stop::Node(member)).collect()
        }
    }
}
