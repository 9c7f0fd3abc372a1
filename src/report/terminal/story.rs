//! Facts and output as lines of text.

use std::collections::{BTreeMap, VecDeque};

use super::{Output, closing::Closing, line::Line};
use crate::{
    event::{Event, Outcome, Record},
    ident::TaskKey,
    report::{Colours, Places, visible},
};

/// The most lines of output that are kept for the case that a task fails.
const MOST_KEPT: usize = 20;

/// Turns a run into lines, one after the other.
pub struct Story {
    colours: Colours,
    output: Output,
    places: Places,
    kept: BTreeMap<TaskKey, VecDeque<String>>,
    closing: Closing,
}

impl Story {
    /// Begins a story: in which colours, with which output, and where logs are kept.
    pub fn new(colours: Colours, output: Output, places: Places) -> Self {
        Self {
            colours,
            output,
            places,
            kept: BTreeMap::new(),
            closing: Closing::default(),
        }
    }

    /// Returns what a fact adds: what a failed task said last, the fact itself, and behind the last one how it all ended.
    pub fn record(&mut self, record: &Record) -> Vec<String> {
        self.closing.take(&record.event);
        let mut lines = self.said(&record.event);
        let facts = Line::of(&record.event, &self.places);
        lines.extend(facts.iter().map(|line| line.written(self.colours)));
        if let Event::RunFinished(summary) = &record.event {
            lines.push(self.closing.text(summary.exit, self.colours));
        }
        lines
    }

    /// Takes a line of output, and returns it where it is shown at once.
    pub fn output(&mut self, task: &TaskKey, line: &str) -> Option<String> {
        let line = format!("{task} | {}", plain(line));
        match self.output {
            Output::Everything => return Some(line),
            Output::OfFailures => self.keep(task, line),
            Output::Elsewhere => {}
        }
        None
    }

    /// Returns the line of a notice.
    pub fn notice(text: &str) -> String {
        format!("notice: {}", visible(text))
    }

    /// Returns what a task said last where it failed, and forgets it.
    fn said(&mut self, event: &Event) -> Vec<String> {
        match event {
            Event::TaskStarted { task, .. } => {
                self.kept.remove(task);
                Vec::new()
            }
            Event::TaskFinished { task, outcome, .. } => {
                let said = self.kept.remove(task).unwrap_or_default();
                match outcome {
                    Outcome::Failed(_) | Outcome::Cancelled => said.into(),
                    Outcome::Succeeded => Vec::new(),
                }
            }
            _ => Vec::new(),
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

/// Returns a line of output without colours and without what would move the cursor; of one that was written over and over, what it
/// said last.
pub(in crate::report) fn plain(line: &str) -> String {
    let last = line.trim_end().rsplit('\r').next().unwrap_or_default();
    visible(&console::strip_ansi_codes(last))
}
