//! `deploy-action explain`: which part of a task's fingerprint changed since it last ran.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    CliError, Environment, Exit, output,
    plan_file::PlanFile,
    session::{Choice, Session, block_on, execute_error, looking, select},
};
use crate::{
    diagnostic::words::count,
    execute::Run,
    expression::Expression,
    plan::{
        Plan, connections_of,
        field::{Content, Field},
        fingerprint::{Change, changes},
        model::Task,
    },
};

/// Says which part of a task's fingerprint changed since it last ran
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action explain build")]
pub struct ExplainArgs {
    /// The task, as TASK, TASK[LEG] or TASK@ENVIRONMENT
    #[arg(value_name = "TASK")]
    name: String,
    #[command(flatten)]
    plan: PlanFile,
    #[command(flatten)]
    choice: Choice,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: output::Format,
}

/// Runs the verb.
///
/// # Errors
///
/// The plan is not valid, has no such task, or the ledger cannot be read.
pub fn explain(args: &ExplainArgs, environment: &Environment) -> Result<Exit, CliError> {
    block_on(async {
        let session = Session::open(&args.plan, &args.choice, environment).await?;
        let graph = session.graph(environment)?;
        let selected = select(
            &graph,
            &Choice {
                task: vec![args.name.clone()],
                ..Choice::default()
            },
        )?;
        let options = looking();
        let recorder = session.recorder(Vec::new())?;
        let run = session.run(&graph, &options, &recorder, selected).await?;
        for &index in &run.selected {
            show(&run, index, args.format)?;
        }
        Ok(Exit::Done)
    })
}

fn show(run: &Run<'_, '_>, index: usize, format: output::Format) -> Result<(), CliError> {
    let key = run.graph.nodes()[index].key.clone();
    let now = match run.fingerprint_parts(index) {
        Ok(parts) => parts,
        Err(error) => {
            match format {
                output::Format::Text => output::data(&format!("{key}: not known yet: {error}\n")),
                output::Format::Json => output::json(&json!({
                    "task": key, "unknown": error.to_string(),
                })),
            }
            return Ok(());
        }
    };
    let known = run.recorder.known();
    let attempt = known
        .state()
        .task(&key)
        .and_then(|record| record.attempt.clone());
    let Some(attempt) = attempt else {
        match format {
            output::Format::Text => output::data(&format!("{key}: has never run\n")),
            output::Format::Json => output::json(&json!({
                "task": key, "started": null, "changes": [],
            })),
        }
        return Ok(());
    };
    let ledger = run
        .recorder
        .ledger_of(&key)
        .map_err(|error| execute_error(&error))?;
    let before = ledger
        .fingerprint_parts(&attempt.fingerprint)
        .map_err(|error| execute_error(&error.into()))?
        .unwrap_or_default();
    let found = changes(&before, &now.to_map());
    let sources = sources(run.graph.plan(), run.graph.nodes()[index].task);
    match format {
        output::Format::Text => {
            output::data(&text(&key.to_string(), &found, &sources, attempt.started))
        }
        output::Format::Json => output::json(&json!({
            "task": key,
            "started": attempt.started,
            "changes": found.iter().map(|change| json!({
                "part": change.part, "before": change.before, "now": change.now,
                "reads": reads_of(&sources, &change.part),
            })).collect::<Vec<_>>(),
        })),
    }
    Ok(())
}

/// What the expressions of each part of a task read.
type Sources = BTreeMap<String, Vec<String>>;

fn sources(plan: &Plan, task: &Task) -> Sources {
    let mut sources = Sources::new();
    let layers = [&plan.env, &plan.phase_of(task).env, &task.env];
    layers
        .into_iter()
        .for_each(|env| collect("env", env, &mut sources));
    collect("body", &task.body, &mut sources);
    for check in &task.checks {
        let name = format!("check {}", check.id);
        collect(&format!("{name}.body"), &check.body, &mut sources);
        collect(&format!("{name}.expect"), &check.expect, &mut sources);
    }
    for name in connections_of(task) {
        if let Some(connection) = plan.connections.get(&name) {
            collect(
                &format!("connection {name}"),
                &connection.body,
                &mut sources,
            );
        }
    }
    sources
}

/// Goes down as the fingerprint does, so that the names are the same; an inner layer takes the place of an outer one.
fn collect(path: &str, field: &Field, sources: &mut Sources) {
    match &field.content {
        Content::Map(entries) => entries
            .iter()
            .for_each(|(key, entry)| collect(&format!("{path}.{key}"), entry, sources)),
        Content::List(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| collect(&format!("{path}[{index}]"), item, sources)),
        Content::Text(template) => {
            let mut reads: Vec<String> = template
                .expressions()
                .flat_map(Expression::references)
                .map(ToString::to_string)
                .collect();
            reads.dedup();
            sources.insert(path.to_owned(), reads);
        }
        Content::Null | Content::Boolean(_) | Content::Number(_) => {
            sources.insert(path.to_owned(), Vec::new());
        }
    }
}

/// Returns what a part reads; a part of a list or map that one expression gave reads what that expression does.
fn reads_of<'s>(sources: &'s Sources, part: &str) -> &'s [String] {
    let holds = |path: &str| {
        part.strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let innermost = sources
        .iter()
        .filter(|(path, _)| holds(path))
        .max_by_key(|(path, _)| path.len());
    innermost.map_or(&[], |(_, reads)| reads.as_slice())
}

fn text(key: &str, found: &[Change], sources: &Sources, started: jiff::Timestamp) -> String {
    let since = started.strftime("%F %T UTC");
    if found.is_empty() {
        return format!("{key}: nothing changed since {since}\n");
    }
    let mut text = format!(
        "{key}: {} changed since {since}\n",
        count(found.len(), "part")
    );
    for change in found {
        let before = change.before.as_deref().unwrap_or("(was not there)");
        let now = change.now.as_deref().unwrap_or("(is gone)");
        let reads = match reads_of(sources, &change.part) {
            [] => String::new(),
            reads => format!(" (reads {})", reads.join(", ")),
        };
        text.push_str(&format!(
            "  {}{reads}\n    was {before}\n    is  {now}\n",
            change.part
        ));
    }
    text
}
