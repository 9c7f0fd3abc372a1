//! A ledger in a folder: `records.jsonl` under a lock that all processes take.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Write as _},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::{
    error::{LedgerError, io_error},
    folder::{create_private_folder, inside, sync_folder},
    group_commit::{GroupCommit, SyncError},
    line::{self, Cursor, Lines},
};
use crate::{
    digest::Digest,
    event::{Event, Record},
    ident::RunId,
    portable::{private_file, read_exact_at},
};

const RECORDS: &str = "records.jsonl";

/// The ledger of one walk, open for writing.
///
/// Threads share one handle, processes have one each. Appending takes the file's lock, so numbers have no gaps whoever
/// writes. The lock says nothing about who *may* write: that is the lease.
#[derive(Debug)]
pub struct Ledger {
    folder: Utf8PathBuf,
    path: Utf8PathBuf,
    file: File,
    /// How far this handle has seen the file.
    seen: Mutex<Cursor>,
    /// Bytes of the file that this handle knows to be written.
    written: AtomicU64,
    commit: GroupCommit,
    warnings: Mutex<Vec<Warning>>,
    /// Parts of fingerprints that are known to lie beside the records.
    kept: Mutex<HashSet<Digest>>,
}

/// A ledger that was opened, with what it holds.
#[derive(Debug)]
pub struct Opened {
    /// The ledger.
    pub ledger: Ledger,
    /// What it holds.
    pub replay: Replay,
}

/// What a ledger holds.
#[derive(Debug, Default)]
pub struct Replay {
    /// All records, in order.
    pub records: Vec<Record>,
    /// The place behind the last of them, to read on from.
    pub end: Cursor,
    /// What was found to be wrong and could be set right.
    pub warnings: Vec<Warning>,
}

/// Something wrong that does not stop the work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A writer was cut off in its last line, which was never acknowledged.
    #[error("`{path}`, line {line}: dropped {bytes} bytes of a record whose writer was cut off")]
    TornLine {
        /// The file.
        path: Utf8PathBuf,
        /// The line, from 1.
        line: u64,
        /// How much of it there was, in bytes.
        bytes: usize,
    },
}

/// When an append is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When the system has the bytes: they outlive this process, not the machine.
    Written,
    /// When the disk has them: needed before an effect that cannot be taken back.
    Synced,
}

/// Reads what the ledger in `folder` holds, without making or changing anything; nothing where there is none.
///
/// # Errors
/// A file that cannot be read, was damaged, or has a newer format.
pub fn replay(folder: &Utf8Path) -> Result<Replay, LedgerError> {
    let path = folder.join(RECORDS);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Replay::default()),
        Err(error) => return Err(io_error("open", path)(error)),
    };
    let lock = Lock::take(&path, &file, Access::Reading)?;
    let lines = read_on(&path, &file, Cursor::default())?;
    drop(lock);
    Ok(Replay::of(&path, lines))
}

/// Reads what the bytes of a ledger hold, wherever they lie; `path` is what messages call them.
///
/// # Errors
/// Bytes that were damaged, or have a newer format.
pub fn replay_bytes(path: &Utf8Path, bytes: &[u8]) -> Result<Replay, LedgerError> {
    let lines = line::decode(path, bytes, Cursor::default())?;
    Ok(Replay::of(path, lines))
}

