//! The files that a plan names: whether they are there, and what they say.

use std::fs;

use camino::Utf8Path;

use super::{
    field::Field,
    model::{Kind, Parts, Plan, Task},
    node::Node,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, SourceFile, Span},
    document::Document,
};

/// Reads the plan document, if the plan names one.
pub fn document(parts: &Parts, root: &Node, problems: &mut Diagnostics) -> Option<Document> {
    let path = parts.document.as_ref()?;
    let place = root.as_map()?.get("document")?.span;
    match fs::read_to_string(parts.folder.join(path)) {
        Ok(text) => Some(Document::parse(SourceFile::new(path.as_str(), text))),
        Err(error) => {
            let problem = Diagnostic::error(
                "missing-file",
                format!(
                    "the plan document `{path}` cannot be read: {}",
                    words(&error)
                ),
            );
            problems.push(
                problem
                    .at(place)
                    .help("paths are relative to the plan file's folder"),
            );
            None
        }
    }
}

fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it is not there".to_owned(),
        _ => error.to_string(),
    }
}

/// Reports each file that a task names, that no task makes, and that is not there.
pub fn check(plan: &Plan, problems: &mut Diagnostics) {
    for task in &plan.tasks {
        for (path, span) in named_files(task) {
            if !plan.folder.join(&path).exists() && !is_made_by_a_task(plan, &path) {
                problems.push(
                    Diagnostic::error("missing-file", format!("`{path}` is not there"))
                        .at(span)
                        .help("paths are relative to the plan file's folder"),
                );
            }
        }
        check_make_target(plan, task, problems);
    }
}

fn named_files(task: &Task) -> Vec<(String, Span)> {
    let mut fields: Vec<&Field> = Vec::new();
    let mut take = |keys: &[&str]| {
        fields.extend(
            keys.iter()
                .filter_map(|key| task.body.get(key))
                .flat_map(Field::items),
        )
    };
    match task.kind {
        Kind::Image => take(&["context"]),
        Kind::Terraform => take(&["dir", "var-files"]),
        Kind::Kubernetes => take(&["kustomize"]),
        Kind::Render => take(&["template"]),
        Kind::Run => take(&["working-directory"]),
        Kind::Check | Kind::Gate => {}
    }
    if let Some(files) = task
        .body
        .get("assemble")
        .and_then(|assemble| assemble.get("files"))
        .and_then(Field::entries)
    {
        fields.extend(files.values());
    }
    let literal = fields
        .into_iter()
        .filter_map(|field| Some((field.literal()?, field.span)));
    literal
        .filter(|(path, _)| !path.contains(['*', '?', '[']))
        .collect()
}

/// Whether an artifact or a rendered file of some task is, or holds, this path.
fn is_made_by_a_task(plan: &Plan, path: &str) -> bool {
    let made = plan.tasks.iter().flat_map(|task| {
        let rendered = task.body.get("to").and_then(Field::literal);
        task.artifacts
            .values()
            .map(|artifact| artifact.path.to_string())
            .chain(rendered)
    });
    let path = Utf8Path::new(path);
    made.into_iter()
        .any(|made| Utf8Path::new(&made).starts_with(path) || path.starts_with(&made))
}

fn check_make_target(plan: &Plan, task: &Task, problems: &mut Diagnostics) {
    let Some(field) = task.body.get("make").filter(|_| task.kind == Kind::Run) else {
        return;
    };
    let Some(target) = field.literal() else {
        return;
    };
    let folder = task
        .body
        .get("working-directory")
        .and_then(Field::literal)
        .unwrap_or_else(|| ".".to_owned());
    let makefiles = ["GNUmakefile", "makefile", "Makefile"];
    let found = makefiles
        .iter()
        .find_map(|name| fs::read_to_string(plan.folder.join(&folder).join(name)).ok());
    let problem = match found {
        None => Diagnostic::error(
            "missing-file",
            format!("there is no Makefile for target `{target}`"),
        )
        .help("a make target needs a Makefile in its working directory"),
        Some(text) if !has_target(&text, &target) => Diagnostic::error(
            "unknown-name",
            format!("the Makefile has no target `{target}`"),
        )
        .help("`make -qp` lists the targets"),
        Some(_) => return,
    };
    problems.push(problem.at(field.span));
}

/// Whether a Makefile has a rule for a target; one that includes others or has pattern rules may have it elsewhere.
fn has_target(makefile: &str, target: &str) -> bool {
    makefile.lines().any(|line| {
        if line.starts_with("include ") || line.starts_with("-include ") {
            return true;
        }
        let Some((targets, _)) = line.split_once(':') else {
            return false;
        };
        !line.starts_with(['\t', '#'])
            && targets
                .split_whitespace()
                .any(|name| name == target || name.contains('%') || name.contains('$'))
    })
}
