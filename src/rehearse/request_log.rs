//! A file with one JSON line for each request that a stand-in answered.
//!
//! Several processes may append to one file: each line is one write to a file opened for appending.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Serialize, de::DeserializeOwned};

/// The name of the file in a stand-in's folder.
pub(super) const FILE_NAME: &str = "requests.jsonl";

/// An open log of requests.
#[derive(Debug)]
pub(super) struct RequestLog {
    path: Utf8PathBuf,
    file: File,
}

impl RequestLog {
    /// Opens or creates the log of a folder.
    pub(super) fn open(folder: &Utf8Path) -> io::Result<Self> {
        let path = folder.join(FILE_NAME);
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok(Self { path, file })
    }

    /// Appends one line.
    pub(super) fn append(&self, entry: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        (&self.file).write_all(&line)
    }

    /// Reads all lines, those of earlier runs on the same folder included.
    pub(super) fn read<T: DeserializeOwned>(&self) -> io::Result<Vec<T>> {
        BufReader::new(File::open(&self.path)?)
            .lines()
            .map(|line| Ok(serde_json::from_str(&line?)?))
            .collect()
    }
}
