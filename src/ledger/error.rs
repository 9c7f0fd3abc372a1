//! What can be wrong with a ledger.

use std::io;

use camino::Utf8PathBuf;

use crate::{digest::Digest, event::FailureKind};

/// A ledger that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The system refused.
    #[error("cannot {action} `{path}`")]
    Io {
        /// What was tried, as a verb: `read`, `write`, `lock`.
        action: &'static str,
        /// The file or folder.
        path: Utf8PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A path of the system is not UTF-8.
    #[error("a name in `{folder}` is not UTF-8")]
    NotUtf8 {
        /// The folder that holds it.
        folder: Utf8PathBuf,
    },
    /// The file was written by a newer program.
    #[error("`{path}` has format {found}, and this program knows formats up to {known}")]
    Newer {
        /// The file.
        path: Utf8PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that is known here.
        known: u32,
    },
    /// The file does not begin with the header of a ledger.
    #[error("`{path}` is not a ledger: its first line is not the header of one")]
    NotALedger {
        /// The file.
        path: Utf8PathBuf,
    },
    /// A line is not as it was written.
    #[error("`{path}`, line {line}: {problem}")]
    BadLine {
        /// The file.
        path: Utf8PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A line is as it was written, but says what this program does not know.
    #[error("`{path}`, line {line}: the record is not one that this program knows")]
    UnknownRecord {
        /// The file.
        path: Utf8PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is not known.
        source: serde_json::Error,
    },
    /// Records are missing, or are there twice.
    #[error("`{path}`, line {line}: found record {found} where record {expected} belongs")]
    Gap {
        /// The file.
        path: Utf8PathBuf,
        /// The line, from 1.
        line: u64,
        /// The number that belongs there.
        expected: u64,
        /// The number that stands there.
        found: u64,
    },
    /// The file lost records that had been read.
    #[error("`{path}` became shorter: {found} bytes, of which {read} had been read")]
    Shrunk {
        /// The file.
        path: Utf8PathBuf,
        /// How far it had been read, in bytes.
        read: u64,
        /// Its length now, in bytes.
        found: u64,
    },
    /// A sync failed earlier, so nobody knows what is on the disk.
    #[error("an earlier sync of `{path}` failed, so nothing more is recorded")]
    Unsynced {
        /// The file.
        path: Utf8PathBuf,
    },
    /// A value cannot be written as JSON.
    #[error("cannot write a record as JSON")]
    Unwritable {
        /// Why.
        source: serde_json::Error,
    },
    /// A file beside the records is not what this program writes.
    #[error("`{path}` is not what this program writes there")]
    Malformed {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A path of a record leads out of the ledger.
    #[error("`{path}` does not lead to a place in the ledger")]
    Outside {
        /// The path as the record says it.
        path: String,
    },
    /// What is to be handed over is neither a file nor a folder of files.
    #[error("`{path}` is neither a file nor a folder, and only these are handed over")]
    NotAFile {
        /// The path.
        path: Utf8PathBuf,
    },
    /// A file that was handed over is not in the ledger.
    #[error("the ledger does not hold `{path}`")]
    ArtifactMissing {
        /// The path as the record says it.
        path: String,
    },
    /// A file that was handed over is not what was put in.
    #[error("`{path}` is damaged: its content has the digest `{found}`")]
    ArtifactDamaged {
        /// The file in the ledger.
        path: Utf8PathBuf,
        /// The digest of what is there.
        found: Digest,
    },
}

impl LedgerError {
    /// Returns the class of the failure.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Io { .. } | Self::Unsynced { .. } => FailureKind::Unavailable,
            Self::NotUtf8 { .. }
            | Self::Newer { .. }
            | Self::NotALedger { .. }
            | Self::BadLine { .. }
            | Self::UnknownRecord { .. }
            | Self::Gap { .. }
            | Self::Shrunk { .. }
            | Self::Malformed { .. }
            | Self::Outside { .. }
            | Self::NotAFile { .. }
            | Self::ArtifactMissing { .. }
            | Self::ArtifactDamaged { .. } => FailureKind::Invalid,
            Self::Unwritable { .. } => FailureKind::Internal,
        }
    }

    /// Returns what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Newer { .. } => {
                Some("use the version of deploy-action that wrote it, or a newer one".to_owned())
            }
            Self::UnknownRecord { line, .. } => Some(format!(
                "line {line} is undamaged, so a newer version wrote it: use that one"
            )),
            Self::NotALedger { .. } => {
                Some("name another folder with `--state`, or move the file away".to_owned())
            }
            Self::BadLine { path, line, .. } | Self::Gap { path, line, .. } => Some(format!(
                "the file was changed by something else: restore it from a copy, or keep it and go on with what is sure: `cp {path} {path}.damaged && sed -i '{line},$d' {path}`; tasks whose records are lost run again"
            )),
            Self::Shrunk { .. } => Some(
                "another program replaced the file while it was in use: start again to read it anew"
                    .to_owned(),
            ),
            Self::Unsynced { .. } => {
                Some("look at the disk, then start again: what was recorded is resumed".to_owned())
            }
            Self::Malformed { path, .. } => {
                Some(format!("move `{path}` away; it is written again"))
            }
            Self::ArtifactMissing { .. } | Self::ArtifactDamaged { .. } => {
                Some("repeat the task that hands it over with `--force TASK`".to_owned())
            }
            Self::NotAFile { .. } => {
                Some("hand over the file that a link points at, not the link".to_owned())
            }
            Self::Io { .. }
            | Self::NotUtf8 { .. }
            | Self::Unwritable { .. }
            | Self::Outside { .. } => None,
        }
    }
}

/// Turns an error of the system into ours.
pub(super) fn io_error(
    action: &'static str,
    path: impl Into<Utf8PathBuf>,
) -> impl FnOnce(io::Error) -> LedgerError {
    let path = path.into();
    move |source| LedgerError::Io {
        action,
        path,
        source,
    }
}
