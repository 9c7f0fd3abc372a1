//! A run as plain lines, for people who watch it or read its log.

mod closing;
mod line;
mod story;

use std::io::{self, Write};

pub use self::story::Story;
pub(super) use self::{line::waits, story::plain};
use super::Reporter;
use crate::{event::Record, ident::TaskKey};

/// Which output of tasks is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The last lines of tasks that fail.
    OfFailures,
    /// All of it, as it comes.
    Everything,
    /// None: another part of the program shows it.
    Elsewhere,
}

/// Shows a run as lines: one when a task starts, one for each check, one when it ends, and a last paragraph.
pub struct Terminal {
    writer: Box<dyn Write>,
    story: Story,
    /// The first error; nothing is written after it.
    failed: Option<io::Error>,
}

impl Terminal {
    /// Writes to the given stream.
    pub fn new(writer: Box<dyn Write>, story: Story) -> Self {
        Self {
            writer,
            story,
            failed: None,
        }
    }

    /// Returns the error after which nothing was written any more.
    pub fn failed(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }

    fn write(&mut self, lines: &[String]) {
        if self.failed.is_none() && !lines.is_empty() {
            let text = format!("{}\n", lines.join("\n"));
            let written = self.writer.write_all(text.as_bytes());
            self.failed = written.and_then(|()| self.writer.flush()).err();
        }
    }
}

impl Reporter for Terminal {
    fn record(&mut self, record: &Record) {
        let lines = self.story.record(record);
        self.write(&lines);
    }

    fn output(&mut self, task: &TaskKey, line: &str) {
        let lines: Vec<String> = self.story.output(task, line).into_iter().collect();
        self.write(&lines);
    }

    fn notice(&mut self, text: &str) {
        self.write(&[Story::notice(text)]);
    }
}
