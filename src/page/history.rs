//! Every run that the records hold, with the attempts of its tasks and what they waited for.
//!
//! A [`RunState`](crate::ledger::RunState) knows the last attempt of each task; a timeline wants them all.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::{
    digest::Digest,
    event::{Event, LogRef, Outcome, Record, Waiting},
    ident::{RunId, TaskKey},
};

/// All runs, the latest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// The runs.
    pub runs: Vec<RunHistory>,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHistory {
    /// Its id.
    pub id: RunId,
    /// Its page.
    pub url: Option<String>,
    /// The commit that it deployed.
    pub commit: Option<String>,
    /// Who started it.
    pub actor: Option<String>,
    /// Whether stand-ins took the place of clouds.
    pub rehearsal: bool,
    /// Time of its first record.
    pub started: Timestamp,
    /// Time of its last record, or of a later look at it.
    pub last: Timestamp,
    /// Whether it still goes on.
    pub lives: bool,
    /// When it was asked to stop, and by which signal.
    pub cancelled: Option<(Timestamp, String)>,
    /// What its tasks did, in the order of their first records.
    pub tasks: IndexMap<TaskKey, TaskHistory>,
    /// Jobs that have begun and not ended.
    open_jobs: BTreeMap<Option<String>, usize>,
}

/// What a task did in one run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskHistory {
    /// Its attempts, in their order.
    pub attempts: Vec<AttemptHistory>,
    /// What it waited for, in order.
    pub waits: Vec<WaitHistory>,
    /// The last word on it where it was not carried out: `up to date`, `skipped`.
    pub word: Option<&'static str>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptHistory {
    /// Its number; 0 where the task failed before it began.
    pub number: u32,
    /// When it was started.
    pub started: Timestamp,
    /// What the task was made of; `None` where it failed before that was known.
    pub fingerprint: Option<Digest>,
    /// Its end; `None` where none is recorded.
    pub end: Option<AttemptEnd>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptEnd {
    /// When.
    pub at: Timestamp,
    /// How long it took by its own measure, in milliseconds.
    pub took_ms: u64,
    /// How.
    pub outcome: Outcome,
    /// Where its log is.
    pub log: Option<LogRef>,
}

