//! Items of the plan document, and what has become of them.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::Material;
use crate::{
    checkpoint::{
        state::State,
        summary::{CheckWord, DocumentSummary, ItemLine, ItemState, TaskSummary},
    },
    document::{Document, Item},
    ident::CheckId,
    plan::{
        Task,
        model::{Coverer, Kind},
    },
};

pub(super) fn fold(
    material: &Material<'_>,
    document: &Document,
    tasks: &[TaskSummary],
) -> DocumentSummary {
    let mut coverers: HashMap<&str, Vec<&Coverer>> = HashMap::new();
    for covered in &material.plan().covers {
        coverers.entry(&covered.item).or_default().push(&covered.by);
    }
    let items: Vec<ItemLine> = document
        .items()
        .iter()
        .filter(|item| {
            coverers.contains_key(item.id.as_str()) || asks_for_cover(document, item, &coverers)
        })
        .map(|item| line(material, item, coverers.get(item.id.as_str()), tasks))
        .collect();
    let mut counts = IndexMap::new();
    for item in &items {
        *counts.entry(item.state).or_insert(0) += 1;
    }
    counts.sort_keys();
    DocumentSummary {
        title: document.title().map(str::to_owned),
        counts,
        items,
    }
}

/// Whether an item that nothing names is to be done: it carries a status or an id of its own, and nothing around it is
/// covered. Headings order the document, and plain bullets explain it.
fn asks_for_cover(
    document: &Document,
    item: &Item,
    coverers: &HashMap<&str, Vec<&Coverer>>,
) -> bool {
    let is_task = !item.is_heading() && (item.has_own_id || item.status.is_some());
    let mut around = std::iter::successors(item.parent, |index| document.items()[*index].parent);
    is_task && !around.any(|index| coverers.contains_key(document.items()[index].id.as_str()))
}

fn line(
    material: &Material<'_>,
    item: &Item,
    coverers: Option<&Vec<&Coverer>>,
    tasks: &[TaskSummary],
) -> ItemLine {
    let coverers = coverers.map_or(&[][..], Vec::as_slice);
    let plan = material.plan();
    ItemLine {
        id: item.id.clone(),
        text: item.text.clone(),
        line: item.line,
        state: state(material, coverers, tasks),
        by: coverers
            .iter()
            .map(|by| match by {
                Coverer::Task(task) => plan.tasks[*task].id.to_string(),
                Coverer::Check(task, check) => format!("{}/{check}", plan.tasks[*task].id),
                Coverer::Declaration(what) => (*what).to_owned(),
            })
            .collect(),
    }
}

fn state(material: &Material<'_>, coverers: &[&Coverer], tasks: &[TaskSummary]) -> ItemState {
    let plan = material.plan();
    let mut is_declared = false;
    let mut states = Vec::new();
    for coverer in coverers {
        match coverer {
            Coverer::Declaration(_) => is_declared = true,
            Coverer::Task(task) => of_task(&plan.tasks[*task], tasks, &mut states),
            Coverer::Check(task, check) => of_check(&plan.tasks[*task], check, tasks, &mut states),
        }
    }
    let all = |wanted: ItemState| states.iter().all(|state| *state == wanted);
    let any = |wanted: ItemState| states.contains(&wanted);
    match () {
        () if states.is_empty() && is_declared => ItemState::Declared,
        () if states.is_empty() => ItemState::Uncovered,
        () if any(ItemState::Failed) => ItemState::Failed,
        () if any(ItemState::ByHand) => ItemState::ByHand,
        () if any(ItemState::Open) => ItemState::Open,
        () if any(ItemState::DoneVerified) => ItemState::DoneVerified,
        () if all(ItemState::DoneClaimed) => ItemState::DoneClaimed,
        () => ItemState::AutomatedUnproved,
    }
}

fn of_task(task: &Task, tasks: &[TaskSummary], states: &mut Vec<ItemState>) {
    let legs = tasks.iter().filter(|leg| leg.key.task == task.id);
    states.extend(legs.map(|leg| match leg.state {
        State::Failed => ItemState::Failed,
        State::DoneVerified => ItemState::DoneVerified,
        State::DoneClaimed => ItemState::DoneClaimed,
        State::AutomatedUnproved => ItemState::AutomatedUnproved,
        State::Waiting | State::ToDo | State::Blocked if task.kind == Kind::Gate => {
            ItemState::ByHand
        }
        State::Interrupted
        | State::RolledBack
        | State::Cancelled
        | State::NoLongerHolds
        | State::Running
        | State::Waiting
        | State::Blocked
        | State::ToDo
        | State::NotRun
        | State::Skipped
        | State::Obsolete => ItemState::Open,
    }));
}

fn of_check(task: &Task, check: &CheckId, tasks: &[TaskSummary], states: &mut Vec<ItemState>) {
    let legs = tasks.iter().filter(|leg| leg.key.task == task.id);
    states.extend(legs.map(|leg| {
        let line = leg.checks.iter().find(|line| line.id == *check);
        match line.map(|line| line.word) {
            Some(CheckWord::Failed) => ItemState::Failed,
            Some(CheckWord::Held) if leg.state.is_done() => ItemState::DoneVerified,
            Some(CheckWord::Recorded) if leg.state.is_done() => ItemState::AutomatedUnproved,
            Some(
                CheckWord::Held | CheckWord::Recorded | CheckWord::NotAsked | CheckWord::NotYet,
            )
            | None => ItemState::Open,
        }
    }));
}
