//! The files of a keeper's folder.
//!
//! | file | holds |
//! |--|--|
//! | `keeper.json` | who keeps what: [`KeeperRecord`] |
//! | `log` | the masked output, both streams, line by line |
//! | `stdout` | captured output as it is; only its owner can read it, and the reader removes it |
//! | `exit.json` | how the child ended: [`ExitRecord`]; it is durable and appears whole |

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    ended::{Captured, Ended, Exit, Note, StopReason},
    error::ProcessError,
};
use crate::event::ProcessIdentity;

/// Version of the records.
const FORMAT: u8 = 1;

pub(super) fn keeper_path(folder: &Path) -> PathBuf {
    folder.join("keeper.json")
}

pub(super) fn log_path(folder: &Path) -> PathBuf {
    folder.join("log")
}

pub(super) fn stdout_path(folder: &Path) -> PathBuf {
    folder.join("stdout")
}

pub(super) fn exit_path(folder: &Path) -> PathBuf {
    folder.join("exit.json")
}

/// Who keeps what.
///
/// It is replaced whole and not synced: when the machine goes down, keeper and child go with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeeperRecord {
    format: u8,
    /// The start of the machine that the identities belong to.
    pub(super) boot: Option<String>,
    pub(super) purpose: String,
    pub(super) keeper: ProcessIdentity,
    pub(super) progress: Progress,
}

/// How far a keeper got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Progress {
    /// It waits for the word to start; nothing was started.
    Waiting,
    /// It got the word. A keeper that died here may have started the child.
    Starting,
    /// The child was started.
    Started(ProcessIdentity),
}

impl KeeperRecord {
    pub(super) fn new(purpose: String, keeper: ProcessIdentity, boot: Option<String>) -> Self {
        Self {
            format: FORMAT,
            boot,
            purpose,
            keeper,
            progress: Progress::Waiting,
        }
    }
}

/// How a kept child ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExitRecord {
    format: u8,
    how: Exit,
    stopped: Option<StopReason>,
    killed: bool,
    took_ms: u64,
    log_bytes: u64,
    /// Whether the captured output is complete, where it was captured.
    stdout_is_complete: Option<bool>,
    notes: Vec<Note>,
}

impl ExitRecord {
    pub(super) fn of(ended: &Ended) -> Self {
        Self {
            format: FORMAT,
            how: ended.how,
            stopped: ended.stopped,
            killed: ended.killed,
            took_ms: u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX),
            log_bytes: ended.log_bytes,
            stdout_is_complete: ended.stdout.as_ref().map(Captured::is_complete),
            notes: ended.notes.clone(),
        }
    }

    /// Returns the end as it was, without the captured output.
    pub(super) fn ended(self) -> Ended {
        Ended {
            how: self.how,
            stopped: self.stopped,
            killed: self.killed,
            took: Duration::from_millis(self.took_ms),
            log_bytes: self.log_bytes,
            stdout: None,
            notes: self.notes,
        }
    }

    pub(super) fn stdout_is_complete(&self) -> Option<bool> {
        self.stdout_is_complete
    }
}

/// What has to survive when a file is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Survives {
    /// The end of the writer.
    Writer,
    /// The end of the machine.
    Machine,
}

/// Replaces a file: readers find the old one or the new one, never a part.
pub(super) fn replace(path: &Path, record: &impl Serialize, survives: Survives) -> io::Result<()> {
    let new = path.with_extension("json.new");
    let mut file = private().create(true).truncate(true).open(&new)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    if survives == Survives::Machine {
        file.sync_all()?;
    }
    std::fs::rename(&new, path)?;
    if let (Survives::Machine, Some(folder)) = (survives, path.parent()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Returns options for a file that only its owner reads.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Reads a record, if it is there.
pub(super) fn read<R: DeserializeOwned>(path: &Path) -> Result<Option<R>, ProcessError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(ProcessError::File {
                path: path.to_owned(),
                what: "read",
                source,
            });
        }
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| ProcessError::NoRecord {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = exit_path(folder.path());
        let ended = Ended {
            how: Exit::Signal(2),
            stopped: Some(StopReason::TimedOut),
            killed: true,
            took: Duration::from_millis(1234),
            log_bytes: 56,
            stdout: None,
            notes: vec![Note::OutputHeld, Note::LogIncomplete("full".to_owned())],
        };
        replace(&path, &ExitRecord::of(&ended), Survives::Machine).expect("the folder is there");
        let record: ExitRecord = read(&path).expect("it is whole").expect("it is there");
        assert_eq!(record.ended(), ended);
    }

    #[test]
    fn a_record_of_another_version_is_refused_with_its_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = exit_path(folder.path());
        std::fs::write(&path, r#"{"format":1,"how":{"code":0},"more":1}"#).expect("a file");
        let error = read::<ExitRecord>(&path).expect_err("it has a field too many");
        assert!(error.to_string().contains("exit.json"), "{error}");
    }
}
