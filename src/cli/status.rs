//! `deploy-action status`: where every task stands, from the ledger.

use super::{
    CliError, Environment, Exit, output,
    plan_file::PlanFile,
    report_files,
    session::{Choice, Session, block_on},
};
use crate::checkpoint::to_text;

/// Says where every task stands, from the ledger
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action status
  deploy-action status --environment production --format json")]
pub struct StatusArgs {
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
/// The plan is not valid, or the ledger cannot be read.
pub fn status(args: &StatusArgs, environment: &Environment) -> Result<Exit, CliError> {
    block_on(async {
        let session = Session::open(&args.plan, &args.choice, environment).await?;
        let graph = session.graph(environment)?;
        let replayed = report_files::replayed(&session.state, session.plan())?;
        let summary = report_files::summary(
            &graph,
            &session.values,
            session.read.document.as_ref(),
            &replayed,
        );
        match args.format {
            output::Format::Json => output::json(&summary.to_json()),
            output::Format::Text => {
                let colours = environment.palette_of_stdout();
                output::data(&to_text(
                    &summary,
                    report_files::width(environment),
                    colours,
                ));
            }
        }
        Ok(Exit::Done)
    })
}
