//! `deploy-action lint`: every problem of a plan and of the files that it names.

mod modules;
mod tags;

use std::collections::HashSet;

use super::{CliError, Environment, Exit, output, plan_file::PlanFile};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Severity, words::count},
    document::Document,
    graph::{self, TaskGraph},
    plan::{
        Plan,
        model::Coverer,
        values::{Given, Values, Wanted},
    },
};

/// Reports every problem in the plan and in the files that it names
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action lint
  deploy-action lint --deny warnings --coverage
  deploy-action lint ops/deploy.yaml --format json")]
pub struct LintArgs {
    #[command(flatten)]
    plan: PlanFile,
    /// Ends with 2 on warnings too
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
    /// Prints each item of the plan document with what covers it
    #[arg(long)]
    coverage: bool,
    /// How problems are printed
    #[arg(long, value_enum, default_value = "text")]
    format: output::Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Deny {
    Warnings,
}

/// Runs the verb.
///
/// # Errors
///
/// The file cannot be read.
pub fn lint(args: &LintArgs, environment: &Environment) -> Result<Exit, CliError> {
    let mut read = args.plan.open()?;
    let mut problems = std::mem::take(&mut read.problems);
    let mut late = String::new();
    if let Some(plan) = &read.plan {
        match graph_of(plan) {
            Ok(graph) => {
                late = late_tasks(&graph);
                std::mem::forget(graph);
            }
            Err(found) => problems.extend(found),
        }
        problems.extend(tags::check(plan));
        problems.extend(modules::check(plan));
        problems.sort();
    }
    if args.coverage
        && let (Some(plan), Some(document)) = (&read.plan, &read.document)
    {
        output::data(&coverage(plan, document));
    }
    output::problems(environment, args.format, &read.source, problems.as_slice());
    let denied =
        problems.has_errors() || (args.deny == Some(Deny::Warnings) && !problems.is_empty());
    if !denied
        && args.format == output::Format::Text
        && let Some(plan) = &read.plan
    {
        output::words(&good(plan, &problems));
        output::words(&late);
    }
    read.forget();
    Ok(if denied { Exit::Usage } else { Exit::Done })
}

/// Builds the graph, which alone can see cycles, matrices, costs and texts made of nothing.
pub(super) fn graph_of(plan: &Plan) -> Result<TaskGraph<'_>, Vec<Diagnostic>> {
    // An input without a value is an error of a run; linting takes examples in its place.
    let given = Given {
        rehearsal: true,
        ..Given::default()
    };
    let values = Values::resolve(plan, &given, Wanted::Known)?;
    graph::build(plan, &values)
}

/// One line for each task that waits for a later phase than its own.
fn late_tasks(graph: &TaskGraph<'_>) -> String {
    let plan = graph.plan();
    let mut seen = HashSet::new();
    let late = graph
        .nodes()
        .iter()
        .filter(|node| node.late && seen.insert(&node.task.id));
    late.map(|node| {
        let (own, counted) = (&plan.phase_of(node.task).id, &plan.phases[node.phase].id);
        format!("task `{}` is late: it stands in phase `{own}` and counts as part of `{counted}`, for whose tasks it waits\n", node.task.id)
    })
    .collect()
}

fn good(plan: &Plan, problems: &Diagnostics) -> String {
    let warnings = problems.count_of(Severity::Warning);
    let warned = if warnings > 0 {
        format!(", with {}", count(warnings, "warning"))
    } else {
        String::new()
    };
    let tasks = count(plan.tasks.len(), "task");
    let phases = count(plan.phases.len(), "phase");
    format!(
        "{} is valid: {tasks} in {phases}{warned}\n",
        plan.source.name()
    )
}

/// One line an item: its id, what covers it, its text.
fn coverage(plan: &Plan, document: &Document) -> String {
    let mut text = String::new();
    for item in document.items() {
        let by: Vec<String> = plan
            .covers
            .iter()
            .filter(|covered| covered.item == item.id)
            .map(|covered| coverer(plan, &covered.by))
            .collect();
        let by = if by.is_empty() {
            "nothing".to_owned()
        } else {
            by.join(", ")
        };
        text.push_str(&format!("{}\t{by}\t{}\n", item.id, item.text));
    }
    text
}

fn coverer(plan: &Plan, by: &Coverer) -> String {
    match by {
        Coverer::Task(task) => plan.tasks[*task].id.to_string(),
        Coverer::Check(task, check) => format!("{}/{check}", plan.tasks[*task].id),
        Coverer::Declaration(what) => (*what).to_owned(),
    }
}
