//! The sanctioned edit: a JSON merge patch (RFC 7396) on the rendered file.

use serde_json::{Map, Value};

use super::{WorkflowError, pins, read::of_tree, yaml};

/// Applies a merge patch: maps are merged, `null` takes a key out, everything else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(entries) = target else {
        return;
    };
    for (key, change) in changes {
        if change.is_null() {
            entries.shift_remove(key);
        } else {
            merge(entries.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Applies the patch of a workflow to its text.
///
/// The comments of the text are found again: its header, the reasons behind permissions, keys and secrets, the releases
/// behind commits.
///
/// # Errors
///
/// The result is no workflow.
pub fn apply(workflow: &str, text: &str, patch: &Value) -> Result<String, WorkflowError> {
    let mut tree: Value = serde_yaml::from_str(text)
        .map_err(|error| WorkflowError::NotAWorkflow(error.to_string()))?;
    let comments = comments_of(text);
    merge(&mut tree, patch);
    of_tree(&tree).map_err(|why| WorkflowError::Patch {
        workflow: workflow.to_owned(),
        why,
    })?;
    let header = text.lines().take_while(|line| line.starts_with('#'));
    let mut patched: String = header.flat_map(|line| [line, "\n"]).collect();
    patched.push_str(&yaml::block(&tree, 0, &|path, value| {
        comment(&comments, path, value)
    }));
    Ok(patched)
}

type Line = (String, String);

/// The lines with a comment behind them: the line without it, and the comment.
fn comments_of(text: &str) -> Vec<Line> {
    let lines = text.lines().filter_map(|line| line.rsplit_once(" # "));
    lines
        .map(|(line, comment)| {
            (
                line.trim().trim_start_matches("- ").to_owned(),
                comment.to_owned(),
            )
        })
        .collect()
}

/// Returns the comment of a value that stands in a line as it stood before; a pinned action has its release.
fn comment(comments: &[Line], path: &[String], value: &Value) -> Option<String> {
    let key = path.last()?;
    if key == "uses" {
        return pins::version_of(value.as_str()?).map(str::to_owned);
    }
    let line = format!("{}: {}", yaml::quote(key), yaml::scalar_text(value));
    let in_place = path
        .iter()
        .any(|part| part == "permissions" || part == "env");
    let found = comments
        .iter()
        .find(|(before, _)| *before == line)
        .filter(|_| in_place);
    found.map(|(_, comment)| comment.clone())
}
