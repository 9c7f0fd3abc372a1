//! Checks with what they required and saw.

use std::collections::BTreeSet;

use crate::{
    checkpoint::summary::{Answered, CheckLine, CheckWord, Observation},
    event::{Answer, CheckAnswer, CheckMoment},
    ledger::{CheckRecord, TaskRecord},
    plan::{Task, model::Check},
    report::shortened,
};

/// The longest observed value that is shown, in characters.
const LONGEST_VALUE: usize = 300;

/// Returns the checks of a task as the plan has them, then those that only the records know.
pub(super) fn lines(task: &Task, record: Option<&TaskRecord>) -> Vec<CheckLine> {
    let before = task.rollback.iter().flat_map(|rollback| &rollback.before);
    let planned = task
        .checks
        .iter()
        .map(|check| (check, CheckMoment::Body))
        .chain(task.verify.iter().map(|check| (check, CheckMoment::Verify)))
        .flat_map(|(check, moment)| with_inner(check, moment))
        .chain(before.map(|check| (check, CheckMoment::Before)));
    let answered = |id| record.and_then(|record| record.checks.get(id));
    let mut lines: Vec<CheckLine> = planned
        // What is asked before a rollback is no open question while nothing is rolled back.
        .filter(|(check, moment)| *moment != CheckMoment::Before || answered(&check.id).is_some())
        .map(|(check, moment)| match answered(&check.id) {
            Some(record) => line(check.id.clone(), Some(check), record),
            None => not_yet(check, moment),
        })
        .collect();
    let records = record.into_iter().flat_map(|record| &record.checks);
    for (id, record) in records {
        if lines.iter().all(|line| line.id != *id) {
            lines.push(line(id.clone(), None, record));
        }
    }
    lines
}

/// A check, then those that a container holds.
fn with_inner(check: &Check, moment: CheckMoment) -> Vec<(&Check, CheckMoment)> {
    let inner = check.checks.iter().map(|inner| (inner, moment));
    std::iter::once((check, moment)).chain(inner).collect()
}

fn not_yet(check: &Check, moment: CheckMoment) -> CheckLine {
    let expected = check.expect.entries().into_iter().flatten();
    CheckLine {
        id: check.id.clone(),
        name: check.name.clone(),
        kind: Some(check.kind.key()),
        moment,
        word: CheckWord::NotYet,
        observations: expected
            .map(|(name, field)| Observation {
                name: name.clone(),
                required: field.literal(),
                observed: None,
                unit: None,
            })
            .collect(),
        message: None,
        answered: None,
    }
}

fn line(id: crate::ident::CheckId, check: Option<&Check>, record: &CheckRecord) -> CheckLine {
    let answer = &record.answer;
    CheckLine {
        name: check.map_or_else(|| id.to_string(), |check| check.name.clone()),
        kind: check.map(|check| check.kind.key()),
        id,
        moment: record.moment,
        word: match answer.answer {
            Answer::Held => CheckWord::Held,
            Answer::Failed => CheckWord::Failed,
            Answer::Recorded => CheckWord::Recorded,
            Answer::NotAsked => CheckWord::NotAsked,
        },
        observations: observations(answer),
        message: answer.message.clone(),
        answered: Some(Answered {
            at: record.at,
            asked: answer.asked,
            took_ms: answer.took_ms,
            reality: answer.reality.clone(),
        }),
    }
}

/// Returns what was required, then what was seen besides; where something was required, only that is worth a line.
fn observations(answer: &CheckAnswer) -> Vec<Observation> {
    let all = answer.required.keys().chain(answer.observed.keys());
    let names: BTreeSet<&String> = match answer.required.is_empty() {
        true => all.collect(),
        false => answer.required.keys().collect(),
    };
    names
        .into_iter()
        .map(|name| Observation {
            name: name.clone(),
            required: answer.required.get(name).cloned(),
            observed: answer
                .observed
                .get(name)
                .map(|value| shortened(&value.to_string(), LONGEST_VALUE)),
            unit: answer.unit.clone().filter(|_| name == "value"),
        })
        .collect()
}
