//! Where a person finds what is kept of a run.

use camino::{Utf8Path, Utf8PathBuf};

use crate::{event::LogRef, ident::TaskKey, ledger::walk_folder};

/// The folder of a plan's state, in which the logs of its tasks lie.
#[derive(Debug, Clone)]
pub struct Places {
    state: Utf8PathBuf,
}

impl Places {
    /// Looks for logs below a plan's folder of state.
    pub fn below(state: &Utf8Path) -> Self {
        Self {
            state: state.to_owned(),
        }
    }

    /// Returns the file with the full, masked log of an attempt.
    pub fn log(&self, task: &TaskKey, log: &LogRef) -> Utf8PathBuf {
        walk_folder(&self.state, task.environment.as_ref()).join(&log.path)
    }
}
