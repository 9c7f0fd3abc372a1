//! The process environment, read once.

use std::{collections::BTreeMap, io::IsTerminal as _, path::PathBuf};

use crate::report::Colours;

/// Everything that the program takes from outside besides its arguments.
#[derive(Debug, Clone)]
pub struct Environment {
    /// All variables that are text. Each part of the program documents which of them it reads.
    pub variables: BTreeMap<String, String>,
    /// Whether stdout is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether stderr is a terminal.
    pub stderr_is_terminal: bool,
    /// Path of this program, to start itself as a keeper or a job.
    pub program: PathBuf,
}

impl Environment {
    /// Reads the environment of this process.
    pub fn read() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self {
            variables: variables.collect(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("deploy-action")),
        }
    }

    /// Returns a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether words on stderr may be coloured: a terminal, and neither `NO_COLOR` nor `TERM=dumb`.
    ///
    /// GitHub's log shows colours too, but is read by programs as well; it gets none.
    pub fn colours(&self) -> bool {
        self.stderr_is_terminal
            && self.get("NO_COLOR").is_none()
            && self.get("TERM") != Some("dumb")
    }

    /// Returns what words on stderr may be adorned with.
    pub fn palette(&self) -> Colours {
        if self.colours() {
            Colours::Ansi
        } else {
            Colours::Plain
        }
    }
}