impl Ledger {
    /// Opens the ledger in `folder`, and makes it where there is none.
    ///
    /// # Errors
    /// A folder that cannot be written, a file that was damaged, or one with a newer format.
    pub fn open(folder: &Utf8Path) -> Result<Opened, LedgerError> {
        create_private_folder(folder)?;
        let path = folder.join(RECORDS);
        let file = private_file()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(io_error("open", &path))?;
        let lock = Lock::take(&path, &file, Access::Writing)?;
        let mut lines = read_on(&path, &file, Cursor::default())?;
        let mut replay_warnings = Vec::new();
        if lines.end.line == 0 {
            replay_warnings.extend(torn_line(&path, &lines));
            begin(folder, &path, &file)?;
            lines = read_on(&path, &file, Cursor::default())?;
        }
        drop(lock);
        let mut replay = Replay::of(&path, lines);
        replay.warnings.append(&mut replay_warnings);
        let ledger = Self {
            folder: folder.to_owned(),
            seen: Mutex::new(replay.end),
            written: AtomicU64::new(replay.end.offset),
            commit: GroupCommit::default(),
            warnings: Mutex::default(),
            kept: Mutex::default(),
            path,
            file,
        };
        Ok(Opened { ledger, replay })
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Returns the place of a path that a record names, as that of a log.
    ///
    /// # Errors
    /// A path that is absolute or leads out of the ledger.
    pub fn path_of(&self, path: &str) -> Result<Utf8PathBuf, LedgerError> {
        inside(&self.folder, path)
    }

    /// Makes the folder `relative` of this ledger, for its owner alone, and returns its path.
    ///
    /// # Errors
    /// A path that leads out of the ledger, or a folder that cannot be made.
    pub fn create_folder(&self, relative: &Utf8Path) -> Result<Utf8PathBuf, LedgerError> {
        let folder = inside(&self.folder, relative.as_str())?;
        create_private_folder(&folder)?;
        Ok(folder)
    }

    /// Records one event of `run`, and returns it with its number.
    ///
    /// # Errors
    /// As [`Self::append_all`].
    pub fn append(
        &self,
        run: &RunId,
        at: Timestamp,
        event: Event,
        durability: Durability,
    ) -> Result<Record, LedgerError> {
        let mut records = self.append_all(run, at, vec![event], durability)?;
        Ok(records.pop().expect("one event makes one record"))
    }

    /// Records events of `run` one behind the other, all or none of them, and returns them with their numbers.
    ///
    /// # Errors
    /// When the bytes could not be written, nothing is recorded. When they could not be synced, nobody knows: this handle
    /// then refuses everything else, and what is true is found by opening the ledger again.
    pub fn append_all(
        &self,
        run: &RunId,
        at: Timestamp,
        events: Vec<Event>,
        durability: Durability,
    ) -> Result<Vec<Record>, LedgerError> {
        if self.commit.has_failed() {
            return Err(self.unsynced());
        }
        let (records, end) = self.write(run, at, events)?;
        if durability == Durability::Synced {
            self.reach(end)?;
        }
        Ok(records)
    }

    /// Puts on the disk what was recorded by this handle.
    ///
    /// # Errors
    /// A sync that fails, now or before.
    pub fn sync(&self) -> Result<(), LedgerError> {
        self.reach(self.written.load(Ordering::Acquire))
    }

    /// Returns the records behind `cursor`, whoever wrote them, and moves it behind them.
    ///
    /// # Errors
    /// A file that cannot be read or was damaged.
    pub fn read_on(&self, cursor: &mut Cursor) -> Result<Vec<Record>, LedgerError> {
        // The lock belongs to the open file, which the threads of this process share: they take it one after the other.
        let _seen = self.seen();
        let _lock = Lock::take(&self.path, &self.file, Access::Reading)?;
        let lines = read_on(&self.path, &self.file, *cursor)?;
        *cursor = lines.end;
        Ok(lines.records)
    }

    /// Returns what was found to be wrong and set right since the last call.
    pub fn take_warnings(&self) -> Vec<Warning> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut warnings)
    }

    /// Whether these parts of a fingerprint were kept by this handle.
    pub(super) fn has_kept(&self, parts: &Digest) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.contains(parts)
    }

    /// Remembers that these parts of a fingerprint are kept.
    pub(super) fn remember_kept(&self, parts: Digest) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(parts);
    }

    fn write(
        &self,
        run: &RunId,
        at: Timestamp,
        events: Vec<Event>,
    ) -> Result<(Vec<Record>, u64), LedgerError> {
        let mut seen = self.seen();
        let _lock = Lock::take(&self.path, &self.file, Access::Writing)?;
        self.catch_up(&mut seen)?;
        let mut end = *seen;
        let mut text = String::new();
        let mut records = Vec::with_capacity(events.len());
        for event in events {
            end.seq += 1;
            end.line += 1;
            let record = Record {
                seq: end.seq,
                at,
                run: run.clone(),
                event,
            };
            text.push_str(&line::encode(&record)?);
            records.push(record);
        }
        end.offset += text.len() as u64;
        if let Err(error) = (&self.file).write_all(text.as_bytes()) {
            // Best effort: where it fails too, the next append finds a torn line and cuts it off.
            return Err(match self.file.set_len(seen.offset) {
                Ok(()) => io_error("write", &self.path)(error),
                Err(second) => io_error("write, or cut off what was written of", &self.path)(
                    io::Error::new(error.kind(), format!("{error}; {second}")),
                ),
            });
        }
        *seen = end;
        self.written.store(end.offset, Ordering::Release);
        Ok((records, end.offset))
    }

    /// Reads what others wrote since, and cuts off what one of them left unfinished. The lock is held.
    fn catch_up(&self, seen: &mut Cursor) -> Result<(), LedgerError> {
        let lines = read_on(&self.path, &self.file, *seen)?;
        if let Some(warning) = torn_line(&self.path, &lines) {
            self.file
                .set_len(lines.end.offset)
                .map_err(io_error("cut off the torn end of", &self.path))?;
            let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
            warnings.push(warning);
        }
        *seen = lines.end;
        Ok(())
    }

    fn reach(&self, end: u64) -> Result<(), LedgerError> {
        self.commit
            .reach(
                end,
                || self.written.load(Ordering::Acquire),
                || self.file.sync_data(),
            )
            .map_err(|error| match error {
                SyncError::Failed(source) => io_error("sync", &self.path)(source),
                SyncError::FailedBefore => self.unsynced(),
            })
    }

    fn seen(&self) -> MutexGuard<'_, Cursor> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsynced(&self) -> LedgerError {
        LedgerError::Unsynced {
            path: self.path.clone(),
        }
    }
}

