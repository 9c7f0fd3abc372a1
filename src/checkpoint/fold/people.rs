//! What people decided, approved and confirmed.

use super::Material;
use crate::{
    checkpoint::summary::{AnswerSource, DecisionLine, People, WordLine},
    event::Reality,
    ident::{Name, RunId},
    plan::model::{Decision, DecisionAnswer},
    report::words::moment,
};

/// Who gives answers and confirmations in a rehearsal.
const NOBODY: &str = "the rehearsal";

pub(super) fn fold(material: &Material<'_>) -> People {
    let decisions = material.plan().decisions.iter();
    let mut decisions: Vec<DecisionLine> = decisions
        .map(|(name, decision)| line(material, name, decision))
        .collect();
    decisions.sort_by_key(|line| line.source);
    let mut words = approvals(material);
    words.extend(confirmations(material));
    words.sort_by_key(|word| word.at);
    People { decisions, words }
}

fn line(material: &Material<'_>, name: &Name, decision: &Decision) -> DecisionLine {
    let mut line = DecisionLine {
        name: name.clone(),
        question: decision.question.clone(),
        source: AnswerSource::Open,
        answer: None,
        options: decision.options.clone(),
        preferred: decision.preferred.clone(),
        by: decision.by.clone(),
        at: decision.at.clone(),
        reason: decision.reason.clone(),
        record: decision.record.clone(),
    };
    let assumed = material
        .values
        .assumed()
        .iter()
        .find(|(assumed, _)| assumed == name);
    match (&decision.answer, assumed, material.state.decision(name)) {
        (DecisionAnswer::Given(answer), _, _) => {
            line.source = AnswerSource::Plan;
            line.answer = Some(answer.clone());
        }
        (DecisionAnswer::Open, Some((_, answer)), _) => {
            line.source = AnswerSource::Assumed;
            line.answer = Some(answer.clone());
            line.by = Some(NOBODY.to_owned());
        }
        (DecisionAnswer::Open, None, Some(record))
        | (DecisionAnswer::ByTask(_), _, Some(record)) => {
            // An open decision is answered by nothing but a rehearsal; the ledger says by which words.
            line.source = match decision.answer {
                DecisionAnswer::ByTask(_) => AnswerSource::Task,
                DecisionAnswer::Open | DecisionAnswer::Given(_) => AnswerSource::Assumed,
            };
            line.answer = Some(record.answer.clone());
            line.by = Some(record.word.by.clone());
            line.at = Some(moment(record.word.at));
        }
        (DecisionAnswer::ByTask(_), _, None) => line.source = AnswerSource::Expected,
        (DecisionAnswer::Open, None, None) => {}
    }
    line
}

/// Returns the approvals of the run: one that was given to another opens nothing in this.
fn approvals(material: &Material<'_>) -> Vec<WordLine> {
    let approvals = material.state.approvals().iter();
    approvals
        .filter(|approval| material.run() == Some(&approval.word.run))
        .map(|approval| WordLine {
            what: format!(
                "phase `{}` in `{}` approved",
                approval.phase, approval.environment
            ),
            by: approval.word.by.clone(),
            at: approval.word.at,
            reality: approval.reality.clone(),
        })
        .collect()
}

fn confirmations(material: &Material<'_>) -> Vec<WordLine> {
    let mut words = Vec::new();
    for node in material.graph.nodes() {
        let Some(record) = material.record(node) else {
            continue;
        };
        let confirmed = record.confirmed.iter().map(|word| ("confirmed", word));
        let settled = record.settled.iter().map(|word| ("settled", word));
        words.extend(confirmed.chain(settled).map(|(done, word)| WordLine {
            what: format!("task `{}` {done}", node.key),
            by: word.by.clone(),
            at: word.at,
            reality: reality_of(material, &word.run, &word.by),
        }));
    }
    words
}

/// A word that was recorded in a rehearsal is nobody's.
fn reality_of(material: &Material<'_>, run: &RunId, by: &str) -> Reality {
    let is_rehearsal = material
        .state
        .run(run)
        .is_some_and(|run| run.jobs.values().any(|job| job.about.rehearsal));
    match is_rehearsal {
        true => Reality::StandIn { who: by.to_owned() },
        false => Reality::Real,
    }
}
