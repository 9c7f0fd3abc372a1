//! Which items of the document each part of the plan carries out or proves.

use crate::{
    diagnostic::Span,
    plan::{
        grammar::{CHECK, Object, PHASE, PLAN, TASK, Type},
        model::{Check, Covered, Coverer, Parts, Task},
        node::{Map, Node},
    },
};

/// Finds what the plan itself and its data cover; phases and tasks are looked at one by one.
pub(super) fn of_plan(root: &Map, parts: &mut Parts) {
    for entry in root.entries.iter().filter(|entry| entry.key != "phases") {
        let declaration = match entry.key.as_str() {
            "decisions" => "a decision",
            "risks" => "a risk",
            "exclusions" => "an exclusion",
            "workflows" => "a workflow",
            "goals" => "a goal",
            "secrets" => "a secret",
            _ => "the plan",
        };
        let mut found = Vec::new();
        if entry.key == "covers" {
            found.extend(items(&entry.value));
        } else if let Some(key) = PLAN.key(&entry.key) {
            below(&entry.value, key.ty, &mut found);
        }
        add(parts, found, &Coverer::Declaration(declaration));
    }
}

/// What a phase covers, each of its tasks carries out.
pub(super) fn of_phase(map: &Map, tasks: std::ops::Range<usize>, parts: &mut Parts) {
    let found = own(map);
    if tasks.is_empty() {
        add(parts, found.clone(), &Coverer::Declaration(PHASE.what));
    }
    for task in tasks {
        add(parts, found.clone(), &Coverer::Task(task));
    }
}

/// What a task and its checks cover.
pub(super) fn of_task(map: &Map, index: usize, task: &Task, parts: &mut Parts) {
    let mut found = own(map);
    for entry in &map.entries {
        if let Some(key) = TASK.key(&entry.key).filter(|key| key.name != "covers") {
            below(&entry.value, key.ty, &mut found);
        }
    }
    add(parts, found, &Coverer::Task(index));
    let rollback = map.get("rollback").and_then(Node::as_map);
    of_checks(map.get("check"), &task.checks, index, parts);
    of_checks(map.get("verify"), &task.verify, index, parts);
    if let (Some(map), Some(rollback)) = (rollback, &task.rollback) {
        of_checks(map.get("before"), &rollback.before, index, parts);
    }
}

/// What a check covers, the checks that it holds among them: it holds only if they do.
fn of_checks(node: Option<&Node>, checks: &[Check], index: usize, parts: &mut Parts) {
    for (node, check) in node.map_or(&[][..], Node::items).iter().zip(checks) {
        let mut found = node.as_map().map(own).unwrap_or_default();
        inside_check(node, &mut found);
        add(parts, found, &Coverer::Check(index, check.id.clone()));
    }
}

fn inside_check(node: &Node, found: &mut Vec<(String, Span)>) {
    for entry in node.as_map().map_or(&[][..], |map| &map.entries) {
        let Some(object) = CHECK.key(&entry.key).and_then(|key| key.ty.object()) else {
            continue;
        };
        of_object(&entry.value, object, found);
        let held = entry.value.as_map().and_then(|map| map.get("checks"));
        for check in held.map_or(&[][..], Node::items) {
            found.extend(check.as_map().map(own).unwrap_or_default());
            inside_check(check, found);
        }
    }
}

fn add(parts: &mut Parts, found: Vec<(String, Span)>, by: &Coverer) {
    parts
        .covers
        .extend(found.into_iter().map(|(item, span)| Covered {
            item,
            span,
            by: by.clone(),
        }));
}

fn own(map: &Map) -> Vec<(String, Span)> {
    map.get("covers")
        .map(|node| items(node).collect())
        .unwrap_or_default()
}

fn items(node: &Node) -> impl Iterator<Item = (String, Span)> + '_ {
    node.items()
        .iter()
        .filter(|item| !item.is_null())
        .filter_map(|item| Some((item.as_scalar()?.text.clone(), item.span)))
}

/// Goes down where the grammar has objects; what stands in a free map is the user's and no `covers` of ours.
fn below(node: &Node, ty: Type, found: &mut Vec<(String, Span)>) {
    match ty {
        Type::Object(object) if object.what != CHECK.what => of_object(node, object, found),
        Type::List(inner) => node
            .items()
            .iter()
            .for_each(|item| below(item, *inner, found)),
        Type::Map(inner) => node
            .as_map()
            .into_iter()
            .flat_map(|map| &map.entries)
            .for_each(|entry| below(&entry.value, *inner, found)),
        _ => {}
    }
}

fn of_object(node: &Node, object: &Object, found: &mut Vec<(String, Span)>) {
    let Some(map) = node.as_map() else { return };
    found.extend(own(map));
    for entry in &map.entries {
        if let Some(key) = object.key(&entry.key).filter(|key| key.name != "covers") {
            below(&entry.value, key.ty, found);
        }
    }
}
