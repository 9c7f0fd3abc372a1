//! Holds the tree of a plan file against the grammar: unknown keys, wrong types, missing keys, choices.

use super::{
    duration,
    grammar::{Key, Object, Takes, Type},
    node::{Content, Entry, Map, Node, Typed},
};
use crate::diagnostic::{Diagnostic, Diagnostics, nearest, words::list_ticked};

/// Reports every place in which `node` does not have the shape of `object`.
pub fn check(node: &Node, object: &'static Object, problems: &mut Diagnostics) {
    let Content::Map(map) = &node.content else {
        problems.push(
            Diagnostic::error(
                "type",
                format!(
                    "{} is a map of keys, and this is {}",
                    object.what,
                    node.shape()
                ),
            )
            .at(node.span)
            .help(first_keys(object)),
        );
        return;
    };
    for entry in &map.entries {
        if entry.key.starts_with("x-") {
            continue;
        }
        match object.key(&entry.key) {
            Some(key) => check_value(&entry.value, key, key.ty, problems),
            None => problems.push(unknown_key(entry, map, object)),
        }
    }
    check_required(node, map, object, problems);
    check_choices(node, map, object, problems);
}

fn check_required(node: &Node, map: &Map, object: &Object, problems: &mut Diagnostics) {
    for key in object
        .keys
        .iter()
        .filter(|key| key.required && map.get(key.name).is_none())
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

fn check_choices(node: &Node, map: &Map, object: &Object, problems: &mut Diagnostics) {
    for choice in object.exactly {
        let found: Vec<&Entry> = map
            .entries
            .iter()
            .filter(|entry| choice.of.contains(&entry.key.as_str()))
            .collect();
        let who = subject(map, object);
        match found.as_slice() {
            [] if choice.required && !has_planned_kind(map, object) => problems.push(
                Diagnostic::error(
                    code_of(choice.called),
                    format!("{who} has no {}", choice.called),
                )
                .at(beginning(node, map))
                .help(format!("add one of {}", list_ticked(choice.of))),
            ),
            [] | [_] => {}
            [first, second, ..] => problems.push(
                Diagnostic::error(
                    code_of(choice.called),
                    format!(
                        "{who} has {} {}s: {}",
                        found.len(),
                        choice.called,
                        keys_and(&found)
                    ),
                )
                .at(second.key_span)
                .also(first.key_span, "the first is here")
                .help(format!("keep one, or split {who} in two")),
            ),
        }
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

/// Kinds of the plan format that come with a later version; a task with one gets that message and no other.
const PLANNED_KINDS: &[&str] = &["helm", "swarm", "sql", "load"];

fn has_planned_kind(map: &Map, object: &Object) -> bool {
    object.what == "a task"
        && map
            .entries
            .iter()
            .any(|entry| PLANNED_KINDS.contains(&entry.key.as_str()))
}

/// Words of other tools, and what they are called here.
const FOREIGN: &[(&str, &str)] = &[
    ("when", "write `if`"),
    ("condition", "write `if`"),
    ("depends-on", "write `needs`"),
    ("depends_on", "write `needs`"),
    ("dependsOn", "write `needs`"),
    ("requires", "write `needs`"),
    (
        "timeout-minutes",
        "write `timeout` with a unit: `timeout: 20m`",
    ),
    (
        "timeout-seconds",
        "write `timeout` with a unit: `timeout: 90s`",
    ),
    ("runs_on", "write `runs-on`"),
    ("environments", "write `environment`"),
    ("strategy", "write `matrix` at the task"),
    ("steps", "a task is one step; write one task for each"),
    ("jobs", "write `phases`, each with `tasks`"),
    ("stages", "write `phases`"),
    (
        "continue-on-error",
        "a failed task blocks only what needs it; `on-failure` says what follows",
    ),
    ("with", "the keys stand directly in the kind"),
    (
        "uses",
        "a task has a kind; an action is used in a workflow, not in a plan",
    ),
    ("dockerfile", "write `file`"),
    ("args", "write `command` as a list with the program first"),
    ("retries", "write `retry: { attempts: 3 }`"),
    ("assert", "write `expect`"),
];

const RESERVED: &[&str] = &["include", "extends", "uses", "templates"];

fn unknown_key(entry: &Entry, map: &Map, object: &'static Object) -> Diagnostic {
    let key = entry.key.as_str();
    if object.what == "a task" && PLANNED_KINDS.contains(&key) {
        return Diagnostic::error("not-yet", format!("kind `{key}` belongs to the plan format and is not there yet in this version"))
            .at(entry.key_span)
            .help("keep the task in a file of its own until a version knows it; `deploy-action --version` tells yours");
    }
    if map.flow
        && entry.value.is_null()
        && entry.value.span.start == entry.value.span.end
        && looks_like_prose(key)
    {
        return Diagnostic::error(
            "comma-in-flow",
            format!("unknown key `{key}` in {}", object.what),
        )
        .at(entry.key_span)
        .help("a text with a comma inside `{ }` needs quotes around it");
    }
    let problem = |code| {
        Diagnostic::error(code, format!("unknown key `{key}` in {}", object.what))
            .at(entry.key_span)
    };
    if RESERVED.contains(&key) && object.what == "a plan" {
        return problem("foreign-key").help("this word is reserved; a plan is one file");
    }
    if let Some((_, help)) = FOREIGN.iter().find(|(foreign, _)| *foreign == key) {
        return problem("foreign-key").help(*help);
    }
    match nearest(key, object.names()) {
        Some(name) => problem("unknown-key").help(format!("did you mean `{name}`?")),
        None => problem("unknown-key").help(first_keys(object)),
    }
}

fn looks_like_prose(key: &str) -> bool {
    key.contains(' ')
        || !key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn first_keys(object: &Object) -> String {
    format!(
        "{} has the keys {}",
        object.what,
        list_ticked(object.names()).replace(" or ", " and ")
    )
}

/// Points at the first line of a map and not at all of it.
fn beginning(node: &Node, map: &Map) -> crate::diagnostic::Span {
    match map.entries.first() {
        Some(entry) if !map.flow => entry.key_span.to(first_line_of(&entry.value, entry)),
        _ => node.span,
    }
}

fn first_line_of(value: &Node, entry: &Entry) -> crate::diagnostic::Span {
    match value.content {
        Content::Scalar(_) => value.span,
        Content::List(_) | Content::Map(_) => entry.key_span,
    }
}

fn check_value(node: &Node, key: &'static Key, ty: Type, problems: &mut Diagnostics) {
    match ty {
        Type::Object(object) => check(node, object, problems),
        Type::List(item) => check_list(node, key, *item, problems),
        Type::Map(value) => check_map(node, key, *value, problems),
        Type::Value | Type::Requirement => {}
        Type::Condition => check_condition(node, key, problems),
        scalar => check_scalar(node, key, scalar, problems),
    }
}

fn check_list(node: &Node, key: &'static Key, item: Type, problems: &mut Diagnostics) {
    let is_scalar = !matches!(item, Type::Object(_));
    match &node.content {
        Content::List(items) => items
            .iter()
            .for_each(|node| check_value(node, key, item, problems)),
        Content::Scalar(_) if is_scalar => check_value(node, key, item, problems),
        // `images: "${{ tasks.images.outputs.reference }}"`: the expression gives the list or map.
        Content::Scalar(_) | Content::Map(_) => {
            problems.push(wrong_type(node, key, "a list").help(format!(
                "`{}` {}; each begins with `-`",
                key.name, key.meaning
            )));
        }
    }
}

fn check_map(node: &Node, key: &'static Key, value: Type, problems: &mut Diagnostics) {
    match &node.content {
        Content::Map(map) => map
            .entries
            .iter()
            .for_each(|entry| check_value(&entry.value, key, value, problems)),
        Content::Scalar(scalar) if key.takes != Takes::Literals && scalar.text.contains("${{") => {}
        Content::Scalar(_) | Content::List(_) => {
            problems.push(
                wrong_type(node, key, "a map")
                    .help(format!("`{}` {}, as `NAME: VALUE`", key.name, key.meaning)),
            );
        }
    }
}

fn check_condition(node: &Node, key: &'static Key, problems: &mut Diagnostics) {
    if node
        .as_scalar()
        .is_none_or(|scalar| scalar.typed() == Typed::Null)
    {
        problems.push(
            wrong_type(node, key, "a condition")
                .help("write it in one line: `if: decisions.tls == 'managed'`"),
        );
    }
}

fn check_scalar(node: &Node, key: &'static Key, ty: Type, problems: &mut Diagnostics) {
    let Some(scalar) = node.as_scalar() else {
        problems.push(
            wrong_type(node, key, noun_of(ty)).help(format!("`{}` {}", key.name, key.meaning)),
        );
        return;
    };
    if key.takes != Takes::Literals && scalar.text.contains("${{") {
        return;
    }
    let typed = scalar.typed();
    if typed == Typed::Null && ty != Type::Text {
        problems.push(
            wrong_type(node, key, noun_of(ty)).help(format!("`{}` {}", key.name, key.meaning)),
        );
        return;
    }
    let problem = match ty {
        Type::Number if !matches!(typed, Typed::Number(_)) => {
            Some(wrong_type(node, key, "a number").help("write digits without quotes"))
        }
        Type::Boolean if !matches!(typed, Typed::Boolean(_)) => Some(
            wrong_type(node, key, "a boolean")
                .help("write `true` or `false`; `yes` and `on` are texts"),
        ),
        Type::Text if typed == Typed::Null && scalar.plain => {
            Some(wrong_type(node, key, "a text").help(format!(
                "`{}` {}; an empty text is written `\"\"`",
                key.name, key.meaning
            )))
        }
        Type::Duration => duration_problem(node, &scalar.text),
        Type::Choice(words) if !words.contains(&scalar.text.as_str()) => {
            Some(not_a_word(node, key, &scalar.text, words))
        }
        Type::Version if scalar.text != "1" => Some(
            Diagnostic::error(
                "version",
                format!(
                    "`{}` is no version of the plan format that this program knows",
                    scalar.text
                ),
            )
            .at(node.span)
            .help("write `version: 1`, or take a newer deploy-action"),
        ),
        Type::Regex => regex_problem(node, &scalar.text),
        _ => None,
    };
    problems.extend(problem);
}

fn noun_of(ty: Type) -> &'static str {
    match ty {
        Type::Number => "a number",
        Type::Boolean => "a boolean",
        Type::Duration => "a duration",
        Type::Path => "a path",
        Type::Name => "a name",
        Type::Regex => "a regular expression",
        Type::Choice(_) => "a word",
        Type::Version => "the number 1",
        Type::Condition => "a condition",
        Type::List(_) => "a list",
        Type::Map(_) | Type::Object(_) => "a map",
        Type::Text | Type::Value | Type::Requirement => "a text",
    }
}

fn wrong_type(node: &Node, key: &Key, expected: &str) -> Diagnostic {
    Diagnostic::error(
        "type",
        format!(
            "`{}` wants {expected}, and this is {}",
            key.name,
            node.shape()
        ),
    )
    .at(node.span)
}

fn not_a_word(node: &Node, key: &Key, found: &str, words: &[&'static str]) -> Diagnostic {
    let help = match nearest(found, words.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("write {}", list_ticked(words)),
    };
    Diagnostic::error("not-a-word", format!("`{found}` is no `{}`", key.name))
        .at(node.span)
        .help(help)
}

fn duration_problem(node: &Node, text: &str) -> Option<Diagnostic> {
    let error = duration::parse(text).err()?;
    let problem = Diagnostic::error("duration", error.to_string()).at(node.span);
    Some(match error.hint() {
        Some(hint) => problem.help(hint),
        None => problem,
    })
}

fn regex_problem(node: &Node, text: &str) -> Option<Diagnostic> {
    let error = regex::Regex::new(text).err()?;
    let reason = error.to_string();
    let last_line = reason
        .lines()
        .last()
        .unwrap_or("it cannot be read")
        .trim_start_matches("error: ");
    Some(
        Diagnostic::error(
            "regex",
            format!("`{text}` is not a regular expression: {last_line}"),
        )
        .at(node.span)
        .help("the syntax is that of the Rust crate `regex`: no look-around, no back-references"),
    )
}
