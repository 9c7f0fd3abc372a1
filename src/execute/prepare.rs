//! Looks at a task whose prerequisites are satisfied, and says what is to be done about it.

use std::path::Path;

use jiff::Timestamp;

use super::{
    ExecuteError, Moment, Run,
    scope::{Artifacts, RunScope, Unopened},
};
use crate::{
    event::{Event, Failure, FailureKind, Reason, Waiting},
    expression::{EvaluationError, ReadError},
    graph::{Node, Standing},
    ident::Name,
    ledger::{Attempt, Durability, KeptChild, Resume},
    plan::{
        FingerprintParts,
        field::Scope as _,
        model::{Condition, Kind},
    },
    process::kept::{self, KeptState},
    schedule::Verdict,
};

/// What the start of a task has to know.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What the task is made of.
    pub parts: FingerprintParts,
    /// How it is carried out.
    pub mode: Mode,
}

/// How a task is carried out.
#[derive(Debug, Clone)]
pub enum Mode {
    /// From its beginning.
    Whole,
    /// Its record stands; only its checks are asked again.
    Observe {
        /// When it was done.
        since: Timestamp,
    },
    /// Its child was kept when an earlier runner died: its end is awaited and taken over.
    Adopt {
        /// The keeper's folder, relative to the ledger.
        folder: String,
    },
}

/// What was found, and what the start will need.
pub type Found = (Verdict, Option<Prepared>);