/// A time in which a task waited.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitHistory {
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None` where the run ended before it did.
    pub to: Option<Timestamp>,
    /// For what, as the end of a sentence: `approval of phase release`.
    pub what: String,
}

impl History {
    /// Folds the records of several walks, each in its own order; `lives` knows of runs that never said that they ended.
    pub fn of<'r>(
        walks: impl IntoIterator<Item = &'r [Record]>,
        lives: impl Fn(&RunId) -> bool,
    ) -> Self {
        let mut runs: IndexMap<RunId, RunHistory> = IndexMap::new();
        for record in walks.into_iter().flatten() {
            if let Some(ended) = end_of_earlier_run(&runs, record) {
                finish(&mut runs[ended], record);
                continue;
            }
            let run = runs
                .entry(record.run.clone())
                .or_insert_with(|| RunHistory::new(record));
            run.apply(record);
        }
        runs.sort_by(|_, one, _, other| other.started.cmp(&one.started));
        for run in runs.values_mut() {
            let has_open_jobs = run.open_jobs.values().any(|open| *open > 0);
            run.lives = has_open_jobs && lives(&run.id);
        }
        Self {
            runs: runs.into_values().collect(),
        }
    }

    /// Lets what goes on last until now, and not until the last record.
    #[must_use]
    pub fn until(mut self, now: Timestamp) -> Self {
        for run in self.runs.iter_mut().filter(|run| run.lives) {
            run.last = run.last.max(now);
        }
        self
    }

    /// Returns all attempts of a task with their runs, the latest first.
    pub fn attempts_of(
        &self,
        task: &TaskKey,
    ) -> impl Iterator<Item = (&RunHistory, &AttemptHistory)> {
        self.runs.iter().flat_map(move |run| {
            let attempts = run.tasks.get(task).map(|task| task.attempts.iter().rev());
            attempts
                .into_iter()
                .flatten()
                .map(move |attempt| (run, attempt))
        })
    }
}

/// A later run may record the end of an attempt that another one left behind: it belongs to that one.
fn end_of_earlier_run(runs: &IndexMap<RunId, RunHistory>, record: &Record) -> Option<usize> {
    let Event::TaskFinished { task, attempt, .. } = &record.event else {
        return None;
    };
    let has_open = |run: &RunHistory| {
        let attempts = run.tasks.get(task).map(|task| &task.attempts);
        attempts
            .into_iter()
            .flatten()
            .any(|other| other.number == *attempt && other.end.is_none())
    };
    if runs.get(&record.run).is_some_and(has_open) {
        return None;
    }
    runs.values().rposition(has_open)
}

fn finish(run: &mut RunHistory, record: &Record) {
    let Event::TaskFinished {
        task,
        attempt,
        outcome,
        took_ms,
        log,
        ..
    } = &record.event
    else {
        return;
    };
    let history = run.tasks.entry(task.clone()).or_default();
    history.word = None;
    history.close_waits(record.at);
    let end = AttemptEnd {
        at: record.at,
        took_ms: *took_ms,
        outcome: outcome.clone(),
        log: log.clone(),
    };
    let mut attempts = history.attempts.iter_mut().rev();
    match attempts.find(|other| other.number == *attempt && other.end.is_none()) {
        Some(open) => open.end = Some(end),
        None => history.attempts.push(AttemptHistory {
            number: *attempt,
            started: record.at,
            fingerprint: None,
            end: Some(end),
        }),
    }
}

impl RunHistory {
    fn new(record: &Record) -> Self {
        Self {
            id: record.run.clone(),
            url: None,
            commit: None,
            actor: None,
            rehearsal: false,
            started: record.at,
            last: record.at,
            lives: false,
            cancelled: None,
            tasks: IndexMap::new(),
            open_jobs: BTreeMap::new(),
        }
    }

    fn task(&mut self, task: &TaskKey) -> &mut TaskHistory {
        self.tasks.entry(task.clone()).or_default()
    }

    fn say(&mut self, task: &TaskKey, word: &'static str) {
        self.task(task).word = Some(word);
    }

    fn apply(&mut self, record: &Record) {
        self.started = self.started.min(record.at);
        self.last = self.last.max(record.at);
        match &record.event {
            Event::RunStarted(about) => {
                self.url = self.url.take().or_else(|| about.url.clone());
                self.commit = self.commit.take().or_else(|| about.commit.clone());
                self.actor = self.actor.take().or_else(|| about.actor.clone());
                self.rehearsal |= about.rehearsal;
                *self.open_jobs.entry(about.job.clone()).or_default() += 1;
            }
            Event::RunFinished(summary) => {
                // What is said in several walks is said once for each; the last one ends the job.
                if let Some(open) = self.open_jobs.get_mut(&summary.job) {
                    *open = open.saturating_sub(1);
                }
            }
            Event::CancelRequested { by } => self.cancelled = Some((record.at, by.clone())),
            Event::TaskStarted {
                task,
                attempt,
                fingerprint,
                ..
            } => {
                let history = self.task(task);
                history.word = None;
                history.close_waits(record.at);
                history.attempts.push(AttemptHistory {
                    number: *attempt,
                    started: record.at,
                    fingerprint: Some(*fingerprint),
                    end: None,
                });
            }
            Event::TaskFinished { .. } => finish(self, record),
            Event::RetryScheduled { task, attempt, .. } => {
                self.task(task)
                    .wait(record.at, format!("attempt {attempt}"));
            }
            Event::TaskPaused { task, waiting } => {
                let what = waited_for(waiting);
                self.task(task).wait(record.at, what);
            }
            Event::TaskUpToDate { task, .. } => self.say(task, "up to date"),
            Event::TaskSkipped { task, .. } => self.say(task, "skipped"),
            Event::TaskBlocked { task, .. } => self.say(task, "blocked"),
            Event::TaskNotRun { task, .. } => self.say(task, "not run"),
            Event::TaskRolledBack { task, .. } => self.say(task, "rolled back"),
            Event::ChildKept { .. }
            | Event::CheckAnswered { .. }
            | Event::TaskInterrupted { .. }
            | Event::TaskSettled { .. }
            | Event::TaskInvalidated { .. }
            | Event::GateConfirmed { .. }
            | Event::PhaseApproved { .. }
            | Event::DecisionAnswered { .. }
            | Event::EvidenceCaptured { .. } => {}
        }
    }
}

impl TaskHistory {
    fn wait(&mut self, from: Timestamp, what: String) {
        self.close_waits(from);
        self.waits.push(WaitHistory {
            from,
            to: None,
            what,
        });
    }

    fn close_waits(&mut self, at: Timestamp) {
        if let Some(open) = self.waits.last_mut().filter(|wait| wait.to.is_none()) {
            open.to = Some(at);
        }
    }
}

fn waited_for(waiting: &Waiting) -> String {
    match waiting {
        Waiting::Decision { decision } => format!("decision {decision}"),
        Waiting::Approval { phase, environment } => {
            format!("approval of phase {phase} in {environment}")
        }
        Waiting::Confirmation { .. } => "a confirmation".to_owned(),
        Waiting::Settlement => "a person's word".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{End, Records, failed_run, moment};

    fn told(history: &History) -> Vec<String> {
        let runs = history.runs.iter();
        runs.flat_map(|run| {
            run.tasks.iter().map(|(key, task)| {
                let attempts = task.attempts.iter().map(|attempt| {
                    let end = match attempt.end.as_ref().map(|end| &end.outcome) {
                        Some(Outcome::Succeeded) => "good",
                        Some(Outcome::Failed(_)) => "bad",
                        Some(Outcome::Cancelled) => "cancelled",
                        None => "open",
                    };
                    format!(" {}:{end}", attempt.number)
                });
                let waits = task.waits.iter().map(|wait| format!(" ({})", wait.what));
                let word = task.word.map(|word| format!(" {word}"));
                let rest: String = attempts.chain(waits).chain(word).collect();
                format!("{} {key}{rest}", run.id)
            })
        })
        .collect()
    }

    #[test]
    fn every_attempt_and_wait_of_a_run_is_kept() {
        let records = failed_run();
        let history = History::of([records.0.as_slice()], |_| true);
        assert_eq!(
            told(&history),
            [
                "4711 build 1:bad 2:good",
                "4711 server 1:good",
                "4711 app@production 1:bad",
                "4711 page@production blocked",
                "4711 signed@production (decision tls)",
            ]
        );
        assert!(!history.runs[0].lives);
        let build = "build".parse().expect("a key");
        let numbers: Vec<u32> = history
            .attempts_of(&build)
            .map(|(_, found)| found.number)
            .collect();
        assert_eq!(numbers, [2, 1], "the latest first");
    }

    #[test]
    fn an_end_that_a_later_run_found_belongs_to_the_run_that_began() {
        let mut records = Records::begun(false).started(1, "app", 1, true).0;
        let mut later = Records::begun(false)
            .ended(500, "app", 1, End::good(5_000))
            .0;
        later
            .iter_mut()
            .for_each(|record| record.run = RunId::new("4712"));
        later[0].at = moment(400);
        records.extend(later);
        let history = History::of([records.as_slice()], |run| run.as_str() == "4712");
        assert_eq!(told(&history), ["4711 app 1:good"]);
        assert_eq!(
            history.runs[0].id.as_str(),
            "4712",
            "the latest run is first"
        );
        assert!(!history.runs[1].lives, "nobody holds its lease");
    }

    #[test]
    fn a_run_that_tells_of_itself_in_two_walks_has_ended_once_both_say_so() {
        let walk = failed_run().0;
        let cut = &walk[..walk.len() - 1];
        let lives = |walks: [&[Record]; 2]| History::of(walks, |_| true).runs[0].lives;
        assert!(!lives([&walk, &walk]));
        assert!(lives([&walk, cut]));
    }
}
