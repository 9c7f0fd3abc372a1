//! What is done with every byte of output: captured, masked, logged, shown.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    ended::{Captured, Note},
    error::ProcessError,
    output::{OutputLine, Source},
    spec::{Capture, Shown},
};
use crate::{
    portable::private_folder,
    secret::{MaskStream, Masker},
};

/// Longest line that is held together, in bytes. A longer one is written in parts.
const LONGEST_LINE: usize = 64 * 1024;

/// Takes both streams of one child.
pub(super) struct Tee {
    stdout: Feed,
    stderr: Feed,
    log: Log,
    live: Live,
    capture: Option<Keep>,
}

/// What is known of the output when all of it is read.
pub(super) struct Read {
    pub(super) log_bytes: u64,
    pub(super) stdout: Option<Captured>,
    pub(super) notes: Vec<Note>,
}

/// One masked stream, and the line that has not ended.
struct Feed {
    from: Source,
    mask: MaskStream,
    line: Vec<u8>,
}

impl Tee {
    pub(super) fn new(masker: &Masker, log: Log, live: Live, capture: Option<Keep>) -> Self {
        let feed = |from| Feed {
            from,
            mask: masker.stream(),
            line: Vec::new(),
        };
        Self {
            stdout: feed(Source::Stdout),
            stderr: feed(Source::Stderr),
            log,
            live,
            capture,
        }
    }

    pub(super) fn take_stdout(&mut self, bytes: &[u8]) {
        if let Some(capture) = &mut self.capture {
            capture.take(bytes);
            if capture.what.shown == Shown::Withheld {
                return;
            }
        }
        self.stdout.take(bytes, &mut self.log, &mut self.live);
    }

    pub(super) fn take_stderr(&mut self, bytes: &[u8]) {
        self.stderr.take(bytes, &mut self.log, &mut self.live);
    }

    /// Ends both streams.
    pub(super) fn finish(mut self) -> Read {
        self.stdout.finish(&mut self.log, &mut self.live);
        self.stderr.finish(&mut self.log, &mut self.live);
        let mut notes = Vec::new();
        notes.extend(self.log.problem.map(Note::LogIncomplete));
        notes.extend(self.live.finish());
        let stdout = self.capture.map(|capture| {
            let (captured, problem) = capture.finish();
            notes.extend(problem.map(Note::CaptureIncomplete));
            captured
        });
        Read {
            log_bytes: self.log.bytes,
            stdout,
            notes,
        }
    }
}

impl Feed {
    fn take(&mut self, bytes: &[u8], log: &mut Log, live: &mut Live) {
        let searched = self.line.len();
        self.mask.push(bytes, &mut self.line);
        let newline = self.line[searched..]
            .iter()
            .rposition(|&byte| byte == b'\n');
        let end = match newline {
            Some(place) => searched + place + 1,
            None if self.line.len() > LONGEST_LINE => self.line.len(),
            None => return,
        };
        self.pass(end, log, live);
    }

    fn finish(&mut self, log: &mut Log, live: &mut Live) {
        self.mask.finish(&mut self.line);
        self.pass(self.line.len(), log, live);
    }

    fn pass(&mut self, end: usize, log: &mut Log, live: &mut Live) {
        log.write(self.from, &self.line[..end]);
        live.show(self.from, &self.line[..end]);
        self.line.drain(..end);
    }
}

/// The log file: both streams, line by line.
pub(super) struct Log {
    place: Option<LogPlace>,
    bytes: u64,
    /// The stream whose line has not ended.
    open_line: Option<Source>,
    problem: Option<String>,
}

enum LogPlace {
    /// It is made when there is something to write: most of many short children say nothing.
    NotYet(PathBuf),
    Open(File),
}

impl Log {
    /// Opens the log for appending.
    pub(super) fn open(path: &Path) -> Result<Self, ProcessError> {
        let file = append_to(path).map_err(|source| ProcessError::File {
            path: path.to_owned(),
            what: "written",
            source,
        })?;
        Ok(Self::at(Some(LogPlace::Open(file))))
    }

