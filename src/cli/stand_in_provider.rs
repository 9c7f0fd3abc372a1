//! `deploy-action stand-in-provider`: a stand-in for a terraform provider, which terraform starts.

use std::path::PathBuf;

use super::{CliError, Environment, Exit, output, session::block_on};
use crate::rehearse::provider::{self, ServeError, ServiceOptions};

/// Stands in for a terraform provider; started by terraform
#[derive(Debug, clap::Args)]
pub struct StandInProviderArgs {
    /// The address of the provider
    #[arg(long, value_name = "ADDRESS")]
    provider: String,
    /// The file that keeps what the cloud holds
    #[arg(long, value_name = "FILE")]
    cloud: PathBuf,
    /// The file of faults
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// The file of what the rehearsal gives
    #[arg(long, value_name = "FILE")]
    given: Option<PathBuf>,
}

/// Runs the verb.
///
/// # Errors
///
/// It was not started by terraform, or there is no stand-in.
pub fn stand_in_provider(
    args: &StandInProviderArgs,
    environment: &Environment,
) -> Result<Exit, CliError> {
    let options = ServiceOptions {
        address: args.provider.clone(),
        state: args.cloud.clone(),
        faults: args.faults.clone(),
        given: args.given.clone(),
        variables: environment.variables.clone(),
    };
    block_on(async {
        provider::serve(options, output::data)
            .await
            .map_err(|error| cli_error(&error))?;
        Ok(Exit::Done)
    })
}

fn cli_error(error: &ServeError) -> CliError {
    let cli_error = CliError::from_error(Exit::Usage, error);
    match error.hint() {
        Some(hint) => cli_error.hint(hint),
        None => cli_error,
    }
}
