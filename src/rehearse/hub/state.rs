//! What the hub remembers: one JSON file, replaced whole, changed under a lock that other processes respect.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::{
    comments::Comment,
    runs::{Approval, WorkflowJob, WorkflowRun},
    statuses::CommitStatus,
};

/// Everything that was told to the hub.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    last_id: u64,
    pub(super) comments: Vec<Comment>,
    pub(super) statuses: Vec<CommitStatus>,
    pub(super) runs: Vec<WorkflowRun>,
    pub(super) jobs: Vec<WorkflowJob>,
    pub(super) approvals: Vec<Approval>,
}

impl State {
    /// Returns an id that nothing else has.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// The folder of a hub.
#[derive(Debug)]
pub(super) struct StateFile {
    folder: Utf8PathBuf,
}

impl StateFile {
    /// Creates the folder.
    pub(super) fn open(folder: &Utf8Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Reads the state as it stands.
    pub(super) fn read(&self) -> io::Result<State> {
        match fs::read(self.path()) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(State::default()),
            Err(error) => Err(error),
        }
    }

    /// Changes the state while nobody else does.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> io::Result<T> {
        let lock = self.lock()?;
        let mut state = self.read()?;
        let result = change(&mut state);
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&serde_json::to_vec_pretty(&state)?)?;
        file.persist(self.path()).map_err(|error| error.error)?;
        drop(lock);
        Ok(result)
    }

    fn path(&self) -> Utf8PathBuf {
        self.folder.join("state.json")
    }

    /// Waits for the lock; it goes with the file.
    fn lock(&self) -> io::Result<File> {
        let path = self.folder.join("state.lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        file.lock()?;
        Ok(file)
    }
}
