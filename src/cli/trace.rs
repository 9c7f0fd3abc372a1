//! What the program says about its own working, on stderr.

use std::{
    io::{self, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

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
        .with_writer(|| Stderr)
        .with_ansi(environment.colours())
        .without_time()
        .with_target(false);
    tracing_subscriber::registry()
        .with(Targets::new().with_target(env!("CARGO_CRATE_NAME"), level))
        .with(lines)
        .try_init()
        .map_err(|error| CliError::from_error(Exit::Bug, &error))
}

/// What was said while a tree stands on the terminal; `None` while there is none.
static HELD: Mutex<Option<Vec<String>>> = Mutex::new(None);

fn held() -> MutexGuard<'static, Option<Vec<String>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds lines back as long as it lives, for whoever draws on the terminal: a line in between would break the drawing.
pub struct Hold(());

impl Hold {
    /// Begins to hold lines back.
    pub fn begin() -> Self {
        *held() = Some(Vec::new());
        Self(())
    }

    /// Returns what was said since the last time, without colours.
    pub fn take(&self) -> Vec<String> {
        let said = held().as_mut().map(std::mem::take).unwrap_or_default();
        let plain = said.iter().map(|text| console::strip_ansi_codes(text));
        plain.map(|text| text.trim().to_owned()).collect()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let rest = held().take().unwrap_or_default();
        // Nobody is left to be told that stderr is closed.
        drop(io::stderr().write_all(rest.concat().as_bytes()));
    }
}

/// stderr, or what is held back from it.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match held().as_mut() {
            Some(lines) => {
                lines.push(String::from_utf8_lossy(bytes).into_owned());
                Ok(bytes.len())
            }
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_while_somebody_draws_waits_for_them() {
        let hold = Hold::begin();
        Stderr
            .write_all(b" \x1b[33mWARN\x1b[0m slow\n")
            .expect("it is held");
        assert_eq!(hold.take(), ["WARN slow"]);
        assert_eq!(hold.take(), Vec::<String>::new());
    }
}
