//! Facts go to the ledger first and to the reporters then; what is known is a fold of them.

use std::{
    cell::{Ref, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;

use super::ExecuteError;
use crate::{
    event::{Event, Record},
    expression::Value,
    ident::{EnvironmentName, Name, RunId, TaskKey},
    ledger::{Cursor, Durability, Ledger, RunState, walk_folder},
    report::Reporter,
    secret::Secret,
};

/// The ledgers of the walks that a run takes part in, and everything that is known.
pub struct Recorder {
    run: RunId,
    walks: BTreeMap<Option<EnvironmentName>, Ledger>,
    /// The walks that the run writes to.
    written: BTreeSet<Option<EnvironmentName>>,
    /// How far each ledger was read when it was opened.
    read: BTreeMap<Option<EnvironmentName>, Cursor>,
    known: RefCell<Known>,
    reporters: RefCell<Vec<Box<dyn Reporter>>>,
}

/// What is known: the fold of all records, and outputs of this process that may be kept nowhere.
#[derive(Debug, Default)]
pub struct Known {
    state: RunState,
    withheld: BTreeMap<(TaskKey, Name), Value>,
}

impl Known {
    /// Knows what the records of some walks say.
    pub fn new(state: RunState) -> Self {
        Self {
            state,
            withheld: BTreeMap::new(),
        }
    }

    /// Returns the fold of the records.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Returns a secret output that a task of this process made.
    pub fn withheld(&self, task: &TaskKey, output: &str) -> Option<Value> {
        let output = output.parse().ok()?;
        self.withheld.get(&(task.clone(), output)).cloned()
    }
}

impl Recorder {
    /// Opens the ledgers of the walks below a plan's folder of state.
    ///
    /// # Errors
    ///
    /// A ledger cannot be opened: without it nothing may run.
    pub fn open(
        plan_folder: &Utf8Path,
        walks: impl IntoIterator<Item = Option<EnvironmentName>>,
        run: RunId,
        mut reporters: Vec<Box<dyn Reporter>>,
    ) -> Result<Self, ExecuteError> {
        let mut ledgers = BTreeMap::new();
        let mut records: Vec<Vec<Record>> = Vec::new();
        let mut read = BTreeMap::new();
        for walk in walks {
            let opened = Ledger::open(&walk_folder(plan_folder, walk.as_ref()))?;
            for warning in &opened.replay.warnings {
                reporters
                    .iter_mut()
                    .for_each(|reporter| reporter.notice(&warning.to_string()));
            }
            records.push(opened.replay.records);
            read.insert(walk.clone(), opened.replay.end);
            ledgers.insert(walk, opened.ledger);
        }
        let slices: Vec<&[Record]> = records.iter().map(Vec::as_slice).collect();
        let known = Known::new(RunState::of_walks(&slices));
        Ok(Self {
            run,
            written: ledgers.keys().cloned().collect(),
            read,
            walks: ledgers,
            known: RefCell::new(known),
            reporters: RefCell::new(reporters),
        })
    }

    /// Restricts what the run writes to, and needs a lease of, to the walks of its tasks.
    #[must_use]
    pub fn writing_to(mut self, walks: BTreeSet<Option<EnvironmentName>>) -> Self {
        self.written = walks;
        self
    }

    /// Reads what others wrote between the opening and the lease: only now nobody else writes.
    ///
    /// # Errors
    ///
    /// A ledger cannot be read.
    pub fn catch_up(&self) -> Result<(), ExecuteError> {
        let mut known = self.known.borrow_mut();
        for (walk, ledger) in &self.walks {
            let mut cursor = self.read.get(walk).copied().unwrap_or_default();
            for record in ledger.read_on(&mut cursor)? {
                known.state.apply(&record);
            }
        }
        Ok(())
    }

    /// Returns what is known now.
    pub fn known(&self) -> Ref<'_, Known> {
        self.known.borrow()
    }

    /// Marks as interrupted what was started by a run that no longer lives.
    pub fn mark_interrupted(&self, lives: impl Fn(&RunId) -> bool) {
        self.known
            .borrow_mut()
            .state
            .mark_interrupted(|_, attempt| lives(&attempt.run));
    }

    /// Keeps a secret output for the tasks of this process.
    pub fn withhold(&self, task: &TaskKey, output: &Name, value: Value) {
        self.known
            .borrow_mut()
            .withheld
            .insert((task.clone(), output.clone()), value);
    }

    /// Returns the ledger of a task's walk.
    pub fn ledger_of(&self, task: &TaskKey) -> Result<&Ledger, ExecuteError> {
        self.ledger(task.environment.as_ref())
    }

    /// Returns the ledger of a walk.
    ///
    /// # Errors
    ///
    /// It was not opened.
    pub fn ledger(&self, walk: Option<&EnvironmentName>) -> Result<&Ledger, ExecuteError> {
        self.walks.get(&walk.cloned()).ok_or_else(|| {
            let walk = walk.map_or("none", EnvironmentName::as_str);
            ExecuteError::task(
                crate::event::FailureKind::Internal,
                format!("the ledger of walk `{walk}` was not opened"),
            )
        })
    }

    /// Goes through the ledgers that the run writes to.
    pub fn ledgers(&self) -> impl Iterator<Item = &Ledger> {
        let walks = self.walks.iter();
        walks
            .filter(|(walk, _)| self.written.contains(walk))
            .map(|(_, ledger)| ledger)
    }

    /// Records a fact about a task.
    ///
    /// # Errors
    ///
    /// The ledger cannot be written; then nothing may go on.
    pub fn task(
        &self,
        task: &TaskKey,
        event: Event,
        at: Timestamp,
        durability: Durability,
    ) -> Result<(), ExecuteError> {
        self.write(task.environment.as_ref(), event, at, durability)
    }

    /// Records a fact in one walk.
    ///
    /// # Errors
    ///
    /// As [`Recorder::task`].
    pub fn write(
        &self,
        walk: Option<&EnvironmentName>,
        event: Event,
        at: Timestamp,
        durability: Durability,
    ) -> Result<(), ExecuteError> {
        let record = self
            .ledger(walk)?
            .append(&self.run, at, event, durability)?;
        self.known.borrow_mut().state.apply(&record);
        self.reporters
            .borrow_mut()
            .iter_mut()
            .for_each(|reporter| reporter.record(&record));
        Ok(())
    }

    /// Records a fact about the run in each walk that it writes to; it is shown once.
    ///
    /// # Errors
    ///
    /// As [`Recorder::task`].
    pub fn everywhere(&self, event: &Event, at: Timestamp) -> Result<(), ExecuteError> {
        for (index, ledger) in self.ledgers().enumerate() {
            let record = ledger.append(&self.run, at, event.clone(), Durability::Synced)?;
            self.known.borrow_mut().state.apply(&record);
            if index == 0 {
                self.reporters
                    .borrow_mut()
                    .iter_mut()
                    .for_each(|reporter| reporter.record(&record));
            }
        }
        Ok(())
    }

    /// Shows a masked line of a task's output.
    pub fn output(&self, task: &TaskKey, line: &str) {
        self.reporters
            .borrow_mut()
            .iter_mut()
            .for_each(|reporter| reporter.output(task, line));
    }

    /// Shows something besides facts.
    pub fn notice(&self, text: &str) {
        self.reporters
            .borrow_mut()
            .iter_mut()
            .for_each(|reporter| reporter.notice(text));
    }

    /// Shows that time passes.
    pub fn tick(&self, at: Timestamp) {
        self.reporters
            .borrow_mut()
            .iter_mut()
            .for_each(|reporter| reporter.tick(at));
    }

    /// Tells the reporters of secrets, before anything that holds them is shown.
    pub fn secrets(&self, secrets: &[Secret]) {
        self.reporters
            .borrow_mut()
            .iter_mut()
            .for_each(|reporter| reporter.secrets(secrets));
    }

    /// Returns the folder for what one attempt of a task writes, and its path in the ledger; whoever writes there first makes
    /// it. A repeated job has the run and the number of an earlier one, and still a folder of its own.
    ///
    /// # Errors
    ///
    /// The ledger of the task's walk was not opened.
    pub fn attempt_folder(
        &self,
        task: &TaskKey,
        attempt: u32,
    ) -> Result<(Utf8PathBuf, Utf8PathBuf), ExecuteError> {
        let ledger = self.ledger_of(task)?;
        let of_task = crate::ledger::log_folder(&self.run, task);
        let mut relative = of_task.join(format!("attempt-{attempt}"));
        for number in 2_u32.. {
            if !ledger.path_of(relative.as_str())?.exists() {
                break;
            }
            relative = of_task.join(format!("attempt-{attempt}-{number}"));
        }
        Ok((ledger.path_of(relative.as_str())?, relative))
    }

    /// Returns the run.
    pub fn run(&self) -> &RunId {
        &self.run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_run_wrote_before_the_lease_was_taken_is_known_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = Utf8Path::from_path(folder.path()).expect("its name is UTF-8");
        let open = |run: &str| {
            Recorder::open(path, [None], RunId::new(run), Vec::new()).expect("a ledger")
        };
        let (early, other) = (open("early"), open("other"));
        let task: TaskKey = "app".parse().expect("a task key");
        let skipped = Event::TaskNotRun {
            task: task.clone(),
            because: "no cluster here".to_owned(),
        };
        let now = Timestamp::UNIX_EPOCH;
        other
            .task(&task, skipped, now, Durability::Written)
            .expect("room");
        assert!(early.known().state().task(&task).is_none());
        early.catch_up().expect("a ledger");
        assert!(early.known().state().task(&task).is_some());
    }
}
