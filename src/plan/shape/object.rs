//! Objects: their keys, those that are missing, and choices between them.

use super::{
    unknown::{Unknown, first_keys, has_planned_kind, unknown_key},
    value::check_value,
};
use crate::{
    diagnostic::{
        Diagnostic, Diagnostics, Span,
        words::{count, list_ticked},
    },
    plan::{
        grammar::{Exactly, Object},
        node::{Content, Entry, Map, Node},
    },
};

/// Reports every place in which `node` does not have the shape of `object`.
pub fn check(node: &Node, object: &'static Object, problems: &mut Diagnostics) {
    let Content::Map(map) = &node.content else {
        let message = format!(
            "{} is a map of keys, and this is {}",
            object.what,
            node.shape()
        );
        problems.push(
            Diagnostic::error("type", message)
                .at(node.span)
                .help(first_keys(object)),
        );
        return;
    };
    // A key that was probably meant is not missing besides.
    let mut meant: Vec<&'static str> = Vec::new();
    for entry in &map.entries {
        if entry.key.starts_with("x-") {
            continue;
        }
        match object.key(&entry.key) {
            Some(key) => check_value(&entry.value, key, key.ty, problems),
            None => {
                let Unknown {
                    problem,
                    meant: key,
                } = unknown_key(entry, map, object);
                problems.push(problem);
                meant.extend(key);
            }
        }
    }
    check_required(node, map, object, &meant, problems);
    check_choices(node, map, object, &meant, problems);
}

fn check_required(
    node: &Node,
    map: &Map,
    object: &Object,
    meant: &[&str],
    problems: &mut Diagnostics,
) {
    for key in object
        .keys
        .iter()
        .filter(|key| key.required && map.get(key.name).is_none() && !meant.contains(&key.name))
    {
        problems.push(
            Diagnostic::error(
                "missing-key",
                format!("{} needs the key `{}`", object.what, key.name),
            )
            .at(beginning(node, map))
            .help(format!("`{}:` {}", key.name, key.meaning)),
        );
    }
}

fn check_choices(
    node: &Node,
    map: &Map,
    object: &Object,
    meant: &[&str],
    problems: &mut Diagnostics,
) {
    for choice in object.exactly {
        let found: Vec<&Entry> = map
            .entries
            .iter()
            .filter(|entry| choice.of.contains(&entry.key.as_str()))
            .collect();
        let is_meant = meant.iter().any(|key| choice.of.contains(key));
        match found.as_slice() {
            [] if choice.required && !is_meant && !has_planned_kind(map, object) => problems.push(
                Diagnostic::error(
                    code_of(choice.called),
                    format!("{} has no {}", subject(map, object), choice.called),
                )
                .at(beginning(node, map))
                .help(format!("add one of {}", list_ticked(choice.of))),
            ),
            [] | [_] => {}
            [first, second, ..] => {
                problems.push(too_many(
                    choice,
                    &found,
                    first,
                    second,
                    &subject(map, object),
                ));
            }
        }
    }
}

fn too_many(
    choice: &Exactly,
    found: &[&Entry],
    first: &Entry,
    second: &Entry,
    who: &str,
) -> Diagnostic {
    let number = count(found.len(), choice.called);
    let problem = Diagnostic::error(
        code_of(choice.called),
        format!("{who} has {number}: {}", keys_and(found)),
    )
    .at(second.key_span)
    .also(first.key_span, "the first is here");
    if choice.called == "kind" {
        problem.help(format!("keep one, or split {who} in two"))
    } else {
        problem.help("keep one of them")
    }
}

fn code_of(called: &str) -> &'static str {
    if called == "kind" { "kind" } else { "choice" }
}

fn keys_and(found: &[&Entry]) -> String {
    let ticked: Vec<String> = found
        .iter()
        .map(|entry| format!("`{}`", entry.key))
        .collect();
    ticked.join(" and ")
}

/// "task `app`", where the object has an id to show.
fn subject(map: &Map, object: &Object) -> String {
    let noun = object
        .what
        .split_once(' ')
        .map_or(object.what, |(_, noun)| noun);
    match map.get("id").and_then(Node::as_scalar) {
        Some(id) if !id.text.is_empty() => format!("{noun} `{}`", id.text),
        _ => object.what.to_owned(),
    }
}

/// Points at the first line of a map and not at all of it.
fn beginning(node: &Node, map: &Map) -> Span {
    match map.entries.first() {
        Some(entry) if !map.flow => entry.key_span.to(first_line_of(&entry.value, entry)),
        _ => node.span,
    }
}

fn first_line_of(value: &Node, entry: &Entry) -> Span {
    match value.content {
        Content::Scalar(_) => value.span,
        Content::List(_) | Content::Map(_) => entry.key_span,
    }
}
