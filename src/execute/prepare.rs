//! Looks at a task whose prerequisites are satisfied, and says what is to be done about it.

use std::path::Path;

use jiff::Timestamp;

use super::{
    ExecuteError, Run,
    scope::{Artifacts, RunScope},
};
use crate::{
    event::{Event, Failure, FailureKind, Reality, Reason, Waiting},
    expression::{EvaluationError, ReadError},
    graph::{Node, Standing},
    ident::Name,
    ledger::{Attempt, Durability, Resume},
    plan::{
        FingerprintParts,
        field::{Field, Scope as _},
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
                None => Ok((Verdict::Fail(self.masked(error.into_failure())), None)),
            },
        }
    }

    async fn look(&self, node: &Node<'p>) -> Result<Found, ExecuteError> {
        if let Some(because) = self.false_condition(node)? {
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
        if let Some(waiting) = self.gate(node)? {
            return self.pause(node, waiting);
        }
        if let Some(because) = not_there_yet(node.task.kind) {
            self.record(
                node,
                Event::TaskNotRun {
                    task: node.key.clone(),
                    because: because.to_owned(),
                },
                Durability::Written,
            )?;
            return Ok((Verdict::NotRun, None));
        }
        if let Some(waiting) = self.approval(node).await? {
            return self.pause(node, waiting);
        }
        let parts = {
            let known = self.recorder.known();
            let scope = self.scope_of(node, &known, Artifacts::ByContent);
            super::fingerprint::parts(self.graph.plan(), node, &scope, &self.listing)?
        };
        self.against_the_record(node, parts).await
    }

    /// Returns the first condition that is false; conditions that are static were decided when the graph was built.
    fn false_condition(&self, node: &Node<'p>) -> Result<Option<String>, ExecuteError> {
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

    /// What a gate waits for, if it does.
    fn gate(&self, node: &Node<'p>) -> Result<Option<Waiting>, ExecuteError> {
        if node.task.kind != Kind::Gate {
            return Ok(None);
        }
        if let Some(text) = node.task.body.get("confirm").and_then(Field::literal) {
            return self.confirmation(node, text);
        }
        let known = self.recorder.known();
        let scope = self.scope_of(node, &known, Artifacts::ByContent);
        for name in node
            .task
            .body
            .get("decisions")
            .map_or(&[][..], Field::items)
            .iter()
            .filter_map(Field::literal)
        {
            let open = scope.answer(&name);
            match open {
                Ok(_) => {}
                Err(ReadError::Open { .. }) => {
                    return Ok(name
                        .parse()
                        .ok()
                        .map(|decision| Waiting::Decision { decision }));
                }
                Err(error) => {
                    return Err(ExecuteError::task(FailureKind::Invalid, error.to_string()));
                }
            }
        }
        Ok(None)
    }

    fn confirmation(&self, node: &Node<'p>, text: String) -> Result<Option<Waiting>, ExecuteError> {
        let key = node.key.to_string();
        let confirmed_before = self
            .recorder
            .known()
            .state()
            .task(&node.key)
            .is_some_and(|record| record.confirmed.is_some());
        if confirmed_before {
            return Ok(None);
        }
        let given = self
            .options
            .confirm
            .iter()
            .any(|name| *name == key || name == node.key.task.as_str());
        let by = match (given, &self.world.stand_ins.person) {
            (true, _) => self.actor(),
            (false, Some(person)) => person.clone(),
            (false, None) => return Ok(Some(Waiting::Confirmation { text })),
        };
        self.record(
            node,
            Event::GateConfirmed {
                task: node.key.clone(),
                by,
            },
            Durability::Synced,
        )?;
        Ok(None)
    }

    /// Whether the task's phase still waits for its reviewers: once a phase, environment and run.
    async fn approval(&self, node: &Node<'p>) -> Result<Option<Waiting>, ExecuteError> {
        let plan = self.graph.plan();
        let Some(name) = node.key.environment.as_ref().filter(|_| node.task.changes) else {
            return Ok(None);
        };
        if plan
            .environments
            .get(name)
            .is_none_or(|environment| environment.reviewers.is_empty())
        {
            return Ok(None);
        }
        let phase = plan.phase_of(node.task).id.clone();
        let is_given = {
            let known = self.recorder.known();
            known
                .state()
                .approval(&phase, name)
                .is_some_and(|approval| approval.word.run == *self.recorder.run())
        };
        if is_given {
            return Ok(None);
        }
        let (by, reality) = match (
            &self.world.stand_ins.person,
            self.approved_on_github(name.as_str()).await?,
        ) {
            (Some(person), _) => (
                person.clone(),
                Reality::StandIn {
                    who: person.clone(),
                },
            ),
            (None, Some(by)) => (by, Reality::Real),
            (None, None) => {
                return Ok(Some(Waiting::Approval {
                    phase,
                    environment: name.clone(),
                }));
            }
        };
        let event = Event::PhaseApproved {
            phase,
            environment: name.clone(),
            by,
            reality,
        };
        self.record(node, event, Durability::Synced)?;
        Ok(None)
    }

    async fn against_the_record(
        &self,
        node: &Node<'p>,
        parts: FingerprintParts,
    ) -> Result<Found, ExecuteError> {
        let fingerprint = parts.fingerprint();
        let key = node.key.to_string();
        let named = |names: &[String]| {
            names
                .iter()
                .any(|name| *name == key || name == node.key.task.as_str())
        };
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
            OnRecord::UpToDate if named(&self.options.force) => Ok(whole(0)),
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
        Ok((
            Verdict::Run { attempts_before: 0 },
            Some(Prepared {
                parts,
                mode: Mode::Observe { since },
            }),
        ))
    }

    /// An attempt without an end: its kept child, the person who was asked, or its kind says what follows.
    async fn unfinished(
        &self,
        node: &Node<'p>,
        parts: FingerprintParts,
        attempt: &Attempt,
    ) -> Result<Found, ExecuteError> {
        let key = node.key.to_string();
        let named = |names: &[String]| {
            names
                .iter()
                .any(|name| *name == key || name == node.key.task.as_str())
        };
        let again = |parts| {
            Ok((
                Verdict::Run {
                    attempts_before: attempt.number,
                },
                Some(Prepared {
                    parts,
                    mode: Mode::Whole,
                }),
            ))
        };
        if named(&self.options.done) {
            return self.settle(node, true);
        }
        if named(&self.options.force) {
            self.settle(node, false)?;
            return again(parts);
        }
        let ledger = self.recorder.ledger_of(&node.key)?;
        if let Some(child) = attempt.kept.last() {
            let folder = ledger.path_of(&child.folder)?;
            match kept::look(Path::new(folder.as_str()))? {
                KeptState::Running(_) | KeptState::Ended(_)
                    if attempt.fingerprint == parts.fingerprint() =>
                {
                    let mode = Mode::Adopt {
                        folder: child.folder.clone(),
                    };
                    return Ok((
                        Verdict::Run {
                            attempts_before: attempt.number - 1,
                        },
                        Some(Prepared { parts, mode }),
                    ));
                }
                KeptState::Running(_) => {
                    return Err(ExecuteError::task(
                        FailureKind::Unavailable,
                        format!(
                            "`{key}` as it was before the plan changed still runs: {}",
                            child.purpose
                        ),
                    )
                    .hint("wait for its end and run again"));
                }
                KeptState::NeverStarted => return again(parts),
                KeptState::Ended(_) | KeptState::Vanished => {}
            }
        }
        match advice(node.task.kind, node.task.changes) {
            Advice::Redo => again(parts),
            Advice::Ask(advice) => {
                let event = Event::TaskInterrupted {
                    task: node.key.clone(),
                    advice: advice.to_owned(),
                };
                self.record(node, event, Durability::Synced)?;
                self.pause(node, Waiting::Settlement)
            }
        }
    }

    fn settle(&self, node: &Node<'p>, done: bool) -> Result<Found, ExecuteError> {
        let event = Event::TaskSettled {
            task: node.key.clone(),
            done,
            by: self.actor(),
        };
        self.record(node, event, Durability::Synced)?;
        Ok((Verdict::UpToDate, None))
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
        }
    }

    /// Hides secrets in the words of a failure, which may quote what a tool said.
    pub(super) fn masked(&self, failure: Failure) -> Failure {
        let masker = self.masker.borrow();
        Failure {
            message: masker.mask(&failure.message).into_owned(),
            hint: failure.hint.map(|hint| masker.mask(&hint).into_owned()),
            ..failure
        }
    }
}

/// An owned copy of what the ledger says, so that nothing of it is borrowed while the task is looked at.
enum OnRecord {
    Run(u32),
    UpToDate,
    Unfinished(Box<Attempt>),
}

enum Advice {
    Redo,
    Ask(&'static str),
}

/// What a kind says about an attempt that nobody saw the end of (`semantics.md`, "Interrupted").
fn advice(kind: Kind, changes: bool) -> Advice {
    match kind {
        // Pushing asks first what is there: a blob, a manifest, a tag that stands is adopted.
        Kind::Image | Kind::Render | Kind::Check | Kind::Gate => Advice::Redo,
        Kind::Run if !changes => Advice::Redo,
        Kind::Run => Advice::Ask(
            "its command may have changed something outside; look, and say `--done` or `--force`",
        ),
        Kind::Terraform | Kind::Kubernetes => Advice::Redo,
    }
}

/// Why a kind cannot be carried out by this version.
fn not_there_yet(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Terraform => Some("this version does not run terraform yet"),
        Kind::Kubernetes => Some("this version does not apply to clusters yet"),
        Kind::Image | Kind::Render | Kind::Run | Kind::Check | Kind::Gate => None,
    }
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
