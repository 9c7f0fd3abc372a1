//! The log of a step, and the commands in it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{self, Write},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    buffer::Buffer,
    findings::{Findings, Spot},
};
use crate::{
    diagnostic::words::count,
    event::{Event, Record},
    github::{Nonce, command::Commands},
    ident::TaskKey,
    report::{
        Reporter, Story,
        terminal::plain,
        words::{duration, joined},
    },
    secret::Secret,
};

/// How long the log may stand still while tasks run: after that it says which.
const QUIET: SignedDuration = SignedDuration::from_secs(60);

/// What is written besides masks and annotations.
pub enum Shown {
    /// Facts as lines, output in groups.
    Lines(Box<Story>),
    /// Nothing: the run is told elsewhere.
    Nothing,
}

/// Writes a run to the log of GitHub's runner.
///
/// The output of the only task that runs is shown as it comes; where several run, that of each waits for its end. Output is text
/// and nothing else: the runner reads no commands in it.
pub struct RunnerLog {
    commands: Commands<Box<dyn Write>>,
    shown: Shown,
    findings: Findings,
    /// The tasks that run, with the moment of their start.
    running: BTreeMap<TaskKey, Timestamp>,
    waiting: BTreeMap<TaskKey, Buffer>,
    /// The task whose group is open.
    open: Option<TaskKey>,
    /// Tasks that had a group before, in this attempt.
    continued: BTreeSet<TaskKey>,
    /// When something was written last, as far as is known.
    written: Option<Timestamp>,
    is_quiet: bool,
    /// The first error; nothing is written after it.
    failed: Option<io::Error>,
}

impl RunnerLog {
    /// Writes to the given stream, which the runner reads; `spots` says where tasks stand in the plan.
    pub fn new(writer: Box<dyn Write>, shown: Shown, spots: HashMap<TaskKey, Spot>) -> Self {
        Self {
            commands: Commands::new(writer),
            shown,
            findings: Findings::new(spots),
            running: BTreeMap::new(),
            waiting: BTreeMap::new(),
            open: None,
            continued: BTreeSet::new(),
            written: None,
            is_quiet: true,
            failed: None,
        }
    }

    /// Returns the error after which nothing was written any more.
    pub fn failed(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }

    fn attempt(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) {
        if self.failed.is_none() {
            self.is_quiet = false;
            let written = write(self).and_then(|()| self.commands.flush());
            self.failed = written.err();
        }
    }

