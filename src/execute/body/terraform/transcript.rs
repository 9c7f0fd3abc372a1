//! What terraform said, readable: its messages out of the lines of JSON that it prints.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    event::LogRef,
    execute::{ExecuteError, Run},
    graph::Node,
    terraform::shim::{message::Message},
};

/// The readable log of an attempt. Its lines are shown as they come.
pub(super) struct Transcript<'t, 'r, 'p> {
    run: &'t Run<'r, 'p>,
    node: &'t Node<'p>,
    path: Utf8PathBuf,
    relative: Utf8PathBuf,
}

impl<'t, 'r, 'p> Transcript<'t, 'r, 'p> {
    pub(super) fn new(
        run: &'t Run<'r, 'p>,
        node: &'t Node<'p>,
        folder: &Utf8Path,
        relative: &Utf8Path,
    ) -> Self {
        Self {
            run,
            node,
            path: folder.join("log"),
            relative: relative.join("log"),
        }
    }

    /// Where processes write what they say on standard error.
    pub(super) fn path(&self) -> &Utf8Path {
        &self.path
    }

    pub(super) fn relative(&self) -> &Utf8Path {
        &self.relative
    }

    /// Writes and shows lines, masked.
    pub(super) fn say(&self, text: &str) -> Result<(), ExecuteError> {
        let text = self.run.masker.borrow().mask(text).into_owned();
        for line in text.lines() {
            self.run.recorder.output(&self.node.key, line);
        }
        let write = || -> io::Result<()> {
            let mut log = File::options().create(true).append(true).open(&self.path)?;
            log.write_all(text.as_bytes())?;
            log.write_all(if text.ends_with('\n') { b"" } else { b"\n" })
        };
        write().map_err(|error| ExecuteError::file("write", &self.path, error))
    }

    /// Says what stands in some lines of JSON.
    pub(super) fn tell(&self, lines: &[u8]) -> Result<(), ExecuteError> {
        for message in Message::read_all(lines) {
            if let Some(text) = message.text() {
                self.say(&text)?;
            }
        }
        Ok(())
    }

    /// Adds what a keeper logged.
    pub(super) fn add(&self, log: &Utf8Path) -> Result<(), ExecuteError> {
        match fs::read_to_string(log) {
            Ok(text) if text.is_empty() => Ok(()),
            Ok(text) => self.say(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(ExecuteError::file("read", log, error)),
        }
    }

    /// Where it is, once something was said.
    pub(super) fn log(&self) -> Option<LogRef> {
        let bytes = fs::metadata(&self.path).ok()?.len();
        Some(LogRef {
            path: self.relative.to_string(),
            bytes,
        })
    }
}

/// Follows the lines of JSON that a keeper writes into a private file.
pub(super) struct Follower {
    path: PathBuf,
    told: u64,
}

impl Follower {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, told: 0 }
    }

    /// Tells the whole lines that have come since.
    pub(super) fn tell(&mut self, transcript: &Transcript<'_, '_, '_>) -> Result<(), ExecuteError> {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.told))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        // It is not there yet, or was taken just now: the rest is told of what was taken.
        let Ok(bytes) = read() else { return Ok(()) };
        let end = bytes.iter().rposition(|&byte| byte == b'\n');
        let whole = &bytes[..end.map_or(0, |end| end + 1)];
        self.told += whole.len() as u64;
        transcript.tell(whole)
    }

    /// Tells what was not told yet of all that came.
    pub(super) fn finish(
        self,
        all: &[u8],
        transcript: &Transcript<'_, '_, '_>,
    ) -> Result<(), ExecuteError> {
        let told = usize::try_from(self.told).unwrap_or(all.len());
        transcript.tell(all.get(told..).unwrap_or_default())
    }
}
