//! One record after the other.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    run::{Approval, DecisionRecord, JobRecord, RunState},
    task::{
        Attempt, CheckRecord, Ended, KeptChild, RetryRecord, Standing, TaskRecord, TaskState,
        Undone, Word,
    },
};
use crate::{
    event::{
        Answer, CheckAnswer, CheckMoment, Event, Failure, Outcome, Record, RunSummary, StartedRun,
    },
    ident::{CheckId, TaskKey},
};

impl RunState {
    /// Takes the next record into account.
    pub fn apply(&mut self, record: &Record) {
        if let Some(task) = task_of(&record.event) {
            self.at(task, record).apply(record);
            return;
        }
        match &record.event {
            Event::RunStarted(about) => self.run_started(record, about),
            Event::RunFinished(summary) => self.run_finished(record, summary),
            Event::CancelRequested { by } => {
                let run = self.runs.entry(record.run.clone()).or_default();
                run.cancelled = Some((by.clone(), record.at));
            }
            Event::DecisionAnswered {
                decision,
                answer,
                by,
            } => {
                let answered = DecisionRecord {
                    answer: answer.clone(),
                    word: Word::of(by, record),
                };
                self.decisions.insert(decision.clone(), answered);
            }
            Event::PhaseApproved {
                phase,
                environment,
                by,
                reality,
            } => self.approvals.push(Approval {
                phase: phase.clone(),
                environment: environment.clone(),
                reality: reality.clone(),
                word: Word::of(by, record),
            }),
            Event::TaskStarted { .. }
            | Event::ChildKept { .. }
            | Event::CheckAnswered { .. }
            | Event::TaskFinished { .. }
            | Event::RetryScheduled { .. }
            | Event::TaskUpToDate { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskBlocked { .. }
            | Event::TaskPaused { .. }
            | Event::TaskNotRun { .. }
            | Event::TaskInterrupted { .. }
            | Event::TaskSettled { .. }
            | Event::TaskInvalidated { .. }
            | Event::GateConfirmed { .. }
            | Event::EvidenceCaptured { .. }
            | Event::TaskRolledBack { .. } => {}
        }
    }

    fn at(&mut self, task: &TaskKey, record: &Record) -> &mut TaskRecord {
        let entry = self
            .tasks
            .entry(task.clone())
            .or_insert_with(|| TaskRecord::new(record.at, record.run.clone()));
        entry.at = record.at;
        entry.run.clone_from(&record.run);
        entry
    }

    fn run_started(&mut self, record: &Record, about: &StartedRun) {
        let run = self.runs.entry(record.run.clone()).or_default();
        let job = JobRecord {
            started: record.at,
            about: about.clone(),
            ended: None,
        };
        run.jobs.insert(about.job.clone(), job);
    }

    fn run_finished(&mut self, record: &Record, summary: &RunSummary) {
        let run = self.runs.entry(record.run.clone()).or_default();
        if let Some(job) = run.jobs.get_mut(&summary.job) {
            job.ended = Some((record.at, summary.exit));
        }
    }
}

/// Returns the task that an event is about.
pub(super) fn task_of(event: &Event) -> Option<&TaskKey> {
    match event {
        Event::TaskStarted { task, .. }
        | Event::ChildKept { task, .. }
        | Event::CheckAnswered { task, .. }
        | Event::TaskFinished { task, .. }
        | Event::RetryScheduled { task, .. }
        | Event::TaskUpToDate { task, .. }
        | Event::TaskSkipped { task, .. }
        | Event::TaskBlocked { task, .. }
        | Event::TaskPaused { task, .. }
        | Event::TaskNotRun { task, .. }
        | Event::TaskInterrupted { task, .. }
        | Event::TaskSettled { task, .. }
        | Event::TaskInvalidated { task, .. }
        | Event::GateConfirmed { task, .. }
        | Event::EvidenceCaptured { task, .. }
        | Event::TaskRolledBack { task, .. } => Some(task),
        Event::RunStarted(_)
        | Event::PhaseApproved { .. }
        | Event::DecisionAnswered { .. }
        | Event::CancelRequested { .. }
        | Event::RunFinished(_) => None,
    }
}

/// Returns the state that an event says in so many words, and that changes nothing about the last attempt.
fn state_said_by(event: &Event) -> Option<TaskState> {
    match event {
        Event::TaskUpToDate { since, .. } => Some(TaskState::UpToDate { since: *since }),
        Event::TaskSkipped { because, .. } => Some(TaskState::Skipped {
            because: because.clone(),
        }),
        Event::TaskBlocked { on, .. } => Some(TaskState::Blocked { on: on.clone() }),
        Event::TaskPaused { waiting, .. } => Some(TaskState::Paused {
            waiting: waiting.clone(),
        }),
        Event::TaskNotRun { because, .. } => Some(TaskState::NotRun {
            because: because.clone(),
        }),
        Event::TaskInterrupted { advice, .. } => Some(TaskState::Interrupted {
            advice: Some(advice.clone()),
        }),
        Event::RunStarted(_)
        | Event::TaskStarted { .. }
        | Event::ChildKept { .. }
        | Event::CheckAnswered { .. }
        | Event::TaskFinished { .. }
        | Event::RetryScheduled { .. }
        | Event::TaskSettled { .. }
        | Event::TaskInvalidated { .. }
        | Event::GateConfirmed { .. }
        | Event::PhaseApproved { .. }
        | Event::DecisionAnswered { .. }
        | Event::EvidenceCaptured { .. }
        | Event::TaskRolledBack { .. }
        | Event::CancelRequested { .. }
        | Event::RunFinished(_) => None,
    }
}

/// Returns the attempt that a record begins.
fn start_said_by(record: &Record) -> Option<Attempt> {
    let Event::TaskStarted {
        task: _,
        attempt,
        fingerprint,
        changes,
    } = &record.event
    else {
        return None;
    };
    Some(Attempt {
        number: *attempt,
        run: record.run.clone(),
        started: record.at,
        fingerprint: *fingerprint,
        changes: *changes,
        kept: Vec::new(),
        ended: None,
        retry: None,
    })
}

/// Returns the end of an attempt that a record says, with the attempt's number.
fn end_said_by(record: &Record) -> Option<(u32, Ended)> {
    let Event::TaskFinished {
        task: _,
        attempt,
        outcome,
        took_ms,
        outputs,
        artifacts,
        effects,
        log,
    } = &record.event
    else {
        return None;
    };
    let ended = Ended {
        at: record.at,
        run: record.run.clone(),
        outcome: outcome.clone(),
        took: Duration::from_millis(*took_ms),
        outputs: outputs.clone(),
        artifacts: artifacts.clone(),
        effects: effects.clone(),
        log: log.clone(),
    };
    Some((*attempt, ended))
}

impl Word {
    fn of(by: &str, record: &Record) -> Self {
        Self {
            by: by.to_owned(),
            at: record.at,
            run: record.run.clone(),
        }
    }
}

impl TaskRecord {
    fn apply(&mut self, record: &Record) {
        if let Some(state) = state_said_by(&record.event) {
            // What does not count is not up to date, whoever says so.
            let is_true =
                self.standing == Standing::Counts || !matches!(state, TaskState::UpToDate { .. });
            if is_true {
                self.state = state;
            }
            return;
        }
        if let Some(attempt) = start_said_by(record) {
            self.start(attempt);
            return;
        }
        if let Some((number, ended)) = end_said_by(record) {
            self.finish(number, ended);
            return;
        }
        match record.event.clone() {
            Event::ChildKept {
                keeper,
                folder,
                purpose,
                ..
            } => self.keep_child(KeptChild {
                keeper,
                folder,
                purpose,
            }),
            Event::CheckAnswered {
                check,
                moment,
                answer,
                ..
            } => self.answer(check, moment, answer, record),
            Event::RetryScheduled {
                attempt,
                delay_ms,
                because,
                ..
            } => self.expect_retry(RetryRecord {
                attempt,
                due: later(record.at, delay_ms),
                because,
            }),
            Event::TaskSettled { done, by, .. } => {
                self.settled = Some(Word::of(&by, record));
                self.settle(done, record);
            }
            Event::GateConfirmed { by, .. } => self.confirmed = Some(Word::of(&by, record)),
            Event::TaskInvalidated { because, .. } => self.invalidate(because),
            Event::EvidenceCaptured { path, .. } => self.undone.evidence.push(path),
            Event::TaskRolledBack { way, failure, .. } => self.undo(way, failure, record.at),
            Event::RunStarted(_)
            | Event::TaskStarted { .. }
            | Event::TaskFinished { .. }
            | Event::TaskUpToDate { .. }
            | Event::TaskSkipped { .. }
            | Event::TaskBlocked { .. }
            | Event::TaskPaused { .. }
            | Event::TaskNotRun { .. }
            | Event::TaskInterrupted { .. }
            | Event::PhaseApproved { .. }
            | Event::DecisionAnswered { .. }
            | Event::CancelRequested { .. }
            | Event::RunFinished(_) => {}
        }
    }

