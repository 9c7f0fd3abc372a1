//! From a draft to a file that `lint` accepts.

use std::collections::BTreeSet;

use camino::Utf8Path;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tera::{Context, Delimiters, Tera};

use super::draft::{Draft, PhaseDraft, TaskDraft, Way};
use crate::{
    cli::{CliError, Exit, lint},
    diagnostic::Severity,
    plan::{self, grammar},
    workflow::quote,
};

const NAME: &str = "init.yaml.tera";
const SOURCE: &str = include_str!("../../../templates/init.yaml.tera");

/// A plan, and what is said about it.
#[derive(Debug)]
pub struct Written {
    /// The file.
    pub text: String,
    /// What was seen.
    pub seen: Vec<String>,
    /// What is written as a comment, and why.
    pub comments: Vec<String>,
    /// How many tasks it has.
    pub n_tasks: usize,
    /// How many of its decisions are open.
    pub n_decisions: usize,
}

/// What the template is given.
#[derive(Serialize)]
struct Page<'d> {
    schema: &'static str,
    name: String,
    seen: &'d [String],
    blocks: Blocks,
    phases: Vec<PhaseText>,
}

#[derive(Default, Serialize)]
struct Blocks {
    environments: String,
    inputs: String,
    secrets: String,
    connections: String,
    decisions: String,
}

#[derive(Serialize)]
struct PhaseText {
    head: String,
    tasks: Vec<String>,
}

/// Writes the plan: each task that `lint` refuses by itself becomes a comment with its words.
///
/// # Errors
///
/// What is left is refused all the same, or the template does not render: a bug.
pub(super) fn write(
    draft: &Draft,
    folder: &Utf8Path,
    file: &Utf8Path,
) -> Result<Written, CliError> {
    let mut comments = Vec::new();
    let mut reasons: Vec<Vec<Option<String>>> = Vec::new();
    for phase in &draft.phases {
        let mut of_phase = Vec::new();
        for task in &phase.tasks {
            let reason = match &task.comment {
                Some(reason) => Some(reason.clone()),
                None => refusal(draft, phase, task, folder)?,
            };
            comments.extend(
                reason
                    .iter()
                    .map(|reason| format!("{}: {reason}", task.from)),
            );
            of_phase.push(reason);
        }
        reasons.push(of_phase);
    }
    let text = page(draft, &reasons)?;
    if let Some(words) = first_error(&text, file, folder) {
        return Err(CliError::new(
            Exit::Bug,
            format!("the plan that was put together is refused: {words}"),
        )
        .hint("please report it, with the names of the files that were seen"));
    }
    let n_tasks = reasons
        .iter()
        .flatten()
        .filter(|reason| reason.is_none())
        .count();
    Ok(Written {
        text,
        seen: draft.seen.clone(),
        comments,
        n_tasks: n_tasks.max(1),
        n_decisions: draft.decisions.len(),
    })
}

/// Why `lint` refuses a plan of this task alone.
fn refusal(
    draft: &Draft,
    phase: &PhaseDraft,
    task: &TaskDraft,
    folder: &Utf8Path,
) -> Result<Option<String>, CliError> {
    let alone = |other: &PhaseDraft| {
        let of_phase = other.tasks.iter().map(|candidate| {
            let is_it = std::ptr::eq(candidate, task) && other.id == phase.id;
            (!is_it).then(String::new)
        });
        of_phase.collect()
    };
    let reasons: Vec<Vec<Option<String>>> = draft.phases.iter().map(alone).collect();
    Ok(first_error(
        &page(draft, &reasons)?,
        Utf8Path::new("deploy.yaml"),
        folder,
    ))
}

/// The first error that `lint` would say.
fn first_error(text: &str, file: &Utf8Path, folder: &Utf8Path) -> Option<String> {
    let read = plan::read_text(file.as_str(), text.to_owned(), folder);
    let graph = read.plan.as_ref().map(lint::graph_of);
    let of_graph = graph.and_then(Result::err).unwrap_or_default();
    read.problems
        .as_slice()
        .iter()
        .chain(&of_graph)
        .find(|problem| problem.severity == Severity::Error)
        .map(|problem| problem.message.clone())
}

/// Renders the plan; a task with a reason is a comment.
fn page(draft: &Draft, reasons: &[Vec<Option<String>>]) -> Result<String, CliError> {
    let mut ways = BTreeSet::new();
    let mut deploys = false;
    let mut phases = Vec::new();
    for (phase, reasons) in draft.phases.iter().zip(reasons) {
        let is_written = reasons.iter().any(Option::is_none);
        let mut tasks = Vec::new();
        for (task, reason) in phase.tasks.iter().zip(reasons) {
            if reason.is_none() {
                ways.extend(task.uses);
                deploys |= phase.deploys;
            }
            tasks.push(task_text(task, reason.as_deref()));
        }
        phases.push(PhaseText {
            head: phase_head(phase, is_written),
            tasks,
        });
    }
    if reasons.iter().flatten().all(Option::is_some) {
        phases.push(first_task());
    }
    let page = Page {
        schema: grammar::SCHEMA_ID,
        name: quote(&draft.name),
        seen: &draft.seen,
        blocks: blocks(draft, &ways, deploys),
        phases,
    };
    render(&page).map_err(|error| CliError::from_error(Exit::Bug, &error))
}

fn render(page: &Page<'_>) -> tera::TeraResult<String> {
    let mut tera = Tera::new();
    // As for workflow files: GitHub's `${{ }}` is Tera's own.
    tera.set_delimiters(Delimiters {
        block_start: "<%".into(),
        block_end: "%>".into(),
        variable_start: "<<".into(),
        variable_end: ">>".into(),
        comment_start: "<#".into(),
        comment_end: "#>".into(),
    })?;
    tera.autoescape_on(Vec::<&str>::new());
    tera.add_raw_template(NAME, SOURCE)?;
    tera.render(NAME, &Context::from_serialize(page)?)
}

