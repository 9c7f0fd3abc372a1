//! Exit codes, and errors on their way to one.

use std::process::ExitCode;

/// How the program ends (`docs/guide.md`, "Exit codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for is done.
    Done,
    /// A task failed.
    Failed,
    /// The command line or the plan is wrong; nothing ran.
    Usage,
    /// A rendered file is not what the plan says.
    Drift,
    /// A task waits for a person.
    Paused,
    /// The selection holds no task.
    NothingSelected,
    /// A service could not be reached, after retries.
    Unavailable,
    /// A mistake of this program.
    Bug,
    /// Cancelled by SIGINT.
    Interrupted,
    /// Cancelled by SIGTERM.
    Terminated,
}

impl Exit {
    /// Every way to end, by number.
    pub const ALL: [Self; 10] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Drift,
        Self::Paused,
        Self::NothingSelected,
        Self::Unavailable,
        Self::Bug,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// Says what it means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "a task failed; doctor: something needed is missing",
            Self::Usage => "wrong usage, or an invalid plan; nothing ran",
            Self::Drift => {
                "something is not as the plan says: a rendered file, or what was applied"
            }
            Self::Paused => "paused at a gate, or for a decision",
            Self::NothingSelected => "nothing was selected",
            Self::Unavailable => "a service was unavailable after retries",
            Self::Bug => "a bug of deploy-action",
            Self::Interrupted => "cancelled by SIGINT",
            Self::Terminated => "cancelled by SIGTERM",
        }
    }

    /// Returns the number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Drift => 3,
            Self::Paused => 4,
            Self::NothingSelected => 5,
            Self::Unavailable => 10,
            Self::Bug => 70,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// Finds the exit of a number, as a job's record keeps it.
    pub fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::Drift,
            4 => Self::Paused,
            5 => Self::NothingSelected,
            10 => Self::Unavailable,
            70 => Self::Bug,
            130 => Self::Interrupted,
            143 => Self::Terminated,
            _ => Self::Failed,
        }
    }
}

/// The table of exit codes, for help.
pub fn table() -> String {
    let mut table = "Exit codes:".to_owned();
    for exit in Exit::ALL {
        table.push_str(&format!("\n  {:<4}{}", exit.code(), exit.meaning()));
    }
    table
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error of a verb: what people read, what they do next, and the exit code.
#[derive(Debug)]
pub struct CliError {
    /// The exit.
    pub exit: Exit,
    /// One sentence, without a full stop.
    pub message: String,
    /// Its causes, outermost first.
    pub causes: Vec<String>,
    /// The next step.
    pub hint: Option<String>,
}

impl CliError {
    /// An error with its exit.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// An error whose text and causes come from another.
    pub fn from_error(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        Self {
            exit,
            message: error.to_string(),
            causes,
            hint: None,
        }
    }

    /// The same error with a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file that cannot be read or written.
    pub fn file(action: &str, path: impl std::fmt::Display, error: &std::io::Error) -> Self {
        Self::new(Exit::Usage, format!("cannot {action} `{path}`: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_is_found_again_by_its_number() {
        for exit in Exit::ALL {
            assert_eq!(Exit::from_code(exit.code()), exit);
        }
    }
}