impl<'p> Run<'_, 'p> {
    /// Looks at a task. Everything that it finds and that a person should know is recorded.
    ///
    /// # Errors
    ///
    /// The ledger cannot be written. What is wrong with the task itself is its failure.
    pub async fn prepare(&self, index: usize) -> Result<Found, ExecuteError> {
        let node = &self.graph.nodes()[index];
        match self.look(node).await {
            Ok(found) => Ok(found),
            Err(ExecuteError::Ledger(error)) => Err(error.into()),
            Err(error) => match waits_for_decision(&error) {
                Some(decision) => self.pause(node, Waiting::Decision { decision }),
                None => Ok((Verdict::Fail(self.failure(error)), None)),
            },
        }
    }

    async fn look(&self, node: &Node<'p>) -> Result<Found, ExecuteError> {
        if let Some(because) = self.false_condition(node)? {
            self.hold_skipped(node, &because)?;
            let because = Reason::Condition { text: because };
            self.record(
                node,
                Event::TaskSkipped {
                    task: node.key.clone(),
                    because,
                },
                Durability::Written,
            )?;
            return Ok((Verdict::Skip, None));
        }
        self.trusted(node, Moment::Run)?;
        if let Some(waiting) = self.gate(node)? {
            return self.pause(node, waiting);
        }
        if let Some(because) = self.not_here(node) {
            self.record(
                node,
                Event::TaskNotRun {
                    task: node.key.clone(),
                    because,
                },
                Durability::Written,
            )?;
            return Ok((Verdict::NotRun, None));
        }
        if let Some(decision) = self.open_decision(node) {
            return self.pause(node, Waiting::Decision { decision });
        }
        let parts = match self.parts_of(node) {
            Ok(parts) => parts,
            // Some secret is not any: what is made of it may need its value.
            Err(_) => {
                self.read_again(node).await?;
                self.parts_of(node)?
            }
        };
        // Nobody is asked for what is not what was reviewed.
        self.hold_against_review(node, &parts)?;
        if let Some(waiting) = self.approval(node).await? {
            return self.pause(node, waiting);
        }
        self.note_begun(node, &parts);
        let found = self.against_the_record(node, parts).await?;
        if found.1.is_some() {
            self.read_again(node).await?;
        }
        Ok(found)
    }

    /// Returns the first condition that is false; conditions that are static were decided when the graph was built.
    pub(super) fn false_condition(&self, node: &Node<'p>) -> Result<Option<String>, ExecuteError> {
        match &node.standing {
            Standing::TakesPart => return Ok(None),
            Standing::Skipped { because } => return Ok(Some(because.clone())),
            Standing::Undecided => {}
        }
        let known = self.recorder.known();
        let scope = self.scope_of(node, &known, Artifacts::ByContent);
        for condition in self
            .graph
            .plan()
            .phase_of(node.task)
            .condition
            .iter()
            .chain(&node.task.condition)
        {
            if !holds(condition, &scope)? {
                return Ok(Some(condition.text.clone()));
            }
        }
        Ok(None)
    }

    /// Returns an open decision that the task names where its fingerprint does not come by: in `verify` or `rollback`.
    pub(super) fn open_decision(&self, node: &Node<'p>) -> Option<Name> {
        let known = self.recorder.known();
        let scope = self.scope_of(node, &known, Artifacts::ByContent);
        let mut late = node.task.reads.iter().filter(|read| read.after_body);
        late.find_map(|read| match scope.read(&read.reference) {
            Err(ReadError::Open { decision }) => decision.parse().ok(),
            _ => None,
        })
    }

    async fn against_the_record(
        &self,
        node: &Node<'p>,
        parts: FingerprintParts,
    ) -> Result<Found, ExecuteError> {
        let fingerprint = parts.fingerprint();
        let (resume, since) = {
            let known = self.recorder.known();
            match known.state().resume(&node.key, &fingerprint) {
                Resume::Run { attempts_before } => (OnRecord::Run(attempts_before), None),
                Resume::UpToDate(attempt) => (
                    OnRecord::UpToDate,
                    attempt.ended.as_ref().map(|ended| ended.at),
                ),
                Resume::Unfinished(attempt) => {
                    (OnRecord::Unfinished(Box::new(attempt.clone())), None)
                }
            }
        };
        let whole = |attempts_before| {
            (
                Verdict::Run { attempts_before },
                Some(Prepared {
                    parts: parts.clone(),
                    mode: Mode::Whole,
                }),
            )
        };
        match resume {
            OnRecord::Run(attempts_before) => Ok(whole(attempts_before)),
            OnRecord::UpToDate if self.options.force.contains(&node.key) => Ok(whole(0)),
            OnRecord::UpToDate if since.is_some_and(|since| self.is_planned_since(node, since)) => {
                Ok(whole(0))
            }
            OnRecord::UpToDate => {
                let since = since.unwrap_or_else(|| self.world.now());
                self.up_to_date(node, parts.clone(), since).await
            }
            OnRecord::Unfinished(attempt) => self.unfinished(node, parts.clone(), &attempt).await,
        }
    }

    /// A record that stands: believed as it is, looked at when it is old, and its checks asked again.
    async fn up_to_date(
        &self,
        node: &Node<'p>,
        parts: FingerprintParts,
        since: Timestamp,
    ) -> Result<Found, ExecuteError> {
        let age = self.world.now().duration_since(since).unsigned_abs();
        if node.task.changes && age > self.options.fresh_for && !self.effect_is_there(node).await? {
            let because = "what it made is not there any more".to_owned();
            self.record(
                node,
                Event::TaskInvalidated {
                    task: node.key.clone(),
                    because,
                },
                Durability::Synced,
            )?;
            return Ok((
                Verdict::Run { attempts_before: 0 },
                Some(Prepared {
                    parts,
                    mode: Mode::Whole,
                }),
            ));
        }
        if node.task.verify.is_empty() && node.task.checks.is_empty() {
            self.record(
                node,
                Event::TaskUpToDate {
                    task: node.key.clone(),
                    since,
                },
                Durability::Written,
            )?;
            return Ok((Verdict::UpToDate, None));
        }
        Ok(observed(parts, since))
    }

    /// An attempt without an end: its kept child, the person who was asked, or its kind says what follows.
    async fn unfinished(
        &self,
        node: &Node<'p>,
        parts: FingerprintParts,
        attempt: &Attempt,
    ) -> Result<Found, ExecuteError> {
        let is_same = attempt.fingerprint == parts.fingerprint();
        let again = |parts| {
            let attempts_before = if is_same { attempt.number } else { 0 };
            Ok((
                Verdict::Run { attempts_before },
                Some(Prepared {
                    parts,
                    mode: Mode::Whole,
                }),
            ))
        };
        let (done, force) = (
            self.options.done.contains(&node.key),
            self.options.force.contains(&node.key),
        );
        let mut is_known = false;
        if let Some(child) = attempt.kept.last() {
            let folder = self.recorder.ledger_of(&node.key)?.path_of(&child.folder)?;
            match kept::look(Path::new(folder.as_str()))? {
                KeptState::Running(_) | KeptState::Ended(_) if is_same && !done && !force => {
                    return self.adopt(node, parts, attempt, child);
                }
                KeptState::Running(_) => return Err(still_runs(node, child)),
                KeptState::NeverStarted if !done => is_known = true,
                // It is known how it ended, and what the plan says now is another matter.
                KeptState::Ended(_) if !is_same && !done => {
                    drop(kept::take_stdout(Path::new(folder.as_str()))?);
                    is_known = true;
                }
                KeptState::NeverStarted | KeptState::Ended(_) | KeptState::Vanished => {}
            }
        }
        let mut advice = advice(node.task.kind, node.task.changes);
        if node.task.kind == Kind::Terraform {
            match super::body::take_up(self, node, attempt, done || force)? {
                Some(look) => advice = Advice::Ask(format!("{look}; then say `--force`")),
                None if !done && !force => self.interrupted(node, PLANNED_AGAIN)?,
                None => {}
            }
        }
        if is_known {
            return again(parts);
        }
        if done {
            self.settle(node, true)?;
            // A person's word is a claim: what can be observed is observed.
            return self.up_to_date(node, parts, self.world.now()).await;
        }
        if force {
            self.settle(node, false)?;
            return again(parts);
        }
        match advice {
            Advice::Redo => again(parts),
            Advice::Ask(advice) => {
                self.interrupted(node, &advice)?;
                self.pause(node, Waiting::Settlement)
            }
        }
    }

    /// Takes over the end of a kept child. That its attempt was interrupted goes on record first: only then is its end, told
    /// by another run, the end of that attempt.
    fn adopt(
        &self,
        node: &Node<'p>,
        parts: FingerprintParts,
        attempt: &Attempt,
        child: &KeptChild,
    ) -> Result<Found, ExecuteError> {
        self.interrupted(
            node,
            "its child was kept; its end is awaited and taken over",
        )?;
        let mode = Mode::Adopt {
            folder: child.folder.clone(),
        };
        Ok((
            Verdict::Run {
                attempts_before: attempt.number - 1,
            },
            Some(Prepared { parts, mode }),
        ))
    }

    fn interrupted(&self, node: &Node<'p>, advice: &str) -> Result<(), ExecuteError> {
        let event = Event::TaskInterrupted {
            task: node.key.clone(),
            advice: advice.to_owned(),
        };
        self.record(node, event, Durability::Synced)
    }

    /// Records that nobody knows how a child ended, and asks a person.
    pub(super) fn ask_how_it_ended(&self, node: &Node<'p>) -> Result<(), ExecuteError> {
        self.interrupted(node, LOOK_AND_SAY)?;
        self.pause(node, Waiting::Settlement).map(|_| ())
    }

    fn settle(&self, node: &Node<'p>, done: bool) -> Result<(), ExecuteError> {
        let event = Event::TaskSettled {
            task: node.key.clone(),
            done,
            by: self.actor(),
        };
        self.record(node, event, Durability::Synced)
    }

    fn pause(&self, node: &Node<'p>, waiting: Waiting) -> Result<Found, ExecuteError> {
        self.record(
            node,
            Event::TaskPaused {
                task: node.key.clone(),
                waiting,
            },
            Durability::Synced,
        )?;
        Ok((Verdict::Pause, None))
    }

    /// Returns what the expressions of a task read.
    pub(super) fn scope_of<'s>(
        &'s self,
        node: &'s Node<'p>,
        known: &'s super::recorder::Known,
        artifacts: Artifacts<'s>,
    ) -> RunScope<'s, 'p> {
        RunScope {
            graph: self.graph,
            values: self.values,
            known,
            secrets: &self.secrets,
            reader: node,
            artifacts,
            files: &self.listing,
            own: None,
            reads: self.options.reads,
            unopened: Unopened::Refused,
        }
    }

    /// Returns the failure that an error is: with what to do, and without secrets, which a tool may have quoted.
    pub(super) fn failure(&self, error: ExecuteError) -> Failure {
        let failure = match self.secret_without_value(&error) {
            Some(missing) => missing.into_failure(),
            None => error.into_failure(),
        };
        let masker = self.masker.borrow();
        Failure {
            message: masker.mask(&failure.message).into_owned(),
            hint: failure.hint.map(|hint| masker.mask(&hint).into_owned()),
            ..failure
        }
    }
}

