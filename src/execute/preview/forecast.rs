//! What is foreseen of one task.

use super::Looked;
use crate::{
    bundle::Outlook,
    event::{Failure, Outcome, Waiting},
    execute::{
        ExecuteError, Run,
        attempt::{Attempt, BodyResult},
        body,
        prepare::{Mode, Prepared},
        trust::Moment,
    },
    expression::ReadError,
    graph::Standing,
    ident::TaskKey,
    ledger::{Resume, TaskState},
    plan::{FingerprintParts, model::Kind},
    process::StopListener,
    schedule::Verdict,
};

/// What is foreseen, of what the task is made, and what is sealed of it.
#[derive(Debug)]
pub struct Forecast {
    /// What is foreseen.
    pub outlook: Outlook,
    /// Of what it is made, where all of it is known.
    pub parts: Option<FingerprintParts>,
    /// Its saved plan.
    pub plan: Option<Vec<u8>>,
    /// Whether its outputs are known to be what a run would give.
    pub is_readable: bool,
}

impl Forecast {
    fn of(outlook: Outlook) -> Self {
        let is_readable = !outlook.is_open();
        Self {
            outlook,
            parts: None,
            plan: None,
            is_readable,
        }
    }

    fn made_of(mut self, parts: FingerprintParts) -> Self {
        self.parts = Some(parts);
        self
    }
}

