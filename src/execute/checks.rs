//! Asks checks until they hold or their time is over, judges what was observed, and records it.
mod ask;
mod container;
mod image;
mod terraform;

pub(super) use image::observe_in_layout;

use std::time::{Duration, Instant};

use super::{
    ExecuteError, Run,
    attempt::Attempt,
    scope::{Artifacts, RunScope},
};
use crate::{
    event::{Answer, CheckAnswer, CheckMoment, Event, FailureKind, Reality},
    expression::{Map, Value},
    graph::Node,
    ledger::Durability,
    plan::{
        kind::observable,
        model::Check,
        requirement::{FieldPath, Observed, Requirement, Verdict},
    },
    probe::{Evidence, Observations, Resolve},
};

/// How long one asking may take where nothing else limits it.
const ONE_ASKING: Duration = Duration::from_secs(10);

/// What an asking gave.
pub(super) struct Asked {
    evidence: Evidence,
    reality: Reality,
}

/// What a check asks, and where.
pub(super) struct Question<'q, 'p> {
    node: &'q Node<'p>,
    check: &'q Check,
    own: Option<&'q Map>,
    resolve: &'q Resolve,
    moment: CheckMoment,
}

impl<'p> Run<'_, 'p> {
    /// Asks checks one after the other, all of them, and records each answer. Returns why the first failed, if one did.
    ///
    /// # Errors
    ///
    /// The ledger cannot be written, or a check makes no sense.
    pub(super) async fn ask_all(
        &self,
        attempt: &Attempt<'_, 'p>,
        checks: &[Check],
        moment: CheckMoment,
        own: Option<&Map>,
    ) -> Result<Option<String>, ExecuteError> {
        let node = attempt.node;
        let mut failures = Vec::new();
        let resolve = Resolve::new();
        for check in checks {
            let question = Question {
                node,
                check,
                own,
                resolve: &resolve,
                moment,
            };
            let answer = tokio::select! {
                answer = self.answer(&question) => answer?,
                _ = async { attempt.stop.clone().requested().await } => {
                    return Err(ExecuteError::Cancelled);
                }
            };
            if answer.answer == Answer::Failed {
                failures.push(format!(
                    "check `{}`: {}",
                    check.id,
                    answer.message.as_deref().unwrap_or("it did not hold")
                ));
            }
            let event = Event::CheckAnswered {
                task: node.key.clone(),
                check: check.id.clone(),
                moment,
                answer,
            };
            self.record(node, event, Durability::Written)?;
        }
        Ok(match failures.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            [first, others @ ..] => {
                Some(format!("{first}; and {} more did not hold", others.len()))
            }
        })
    }

    /// Asks one check until it holds or `within` is over.
    pub(super) async fn answer(
        &self,
        question: &Question<'_, 'p>,
    ) -> Result<CheckAnswer, ExecuteError> {
        let check = question.check;
        if let Some(condition) = &check.condition {
            let known = self.recorder.known();
            if !super::prepare::holds(condition, &self.question_scope(question, &known))? {
                return Ok(not_asked(format!("`{}` is false", condition.text)));
            }
        }
        let expect = self.expectations(question)?;
        let began = Instant::now();
        let mut asked = 0;
        loop {
            asked += 1;
            let left = check
                .within
                .map(|within| within.saturating_sub(began.elapsed()));
            let limit = left.map_or(ONE_ASKING, |left| {
                left.clamp(Duration::from_secs(1), ONE_ASKING)
            });
            let found = self.ask(question, limit).await;
            let mut answer = self.judge(check, &expect, found)?;
            answer.asked = asked;
            answer.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            // It is asked once more when the time is over, however long `every` is.
            let rest = check.within.map_or(Duration::ZERO, |within| {
                within.saturating_sub(began.elapsed())
            });
            if answer.answer != Answer::Failed || rest.is_zero() {
                return Ok(answer);
            }
            tokio::time::sleep(check.every.min(rest)).await;
        }
    }

    fn question_scope<'s>(
        &'s self,
        question: &Question<'s, 'p>,
        known: &'s super::Known,
    ) -> RunScope<'s, 'p> {
        RunScope {
            own: question.own,
            ..self.scope_of(question.node, known, Artifacts::ByContent)
        }
    }

    /// Evaluates a part of a check.
    pub(super) fn check_part(
        &self,
        question: &Question<'_, 'p>,
        field: &crate::plan::field::Field,
    ) -> Result<Value, ExecuteError> {
        let value = {
            let known = self.recorder.known();
            field.evaluate(&self.question_scope(question, &known))?
        };
        self.mask_computed(question.node, &value)?;
        Ok(value)
    }

    fn expectations(
        &self,
        question: &Question<'_, 'p>,
    ) -> Result<Vec<(String, Requirement)>, ExecuteError> {
        let Value::Map(expect) = self.check_part(question, &question.check.expect)? else {
            return Ok(Vec::new());
        };
        expect
            .iter()
            .map(|(name, value)| Ok((name.clone(), requirement(name, value)?)))
            .collect()
    }

    /// Turns what was found into an answer.
    fn judge(
        &self,
        check: &Check,
        expect: &[(String, Requirement)],
        found: Result<Asked, ExecuteError>,
    ) -> Result<CheckAnswer, ExecuteError> {
        let asked = match found {
            Ok(asked) => asked,
            Err(
                error @ (ExecuteError::Ledger(_)
                | ExecuteError::Cancelled
                | ExecuteError::Value(_)
                | ExecuteError::NoSecret { .. }),
            ) => return Err(error),
            Err(error) => {
                let failure = self.failure(error);
                return Ok(CheckAnswer {
                    answer: Answer::Failed,
                    message: Some(failure.message),
                    ..not_asked(String::new())
                });
            }
        };
        let masker = self.masker.borrow();
        let failed = if expect.is_empty() {
            asked.evidence.holds.clone().err()
        } else {
            first_failure(check, &asked.evidence.observed, expect)?
        };
        let records_only =
            expect.is_empty() && matches!(check.kind, crate::plan::model::CheckKind::Metric);
        let answer = match (&failed, records_only) {
            (_, true) => Answer::Recorded,
            (Some(_), false) => Answer::Failed,
            (None, false) => Answer::Held,
        };
        Ok(CheckAnswer {
            answer,
            required: expect
                .iter()
                .map(|(name, requirement)| (name.clone(), requirement.to_string()))
                .collect(),
            observed: shown(&asked.evidence.observed, expect, |text| {
                masker.mask(text).into_owned()
            }),
            unit: check.unit.clone(),
            message: failed.map(|failed| masker.mask(&failed).into_owned()),
            asked: 1,
            took_ms: 0,
            reality: asked.reality,
        })
    }
}

