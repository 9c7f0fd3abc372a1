//! A run as plain lines, for people who watch it or read its log.

mod closing;
mod line;

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Write},
};

use self::{closing::Closing, line::Line};
use super::{Colours, Reporter};
use crate::{
    event::{Event, Outcome, Record},
    ident::TaskKey,
};

/// The most lines of output that are kept for the case that a task fails.
const MOST_KEPT: usize = 20;

/// Which output of tasks is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The last lines of tasks that fail.
    OfFailures,
    /// All of it, as it comes.
    Everything,
}

/// Shows a run as lines: one when a task starts, one for each check, one when it ends, and a last paragraph.
pub struct Terminal {
    writer: Box<dyn Write>,
    colours: Colours,
    output: Output,
    kept: BTreeMap<TaskKey, VecDeque<String>>,
    closing: Closing,
    /// The first error; nothing is written after it.
    failed: Option<io::Error>,
}

impl Terminal {
    /// Writes to the given stream.
    pub fn new(writer: Box<dyn Write>, colours: Colours, output: Output) -> Self {
        Self {
            writer,
            colours,
            output,
            kept: BTreeMap::new(),
            closing: Closing::default(),
            failed: None,
        }
    }

    /// Returns the error after which nothing was written any more.
    pub fn failed(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }

    fn write(&mut self, text: &str) {
        if self.failed.is_none() {
            let written = writeln!(self.writer, "{text}").and_then(|()| self.writer.flush());
            self.failed = written.err();
        }
    }

    /// Shows what a failed task said last, then forgets it.
    fn show_kept(&mut self, task: &TaskKey) {
        for line in self.kept.remove(task).unwrap_or_default() {
            self.write(&line);
        }
    }

    fn keep(&mut self, task: &TaskKey, line: String) {
        let kept = self.kept.entry(task.clone()).or_default();
        if kept.len() == MOST_KEPT {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}

impl Reporter for Terminal {
    fn record(&mut self, record: &Record) {
        self.closing.take(&record.event);
        match &record.event {
            Event::TaskStarted { task, .. } => {
                self.kept.remove(task);
            }
            Event::TaskFinished { task, outcome, .. } => match outcome {
                Outcome::Failed(_) | Outcome::Cancelled => self.show_kept(task),
                Outcome::Succeeded => {
                    self.kept.remove(task);
                }
            },
            _ => {}
        }
        for line in Line::of(&record.event) {
            let text = line.written(self.colours);
            self.write(&text);
        }
        if let Event::RunFinished(summary) = &record.event {
            let text = self.closing.text(summary.exit, self.colours);
            self.write(&text);
        }
    }

    fn output(&mut self, task: &TaskKey, line: &str) {
        let line = format!(
            "{task} | {}",
            line::visible(&console::strip_ansi_codes(line))
        );
        match self.output {
            Output::Everything => self.write(&line),
            Output::OfFailures => self.keep(task, line),
        }
    }

    fn notice(&mut self, text: &str) {
        self.write(&format!("notice: {}", line::visible(text)));
    }
}