    /// Makes the log, and the folders above it that are missing, for their owner alone, when there is something to write.
    pub(super) fn when_needed(path: Option<&Path>) -> Self {
        Self::at(path.map(|path| LogPlace::NotYet(path.to_owned())))
    }

    fn at(place: Option<LogPlace>) -> Self {
        Self {
            place,
            bytes: 0,
            open_line: None,
            problem: None,
        }
    }

    fn write(&mut self, from: Source, text: &[u8]) {
        let Some(last) = text.last() else {
            return;
        };
        let breaks = self.open_line.is_some_and(|open| open != from);
        let written = match self.file() {
            Some(Ok(file)) if breaks => file.write_all(b"\n").and_then(|()| file.write_all(text)),
            Some(Ok(file)) => file.write_all(text),
            Some(Err(problem)) => Err(problem),
            None => return,
        };
        self.open_line = (*last != b'\n').then_some(from);
        match written {
            Ok(()) => self.bytes += text.len() as u64 + u64::from(breaks),
            // The child is read to the end all the same: it must not stand still because a disk is full.
            Err(problem) => {
                self.problem = Some(problem.to_string());
                self.place = None;
            }
        }
    }

    fn file(&mut self) -> Option<io::Result<&mut File>> {
        if let Some(LogPlace::NotYet(path)) = &self.place {
            match make_folder_of(path).and_then(|()| append_to(path)) {
                Ok(file) => self.place = Some(LogPlace::Open(file)),
                Err(problem) => return Some(Err(problem)),
            }
        }
        match &mut self.place {
            Some(LogPlace::Open(file)) => Some(Ok(file)),
            Some(LogPlace::NotYet(_)) | None => None,
        }
    }
}

fn make_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => private_folder().create(folder),
        None => Ok(()),
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The lines that are shown as they come.
pub(super) struct Live {
    lines: Option<mpsc::Sender<OutputLine>>,
    missed: u64,
    missed_in_all: u64,
}

impl Live {
    pub(super) fn new(lines: Option<mpsc::Sender<OutputLine>>) -> Self {
        Self {
            lines,
            missed: 0,
            missed_in_all: 0,
        }
    }

    /// Shows the lines of a text that ends where a line ends.
    pub(super) fn show(&mut self, from: Source, text: &[u8]) {
        if self.lines.is_none() || text.is_empty() {
            return;
        }
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for line in text.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            self.tell_missed();
            let text = String::from_utf8_lossy(line).into_owned();
            let is_shown = self.missed == 0 && self.send(OutputLine { from, text });
            if !is_shown {
                self.missed += 1;
                self.missed_in_all += 1;
            }
        }
    }

    /// Says how many lines were not shown, and returns the note about all of them.
    pub(super) fn finish(mut self) -> Option<Note> {
        self.tell_missed();
        (self.missed_in_all > 0).then_some(Note::LinesNotShown(self.missed_in_all))
    }

    fn tell_missed(&mut self) {
        if self.missed == 0 {
            return;
        }
        let note = OutputLine {
            from: Source::Note,
            text: Note::LinesNotShown(self.missed).to_string(),
        };
        if self.send(note) {
            self.missed = 0;
        }
    }

    /// Sends a line where there is room. Where nobody listens any more nothing is missed.
    fn send(&mut self, line: OutputLine) -> bool {
        let Some(lines) = &self.lines else {
            return true;
        };
        match lines.try_send(line) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Closed(_)) => {
                self.lines = None;
                true
            }
        }
    }
}

/// Standard output as it is, up to a limit.
pub(super) struct Keep {
    what: Capture,
    kept: u64,
    seen: u64,
    place: Place,
    problem: Option<io::Error>,
}

enum Place {
    Memory(Vec<u8>),
    File(File),
}

impl Keep {
    pub(super) fn in_memory(what: Capture) -> Self {
        Self::at(what, Place::Memory(Vec::new()))
    }

    pub(super) fn in_file(what: Capture, file: File) -> Self {
        Self::at(what, Place::File(file))
    }