fn phase_head(phase: &PhaseDraft, is_written: bool) -> String {
    let mut lines = vec![format!("  - id: {}", phase.id)];
    if phase.deploys {
        lines.push("    environment: production".to_owned());
    }
    lines.push("    tasks:".to_owned());
    let comment = if is_written { "" } else { "# " };
    lines
        .iter()
        .map(|line| format!("{}{comment}{}", &line[..2], &line[2..]))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A plan has a task; where there was nothing to make one of, it waits for somebody to write one.
fn first_task() -> PhaseText {
    PhaseText {
        head: "  - id: begin\n    tasks:".to_owned(),
        tasks: vec![
            "      - id: first-task\n        gate:\n          confirm: The first task is written in place of this one"
                .to_owned(),
        ],
    }
}

/// The lines of a task, in a phase; or as a comment below its reason.
fn task_text(task: &TaskDraft, reason: Option<&str>) -> String {
    const INDENT: usize = 6;
    let mut text = String::new();
    lines(
        &Value::Array(vec![Value::Object(task.keys.clone())]),
        INDENT,
        &mut text,
    );
    let text = text.trim_end();
    let Some(reason) = reason else {
        return format!("{:INDENT$}# {}\n{text}", "", task.from);
    };
    let mut comment = format!("{:INDENT$}# {}: {reason}", "", task.from);
    for line in text.lines() {
        comment.push_str(&format!(
            "\n{:INDENT$}# {}",
            "",
            line.get(INDENT..).unwrap_or_default()
        ));
    }
    comment
}

/// The parts of the plan that its tasks need.
fn blocks(draft: &Draft, ways: &BTreeSet<Way>, deploys: bool) -> Blocks {
    let mut inputs = Map::new();
    let mut secrets = Map::new();
    let mut connections = Map::new();
    for way in ways {
        match way {
            Way::Registry => {
                connections.insert(
                    "registry".to_owned(),
                    json!({ "registry": { "host": "ghcr.io" } }),
                );
            }
            Way::Cluster => {
                secrets.insert("KUBECONFIG_CONTENT".to_owned(), json!({}));
                let kubeconfig = "${{ secrets.KUBECONFIG_CONTENT }}";
                connections.insert(
                    "cluster".to_owned(),
                    json!({ "kubernetes": { "kubeconfig": kubeconfig } }),
                );
            }
            Way::Swarm => {
                inputs.insert(
                    "swarm-host".to_owned(),
                    json!({ "example": "unix:///var/run/docker.sock" }),
                );
                let host = "${{ inputs.swarm-host }}";
                connections.insert("manager".to_owned(), json!({ "docker": { "host": host } }));
            }
            Way::Database => {
                for (input, example) in [
                    ("database-host", "localhost"),
                    ("database", "app"),
                    ("database-user", "app"),
                ] {
                    inputs.insert(input.to_owned(), json!({ "example": example }));
                }
                secrets.insert("DATABASE_PASSWORD".to_owned(), json!({}));
                connections.insert(
                    "database".to_owned(),
                    json!({ "postgres": {
                        "host": "${{ inputs.database-host }}",
                        "database": "${{ inputs.database }}",
                        "user": "${{ inputs.database-user }}",
                        "password": "${{ secrets.DATABASE_PASSWORD }}",
                    } }),
                );
            }
        }
    }
    let mut environments = Map::new();
    if deploys {
        environments.insert("production".to_owned(), json!({}));
    }
    Blocks {
        environments: block(environments),
        inputs: block(inputs),
        secrets: block(secrets),
        connections: block(connections),
        decisions: block(decisions(draft)),
    }
}

fn decisions(draft: &Draft) -> Map<String, Value> {
    let of = draft.decisions.iter().map(|open| {
        let mut keys = Map::from_iter([("question".to_owned(), json!(open.question))]);
        if !open.options.is_empty() {
            keys.insert("options".to_owned(), json!(open.options));
        }
        if let Some(preferred) = open.preferred {
            keys.insert("preferred".to_owned(), json!(preferred));
        }
        (open.name.to_owned(), Value::Object(keys))
    });
    of.collect()
}

fn block(entries: Map<String, Value>) -> String {
    let mut text = String::new();
    if !entries.is_empty() {
        lines(&Value::Object(entries), 2, &mut text);
    }
    text.trim_end().to_owned()
}

/// Writes a tree as lines; a text of several lines is a block of them.
fn lines(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                text.push_str(&format!("{:indent$}{}:", "", quote(key)));
                behind(value, indent, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inner = String::new();
                lines(item, indent + 2, &mut inner);
                // The dash stands where the first line's indentation was.
                let inner = inner.trim_start();
                text.push_str(&format!("{:indent$}- {inner}", ""));
            }
        }
        Value::String(scalar) => text.push_str(&format!("{:indent$}{}\n", "", quote(scalar))),
        scalar => text.push_str(&format!("{:indent$}{scalar}\n", "")),
    }
}

/// What stands behind `key:`.
fn behind(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(entries) if entries.is_empty() => text.push_str(" {}\n"),
        Value::Object(_) | Value::Array(_) => {
            text.push('\n');
            lines(value, indent + 2, text);
        }
        Value::String(scalar) if scalar.contains('\n') => {
            text.push_str(" |\n");
            for line in scalar.lines() {
                text.push_str(&format!("{:width$}{line}\n", "", width = indent + 2));
            }
        }
        Value::String(scalar) => text.push_str(&format!(" {}\n", quote(scalar))),
        scalar => text.push_str(&format!(" {scalar}\n")),
    }
}
