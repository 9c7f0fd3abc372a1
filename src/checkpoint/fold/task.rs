//! One task.

use super::{Material, check, weakest};
use crate::{
    checkpoint::{
        state::State,
        summary::{CheckWord, EffectLine, TaskSummary, Times},
    },
    event::{OutputValue, Reality, Reason, Waiting},
    graph::{Node, Standing},
    ident::Name,
    ledger::{TaskRecord, TaskState},
    plan::model::Kind,
    report::{shortened, words::moment},
};

/// The longest output that is shown, in characters.
const LONGEST_OUTPUT: usize = 300;

/// Folds what is known about a task.
pub(super) fn summary(material: &Material<'_>, node: &Node<'_>) -> TaskSummary {
    let record = material.record(node);
    let checks = check::lines(node.task, record);
    let is_proved = checks.iter().any(|check| check.word == CheckWord::Held);
    let (state, why) = state(material, node, record, is_proved);
    let effects = effects(record);
    let asked = checks
        .iter()
        .filter(|check| check.word != CheckWord::NotAsked);
    let answers = asked.filter_map(|check| check.answered.as_ref());
    let realities = effects.iter().map(|effect| &effect.reality);
    let reality = match state {
        State::NotRun => Some(Reality::NotRun {
            because: why.clone().unwrap_or_default(),
        }),
        _ => weakest(realities.chain(answers.map(|answered| &answered.reality))),
    };
    TaskSummary {
        key: node.key.clone(),
        name: node.task.name.clone(),
        kind: node.task.kind.key(),
        state,
        why,
        times: times(node, record),
        reality,
        effects,
        outputs: outputs(record),
        checks,
    }
}

fn times(node: &Node<'_>, record: Option<&TaskRecord>) -> Times {
    let millis =
        |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let attempt = record.and_then(|record| record.attempt.as_ref());
    let ended = attempt.and_then(|attempt| attempt.ended.as_ref());
    Times {
        attempt: attempt.map_or(0, |attempt| attempt.number),
        run: attempt.map(|attempt| attempt.run.clone()),
        started: attempt.map(|attempt| attempt.started),
        finished: ended.map(|ended| ended.at),
        took_ms: ended.map(|ended| millis(ended.took)),
        estimate_ms: node.task.estimate.map(millis),
        log: ended.and_then(|ended| ended.log.clone()),
    }
}

fn effects(record: Option<&TaskRecord>) -> Vec<EffectLine> {
    let ended = record.and_then(TaskRecord::ended);
    let effects = ended.into_iter().flat_map(|ended| &ended.effects);
    effects
        .map(|effect| EffectLine {
            what: effect.what.clone(),
            reality: effect.reality.clone(),
        })
        .collect()
}

fn outputs(record: Option<&TaskRecord>) -> indexmap::IndexMap<Name, String> {
    let ended = record.and_then(TaskRecord::ended);
    let outputs = ended.into_iter().flat_map(|ended| &ended.outputs);
    outputs
        .map(|(name, output)| {
            let text = match output {
                OutputValue::Clear { value } => shortened(&value.to_string(), LONGEST_OUTPUT),
                OutputValue::Sealed { .. } => "secret, sealed".to_owned(),
                OutputValue::Withheld => "secret, not kept".to_owned(),
            };
            (name.clone(), text)
        })
        .collect()
}

/// Returns a task's state and the rest of the sentence.
fn state(
    material: &Material<'_>,
    node: &Node<'_>,
    record: Option<&TaskRecord>,
    is_proved: bool,
) -> (State, Option<String>) {
    if let Standing::Skipped { because } = &node.standing {
        return (State::Skipped, Some(condition(because)));
    }
    let Some(record) = record else {
        return (State::ToDo, None);
    };
    let done = || done(node, record, is_proved);
    match &record.state {
        TaskState::ToDo => (State::ToDo, Some("it is to be repeated".to_owned())),
        TaskState::Running if run_has_ended(material, record) => (
            State::Interrupted,
            Some("its run has ended, and it has not".to_owned()),
        ),
        TaskState::Running => (State::Running, None),
        TaskState::Succeeded => (done().0, done().1),
        TaskState::UpToDate { since } => {
            let (state, why) = done();
            let since = format!("up to date since {}", moment(*since));
            (
                state,
                Some(why.map_or(since.clone(), |why| format!("{why}; {since}"))),
            )
        }
        TaskState::Failed(failure) => (State::Failed, Some(with_retry(record, &failure.message))),
        TaskState::Cancelled => (State::Cancelled, None),
        TaskState::Interrupted { advice } => (State::Interrupted, advice.clone()),
        TaskState::Skipped { because } => (State::Skipped, Some(reason(because))),
        TaskState::Blocked { on } => (State::Blocked, Some(format!("on `{on}`"))),
        TaskState::Paused {
            waiting: Waiting::Settlement,
        } => (
            State::Interrupted,
            Some("a person says whether it is done or has to be repeated".to_owned()),
        ),
        TaskState::Paused { waiting } => (State::Waiting, Some(waits_for(waiting))),
        TaskState::NotRun { because } => (State::NotRun, Some(because.clone())),
        TaskState::RolledBack { way } => (State::RolledBack, Some(format!("by `{way}`"))),
        TaskState::Invalidated { because } => (State::NoLongerHolds, Some(because.clone())),
    }
}

fn done(node: &Node<'_>, record: &TaskRecord, is_proved: bool) -> (State, Option<String>) {
    if let Some(word) = &record.confirmed {
        return (
            State::DoneClaimed,
            Some(format!("confirmed by {}", word.by)),
        );
    }
    let settled_since_start = record.settled.as_ref().filter(|word| {
        record
            .ended()
            .is_some_and(|ended| ended.at == word.at && ended.run == word.run)
    });
    match settled_since_start {
        _ if is_proved => (State::DoneVerified, None),
        Some(word) => (
            State::DoneClaimed,
            Some(format!("by the word of {}", word.by)),
        ),
        None if node.task.kind == Kind::Gate => (State::DoneClaimed, None),
        None => (State::AutomatedUnproved, None),
    }
}

fn with_retry(record: &TaskRecord, message: &str) -> String {
    match record.attempt.as_ref().and_then(|attempt| attempt.retry) {
        Some(retry) => format!(
            "{message}; attempt {} is due at {}",
            retry.attempt,
            moment(retry.due)
        ),
        None => message.to_owned(),
    }
}

/// Whether the run that wrote the last record of a task is over, by its own word: what still runs then was cut off.
fn run_has_ended(material: &Material<'_>, record: &TaskRecord) -> bool {
    let run = record
        .attempt
        .as_ref()
        .map_or(&record.run, |attempt| &attempt.run);
    material
        .state
        .run(run)
        .is_some_and(|run| !run.jobs.is_empty() && run.jobs.values().all(|job| job.ended.is_some()))
}

fn condition(text: &str) -> String {
    format!("`{text}` is false")
}

fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Condition { text } => condition(text),
    }
}

fn waits_for(waiting: &Waiting) -> String {
    match waiting {
        Waiting::Decision { decision } => format!("for decision `{decision}`"),
        Waiting::Approval { phase, environment } => {
            format!("for approval of phase `{phase}` in `{environment}`")
        }
        Waiting::Confirmation { text } => format!("for a confirmation: {text}"),
        Waiting::Settlement => "for a person's word".to_owned(),
    }
}
