//! Images by digest.

use indexmap::IndexMap;

use super::{Material, weakest};
use crate::{
    checkpoint::summary::{CheckWord, ImageLine, TaskSummary},
    event::{OutputValue, Reality},
    expression::Value,
    graph::Node,
    ledger::{Ended, TaskRecord},
    plan::model::Kind,
};

/// Returns the images that were made, in the order of the plan.
pub(super) fn fold(material: &Material<'_>, tasks: &[TaskSummary]) -> Vec<ImageLine> {
    let nodes = material.graph.nodes().iter().zip(tasks);
    nodes
        .filter(|(node, _)| node.task.kind == Kind::Image)
        .filter_map(|(node, task)| line(material, node, task, tasks))
        .collect()
}

fn line(
    material: &Material<'_>,
    node: &Node<'_>,
    task: &TaskSummary,
    tasks: &[TaskSummary],
) -> Option<ImageLine> {
    let ended = material.record(node).and_then(TaskRecord::ended)?;
    let digest = clear(ended, "digest").and_then(Value::as_plain_text);
    let reference = clear(ended, "reference")
        .and_then(Value::as_plain_text)
        .or_else(|| digest.clone())?;
    let pushes = || {
        task.effects
            .iter()
            .filter(|effect| effect.what.starts_with("push "))
    };
    let was_pushed = pushes().any(|push| !matches!(push.reality, Reality::NotRun { .. }));
    // An image task succeeds only when its push has read the digest back.
    let by_push = (was_pushed && task.state.is_done()).then(|| "its push".to_owned());
    let by_checks = digest.iter().flat_map(|digest| seen_by(digest, tasks));
    Some(ImageLine {
        task: node.key.clone(),
        state: task.state,
        registries: texts_by_name(clear(ended, "references")),
        tags: texts(clear(ended, "tags")),
        read_back: by_push.into_iter().chain(by_checks).collect(),
        reality: weakest(pushes().map(|push| &push.reality)).or_else(|| task.reality.clone()),
        reference,
        digest,
    })
}

/// Returns the checks that held and saw a digest.
fn seen_by(digest: &str, tasks: &[TaskSummary]) -> Vec<String> {
    let checks = tasks
        .iter()
        .flat_map(|task| task.checks.iter().map(move |check| (task, check)));
    checks
        .filter(|(_, check)| check.word == CheckWord::Held)
        .filter(|(_, check)| {
            let mut observed = check
                .observations
                .iter()
                .filter_map(|seen| seen.observed.as_ref());
            observed.any(|observed| observed.contains(digest))
        })
        .map(|(task, check)| format!("{}/{}", task.key, check.id))
        .collect()
}

fn clear<'e>(ended: &'e Ended, output: &str) -> Option<&'e Value> {
    match ended.outputs.get(output)? {
        OutputValue::Clear { value } => Some(value),
        OutputValue::Sealed { .. } | OutputValue::Withheld => None,
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::List(items)) => items.iter().filter_map(Value::as_plain_text).collect(),
        Some(Value::Text(text)) => text.lines().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn texts_by_name(value: Option<&Value>) -> IndexMap<String, String> {
    let Some(Value::Map(entries)) = value else {
        return IndexMap::new();
    };
    let entries = entries.iter();
    entries
        .filter_map(|(name, value)| Some((name.clone(), value.as_plain_text()?)))
        .collect()
}