    fn at(what: Capture, place: Place) -> Self {
        Self {
            what,
            kept: 0,
            seen: 0,
            place,
            problem: None,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        let room = usize::try_from(self.what.limit - self.kept).unwrap_or(usize::MAX);
        let fitting = &bytes[..bytes.len().min(room)];
        self.kept += fitting.len() as u64;
        match &mut self.place {
            Place::Memory(memory) => memory.extend_from_slice(fitting),
            Place::File(file) => {
                if self.problem.is_none() {
                    self.problem = file.write_all(fitting).err();
                }
            }
        }
    }

    /// Returns what was kept; where that is a file, only whether it holds all.
    fn finish(mut self) -> (Captured, Option<String>) {
        let bytes = match self.place {
            Place::Memory(memory) => memory,
            Place::File(file) => {
                self.problem = self.problem.or_else(|| file.sync_all().err());
                Vec::new()
            }
        };
        let is_complete = self.seen == self.kept && self.problem.is_none();
        let problem = self.problem.map(|problem| problem.to_string());
        (Captured::new(bytes, is_complete), problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn tee(log: &Path, live: Option<mpsc::Sender<OutputLine>>) -> Tee {
        let masker = Masker::new([("S", Secret::new("hunter2"))]).expect("it fits");
        Tee::new(&masker, Log::when_needed(Some(log)), Live::new(live), None)
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).expect("the log is there")
    }

    #[test]
    fn streams_are_interleaved_by_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let mut tee = tee(&log, None);
        tee.take_stdout(b"one, ");
        tee.take_stderr(b"warning\n");
        tee.take_stdout(b"two\nthree");
        tee.take_stderr(b"last");
        let end = tee.finish();
        assert_eq!(read(&log), "warning\none, two\nthree\nlast");
        assert_eq!(end.log_bytes, 27);
    }

    #[test]
    fn a_secret_split_between_reads_reaches_neither_log_nor_screen() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let (sender, mut lines) = mpsc::channel(8);
        let mut tee = tee(&log, Some(sender));
        tee.take_stdout(b"key=hun");
        tee.take_stderr(b"noise\n");
        tee.take_stdout(b"ter2\r\n");
        tee.finish();
        assert_eq!(read(&log), "noise\nkey=***\r\n");
        let texts: Vec<String> = std::iter::from_fn(|| lines.try_recv().ok())
            .map(|line| line.text)
            .collect();
        assert_eq!(texts, ["noise", "key=***"]);
    }

    #[test]
    fn lines_that_nobody_takes_are_counted_and_logged() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let (sender, mut lines) = mpsc::channel(2);
        let mut tee = tee(&log, Some(sender));
        tee.take_stdout(b"1\n2\n3\n4\n");
        let first = lines.try_recv().expect("it had room");
        tee.take_stdout(b"5\n");
        let end = tee.finish();
        assert_eq!(first.text, "1");
        assert_eq!(lines.try_recv().expect("it had room").text, "2");
        let note = lines
            .try_recv()
            .expect("the note took the room of the first");
        assert_eq!(note.from, Source::Note);
        assert_eq!(note.text, "2 lines were not shown; the log has them");
        assert_eq!(end.notes, [Note::LinesNotShown(3)]);
        assert_eq!(read(&log), "1\n2\n3\n4\n5\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_ends_the_log_and_not_the_reading() {
        let (sender, mut lines) = mpsc::channel(8);
        let mut tee = tee(Path::new("/dev/full"), Some(sender));
        tee.take_stdout(b"one\n");
        tee.take_stdout(b"two\n");
        let end = tee.finish();
        assert!(matches!(&end.notes[..], [Note::LogIncomplete(_)]));
        assert_eq!(lines.try_recv().expect("it is shown").text, "one");
        assert_eq!(lines.try_recv().expect("it is shown").text, "two");
    }

    #[test]
    fn captured_output_says_when_it_was_cut() {
        let capture = |limit| {
            Keep::in_memory(Capture {
                limit,
                shown: Shown::Masked,
            })
        };
        let mut all = capture(4);
        all.take(b"1234");
        let mut some = capture(3);
        some.take(b"1234");
        assert_eq!(all.finish().0, Captured::new(b"1234".to_vec(), true));
        assert_eq!(some.finish().0, Captured::new(b"123".to_vec(), false));
    }
}