fn requirement(name: &str, value: &Value) -> Result<Requirement, ExecuteError> {
    Requirement::parse(value).map_err(|error| {
        let failure = ExecuteError::task(FailureKind::Invalid, format!("`{name}`: {error}"));
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Holds observations against what is expected of them. Returns why the first does not satisfy its requirement.
///
/// # Errors
///
/// A name is no field path.
pub(super) fn first_failure(
    check: &Check,
    observed: &Observations,
    expect: &[(String, Requirement)],
) -> Result<Option<String>, ExecuteError> {
    judge_all(&observable(check.kind), observed, expect)
}

/// As [`first_failure`], for what a task expects of its image.
pub(super) fn judge_all(
    observable: &crate::plan::kind::Observable,
    observed: &Observations,
    expect: &[(String, Requirement)],
) -> Result<Option<String>, ExecuteError> {
    let whole = Value::Map(observed.values().into_iter().collect());
    for (name, requirement) in expect {
        let path = FieldPath::parse(name)
            .map_err(|error| ExecuteError::task(FailureKind::Invalid, error.to_string()))?;
        let measure = observable
            .measure(name)
            .unwrap_or(crate::plan::requirement::Measure::Plain);
        let value = Observed::new(path.observe(&whole), measure);
        if let Verdict::Failed { because } = requirement.judge(&value) {
            let reason = whole
                .get("error")
                .and_then(Value::as_plain_text)
                .map(|error| format!(" ({error})"))
                .unwrap_or_default();
            return Ok(Some(format!("{name}: {because}{reason}")));
        }
    }
    Ok(None)
}

/// What is kept of the observations: those that were judged, or all where none was; never a long text.
fn shown(
    observed: &Observations,
    expect: &[(String, Requirement)],
    mask: impl Fn(&str) -> String,
) -> std::collections::BTreeMap<String, Value> {
    let whole = Value::Map(observed.values().into_iter().collect());
    let mut kept = std::collections::BTreeMap::new();
    for (name, _) in expect {
        if let Ok(path) = FieldPath::parse(name) {
            kept.insert(name.clone(), shortened(path.observe(&whole), &mask));
        }
    }
    for (name, seen) in observed.iter() {
        let is_bulky = matches!(
            name,
            "body" | "content" | "header" | "json" | "files" | "stdout" | "stderr"
        );
        if !is_bulky {
            kept.entry(name.to_owned())
                .or_insert_with(|| shortened(seen.value.clone(), &mask));
        }
    }
    kept
}

fn shortened(value: Value, mask: &impl Fn(&str) -> String) -> Value {
    const MOST: usize = 200;
    const MOST_ITEMS: usize = 20;
    match value {
        Value::Text(text) => {
            let masked = mask(&text);
            let cut: String = masked.chars().take(MOST).collect();
            Value::Text(if cut.len() < masked.len() {
                format!("{cut}…")
            } else {
                cut
            })
        }
        Value::List(items) => Value::List(
            items
                .into_iter()
                .take(MOST_ITEMS)
                .map(|item| shortened(item, mask))
                .collect(),
        ),
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .take(MOST_ITEMS)
                .map(|(name, value)| (mask(&name), shortened(value, mask)))
                .collect(),
        ),
        other => other,
    }
}

fn not_asked(message: String) -> CheckAnswer {
    CheckAnswer {
        answer: Answer::NotAsked,
        required: Default::default(),
        observed: Default::default(),
        unit: None,
        message: Some(message),
        asked: 0,
        took_ms: 0,
        reality: Reality::Real,
    }
}
