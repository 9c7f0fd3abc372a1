//! The way back: what would be undone, in which order, how, and at what loss.

use std::collections::BinaryHeap;

use jiff::Timestamp;

use super::Material;
use crate::{
    checkpoint::summary::{ProofWord, UndoneLine, WayBack},
    event::Answer,
    graph::Node,
    ident::RunId,
    ledger::{TaskRecord, TaskState},
    plan::model::{Kind, Proof, Rollback, Way},
};

/// Returns the tasks that changed something in the run, the latest finished first and never before what depends on it
/// (`plan-format.md`, 3.11). Where no run is known, all that changed something is listed.
pub(super) fn fold(material: &Material<'_>) -> Vec<WayBack> {
    let nodes = material.graph.nodes();
    let changed: Vec<Option<Timestamp>> = nodes
        .iter()
        .map(|node| changed_at(material, node))
        .collect();
    let changed = |index: usize| changed[index];
    let needs: Vec<Vec<usize>> = (0..nodes.len())
        .map(|index| match changed(index) {
            Some(_) => all_before(material, index, &|other| changed(other).is_some()),
            None => Vec::new(),
        })
        .collect();
    let mut n_dependents = vec![0_usize; nodes.len()];
    for &needed in needs.iter().flatten() {
        n_dependents[needed] += 1;
    }
    let mut free: BinaryHeap<(Timestamp, usize)> = (0..nodes.len())
        .filter(|&index| n_dependents[index] == 0)
        .filter_map(|index| Some((changed(index)?, index)))
        .collect();
    let mut found = Vec::new();
    while let Some((_, index)) = free.pop() {
        found.push(line(material, &nodes[index]));
        for &needed in &needs[index] {
            n_dependents[needed] -= 1;
            if n_dependents[needed] == 0 {
                free.extend(changed(needed).map(|at| (at, needed)));
            }
        }
    }
    found
}

/// Returns the tasks of a set that come before a task by need or reference, also through others.
fn all_before(
    material: &Material<'_>,
    reader: usize,
    is_in_set: &dyn Fn(usize) -> bool,
) -> Vec<usize> {
    let nodes = material.graph.nodes();
    let mut seen = vec![false; nodes.len()];
    let mut open = vec![reader];
    let mut found = Vec::new();
    while let Some(index) = open.pop() {
        for edge in &nodes[index].after {
            if !std::mem::replace(&mut seen[edge.to], true) {
                open.push(edge.to);
                found.extend(is_in_set(edge.to).then_some(edge.to));
            }
        }
    }
    found
}

/// Returns when a task changed something last; `None` where it did not, in this run.
fn changed_at(material: &Material<'_>, node: &Node<'_>) -> Option<Timestamp> {
    let record = material.record(node)?;
    let attempt = record.attempt.as_ref().filter(|attempt| attempt.changes)?;
    let is_of_run = material
        .run()
        .is_none_or(|run| attempt.run == *run || undone_in(record, run));
    is_of_run.then(|| {
        attempt
            .ended
            .as_ref()
            .map_or(attempt.started, |ended| ended.at)
    })
}

fn line(material: &Material<'_>, node: &Node<'_>) -> WayBack {
    let record = material.record(node);
    let rollback = node.task.rollback.as_deref();
    let data_loss = rollback.and_then(|rollback| rollback.data_loss.clone());
    WayBack {
        task: node.key.clone(),
        way: way(node.task.kind, rollback),
        proof: match &data_loss {
            Some(_) => proof(
                material,
                node,
                rollback.map_or(&[][..], |rollback| &rollback.proof),
            ),
            None => ProofWord::NotProved,
        },
        data_loss,
        undone: record.and_then(undone),
    }
}

fn undone(record: &TaskRecord) -> Option<UndoneLine> {
    let was_tried =
        record.undone.way.is_some() || matches!(record.state, TaskState::RolledBack { .. });
    was_tried.then(|| UndoneLine {
        at: record.undone.at,
        failure: record
            .undone
            .failure
            .as_ref()
            .map(|failure| failure.message.clone()),
        evidence: record.undone.evidence.clone(),
    })
}

/// A statement about data is proved by checks that held since the task last changed something.
fn proof(material: &Material<'_>, node: &Node<'_>, proofs: &[Proof]) -> ProofWord {
    let Some(changed) = changed_at(material, node) else {
        return ProofWord::Claimed;
    };
    let words = proofs.iter().map(|proof| {
        let tasks = material
            .graph
            .resolve(&proof.task, node.key.environment.as_ref());
        let records = tasks
            .iter()
            .filter_map(|index| material.record(&material.graph.nodes()[*index]));
        let answers = records.flat_map(|record| &record.checks);
        let answers =
            answers.filter(|(id, _)| proof.check.as_ref().is_none_or(|check| check == *id));
        let since =
            answers.filter(|(_, answer)| answer.at >= changed || proof.task == node.key.task);
        let words = since.map(|(_, record)| match record.answer.answer {
            Answer::Held => ProofWord::Proved,
            Answer::Failed => ProofWord::Failed,
            Answer::Recorded | Answer::NotAsked => ProofWord::Claimed,
        });
        words.min().unwrap_or(ProofWord::Claimed)
    });
    words.min().unwrap_or(ProofWord::Claimed)
}

fn way(kind: Kind, rollback: Option<&Rollback>) -> String {
    let by = rollback.and_then(|rollback| rollback.by);
    match (by, kind) {
        (Some(Way::None), _) => {
            let reason = rollback.and_then(|rollback| rollback.reason.as_deref());
            reason.map_or("none".to_owned(), |reason| format!("none: {reason}"))
        }
        (Some(Way::Run), _) => "its own command".to_owned(),
        (Some(way), _) => way.word().to_owned(),
        (None, Kind::Image) => "previous: the tags return".to_owned(),
        (None, Kind::Terraform) => "previous: the former files and variables".to_owned(),
        (None, Kind::Kubernetes) => "previous; delete, where it was the first".to_owned(),
        (None, Kind::Run) => "none declared".to_owned(),
        (None, Kind::Render | Kind::Check | Kind::Gate) => "not needed".to_owned(),
    }
}

/// Whether the last record of a task is its undoing, in this run.
fn undone_in(record: &TaskRecord, run: &RunId) -> bool {
    record.undone.way.is_some() && record.run == *run
}