impl Replay {
    fn of(path: &Utf8Path, lines: Lines) -> Self {
        Self {
            warnings: torn_line(path, &lines).into_iter().collect(),
            end: lines.end,
            records: lines.records,
        }
    }
}

/// Writes the header of a new ledger, and puts file and name on the disk.
fn begin(folder: &Utf8Path, path: &Utf8Path, file: &File) -> Result<(), LedgerError> {
    let write = || -> io::Result<()> {
        file.set_len(0)?;
        let mut file = file;
        file.write_all(line::header().as_bytes())?;
        file.sync_all()?;
        sync_folder(folder)
    };
    write().map_err(io_error("begin", path))
}

fn torn_line(path: &Utf8Path, lines: &Lines) -> Option<Warning> {
    (lines.n_torn > 0).then(|| Warning::TornLine {
        path: path.to_owned(),
        line: lines.end.line + 1,
        bytes: lines.n_torn,
    })
}

fn read_on(path: &Utf8Path, file: &File, from: Cursor) -> Result<Lines, LedgerError> {
    let length = file.metadata().map_err(io_error("read", path))?.len();
    let Some(behind) = length.checked_sub(from.offset) else {
        return Err(LedgerError::Shrunk {
            path: path.to_owned(),
            read: from.offset,
            found: length,
        });
    };
    let mut bytes = vec![0; usize::try_from(behind).expect("a file fits the address space")];
    read_exact_at(file, &mut bytes, from.offset).map_err(io_error("read", path))?;
    line::decode(path, &bytes, from)
}

/// A lock of the whole file, given back when it goes.
struct Lock<'f>(&'f File);

#[derive(Clone, Copy)]
enum Access {
    Reading,
    Writing,
}

impl<'f> Lock<'f> {
    fn take(path: &Utf8Path, file: &'f File, access: Access) -> Result<Self, LedgerError> {
        loop {
            let result = match access {
                Access::Reading => file.lock_shared(),
                Access::Writing => file.lock(),
            };
            match result {
                Ok(()) => return Ok(Self(file)),
                // A signal of the run came in between.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error("lock", path)(error)),
            }
        }
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // Closing the file gives the lock back too, and there is nobody to tell.
        drop(self.0.unlock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunSummary;

    #[test]
    fn after_a_failed_sync_nothing_more_is_recorded() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = Utf8Path::from_path(folder.path()).expect("its name is UTF-8");
        let Opened { ledger, .. } = Ledger::open(path).expect("a new ledger");
        let broken = || Err(io::Error::from(io::ErrorKind::StorageFull));
        let failed = ledger.commit.reach(u64::MAX, || 0, broken);
        assert!(matches!(failed, Err(SyncError::Failed(_))));
        let event = Event::RunFinished(RunSummary { job: None, exit: 0 });
        let now = Timestamp::UNIX_EPOCH;
        let refused = ledger.append(&RunId::new("1"), now, event, Durability::Written);
        assert!(matches!(refused, Err(LedgerError::Unsynced { .. })));
        assert_eq!(replay(path).expect("a ledger").records, []);
    }
}
