//! One attempt of a task: started on record, body, checks, ended on record.

use std::time::Instant;

use super::{
    ExecuteError, Run, body,
    outputs::{self, Outputs},
    prepare::{Mode, Prepared},
    scope::{Artifacts, RunScope},
};
use crate::{
    event::{CheckMoment, Effect, Event, FailureKind, LogRef, Outcome, OutputValue},
    expression::{Map, ReadError, Value},
    graph::Node,
    ident::Name,
    ledger::Durability,
    plan::model::{DecisionAnswer, Kind},
    process::StopListener,
};

/// What came of a body.
#[derive(Debug, Default)]
pub struct BodyResult {
    /// Its outputs.
    pub outputs: Outputs,
    /// Files that it hands over: name and file.
    pub artifacts: Vec<(Name, camino::Utf8PathBuf)>,
    /// What it did to the outside.
    pub effects: Vec<Effect>,
    /// Its log.
    pub log: Option<LogRef>,
    /// Whether it was stopped because the run was cancelled.
    pub cancelled: bool,
}

/// One attempt.
pub struct Attempt<'a, 'p> {
    /// The task.
    pub node: &'a Node<'p>,
    /// Its number.
    pub number: u32,
    /// What was found before.
    pub prepared: &'a Prepared,
    /// Asks its children to stop.
    pub stop: StopListener,
}

