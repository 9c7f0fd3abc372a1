//! Hand-made records of two runs, for tests.

use jiff::{Timestamp, ToSpan as _};

use crate::{
    event::{
        Answer, CheckAnswer, CheckMoment, Effect, Event, Failure, FailureKind, LogRef, Outcome,
        OutputValue, Reality, Reason, Record, RunSummary, StartedRun, Waiting,
    },
    expression::Value,
    ident::RunId,
};

/// The run of the records.
pub(crate) const RUN: &str = "4711";

/// Makes records: `at(SECONDS, event)`.
#[derive(Debug, Default)]
pub(crate) struct Records(pub Vec<Record>);

impl Records {
    /// Adds a fact that many seconds after eight o'clock.
    pub fn at(mut self, seconds: i64, event: Event) -> Self {
        self.0.push(Record {
            seq: self.0.len() as u64 + 1,
            at: moment(seconds),
            run: RunId::new(RUN),
            event,
        });
        self
    }

    /// Starts the run.
    pub fn begun(rehearsal: bool) -> Self {
        Self::default().at(
            0,
            Event::RunStarted(StartedRun {
                plan: "relay".to_owned(),
                plan_digest: crate::digest::Digest::of(b"plan"),
                job: None,
                commit: Some("4f2a9c1d".to_owned()),
                actor: Some("octocat".to_owned()),
                url: Some("https://github.com/o/r/actions/runs/4711".to_owned()),
                rehearsal,
                version: "0.1.0".to_owned(),
                bundle: None,
            }),
        )
    }

    /// Starts an attempt.
    pub fn started(self, seconds: i64, task: &str, attempt: u32, changes: bool) -> Self {
        self.at(
            seconds,
            Event::TaskStarted {
                task: task.parse().expect("the fixture's keys are keys"),
                attempt,
                fingerprint: crate::digest::Digest::of(task.as_bytes()),
                changes,
            },
        )
    }

    /// Ends an attempt after so many seconds.
    pub fn ended(self, seconds: i64, task: &str, attempt: u32, end: End) -> Self {
        self.at(
            seconds,
            Event::TaskFinished {
                task: task.parse().expect("the fixture's keys are keys"),
                attempt,
                outcome: end.outcome,
                took_ms: end.took_ms,
                outputs: end
                    .outputs
                    .into_iter()
                    .map(|(name, value)| {
                        let name = name.parse().expect("the fixture's names are names");
                        (name, OutputValue::Clear { value })
                    })
                    .collect(),
                artifacts: Default::default(),
                effects: end.effects,
                log: Some(LogRef {
                    path: format!("logs/{RUN}/{task}/attempt-{attempt}/log.txt"),
                    bytes: 120,
                }),
            },
        )
    }

    /// Answers a check of `verify`.
    pub fn answered(self, seconds: i64, task: &str, check: &str, answer: CheckAnswer) -> Self {
        self.at(
            seconds,
            Event::CheckAnswered {
                task: task.parse().expect("the fixture's keys are keys"),
                check: check.parse().expect("the fixture's checks are ids"),
                moment: CheckMoment::Verify,
                answer,
            },
        )
    }
}

/// The end of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub outcome: Outcome,
    pub took_ms: u64,
    pub outputs: Vec<(&'static str, Value)>,
    pub effects: Vec<Effect>,
}

