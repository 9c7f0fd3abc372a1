//! Arguments, and the way from a verb to its function.

use clap::Parser as _;

use super::{CliError, Environment, Exit, graph, lint, output, render};

/// Deployments planned as code, rehearsed on a laptop, run on GitHub Actions
#[derive(Debug, clap::Parser)]
#[command(
    name = "deploy-action",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Lint(lint::LintArgs),
    Graph(graph::GraphArgs),
    Render(render::RenderArgs),
}

impl Args {
    /// Reads the arguments of the process; wrong ones end it with 2 and words.
    pub fn read() -> Self {
        Self::parse()
    }
}

/// Runs the verb that was asked for.
pub fn run(args: &Args, environment: &Environment) -> Exit {
    let outcome: Result<Exit, CliError> = match &args.verb {
        Verb::Lint(args) => lint::lint(args, environment),
        Verb::Graph(args) => graph::graph(args, environment),
        Verb::Render(args) => render::render(args, environment),
    };
    outcome.unwrap_or_else(|error| {
        output::error(environment, &error);
        error.exit
    })
}