    fn keep_child(&mut self, child: KeptChild) {
        if let Some(attempt) = &mut self.attempt {
            attempt.kept.push(child);
        }
    }

    fn expect_retry(&mut self, retry: RetryRecord) {
        if let Some(attempt) = &mut self.attempt {
            attempt.retry = Some(retry);
        }
    }

    fn answer(
        &mut self,
        check: CheckId,
        moment: CheckMoment,
        answer: CheckAnswer,
        record: &Record,
    ) {
        // What is asked before a rollback judges the backup, not the task.
        if answer.answer == Answer::Failed && moment != CheckMoment::Before {
            self.invalidate(format!("check `{check}` no longer holds"));
        }
        let answered = CheckRecord {
            at: record.at,
            run: record.run.clone(),
            moment,
            answer,
        };
        self.checks.insert(check, answered);
    }

    fn start(&mut self, attempt: Attempt) {
        if let Some(before) = self.attempt.replace(attempt) {
            let succeeded = before
                .ended
                .as_ref()
                .is_some_and(|ended| ended.outcome == Outcome::Succeeded);
            if succeeded && self.standing != Standing::Undone {
                self.former = Some(before);
            }
        }
        self.state = TaskState::Running;
        self.standing = Standing::Open;
        self.checks.clear();
        self.undone = Undone::default();
    }

