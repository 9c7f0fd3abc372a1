//! Files that jobs hand over to each other.

use std::collections::BTreeMap;

use super::groups::Group;
use crate::{
    graph::{Node, TaskGraph},
    plan::{Plan, Task, model::Kind},
};

/// The jobs whose artifacts are read, in the order of the plan.
pub fn producers<'j>(
    graph: &TaskGraph<'_>,
    group: &Group,
    nodes: &[&Node<'_>],
    job_of: &BTreeMap<usize, &'j str>,
) -> Vec<&'j str> {
    let mut found = BTreeMap::new();
    for node in nodes {
        for read in node
            .task
            .reads
            .iter()
            .filter(|read| read.reference.root == "tasks")
        {
            let names = read.reference.names();
            let (Some(id), Some(&"artifacts")) = (
                names.first().and_then(|name| name.parse().ok()),
                names.get(1),
            ) else {
                continue;
            };
            for producer in graph.resolve(&id, node.key.environment.as_ref()) {
                if let Some(&job) = job_of.get(&producer).filter(|job| **job != group.id) {
                    found.insert(producer, job);
                }
            }
        }
    }
    let mut jobs: Vec<&str> = found.into_values().collect();
    jobs.dedup();
    jobs
}

/// How long the files that tasks hand over are kept; `None` where they hand none over that others may see.
pub fn kept_days(plan: &Plan, nodes: &[&Node<'_>]) -> Option<u64> {
    const DAY: u64 = 24 * 60 * 60;
    // GitHub keeps nothing for longer.
    const MOST: u64 = 90;
    let declared = |task: &Task| {
        let open = task
            .artifacts
            .values()
            .filter(|artifact| !artifact.sensitive);
        let longest = open
            .map(|artifact| artifact.retention.as_secs().div_ceil(DAY))
            .max();
        longest.or((task.kind == Kind::Render && is_handed_over(plan, task)).then_some(30))
    };
    nodes
        .iter()
        .filter_map(|node| declared(node.task))
        .max()
        .map(|days| days.clamp(1, MOST))
}

/// Whether some task reads an artifact of a task.
fn is_handed_over(plan: &Plan, task: &Task) -> bool {
    let reads = plan.tasks.iter().flat_map(|reader| &reader.reads);
    reads
        .filter(|read| read.reference.root == "tasks")
        .any(|read| {
            let names = read.reference.names();
            names.first() == Some(&task.id.as_str()) && names.get(1) == Some(&"artifacts")
        })
}
