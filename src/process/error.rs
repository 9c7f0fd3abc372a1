//! What can go wrong before and around a child.

use std::{io, path::PathBuf};

use crate::{event::FailureKind, secret::MaskError};

/// A child that could not be started, or whose end could not be learnt.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// No folder of the child's PATH holds the program.
    #[error("`{program}` is not in the PATH of the child, which is `{path}`: wanted to {purpose}")]
    NotFound {
        /// The program.
        program: String,
        /// Why it was to be started.
        purpose: String,
        /// The PATH, empty where the child gets none.
        path: String,
    },
    /// The working directory is none.
    #[error("`{dir}` is not a directory: wanted to {purpose} there")]
    NoDirectory {
        /// The directory.
        dir: PathBuf,
        /// Why the child was to be started.
        purpose: String,
    },
    /// The system did not start the program.
    #[error("`{program}` could not be started: wanted to {purpose}")]
    NotStarted {
        /// The program.
        program: PathBuf,
        /// Why it was to be started.
        purpose: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The system lost the child.
    #[error("the end of `{program}` could not be learnt")]
    Lost {
        /// The program.
        program: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file of the child or its keeper could not be written or read.
    #[error("`{path}` could not be {what}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried: `written`, `read`.
        what: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A record of the keeper is not one of this version.
    #[error("`{path}` is no record of a keeper")]
    NoRecord {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The keeper did not start the child, or did not say that it has.
    #[error("the keeper did not start `{program}`: {because}")]
    NotKept {
        /// The program.
        program: PathBuf,
        /// What it said or did.
        because: String,
    },
    /// The keeper ended without leaving an exit record.
    #[error("the keeper of `{folder}` is gone, and it left no exit record")]
    KeeperVanished {
        /// The keeper's folder.
        folder: PathBuf,
    },
    /// The mask could not be built; nothing runs unmasked.
    #[error("the output of `{program}` could not be masked")]
    Unmaskable {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: MaskError,
    },
    /// This system has no process groups.
    #[error("children are run on Linux and macOS only: wanted to {purpose}")]
    Unsupported {
        /// Why a child was to be started.
        purpose: String,
    },
}

impl ProcessError {
    /// Returns the class of the failure.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::NotFound { .. }
            | Self::NoDirectory { .. }
            | Self::NotStarted { .. }
            | Self::File { .. }
            | Self::NotKept { .. }
            | Self::KeeperVanished { .. }
            | Self::Unmaskable { .. }
            | Self::Unsupported { .. } => FailureKind::Task,
            Self::Lost { .. } | Self::NoRecord { .. } => FailureKind::Internal,
        }
    }

    /// Returns what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { program, path, .. } if path.is_empty() => Some(format!(
                "pass PATH to the child, or write where `{program}` is"
            )),
            Self::NotFound { program, .. } => Some(format!(
                "install `{program}`, or name it in the plan's `tools`"
            )),
            Self::KeeperVanished { .. } => {
                Some("look at what the child changed before it is started again".to_owned())
            }
            Self::NoDirectory { .. }
            | Self::NotStarted { .. }
            | Self::Lost { .. }
            | Self::File { .. }
            | Self::NoRecord { .. }
            | Self::NotKept { .. }
            | Self::Unmaskable { .. }
            | Self::Unsupported { .. } => None,
        }
    }
}