impl<'p> Run<'_, 'p> {
    pub(super) async fn forecast(
        &self,
        index: usize,
        looked: &Looked,
        stop: &StopListener,
    ) -> Result<Forecast, ExecuteError> {
        match self.foresee(index, looked, stop).await {
            Err(error @ (ExecuteError::Ledger(_) | ExecuteError::Cancelled)) => Err(error),
            Err(error) => Ok(Forecast::of(self.outlook_of(error))),
            Ok(forecast) => Ok(forecast),
        }
    }

    async fn foresee(
        &self,
        index: usize,
        looked: &Looked,
        stop: &StopListener,
    ) -> Result<Forecast, ExecuteError> {
        let node = &self.graph.nodes()[index];
        if let Some(outlook) = self.before_looking(index, looked)? {
            return Ok(Forecast::of(outlook));
        }
        let parts = self.fingerprint_parts(index)?;
        let number = self.attempts_before(index, &parts) + 1;
        let attempt = |stop: &StopListener, prepared| Attempt {
            node,
            number,
            prepared,
            stop: stop.clone(),
        };
        let prepared = Prepared {
            parts: parts.clone(),
            mode: Mode::Whole,
        };
        if matches!(node.task.kind, Kind::Terraform | Kind::Image) {
            self.read_again(node).await?;
        }
        let forecast = match node.task.kind {
            Kind::Terraform => match self.changing_before(index, looked) {
                Some(task) => Forecast::of(waits_for(task)),
                None => self.plan_of(attempt(stop, &prepared)).await?,
            },
            Kind::Image => match self.stands(index, &parts) {
                true => Forecast::of(Outlook::UpToDate),
                false => {
                    self.build_of(index, attempt(stop, &prepared), looked)
                        .await?
                }
            },
            Kind::Run if node.task.changes => Forecast::of(match self.stands(index, &parts) {
                true => Outlook::UpToDate,
                false => Outlook::Runs {
                    because: "it changes something outside".to_owned(),
                },
            }),
            Kind::Run | Kind::Render => match self.open_before(index, looked) {
                Some(task) => Forecast::of(waits_for(task)),
                None => self.carried_out(index, stop).await?,
            },
            Kind::Check => match self.is_behind(index, looked) {
                Some(because) => Forecast::of(Outlook::Runs { because }),
                None => self.carried_out(index, stop).await?,
            },
            // Its decisions are answered, or its record stands.
            Kind::Gate if node.task.body.get("confirm").is_none() || self.stands(index, &parts) => {
                Forecast::of(Outlook::Done)
            }
            Kind::Gate => Forecast::of(Outlook::Runs {
                because: "a person is asked".to_owned(),
            }),
            Kind::Kubernetes => Forecast::of(Outlook::NotPreviewed {
                because: "this version does not look at clusters".to_owned(),
            }),
        };
        Ok(forecast.made_of(parts))
    }

    /// What can be told before the task itself is looked at.
    fn before_looking(
        &self,
        index: usize,
        looked: &Looked,
    ) -> Result<Option<Outlook>, ExecuteError> {
        let node = &self.graph.nodes()[index];
        if let Standing::Skipped { because } = &node.standing {
            let because = because.clone();
            return Ok(Some(Outlook::Skipped { because }));
        }
        if let Some(refusal) = self.trust().refuses(node.task, Moment::Preview) {
            let because = refusal.because;
            return Ok(Some(Outlook::NotPreviewed { because }));
        }
        let mut failed = node.after.iter();
        if let Some(edge) = failed.find(|edge| looked.failed.contains(&edge.to)) {
            let on = self.graph.nodes()[edge.to].key.clone();
            return Ok(Some(Outlook::Blocked { on }));
        }
        if let Some(because) = self.false_condition(node)? {
            return Ok(Some(Outlook::Skipped { because }));
        }
        if let Some(because) = self.not_here(node) {
            return Ok(Some(Outlook::NotPreviewed { because }));
        }
        Ok(match (self.gate(node)?, self.open_decision(node)) {
            // Whoever confirms it in the run confirms what was shown.
            (Some(Waiting::Confirmation { text }), _) => Some(Outlook::Runs {
                because: format!("somebody confirms: {text}"),
            }),
            (Some(waiting), _) => Some(paused(&waiting)),
            (None, Some(decision)) => Some(paused(&Waiting::Decision { decision })),
            (None, None) => None,
        })
    }

    /// How many attempts were made at the same parts.
    fn attempts_before(&self, index: usize, parts: &FingerprintParts) -> u32 {
        let node = &self.graph.nodes()[index];
        let known = self.recorder.known();
        match known.state().resume(&node.key, &parts.fingerprint()) {
            Resume::Run { attempts_before } => attempts_before,
            Resume::Unfinished(attempt) if attempt.fingerprint == parts.fingerprint() => {
                attempt.number
            }
            Resume::Unfinished(_) | Resume::UpToDate(_) => 0,
        }
    }

    /// Whether a record of the same parts stands.
    fn stands(&self, index: usize, parts: &FingerprintParts) -> bool {
        let node = &self.graph.nodes()[index];
        let known = self.recorder.known();
        let resume = known.state().resume(&node.key, &parts.fingerprint());
        matches!(resume, Resume::UpToDate(_))
    }

    /// Says what changes before a check, if something does.
    fn is_behind(&self, index: usize, looked: &Looked) -> Option<String> {
        let before = self.ancestors(index);
        let mut behind = before
            .iter()
            .filter(|before| looked.behind.contains(before));
        let first = behind.next()?;
        let key = &self.graph.nodes()[*first].key;
        Some(format!(
            "it is asked after `{key}`, which a run would change"
        ))
    }

    /// Carries out what changes nothing outside.
    async fn carried_out(
        &self,
        index: usize,
        stop: &StopListener,
    ) -> Result<Forecast, ExecuteError> {
        let node = &self.graph.nodes()[index];
        let (verdict, prepared) = self.prepare(index).await?;
        let outlook = match (verdict, prepared) {
            (Verdict::Run { attempts_before }, Some(prepared)) => {
                let attempt = Attempt {
                    node,
                    number: attempts_before + 1,
                    prepared: &prepared,
                    stop: stop.clone(),
                };
                match self.attempt(attempt).await? {
                    Outcome::Succeeded => Outlook::Done,
                    Outcome::Failed(failure) => failed(failure),
                    Outcome::Cancelled => return Err(ExecuteError::Cancelled),
                }
            }
            (Verdict::UpToDate, _) => Outlook::UpToDate,
            (Verdict::Skip, _) => Outlook::Skipped {
                because: "its condition is false".to_owned(),
            },
            (Verdict::Fail(failure), _) => failed(failure),
            (Verdict::Pause | Verdict::NotRun | Verdict::Run { .. }, _) => {
                match self.state_of(index) {
                    Some(TaskState::Paused { waiting }) => paused(&waiting),
                    _ => Outlook::NotPreviewed {
                        because: "it cannot be carried out here".to_owned(),
                    },
                }
            }
        };
        Ok(Forecast::of(outlook))
    }

    async fn plan_of(&self, attempt: Attempt<'_, 'p>) -> Result<Forecast, ExecuteError> {
        let mut result = BodyResult::default();
        self.record_start(&attempt)?;
        let (shown, plan) = body::preview_plan(self, &attempt, &mut result).await?;
        let is_known = !result.outputs.is_empty() || !shown.changes;
        let outlook = Outlook::Planned(Box::new(shown));
        if is_known {
            self.record_foreseen(&attempt, &result)?;
        }
        Ok(Forecast {
            outlook,
            parts: None,
            plan,
            is_readable: is_known,
        })
    }

    async fn build_of(
        &self,
        index: usize,
        attempt: Attempt<'_, 'p>,
        looked: &Looked,
    ) -> Result<Forecast, ExecuteError> {
        if let Some(task) = self.open_before(index, looked) {
            return Ok(Forecast::of(waits_for(task)));
        }
        let mut result = BodyResult::default();
        self.record_start(&attempt)?;
        let (digest, words) = body::preview_image(self, &attempt, &mut result).await?;
        let is_readable = digest.is_some();
        if is_readable {
            self.record_foreseen(&attempt, &result)?;
        }
        Ok(Forecast {
            outlook: Outlook::Built { digest, words },
            parts: None,
            plan: None,
            is_readable,
        })
    }

    /// What an error says of the run to come: that it waits for something, or that it fails.
    fn outlook_of(&self, error: ExecuteError) -> Outlook {
        if let ExecuteError::Value(value) = &error {
            match value.read_error() {
                Some(ReadError::NotYet { task }) => {
                    let because =
                        format!("it reads outputs of `{task}`, which only the run will know");
                    return Outlook::Deferred { because };
                }
                Some(ReadError::Open { decision }) => {
                    let because = format!("decision `{decision}` is open");
                    return Outlook::Paused { because };
                }
                Some(ReadError::NoValue { what, name }) if what == "secret" => {
                    let because = format!("secret `{name}` has no value here");
                    return Outlook::Deferred { because };
                }
                _ => {}
            }
        }
        if let ExecuteError::OnlyInRun { because } = error {
            return Outlook::Deferred { because };
        }
        if let ExecuteError::NoSecret { name, .. } = &error {
            let because = format!("secret `{name}` has no value here");
            return Outlook::Deferred { because };
        }
        failed(self.failure(error))
    }
}

fn waits_for(task: &TaskKey) -> Outlook {
    Outlook::Deferred {
        because: format!("it waits for `{task}`"),
    }
}

fn failed(failure: Failure) -> Outlook {
    Outlook::Failed {
        kind: failure.kind,
        message: failure.message,
        hint: failure.hint,
    }
}

fn paused(waiting: &Waiting) -> Outlook {
    let because = match waiting {
        Waiting::Decision { decision } => format!("decision `{decision}` is open"),
        Waiting::Approval { phase, environment } => {
            format!("phase `{phase}` waits for the reviewers of `{environment}`")
        }
        Waiting::Confirmation { text } => format!("somebody confirms: {text}"),
        Waiting::Settlement => "it was interrupted, and nobody said how it ended".to_owned(),
    };
    Outlook::Paused { because }
}
