//! `deploy-action graph`: the task graph as text, Mermaid, Graphviz or JSON.

use super::{CliError, Environment, Exit, output, plan_file};
use crate::{
    graph,
    plan::values::{Given, Values, Wanted},
};

/// Prints the task graph
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action graph
  deploy-action graph --format mermaid")]
pub struct GraphArgs {
    #[command(flatten)]
    plan: plan_file::PlanFile,
    /// In which form
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Phases with their tasks, for people
    Text,
    /// A flow chart that GitHub shows in Markdown
    Mermaid,
    /// Graphviz
    Dot,
    /// Tasks with their edges and the source of each
    Json,
}

/// Runs the verb.
///
/// # Errors
///
/// The plan cannot be read or is not valid.
pub fn graph(args: &GraphArgs, environment: &Environment) -> Result<Exit, CliError> {
    let read = args.plan.read(environment)?;
    let Some(plan) = &read.plan else {
        return Err(plan_file::invalid(&args.plan.file));
    };
    let given = Given {
        rehearsal: true,
        ..Given::default()
    };
    let built =
        Values::resolve(plan, &given, Wanted::Known).and_then(|values| graph::build(plan, &values));
    let graph = built.map_err(|problems| {
        output::problems(environment, output::Format::Text, &read.source, &problems);
        plan_file::invalid(&args.plan.file)
    })?;
    match args.format {
        Form::Text => output::data(&graph::to_text(&graph)),
        Form::Mermaid => output::data(&graph::to_mermaid(&graph)),
        Form::Dot => output::data(&graph::to_dot(&graph)),
        Form::Json => output::json(&graph::to_json(&graph)),
    }
    Ok(Exit::Done)
}
