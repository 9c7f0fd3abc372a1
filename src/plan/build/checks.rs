//! Checks.

use std::{collections::HashMap, time::Duration};

use super::{
    Draft, Named,
    data::names,
    fields::WITHIN,
    phases::{duplicate, id},
    task::object_of,
};
use crate::{
    diagnostic::Span,
    ident::{CheckId, LONGEST_ID},
    plan::{
        field::Field,
        grammar::{CHECK, CHECK_KINDS},
        model::{Check, CheckKind},
        node::{Map, Node},
        position::Position,
    },
};

const DEFAULT_EVERY: Duration = Duration::from_secs(5);

/// Reads a list of checks.
pub(super) fn checks(
    draft: &mut Draft<'_>,
    map: &Map,
    key: &str,
    position: Position,
) -> Vec<Check> {
    checks_inside(draft, map, key, position, None)
}

/// Reads the checks of a container, or those that stand by themselves.
fn checks_inside(
    draft: &mut Draft<'_>,
    map: &Map,
    key: &str,
    position: Position,
    container: Option<&CheckId>,
) -> Vec<Check> {
    let mut found: Vec<Check> = Vec::new();
    let mut places: HashMap<CheckId, Span> = HashMap::new();
    for (number, node) in map.get(key).map_or(&[][..], Node::items).iter().enumerate() {
        let Some(check) = check(draft, node, number + 1, position, container) else {
            continue;
        };
        duplicate(
            draft,
            &mut places,
            &check.id,
            check.span,
            "check",
            "their task",
        );
        found.push(check);
    }
    found
}

fn check(
    draft: &mut Draft<'_>,
    node: &Node,
    number: usize,
    position: Position,
    container: Option<&CheckId>,
) -> Option<Check> {
    let map = node.as_map()?;
    let entry = map
        .entries
        .iter()
        .find(|entry| CHECK_KINDS.contains(&entry.key.as_str()))?;
    let kind = check_kind(&entry.key)?;
    let object = object_of(&CHECK, kind.key())?;
    let (id, span) = match map.get("id").is_some() {
        true => id(draft, map)?,
        false => (
            default_id(kind, number, container).parse().ok()?,
            entry.key_span,
        ),
    };
    let inside = entry.value.as_map();
    let checks = inside.map(|inner| checks_inside(draft, inner, "checks", position, Some(&id)));
    Some(Check {
        name: draft
            .text(map, "name")
            .unwrap_or_else(|| CheckId::to_string(&id)),
        id,
        span,
        covers: draft
            .texts(map, "covers")
            .into_iter()
            .map(|(item, _)| item)
            .collect(),
        condition: draft.condition(map, Position::Condition),
        kind,
        body: draft.object(&entry.value, object, position),
        checks: checks.unwrap_or_default(),
        from: names(draft, map, "from", Named::Connection(WITHIN)).pop(),
        within: draft.duration(map, "within"),
        every: draft.duration(map, "every").unwrap_or(DEFAULT_EVERY),
        unit: draft.text(map, "unit"),
        expect: draft
            .field(map, &CHECK, "expect", position)
            .unwrap_or_else(|| Field::null(span)),
    })
}

fn check_kind(key: &str) -> Option<CheckKind> {
    Some(match key {
        "http" => CheckKind::Http,
        "tcp" => CheckKind::Tcp,
        "tls" => CheckKind::Tls,
        "dns" => CheckKind::Dns,
        "websocket" => CheckKind::Websocket,
        "git" => CheckKind::Git,
        "sql" => CheckKind::Sql,
        "metric" => CheckKind::Metric,
        "kubernetes" => CheckKind::Kubernetes,
        "swarm" => CheckKind::Swarm,
        "image" => CheckKind::Image,
        "container" => CheckKind::Container,
        "helm" => CheckKind::Helm,
        "terraform" => CheckKind::Terraform,
        "s3" => CheckKind::S3,
        "file" => CheckKind::File,
        "run" => CheckKind::Run,
        _ => return None,
    })
}

/// The id of a check without one: its kind and number, behind the id of the container in which it is asked.
fn default_id(kind: CheckKind, number: usize, container: Option<&CheckId>) -> String {
    let own = format!("{}-{number}", kind.key());
    let Some(container) = container else {
        return own;
    };
    let room = LONGEST_ID.saturating_sub(own.len() + 1);
    let shortened = &container.as_str()[..room.min(container.as_str().len())];
    format!("{}-{own}", shortened.trim_end_matches('-'))
}
