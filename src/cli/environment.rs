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

    /// Whether a GitHub runner reads what is written.
    pub fn on_actions(&self) -> bool {
        self.get("GITHUB_ACTIONS") == Some("true")
    }

    /// Whether words on stderr may be coloured.
    ///
    /// GitHub's log shows colours too, but is read by programs as well; it gets none.
    pub fn colours(&self) -> bool {
        self.colours_on(self.stderr_is_terminal)
    }

    /// Returns what words on stderr may be adorned with.
    pub fn palette(&self) -> Colours {
        palette(self.colours())
    }

    /// Returns what data on stdout may be adorned with, where it is for people.
    pub fn palette_of_stdout(&self) -> Colours {
        palette(self.colours_on(self.stdout_is_terminal))
    }

    /// `NO_COLOR` wins over `CLICOLOR_FORCE`, and that over everything else: `TERM=dumb`, `CLICOLOR=0`, no terminal.
    fn colours_on(&self, is_terminal: bool) -> bool {
        if self.get("NO_COLOR").is_some() {
            return false;
        }
        if self.get("CLICOLOR_FORCE").is_some_and(|force| force != "0") {
            return true;
        }
        is_terminal && self.get("TERM") != Some("dumb") && self.get("CLICOLOR") != Some("0")
    }
}

fn palette(is_coloured: bool) -> Colours {
    if is_coloured {
        Colours::Ansi
    } else {
        Colours::Plain
    }
}
