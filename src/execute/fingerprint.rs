//! What a task is made of now: its evaluated body, its files, what it reads (`plan-format.md`, 3.2).

use super::{
    ExecuteError, context,
    files::{self, Listing},
    modules,
    scope::RunScope,
};
use crate::{
    expression::{Map, Value},
    graph::Node,
    plan::{
        FingerprintParts, Plan, connections_of,
        field::Field,
        model::{Kind, Task},
    },
};

/// Puts the parts of a task's fingerprint together. `scope` reads artifacts by content.
///
/// # Errors
///
/// An expression has no value, or a file cannot be read.
pub fn parts(
    plan: &Plan,
    node: &Node<'_>,
    scope: &RunScope<'_, '_>,
    listing: &Listing,
) -> Result<FingerprintParts, ExecuteError> {
    let task = node.task;
    let mut parts = FingerprintParts::new(task.kind.key());
    if let Some(environment) = &node.key.environment {
        parts.part("environment", environment.as_str());
    }
    parts.value("body", &task.body.evaluate(scope)?);
    add_checks(&mut parts, task, scope)?;
    for (place, field) in [
        ("env", &plan.env),
        ("env", &plan.phase_of(task).env),
        ("env", &task.env),
    ] {
        add_map(&mut parts, place, field, scope)?;
    }
    for name in connections_of(task) {
        if let Some(connection) = plan.connections.get(&name) {
            parts.value(
                &format!("connection {name}"),
                &connection.body.evaluate(scope)?,
            );
        }
    }
    for (name, output) in &task.outputs {
        let declared = output
            .matches
            .as_ref()
            .map(|regex| regex.as_str())
            .or(output.path.as_deref())
            .unwrap_or("declared");
        parts.part(format!("declared output {name}"), declared);
    }
    for (name, artifact) in &task.artifacts {
        parts.part(format!("declared artifact {name}"), artifact.path.as_str());
    }
    add_files(&mut parts, task, scope, listing)?;
    add_tools(&mut parts, plan, task);
    Ok(parts)
}

fn add_map(
    parts: &mut FingerprintParts,
    place: &str,
    field: &Field,
    scope: &RunScope<'_, '_>,
) -> Result<(), ExecuteError> {
    if let Value::Map(entries) = field.evaluate(scope)? {
        parts.value(place, &Value::Map(entries));
    }
    Ok(())
}

/// Checks are the body of a task of kind `check`; those of `verify` are asked again in every run and do not count.
fn add_checks(
    parts: &mut FingerprintParts,
    task: &Task,
    scope: &RunScope<'_, '_>,
) -> Result<(), ExecuteError> {
    for check in &task.checks {
        let body = check.body.evaluate(scope)?;
        let expect = check.expect.evaluate(scope)?;
        let entries: Map = [("body".to_owned(), body), ("expect".to_owned(), expect)]
            .into_iter()
            .collect();
        parts.value(&format!("check {}", check.id), &Value::Map(entries));
    }
    Ok(())
}

fn add_files(
    parts: &mut FingerprintParts,
    task: &Task,
    scope: &RunScope<'_, '_>,
    listing: &Listing,
) -> Result<(), ExecuteError> {
    match (&task.paths, task.kind) {
        (Some(patterns), _) => parts.share(listing.chosen(patterns)?),
        (None, Kind::Run) => parts.share(listing.tracked()?),
        (None, Kind::Image | Kind::Terraform | Kind::Kubernetes | Kind::Render) => {
            for (name, mark) in named_files(task, scope, listing)? {
                parts.part(format!("file {name}"), &mark);
            }
        }
        (None, Kind::Check | Kind::Gate) => {}
    }
    Ok(())
}

/// Reads the files that a task is known to be made of. What cannot be read is told when the task is looked at.
pub fn read_files(task: &Task, listing: &Listing) {
    let read = match (&task.paths, task.kind) {
        (Some(patterns), _) => listing.chosen(patterns),
        (None, Kind::Run) => listing.tracked(),
        (
            None,
            Kind::Image
            | Kind::Terraform
            | Kind::Kubernetes
            | Kind::Render
            | Kind::Check
            | Kind::Gate,
        ) => return,
    };
    drop(read);
}

/// The files that a kind knows by itself: those whose paths stand in its body.
fn named_files(
    task: &Task,
    scope: &RunScope<'_, '_>,
    listing: &Listing,
) -> Result<std::collections::BTreeMap<String, String>, ExecuteError> {
    let mut fields: Vec<&Field> = Vec::new();
    for key in [
        "layout",
        "dir",
        "var-files",
        "manifests",
        "kustomize",
        "template",
    ] {
        fields.extend(task.body.get(key));
    }
    let assembled = task
        .body
        .get("assemble")
        .and_then(|assemble| assemble.get("files"))
        .and_then(Field::entries);
    fields.extend(assembled.into_iter().flat_map(|files| files.values()));
    let mut marks = std::collections::BTreeMap::new();
    for field in fields.into_iter().flat_map(Field::items) {
        let value = field.evaluate(scope)?;
        // An artifact counts by its digest, which stands in the body already.
        let Some(path) = value
            .as_plain_text()
            .filter(|text| !text.starts_with("artifacts/"))
        else {
            continue;
        };
        let matched = listing.matching(std::slice::from_ref(&path))?;
        marks.extend(if matched.is_empty() {
            files::at(listing.folder(), &path)?
        } else {
            matched
        });
    }
    marks.extend(context_files(task, scope, listing)?);
    if task.kind == Kind::Terraform {
        modules::complete(&mut marks, listing)?;
    }
    Ok(marks)
}

/// What a Dockerfile can take is more than git knows, and less than the folder: what was built before may be in it.
fn context_files(
    task: &Task,
    scope: &RunScope<'_, '_>,
    listing: &Listing,
) -> Result<std::collections::BTreeMap<String, String>, ExecuteError> {
    let text = |key: &str| -> Result<Option<String>, ExecuteError> {
        let field = task.body.get(key).filter(|_| task.kind == Kind::Image);
        let value = field.map(|field| field.evaluate(scope)).transpose()?;
        Ok(value.and_then(|value| value.as_plain_text()))
    };
    match text("context")? {
        Some(context) => context::marks(listing, &context, text("file")?.as_deref()),
        None => Ok(std::collections::BTreeMap::new()),
    }
}

/// Pinned versions count; what is merely found on the machine is shown in reports and does not.
fn add_tools(parts: &mut FingerprintParts, plan: &Plan, task: &Task) {
    let declared = task
        .body
        .get("tools")
        .map_or(&[][..], Field::items)
        .iter()
        .filter_map(Field::literal);
    let own = match task.kind {
        Kind::Terraform => Some(
            task.body
                .get("binary")
                .and_then(Field::literal)
                .unwrap_or_else(|| "terraform".to_owned()),
        ),
        Kind::Kubernetes => Some("kubectl".to_owned()),
        Kind::Image | Kind::Render | Kind::Run | Kind::Check | Kind::Gate => None,
    };
    for name in declared.chain(own) {
        if let Some(tool) = plan.tools.get(name.as_str()) {
            parts.part(format!("tool {name}"), &tool.version);
        }
    }
}