impl End {
    /// A success.
    pub fn good(took_ms: u64) -> Self {
        Self {
            outcome: Outcome::Succeeded,
            took_ms,
            outputs: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// A failure.
    pub fn bad(took_ms: u64, message: &str, hint: Option<&str>) -> Self {
        Self {
            outcome: Outcome::Failed(Failure {
                kind: FailureKind::Task,
                message: message.to_owned(),
                hint: hint.map(str::to_owned),
                exit: Some(2),
            }),
            ..Self::good(took_ms)
        }
    }

    /// The same with an output.
    pub fn output(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.outputs.push((name, value.into()));
        self
    }

    /// The same with an effect.
    pub fn effect(mut self, what: &str, reality: Reality) -> Self {
        self.effects.push(Effect {
            what: what.to_owned(),
            reality,
        });
        self
    }
}

/// An answer with one requirement.
pub(crate) fn answer(
    answer: Answer,
    name: &str,
    required: &str,
    observed: impl Into<Value>,
) -> CheckAnswer {
    CheckAnswer {
        answer,
        required: [(name.to_owned(), required.to_owned())].into(),
        observed: [(name.to_owned(), observed.into())].into(),
        unit: None,
        message: (answer == Answer::Failed).then(|| format!("`{name}` is not {required}")),
        asked: 3,
        took_ms: 12_000,
        reality: Reality::Real,
    }
}

/// So many seconds after eight o'clock.
pub(crate) fn moment(seconds: i64) -> Timestamp {
    let eight: Timestamp = "2026-11-21T08:00:00Z".parse().expect("it is a moment");
    eight
        .checked_add(seconds.seconds())
        .expect("it is within the calendar")
}

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The first phase went well; in the second a check did not hold, a task is blocked, and a decision is open.
pub(crate) fn failed_run() -> Records {
    let registry = || Reality::StandIn {
        who: "registry at 127.0.0.1:5000".to_owned(),
    };
    let reference = format!("ghcr.io/o/relay@{DIGEST}");
    Records::begun(false)
        .started(1, "build", 1, false)
        .ended(
            5,
            "build",
            1,
            End::bad(4_000, "`make` ended with exit code 2", None),
        )
        .started(10, "build", 2, false)
        .ended(
            82,
            "build",
            2,
            End::good(72_000).effect("run make", Reality::Real),
        )
        .started(83, "server", 1, true)
        .answered(
            95,
            "server",
            "listed",
            answer(Answer::Held, "exists", "true", true),
        )
        .ended(
            95,
            "server",
            1,
            End::good(12_000)
                .output("reference", reference.as_str())
                .output("digest", DIGEST)
                .output(
                    "tags",
                    Value::List(vec!["main".into(), "sha-4f2a9c1".into()]),
                )
                .effect(&format!("push {reference}"), registry()),
        )
        .at(
            96,
            Event::PhaseApproved {
                phase: "release".parse().expect("an id"),
                environment: "production".parse().expect("an id"),
                by: "hubot".to_owned(),
                reality: Reality::Real,
            },
        )
        .started(100, "app@production", 1, true)
        .answered(
            160,
            "app@production",
            "http",
            answer(Answer::Failed, "status", "200", 503.0),
        )
        .ended(
            160,
            "app@production",
            1,
            End::bad(
                60_000,
                "check `http` did not hold: `status` is 503, required 200",
                Some("look at the log of the server"),
            )
            .effect("run ./deploy.sh", Reality::Real),
        )
        .at(
            161,
            Event::TaskBlocked {
                task: "page@production".parse().expect("a key"),
                on: "app@production".parse().expect("a key"),
            },
        )
        .at(
            162,
            Event::TaskPaused {
                task: "signed@production".parse().expect("a key"),
                waiting: Waiting::Decision {
                    decision: "tls".parse().expect("a name"),
                },
            },
        )
        .at(163, Event::RunFinished(RunSummary { job: None, exit: 1 }))
}

/// Everything went well.
pub(crate) fn good_run() -> Records {
    Records::begun(false)
        .started(1, "build", 1, false)
        .ended(60, "build", 1, End::good(59_000))
        .started(61, "server", 1, true)
        .answered(
            70,
            "server",
            "listed",
            answer(Answer::Held, "exists", "true", true),
        )
        .ended(
            70,
            "server",
            1,
            End::good(9_000).effect("push ghcr.io/o/relay", Reality::Real),
        )
        .started(71, "app@production", 1, true)
        .answered(
            80,
            "app@production",
            "http",
            answer(Answer::Held, "status", "200", 200.0),
        )
        .ended(
            80,
            "app@production",
            1,
            End::good(9_000).output("address", "relay.example.org"),
        )
        .started(81, "page@production", 1, true)
        .ended(90, "page@production", 1, End::good(9_000))
        .at(
            91,
            Event::TaskSkipped {
                task: "signed@production".parse().expect("a key"),
                because: Reason::Condition {
                    text: "inputs.sign".to_owned(),
                },
            },
        )
        .at(92, Event::RunFinished(RunSummary { job: None, exit: 0 }))
}
