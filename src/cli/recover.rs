//! `deploy-action recover`: a state that terraform could not write, put where it belongs.

use super::{
    CliError, Environment, Exit, output,
    plan_file::PlanFile,
    repair::under_lease,
    session::{Choice, block_on},
};

/// Puts the rescued state of a terraform task into its backend
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Where terraform cannot write its state at the end of an apply, the state is kept with the ledger,
sealed to the environment's recipient; the environment's key opens it. It is put into the backend
only where the backend has an older serial of the same lineage.

Examples:
  deploy-action recover --task network
  AGE_KEY=$(cat age.key) deploy-action recover --task cloudspace@production")]
pub struct RecoverArgs {
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
/// Nothing was rescued, nothing here opens it, or the backend has another state or knows more.
pub fn recover(args: &RecoverArgs, environment: &Environment) -> Result<Exit, CliError> {
    block_on(under_lease(
        (&args.plan, &args.choice, args.format),
        environment,
        async |run, index| run.recover(index).await,
    ))
}
