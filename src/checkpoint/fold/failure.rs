//! What failed, by time.

use std::collections::HashMap;

use super::Material;
use crate::{
    checkpoint::summary::FailureLine,
    event::{Failure, Outcome},
    graph::Node,
    ident::TaskKey,
    ledger::{TaskRecord, TaskState},
};

/// Tasks by the task that they could not start because of.
type Blocked<'m> = HashMap<&'m TaskKey, Vec<&'m TaskKey>>;

/// Returns what failed, first things first. A failure that was followed by a rollback is still one.
pub(super) fn fold(material: &Material<'_>) -> Vec<FailureLine> {
    let nodes = material.graph.nodes().iter();
    let records = nodes.filter_map(|node| Some((node, material.record(node)?)));
    let mut blocked = Blocked::new();
    for (node, record) in records.clone() {
        if let TaskState::Blocked { on } = &record.state {
            blocked.entry(on).or_default().push(&node.key);
        }
    }
    let mut failures: Vec<FailureLine> = records
        .flat_map(|(node, record)| {
            let doing = of_doing(material, node, record, &blocked);
            doing.into_iter().chain(of_undoing(material, node, record))
        })
        .collect();
    failures.sort_by_key(|failure| failure.at);
    failures
}

fn of_doing(
    material: &Material<'_>,
    node: &Node<'_>,
    record: &TaskRecord,
    blocked: &Blocked<'_>,
) -> Option<FailureLine> {
    let ended = record.ended()?;
    let still_tells = matches!(
        record.state,
        TaskState::Failed(_) | TaskState::RolledBack { .. }
    );
    let Outcome::Failed(failure) = &ended.outcome else {
        return None;
    };
    still_tells.then(|| FailureLine {
        at: ended.at,
        log: ended.log.clone(),
        blocks: behind(&node.key, blocked),
        ..line(material, node, record, failure)
    })
}

fn of_undoing(
    material: &Material<'_>,
    node: &Node<'_>,
    record: &TaskRecord,
) -> Option<FailureLine> {
    let failure = record.undone.failure.as_ref()?;
    Some(FailureLine {
        at: record.undone.at.unwrap_or(record.at),
        of_rollback: true,
        ..line(material, node, record, failure)
    })
}

fn line(
    material: &Material<'_>,
    node: &Node<'_>,
    record: &TaskRecord,
    failure: &Failure,
) -> FailureLine {
    FailureLine {
        task: node.key.clone(),
        phase: material.plan().phases[node.phase].id.clone(),
        at: record.at,
        attempt: record.attempts(),
        of_rollback: false,
        kind: failure.kind,
        message: failure.message.clone(),
        hint: failure.hint.clone(),
        exit: failure.exit,
        log: None,
        blocks: Vec::new(),
    }
}

/// Returns the tasks that could not start because of a task, also through others.
fn behind(cause: &TaskKey, blocked: &Blocked<'_>) -> Vec<TaskKey> {
    let mut found: Vec<&TaskKey> = vec![cause];
    let mut next = 0;
    while next < found.len() {
        for key in blocked.get(found[next]).into_iter().flatten() {
            if !found.contains(key) {
                found.push(key);
            }
        }
        next += 1;
    }
    found.into_iter().skip(1).cloned().collect()
}
