//! Arguments, and the way from a verb to its function.

use clap::Parser as _;

#[cfg(unix)]
use super::stand_in_provider;
use super::{
    CliError, Environment, Exit, action, checkpoint, close, completion, destroy, doctor, drift,
    exit, explain, graph, init, lint, man, output, preview, publish, recover, rehearse, render,
    retention, run as run_verb, schema, status, tags, trace, unlock,
};

const EXAMPLES: &str = "\
Examples:
  deploy-action init        a first plan, from what the repository holds
  deploy-action lint        every problem in it
  deploy-action rehearse    carries it out on this machine, on stand-ins
  deploy-action render      writes the workflow files that run it on GitHub
  deploy-action doctor      what is missing here, and how to get it";

/// Deployments planned as code, rehearsed on a laptop, run on GitHub Actions
#[derive(Debug, clap::Parser)]
#[command(
    name = "deploy-action",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{}", exit::table())
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
    Preview(preview::PreviewArgs),
    Run(Box<run_verb::RunArgs>),
    Status(status::StatusArgs),
    Explain(explain::ExplainArgs),
    Checkpoint(checkpoint::CheckpointArgs),
    Rehearse(rehearse::RehearseArgs),
    Publish(publish::PublishArgs),
    Retention(retention::RetentionArgs),
    Close(close::CloseArgs),
    Drift(drift::DriftArgs),
    Destroy(destroy::DestroyArgs),
    Recover(recover::RecoverArgs),
    Unlock(unlock::UnlockArgs),
    Init(init::InitArgs),
    Doctor(doctor::DoctorArgs),
    Tags(Box<tags::TagsArgs>),
    Schema(schema::SchemaArgs),
    Completion(completion::CompletionArgs),
    Man(man::ManArgs),
    /// Does what the inputs of the action say; called by action.yml
    #[command(hide = true)]
    Action,
    #[cfg(unix)]
    #[command(hide = true)]
    StandInProvider(stand_in_provider::StandInProviderArgs),
}

impl Args {
    /// Reads the arguments of the process; wrong ones end it with 2 and words.
    pub fn read() -> Self {
        Self::parse()
    }

    /// Returns the verbs and their options, for what is made from them.
    pub(super) fn command() -> clap::Command {
        <Self as clap::CommandFactory>::command()
    }

    /// Reads arguments that were put together from the inputs of the action.
    ///
    /// # Errors
    ///
    /// They are wrong.
    pub(super) fn parse_arguments(arguments: Vec<String>) -> Result<Self, CliError> {
        Self::try_parse_from(arguments).map_err(|error| {
            let words = error.to_string();
            CliError::new(
                Exit::Usage,
                words.trim_start_matches("error: ").trim_end().to_owned(),
            )
        })
    }
}

/// Runs the verb that was asked for.
pub fn run(args: &Args, environment: &Environment) -> Exit {
    let outcome = trace::start(environment).and_then(|()| carry_out(args, environment));
    outcome.unwrap_or_else(|error| {
        output::error(environment, &error);
        error.exit
    })
}

/// Runs the verb, and leaves its error to the caller.
///
/// # Errors
///
/// The verb's own.
pub(super) fn carry_out(args: &Args, environment: &Environment) -> Result<Exit, CliError> {
    match &args.verb {
        Verb::Lint(args) => lint::lint(args, environment),
        Verb::Graph(args) => graph::graph(args, environment),
        Verb::Render(args) => render::render(args, environment),
        Verb::Preview(args) => preview::preview(args, environment),
        Verb::Run(args) => run_verb::run(args, environment),
        Verb::Status(args) => status::status(args, environment),
        Verb::Explain(args) => explain::explain(args, environment),
        Verb::Checkpoint(args) => checkpoint::checkpoint(args, environment),
        Verb::Rehearse(args) => rehearse::rehearse(args, environment),
        Verb::Publish(args) => publish::publish(args, environment),
        Verb::Retention(args) => retention::retention(args, environment),
        Verb::Close(args) => close::close(args, environment),
        Verb::Drift(args) => drift::drift(args, environment),
        Verb::Destroy(args) => destroy::destroy(args, environment),
        Verb::Recover(args) => recover::recover(args, environment),
        Verb::Unlock(args) => unlock::unlock(args, environment),
        Verb::Init(args) => init::init(args, environment),
        Verb::Doctor(args) => doctor::doctor(args, environment),
        Verb::Tags(args) => tags::tags(args, environment),
        Verb::Schema(args) => schema::schema(args),
        Verb::Completion(args) => completion::completion(args),
        Verb::Man(args) => man::man(args),
        Verb::Action => action::run(environment),
        #[cfg(unix)]
        Verb::StandInProvider(args) => stand_in_provider::stand_in_provider(args, environment),
    }
}