impl<'p> Run<'_, 'p> {
    /// Carries out one attempt and records its beginning, its checks and its end.
    ///
    /// # Errors
    ///
    /// The ledger cannot be written. What goes wrong in the task is its outcome.
    pub async fn attempt(&self, attempt: Attempt<'_, 'p>) -> Result<Outcome, ExecuteError> {
        let node = attempt.node;
        let mut found = None;
        if let Mode::Observe { since } = attempt.prepared.mode {
            found = match self.observe_again(&attempt, since).await {
                Ok(None) => return Ok(Outcome::Succeeded),
                Ok(failed) => failed,
                Err(ExecuteError::Ledger(error)) => return Err(error.into()),
                // What was done is done: only the observation of it was cut off.
                Err(ExecuteError::Cancelled) => return Ok(Outcome::Cancelled),
                Err(error) => return self.not_observed(node, error),
            };
        }
        if !matches!(attempt.prepared.mode, Mode::Adopt { .. })
            && let Err(error) = self.hold_standing(node)
        {
            return self.not_observed(node, error);
        }
        if !matches!(attempt.prepared.mode, Mode::Adopt { .. }) {
            self.record_start(&attempt)?;
        }
        let began = Instant::now();
        let mut result = BodyResult::default();
        let ended = match found {
            // The body of a check is its asking, and it was asked just now.
            Some(failed) if node.task.kind == Kind::Check => {
                Err(ExecuteError::task(FailureKind::VerifyFailed, failed))
            }
            _ => self.body_and_checks(&attempt, &mut result).await,
        };
        let outcome = match ended {
            Ok(outcome) => outcome,
            Err(ExecuteError::Ledger(error)) => return Err(error.into()),
            Err(ExecuteError::Cancelled) => Outcome::Cancelled,
            Err(error @ ExecuteError::UnknownEnd { .. }) => {
                self.ask_how_it_ended(node)?;
                return Ok(Outcome::Failed(error.into_failure()));
            }
            Err(error) => Outcome::Failed(self.failure(error)),
        };
        let succeeded = outcome == Outcome::Succeeded;
        let (kept_outputs, artifacts) = match self.keep(node, &result, succeeded) {
            Ok(kept) => kept,
            Err(ExecuteError::Ledger(error)) => return Err(error.into()),
            Err(error) => return self.end_with(&attempt, error, result, began),
        };
        let event = Event::TaskFinished {
            task: node.key.clone(),
            attempt: attempt.number,
            outcome: outcome.clone(),
            took_ms: millis(began),
            outputs: kept_outputs,
            artifacts,
            effects: result.effects,
            log: result.log,
        };
        self.record(node, event, durability(node))?;
        if succeeded {
            self.record_answers(node)?;
        }
        if outcome == Outcome::Cancelled && self.goes_on(&attempt).await {
            return self.after_cancelled(attempt).await;
        }
        Ok(outcome)
    }

    /// Whether the child that was taken over had been cancelled with an earlier run, and this one goes on.
    async fn goes_on(&self, attempt: &Attempt<'_, 'p>) -> bool {
        let mut stop = attempt.stop.clone();
        let is_asked = tokio::select! {
            biased;
            _ = stop.requested() => true,
            () = std::future::ready(()) => false,
        };
        matches!(attempt.prepared.mode, Mode::Adopt { .. }) && !is_asked
    }

    /// Carries out the attempt that follows one that an earlier run had cancelled.
    async fn after_cancelled(&self, before: Attempt<'_, 'p>) -> Result<Outcome, ExecuteError> {
        let prepared = Prepared {
            parts: before.prepared.parts.clone(),
            mode: Mode::Whole,
        };
        let next = Attempt {
            number: before.number + 1,
            prepared: &prepared,
            ..before
        };
        Box::pin(self.attempt(next)).await
    }

    /// A task whose checks cannot even be asked fails in this run; its record stands.
    fn not_observed(&self, node: &Node<'p>, error: ExecuteError) -> Result<Outcome, ExecuteError> {
        let outcome = Outcome::Failed(self.failure(error));
        let event = Event::TaskFinished {
            task: node.key.clone(),
            attempt: 0,
            outcome: outcome.clone(),
            took_ms: 0,
            outputs: Default::default(),
            artifacts: Default::default(),
            effects: Vec::new(),
            log: None,
        };
        self.record(node, event, Durability::Written)?;
        Ok(outcome)
    }

    /// Returns the decisions that a task answers, with their answers as its outputs are now.
    fn answers(
        &self,
        node: &Node<'p>,
        own: Option<&Map>,
    ) -> Result<Vec<(Name, String)>, ExecuteError> {
        let known = self.recorder.known();
        let scope = RunScope {
            own,
            ..self.scope_of(node, &known, Artifacts::ByContent)
        };
        let mut answers = Vec::new();
        for (name, decision) in &self.graph.plan().decisions {
            let is_answered_here = matches!(decision.answer, DecisionAnswer::ByTask(_))
                && decision.reads.iter().any(|read| {
                    read.root == "tasks" && read.names().first() == Some(&node.key.task.as_str())
                });
            if !is_answered_here {
                continue;
            }
            match scope.answer(name.as_str()) {
                Ok(answer) => {
                    answers.push((name.clone(), answer.as_plain_text().unwrap_or_default()))
                }
                // Another task has its part in the answer.
                Err(ReadError::NotYet { .. }) => {}
                Err(error) => {
                    return Err(ExecuteError::task(FailureKind::Task, error.to_string()));
                }
            }
        }
        Ok(answers)
    }

    fn record_answers(&self, node: &Node<'p>) -> Result<(), ExecuteError> {
        let answers = match self.answers(node, None) {
            Ok(answers) => answers,
            Err(error) => {
                self.recorder.notice(&format!("{}: {error}", node.key));
                return Ok(());
            }
        };
        for (decision, answer) in answers {
            let event = Event::DecisionAnswered {
                decision,
                answer,
                by: node.key.to_string(),
            };
            self.record(node, event, durability(node))?;
        }
        Ok(())
    }

    pub(super) fn record_start(&self, attempt: &Attempt<'_, 'p>) -> Result<(), ExecuteError> {
        let fingerprint = attempt.prepared.parts.fingerprint();
        let ledger = self.recorder.ledger_of(&attempt.node.key)?;
        ledger.keep_fingerprint(
            &fingerprint,
            &attempt.prepared.parts,
            durability(attempt.node),
        )?;
        let event = Event::TaskStarted {
            task: attempt.node.key.clone(),
            attempt: attempt.number,
            fingerprint,
            changes: attempt.node.task.changes,
        };
        self.record(attempt.node, event, durability(attempt.node))
    }

    /// Records what a preview foresees of a task whose outputs are known: as if it had been carried out.
    pub(super) fn record_foreseen(
        &self,
        attempt: &Attempt<'_, 'p>,
        result: &BodyResult,
    ) -> Result<(), ExecuteError> {
        let (outputs, artifacts) = self.keep(attempt.node, result, true)?;
        let event = Event::TaskFinished {
            task: attempt.node.key.clone(),
            attempt: attempt.number,
            outcome: Outcome::Succeeded,
            took_ms: 0,
            outputs,
            artifacts,
            effects: Vec::new(),
            log: None,
        };
        self.record(attempt.node, event, Durability::Written)
    }

    async fn body_and_checks(
        &self,
        attempt: &Attempt<'_, 'p>,
        result: &mut BodyResult,
    ) -> Result<Outcome, ExecuteError> {
        body::run(self, attempt, result).await?;
        if result.cancelled {
            return Ok(Outcome::Cancelled);
        }
        let own = own_outputs(&result.outputs);
        self.answers(attempt.node, Some(&own))?;
        match self
            .ask_all(
                attempt,
                &attempt.node.task.verify,
                CheckMoment::Verify,
                Some(&own),
            )
            .await?
        {
            None => Ok(Outcome::Succeeded),
            Some(failed) => Err(ExecuteError::task(FailureKind::VerifyFailed, failed)),
        }
    }

    /// Asks the checks of a task whose record stands. Returns why one did not hold; then the task is repeated.
    async fn observe_again(
        &self,
        attempt: &Attempt<'_, 'p>,
        since: jiff::Timestamp,
    ) -> Result<Option<String>, ExecuteError> {
        let node = attempt.node;
        let own = self.recorded_outputs(node);
        let body = self
            .ask_all(attempt, &node.task.checks, CheckMoment::Body, None)
            .await?;
        let failed = match body {
            Some(failed) => Some(failed),
            None => {
                self.ask_all(attempt, &node.task.verify, CheckMoment::Verify, Some(&own))
                    .await?
            }
        };
        let task = node.key.clone();
        match &failed {
            None => self.record(
                node,
                Event::TaskUpToDate { task, since },
                Durability::Written,
            )?,
            Some(because) => self.record(
                node,
                Event::TaskInvalidated {
                    task,
                    because: because.clone(),
                },
                Durability::Synced,
            )?,
        }
        Ok(failed)
    }

    pub(super) fn recorded_outputs(&self, node: &Node<'p>) -> Map {
        let known = self.recorder.known();
        let ended = known
            .state()
            .task(&node.key)
            .and_then(|record| record.success())
            .and_then(|attempt| attempt.ended.as_ref());
        let outputs = ended.into_iter().flat_map(|ended| &ended.outputs);
        outputs
            .filter_map(|(name, output)| match output {
                OutputValue::Clear { value } => Some((name.to_string(), value.clone())),
                OutputValue::Sealed { .. } | OutputValue::Withheld => {
                    Some((name.to_string(), known.withheld(&node.key, name.as_str())?))
                }
            })
            .collect()
    }

    fn keep(
        &self,
        node: &Node<'p>,
        result: &BodyResult,
        succeeded: bool,
    ) -> Result<Kept, ExecuteError> {
        let recipient = self.recipient(node);
        let mut kept = Kept::default();
        for (name, produced) in &result.outputs {
            let output = outputs::keep(produced, recipient.as_deref())?;
            if !matches!(output, OutputValue::Clear { .. }) {
                self.recorder
                    .withhold(&node.key, name, produced.value.clone());
            }
            kept.0.insert(name.clone(), output);
        }
        if succeeded {
            let ledger = self.recorder.ledger_of(&node.key)?;
            for (name, file) in &result.artifacts {
                kept.1
                    .insert(name.clone(), ledger.keep_artifact(file)?.path);
            }
        }
        Ok(kept)
    }

    fn end_with(
        &self,
        attempt: &Attempt<'_, 'p>,
        error: ExecuteError,
        result: BodyResult,
        began: Instant,
    ) -> Result<Outcome, ExecuteError> {
        let outcome = Outcome::Failed(self.failure(error));
        let event = Event::TaskFinished {
            task: attempt.node.key.clone(),
            attempt: attempt.number,
            outcome: outcome.clone(),
            took_ms: millis(began),
            outputs: Default::default(),
            artifacts: Default::default(),
            effects: result.effects,
            log: result.log,
        };
        self.record(attempt.node, event, durability(attempt.node))?;
        Ok(outcome)
    }
}

type Kept = (
    std::collections::BTreeMap<Name, OutputValue>,
    std::collections::BTreeMap<Name, String>,
);

/// Records of tasks that change the outside are on the disk before anything goes on.
fn durability(node: &Node<'_>) -> Durability {
    if node.task.changes {
        Durability::Synced
    } else {
        Durability::Written
    }
}

fn own_outputs(outputs: &Outputs) -> Map {
    outputs
        .iter()
        .map(|(name, produced)| (name.to_string(), produced.value.clone()))
        .collect::<indexmap::IndexMap<String, Value>>()
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
