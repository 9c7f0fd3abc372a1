//! What the program says about its own working, on stderr.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::{CliError, Environment, Exit};

/// Names the level: `off`, `error`, `warn` (the default), `info`, `debug` or `trace`.
const VARIABLE: &str = "DEPLOY_ACTION_LOG";
/// GitHub sets it to `1` for a run with debug logging ("Enabling debug logging").
const RUNNER_DEBUG: &str = "RUNNER_DEBUG";

/// Begins to write events of this program to stderr. Those of libraries are left out: nobody knows whether they hold
/// secrets.
///
/// # Errors
///
/// The variable names no level.
pub fn start(environment: &Environment) -> Result<(), CliError> {
    let level = level(environment)?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(environment.colours())
        .without_time()
        .with_target(false);
    tracing_subscriber::registry()
        .with(Targets::new().with_target(env!("CARGO_CRATE_NAME"), level))
        .with(lines)
        .try_init()
        .map_err(|error| CliError::from_error(Exit::Bug, &error))
}

fn level(environment: &Environment) -> Result<LevelFilter, CliError> {
    let Some(word) = environment.get(VARIABLE) else {
        let is_debugged = environment.get(RUNNER_DEBUG) == Some("1");
        return Ok(if is_debugged {
            LevelFilter::DEBUG
        } else {
            LevelFilter::WARN
        });
    };
    // A number would be a level too.
    word.parse()
        .ok()
        .filter(|_| word.chars().all(char::is_alphabetic))
        .ok_or_else(|| {
            CliError::new(
                Exit::Usage,
                format!("`{VARIABLE}` is `{word}`, which is no level"),
            )
            .hint("write `off`, `error`, `warn`, `info`, `debug` or `trace`")
        })
}
