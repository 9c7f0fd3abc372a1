//! What proves goals, risks, and statements about data.

use super::{Material, document, weakest};
use crate::{
    checkpoint::{
        state::State,
        summary::{CheckWord, ProofLine, ProofWord, Proofs, RiskLine, TaskSummary},
    },
    event::Reality,
    ident::TaskKey,
    plan::model::Proof,
};

pub(super) fn fold(material: &Material<'_>, tasks: &[TaskSummary]) -> Proofs {
    let plan = material.plan();
    let risks = plan.risks.iter().map(|risk| RiskLine {
        proof: line(&risk.text, &risk.proof, tasks),
        likelihood: risk.likelihood.clone(),
        impact: risk.impact.clone(),
        mitigation: risk.mitigation.clone(),
    });
    Proofs {
        goals: plan
            .goals
            .iter()
            .map(|goal| line(&goal.text, &goal.proof, tasks))
            .collect(),
        risks: risks.collect(),
        document: material
            .document
            .map(|found| document::fold(material, found, tasks)),
        obsolete: obsolete(material),
    }
}

fn line(text: &str, proofs: &[Proof], tasks: &[TaskSummary]) -> ProofLine {
    let mut realities: Vec<&Reality> = Vec::new();
    let by: indexmap::IndexMap<String, ProofWord> = proofs
        .iter()
        .map(|proof| {
            let name = match &proof.check {
                Some(check) => format!("{}/{check}", proof.task),
                None => proof.task.to_string(),
            };
            (name, word_of(proof, tasks, &mut realities))
        })
        .collect();
    ProofLine {
        text: text.to_owned(),
        word: by.values().min().copied().unwrap_or(ProofWord::Claimed),
        reality: weakest(realities.into_iter()),
        by,
    }
}

/// Returns the word of one proof: it must hold in every environment and leg of its task that takes part.
fn word_of<'t>(
    proof: &Proof,
    tasks: &'t [TaskSummary],
    realities: &mut Vec<&'t Reality>,
) -> ProofWord {
    let of_task = tasks
        .iter()
        .filter(|task| task.key.task == proof.task && task.state != State::Skipped);
    let words = of_task.map(|task| {
        let Some(check) = &proof.check else {
            realities.extend(&task.reality);
            return of_state(task.state);
        };
        let Some(line) = task.checks.iter().find(|line| line.id == *check) else {
            return ProofWord::NotProved;
        };
        realities.extend(line.answered.as_ref().map(|answered| &answered.reality));
        match (line.word, task.state) {
            (CheckWord::Failed, _) => ProofWord::Failed,
            // What a later rollback or change has undone proves nothing any more.
            (CheckWord::Held, State::RolledBack | State::NoLongerHolds) => ProofWord::NotProved,
            (CheckWord::Held, _) => ProofWord::Proved,
            (CheckWord::Recorded | CheckWord::NotAsked | CheckWord::NotYet, _) => {
                ProofWord::NotProved
            }
        }
    });
    words.min().unwrap_or(ProofWord::NotProved)
}

fn of_state(state: State) -> ProofWord {
    match state {
        State::Failed => ProofWord::Failed,
        State::DoneVerified => ProofWord::Proved,
        State::DoneClaimed => ProofWord::Claimed,
        State::Interrupted
        | State::RolledBack
        | State::Cancelled
        | State::NoLongerHolds
        | State::Running
        | State::Waiting
        | State::Blocked
        | State::ToDo
        | State::NotRun
        | State::AutomatedUnproved
        | State::Skipped
        | State::Obsolete => ProofWord::NotProved,
    }
}

/// Returns the tasks that changed something, which stands, and that the plan no longer has.
fn obsolete(material: &Material<'_>) -> Vec<TaskKey> {
    let records = material.state.tasks();
    records
        .filter(|(key, _)| material.graph.find(key).is_none())
        .filter(|(_, record)| record.success().is_some_and(|attempt| attempt.changes))
        .map(|(key, _)| key.clone())
        .collect()
}
