//! The files that a plan names: whether they are there, and what they say.

use std::{collections::HashMap, fs};

use camino::{Utf8Path, Utf8PathBuf};

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
    let made = made_by_tasks(plan);
    let mut there: HashMap<String, bool> = HashMap::new();
    let mut makefiles = HashMap::new();
    for task in &plan.tasks {
        for (path, span) in named_files(task) {
            let is_there = *there.entry(path.clone()).or_insert_with(|| {
                plan.folder.join(&path).exists() || is_made(&made, Utf8Path::new(&path))
            });
            if !is_there {
                problems.push(
                    Diagnostic::error("missing-file", format!("`{path}` is not there"))
                        .at(span)
                        .help("paths are relative to the plan file's folder"),
                );
            }
        }
        problems.extend(missing_target(plan, task, &mut makefiles));
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
        Kind::Image => take(&["context", "file"]),
        Kind::Terraform => take(&["dir", "var-files"]),
        Kind::Kubernetes => take(&["kustomize", "manifests"]),
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

/// The artifacts and rendered files of all tasks.
fn made_by_tasks(plan: &Plan) -> Vec<Utf8PathBuf> {
    let made = plan.tasks.iter().flat_map(|task| {
        let rendered = task.body.get("to").and_then(Field::literal);
        let artifacts = task
            .artifacts
            .values()
            .map(|artifact| artifact.path.clone());
        artifacts.chain(rendered.map(Utf8PathBuf::from))
    });
    made.collect()
}

/// Whether something that is made is, or holds, or lies in, this path.
fn is_made(made: &[Utf8PathBuf], path: &Utf8Path) -> bool {
    made.iter()
        .any(|made| made.starts_with(path) || path.starts_with(made))
}

fn missing_target(
    plan: &Plan,
    task: &Task,
    makefiles: &mut HashMap<String, Option<String>>,
) -> Option<Diagnostic> {
    let field = task.body.get("make").filter(|_| task.kind == Kind::Run)?;
    let target = field.literal()?;
    let folder = match task.body.get("working-directory") {
        Some(folder) => folder.literal()?,
        None => ".".to_owned(),
    };
    let makefile = makefiles.entry(folder).or_insert_with_key(|folder| {
        ["GNUmakefile", "makefile", "Makefile"]
            .iter()
            .find_map(|name| fs::read_to_string(plan.folder.join(folder).join(name)).ok())
    });
    let problem = match makefile {
        None => Diagnostic::error(
            "missing-file",
            format!("there is no Makefile for target `{target}`"),
        )
        .help("a make target needs a Makefile in its working directory"),
        Some(text) if !has_target(text, &target) => Diagnostic::error(
            "unknown-name",
            format!("the Makefile has no target `{target}`"),
        )
        .help("`make -qp` lists the targets"),
        Some(_) => return None,
    };
    Some(problem.at(field.span))
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