    /// Writes a fact. It may hold words of others.
    fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.commands, "{}", inert(line))
    }

    /// Opens the group of a task; what stands in it is no command.
    fn open(&mut self, task: &TaskKey) -> io::Result<()> {
        if self.open.as_ref() == Some(task) {
            return Ok(());
        }
        self.close()?;
        let title = match self.continued.insert(task.clone()) {
            true => task.to_string(),
            false => format!("{task}, continued"),
        };
        self.commands.group(&title)?;
        let nonce = Nonce::random().map_err(io::Error::other)?;
        self.commands.stop(nonce)?;
        self.open = Some(task.clone());
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.open = None;
        self.commands.resume()?;
        self.commands.end_group()
    }

    /// Writes what a task said and nobody has seen.
    fn release(&mut self, task: &TaskKey) -> io::Result<()> {
        let Some(mut buffer) = self.waiting.remove(task) else {
            return Ok(());
        };
        if buffer.is_empty() {
            return Ok(());
        }
        self.open(task)?;
        let (n_left_out, lines) = buffer.take();
        if n_left_out > 0 {
            let missing = count(n_left_out, "line");
            writeln!(self.commands, "… {missing} before: the full log has them")?;
        }
        lines
            .iter()
            .try_for_each(|line| writeln!(self.commands, "{line}"))
    }

    fn take_output(&mut self, task: &TaskKey, line: &str, was_quiet: bool) -> io::Result<()> {
        let is_alone = self.running.len() == 1 && self.running.contains_key(task);
        if is_alone {
            self.release(task)?;
            self.open(task)?;
            return writeln!(self.commands, "{}", plain(line));
        }
        let buffer = self.waiting.entry(task.clone()).or_default();
        buffer.push(plain(line));
        // Nobody has seen it: for the reader of the log it is quiet.
        self.is_quiet = was_quiet;
        Ok(())
    }

    fn take_record(&mut self, record: &Record) -> io::Result<()> {
        self.findings.take(&record.event);
        let Shown::Lines(story) = &mut self.shown else {
            return self.annotate(&record.event);
        };
        let facts = story.record(record);
        let last_word = last_word(&record.event).cloned();
        if let Some(task) = &last_word {
            self.release(task)?;
        }
        if !facts.is_empty() {
            self.close()?;
        }
        facts.iter().try_for_each(|fact| self.say(fact))?;
        if let Event::TaskStarted { task, .. } = &record.event {
            self.continued.remove(task);
            self.running.insert(task.clone(), record.at);
        }
        if let Some(task) = last_word {
            self.running.remove(&task);
            self.promote()?;
        }
        self.annotate(&record.event)
    }

    /// Where one task is left, what it said is shown, and what it says from now on.
    fn promote(&mut self) -> io::Result<()> {
        match (self.running.len(), self.running.keys().next().cloned()) {
            (1, Some(only)) => self.release(&only),
            _ => Ok(()),
        }
    }

    /// When all is over, what a person should look at goes to the page of the run.
    fn annotate(&mut self, event: &Event) -> io::Result<()> {
        let Event::RunFinished(_) = event else {
            return Ok(());
        };
        self.close()?;
        self.commands.annotate(&self.findings.annotations())
    }

    fn beat(&mut self, at: Timestamp) -> io::Result<()> {
        let running = self.running.iter().map(|(task, since)| {
            let took = Duration::try_from(at.duration_since(*since)).unwrap_or_default();
            format!("{task} for {}", duration(took))
        });
        let running: Vec<String> = running.collect();
        self.say(&format!("{:<12} {}", "running", joined(&running)))
    }
}

/// The task about which nothing more is said for now.
fn last_word(event: &Event) -> Option<&TaskKey> {
    match event {
        Event::TaskFinished { task, .. }
        | Event::TaskUpToDate { task, .. }
        | Event::TaskInvalidated { task, .. } => Some(task),
        _ => None,
    }
}

/// A runner reads `##[…]` anywhere in a line as a command, and `::…::` at its beginning.
fn inert(line: &str) -> String {
    let line = line.replace("##[", "## [");
    match line.trim_start().starts_with("::") {
        true => format!("| {line}"),
        false => line,
    }
}

impl Reporter for RunnerLog {
    fn record(&mut self, record: &Record) {
        self.written = Some(record.at);
        self.attempt(|log| log.take_record(record));
    }

    fn output(&mut self, task: &TaskKey, line: &str) {
        if let Shown::Lines(_) = self.shown {
            let was_quiet = self.is_quiet;
            self.attempt(|log| log.take_output(task, line, was_quiet));
        }
    }

    fn notice(&mut self, text: &str) {
        self.findings.notice(text);
        if let Shown::Lines(_) = self.shown {
            self.attempt(|log| {
                log.close()?;
                log.say(&Story::notice(text))
            });
        }
    }

    fn tick(&mut self, at: Timestamp) {
        let is_quiet = std::mem::replace(&mut self.is_quiet, true);
        let since = *self.written.get_or_insert(at);
        if !is_quiet {
            self.written = Some(at);
        } else if !self.running.is_empty() && at.duration_since(since) >= QUIET {
            self.attempt(|log| log.beat(at));
            self.written = Some(at);
        }
    }

    fn secrets(&mut self, secrets: &[Secret]) {
        self.attempt(|log| {
            secrets
                .iter()
                .try_for_each(|secret| log.commands.mask(secret))
        });
    }
}

impl Drop for RunnerLog {
    /// A run that ends by an error leaves the log open for what is said after it.
    fn drop(&mut self) {
        self.attempt(Self::close);
    }
}
