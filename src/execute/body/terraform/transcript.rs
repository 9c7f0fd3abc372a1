//! What terraform said, readable: its messages out of the lines of JSON that it prints.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use camino::{Utf8Path, Utf8PathBuf};

use super::failure;
use crate::{
    event::LogRef,
    execute::{ExecuteError, Run},
    graph::Node,
    terraform::told::Told,
};

/// The readable log of an attempt. Its lines are shown as they come.
pub(super) struct Transcript<'t, 'r, 'p> {
    run: &'t Run<'r, 'p>,
    node: &'t Node<'p>,
    path: Utf8PathBuf,
    relative: Utf8PathBuf,
    /// The module, as the plan names it.
    dir: &'t str,
}

impl<'t, 'r, 'p> Transcript<'t, 'r, 'p> {
    pub(super) fn new(
        run: &'t Run<'r, 'p>,
        node: &'t Node<'p>,
        folder: &Utf8Path,
        relative: &Utf8Path,
        dir: &'t str,
    ) -> Self {
        Self {
            run,
            node,
            path: folder.join("log"),
            relative: relative.join("log"),
            dir,
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
        for line in String::from_utf8_lossy(lines).lines() {
            match Told::read(line) {
                Told::Problem(problem) => self.say(&failure::words(&problem, self.dir))?,
                Told::Progress(progress) => self.say(&progress.to_string())?,
                Told::Said(words) => self.say(&words)?,
                Told::Other => {}
            }
        }
        Ok(())
    }

    /// Adds what a keeper logged, and returns it.
    pub(super) fn add(&self, log: &Utf8Path) -> Result<String, ExecuteError> {
        let text = match fs::read(log) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(ExecuteError::file("read", log, error)),
        };
        if !text.is_empty() {
            self.say(&text)?;
        }
        Ok(text)
    }

    /// How long it is.
    pub(super) fn length(&self) -> usize {
        let length = fs::metadata(&self.path).map_or(0, |found| found.len());
        usize::try_from(length).unwrap_or(usize::MAX)
    }

    /// What was written since it was so long.
    pub(super) fn from(&self, length: usize) -> String {
        let all = fs::read(&self.path).unwrap_or_default();
        String::from_utf8_lossy(all.get(length..).unwrap_or_default()).into_owned()
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