    fn finish(&mut self, number: u32, ended: Ended) {
        if number == 0 {
            // It failed before an attempt was started, which says nothing about the last one.
            self.state = state_after(&ended.outcome);
            return;
        }
        let Some(attempt) = &mut self.attempt else {
            // Its start is in no record that is known, so neither is what it was made of: it counts for nothing.
            self.state = state_after(&ended.outcome);
            return;
        };
        // The end of an attempt that was given up, by a run that has lost its lease, ends no other attempt. A later run
        // says that the first one was interrupted before it says how that ended.
        let of_another_run = self.state == TaskState::Running && attempt.run != ended.run;
        if attempt.number != number || of_another_run || self.standing == Standing::Undone {
            return;
        }
        self.state = state_after(&ended.outcome);
        self.standing = match ended.outcome {
            Outcome::Succeeded => Standing::Counts,
            // A success that is found to hold no more is no failed attempt to count on from.
            Outcome::Failed(_) | Outcome::Cancelled if attempt.ended.is_some() => Standing::Void,
            Outcome::Failed(_) | Outcome::Cancelled => Standing::Spent,
        };
        attempt.ended = Some(ended);
    }

    /// Takes a person's word on an attempt whose end nobody knows, or on a task that is to run again.
    fn settle(&mut self, done: bool, record: &Record) {
        if !done {
            self.state = TaskState::ToDo;
            self.standing = match self.standing {
                Standing::Open | Standing::Spent => Standing::Spent,
                Standing::Nothing => Standing::Nothing,
                Standing::Counts | Standing::Void => Standing::Void,
                Standing::Undone => Standing::Undone,
            };
            return;
        }
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        if self.standing == Standing::Counts {
            return;
        }
        attempt.ended = Some(Ended {
            at: record.at,
            run: record.run.clone(),
            outcome: Outcome::Succeeded,
            took: Duration::ZERO,
            outputs: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            effects: Vec::new(),
            log: None,
        });
        self.state = TaskState::Succeeded;
        self.standing = Standing::Counts;
    }

    /// Lets a success count no more; what did not count stays as it is.
    fn invalidate(&mut self, because: String) {
        if self.standing == Standing::Counts {
            self.standing = Standing::Void;
            self.state = TaskState::Invalidated { because };
        }
    }

    fn undo(&mut self, way: String, failure: Option<Failure>, at: Timestamp) {
        self.undone.way = Some(way.clone());
        self.undone.failure.clone_from(&failure);
        self.undone.at = Some(at);
        if let Some(failure) = failure {
            self.invalidate(format!("its rollback ({way}) failed: {}", failure.message));
            return;
        }
        if self.attempt.is_some() {
            self.standing = Standing::Undone;
        }
        self.confirmed = None;
        self.state = TaskState::RolledBack { way };
    }
}

fn state_after(outcome: &Outcome) -> TaskState {
    match outcome {
        Outcome::Succeeded => TaskState::Succeeded,
        Outcome::Failed(failure) => TaskState::Failed(failure.clone()),
        Outcome::Cancelled => TaskState::Cancelled,
    }
}

fn later(at: Timestamp, delay_ms: u64) -> Timestamp {
    let delay = i64::try_from(delay_ms).map_or(SignedDuration::MAX, SignedDuration::from_millis);
    at.checked_add(delay).unwrap_or(Timestamp::MAX)
}