impl Run<'_, '_> {
    /// An expression knows only that a secret has no value; where it could come from is known here.
    fn secret_without_value(&self, error: &ExecuteError) -> Option<ExecuteError> {
        let ExecuteError::Value(error) = error else {
            return None;
        };
        match error.read_error() {
            Some(ReadError::NoValue { what, name }) if what == "secret" => {
                self.secrets.get(name).err()
            }
            _ => None,
        }
    }
}

/// An owned copy of what the ledger says, so that nothing of it is borrowed while the task is looked at.
enum OnRecord {
    Run(u32),
    UpToDate,
    Unfinished(Box<Attempt>),
}

/// What is asked where a command was cut off.
const LOOK_AND_SAY: &str =
    "its command may have changed something outside; look, and say `--done` or `--force`";

/// What is said where terraform was cut off.
const PLANNED_AGAIN: &str = "nobody saw its end; it is planned again";

enum Advice {
    Redo,
    Ask(String),
}

/// What a kind says about an attempt that nobody saw the end of (`docs/guide.md`, "Interrupted").
fn advice(kind: Kind, changes: bool) -> Advice {
    match kind {
        // Pushing asks first what is there: a blob, a manifest, a tag that stands is adopted.
        Kind::Image | Kind::Render | Kind::Check | Kind::Gate => Advice::Redo,
        Kind::Run if !changes => Advice::Redo,
        Kind::Run => Advice::Ask(LOOK_AND_SAY.to_owned()),
        Kind::Terraform | Kind::Kubernetes => Advice::Redo,
    }
}

fn observed(parts: FingerprintParts, since: Timestamp) -> Found {
    let mode = Mode::Observe { since };
    let verdict = Verdict::Run { attempts_before: 0 };
    (verdict, Some(Prepared { parts, mode }))
}

/// No second child starts for a task whose kept child still runs.
fn still_runs(node: &Node<'_>, child: &KeptChild) -> ExecuteError {
    let message = format!("`{}` still runs from before: {}", node.key, child.purpose);
    ExecuteError::task(FailureKind::Unavailable, message)
        .hint("wait for its end and run again, without `--done` or `--force`")
}

/// Evaluates a condition in a run.
pub(super) fn holds(
    condition: &Condition,
    scope: &RunScope<'_, '_>,
) -> Result<bool, EvaluationError> {
    condition
        .expression
        .evaluate_condition(&|reference| scope.read(reference), &|patterns| {
            scope.hash_files(patterns)
        })
}

fn waits_for_decision(error: &ExecuteError) -> Option<Name> {
    let ExecuteError::Value(error) = error else {
        return None;
    };
    match error.read_error() {
        Some(ReadError::Open { decision }) => decision.parse().ok(),
        _ => None,
    }
}
