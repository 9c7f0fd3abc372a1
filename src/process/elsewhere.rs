//! Systems without process groups: everything that starts a child says so.

use std::process::ExitCode;

use super::{Ended, Output, ProcessError, StopListener, spec::CommandSpec};
use crate::event::ProcessIdentity;

fn unsupported(spec: &CommandSpec) -> ProcessError {
    ProcessError::Unsupported {
        purpose: spec.purpose().to_owned(),
    }
}

/// Refuses to run a child.
///
/// # Errors
/// Always.
pub async fn run(
    spec: &CommandSpec,
    _output: Output<'_>,
    _stop: StopListener,
) -> Result<Ended, ProcessError> {
    Err(unsupported(spec))
}

/// Knows no process.
pub fn identity_of(_pid: i32) -> Option<ProcessIdentity> {
    None
}

/// Knows no process.
pub fn is_alive(_identity: &ProcessIdentity) -> bool {
    false
}

/// Is no keeper.
pub fn keeper_main() -> ExitCode {
    ExitCode::FAILURE
}

/// Children that may not be cut: there are none here.
pub mod kept {
    use std::{
        convert::Infallible,
        path::{Path, PathBuf},
        time::Duration,
    };

    use tokio::sync::mpsc;

    use super::unsupported;
    use crate::{
        event::ProcessIdentity,
        process::{Captured, CommandSpec, Ended, OutputLine, ProcessError, StopListener},
        secret::Masker,
    };

    /// What is known of a kept child.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum KeptState {
        /// It runs.
        Running(ProcessIdentity),
        /// It ended.
        Ended(Ended),
        /// Nobody knows how it ended.
        Vanished,
        /// It never was started.
        NeverStarted,
    }

    /// Returns where a log would be.
    pub fn log_path(folder: &Path) -> PathBuf {
        folder.join("log")
    }

    /// Knows that nothing was started.
    ///
    /// # Errors
    /// Never.
    pub fn look(_folder: &Path) -> Result<KeptState, ProcessError> {
        Ok(KeptState::NeverStarted)
    }

    /// Waits for nothing.
    ///
    /// # Errors
    /// Never.
    pub async fn wait(folder: &Path, _at_most: Duration) -> Result<KeptState, ProcessError> {
        look(folder)
    }

    /// Stops nothing.
    ///
    /// # Errors
    /// Never.
    pub fn stop(folder: &Path) -> Result<KeptState, ProcessError> {
        look(folder)
    }

    /// Has nothing captured.
    ///
    /// # Errors
    /// Never.
    pub fn take_stdout(_folder: &Path) -> Result<Option<Captured>, ProcessError> {
        Ok(None)
    }

    /// Refuses to start a keeper.
    ///
    /// # Errors
    /// Always.
    pub async fn prepare(
        spec: &CommandSpec,
        _program: &Path,
        _folder: &Path,
        _masker: &Masker,
    ) -> Result<Prepared, ProcessError> {
        Err(unsupported(spec))
    }

    /// A keeper that waits for the word.
    #[derive(Debug)]
    pub struct Prepared(Infallible);

    impl Prepared {
        /// Returns the keeper.
        pub fn keeper(&self) -> ProcessIdentity {
            match self.0 {}
        }

        /// Lets the keeper start the child.
        ///
        /// # Errors
        /// Never.
        pub async fn start(self) -> Result<Kept, ProcessError> {
            match self.0 {}
        }
    }

    /// A running child and its keeper.
    #[derive(Debug)]
    pub struct Kept(Infallible);

    impl Kept {
        /// Returns the keeper.
        pub fn keeper(&self) -> ProcessIdentity {
            match self.0 {}
        }

        /// Returns the child.
        pub fn child(&self) -> ProcessIdentity {
            match self.0 {}
        }

        /// Waits for the end.
        ///
        /// # Errors
        /// Never.
        pub async fn wait(
            self,
            _live: Option<mpsc::Sender<OutputLine>>,
            _stop: StopListener,
        ) -> Result<Ended, ProcessError> {
            match self.0 {}
        }
    }
}
