//! The plan and its data.

use std::{collections::HashMap, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;

use super::{Draft, Named, Owner, covers, phases, tool::tool};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, SourceFile, Span},
    expression::Reference,
    ident::{InvalidName, Name},
    plan::{
        field::Field,
        grammar::{CONNECTION, PLAN},
        model::{
            Audience, Budget, Connection, ConnectionKind, Decision, DecisionAnswer, Environment,
            Exclusion, Goal, Input, InputType, Parts, Proof, Risk, SecretSource,
            WorkflowDeclaration,
        },
        node::{Content, Map, Node, Typed},
        position::Position,
    },
};

/// Puts a plan together from a tree whose shape has been checked; what is malformed has been reported and is left out.
pub fn build<'s>(
    source: &'s Arc<SourceFile>,
    folder: &Utf8Path,
    root: &Node,
) -> (Parts, Draft<'s>) {
    let mut draft = Draft {
        source,
        problems: Diagnostics::new(),
        sites: Vec::new(),
        mentions: Vec::new(),
        in_doubt: Vec::new(),
        owner: Owner::Plan,
    };
    let empty = Map {
        entries: Vec::new(),
        flow: false,
    };
    let map = root.as_map().unwrap_or(&empty);
    let mut parts = Parts {
        source: Arc::clone(source),
        folder: folder.to_owned(),
        name: draft.text(map, "name").unwrap_or_default(),
        description: draft.text(map, "description"),
        document: draft.text(map, "document").map(Utf8PathBuf::from),
        inputs: named(&mut draft, map, "inputs", input),
        environments: named(&mut draft, map, "environments", environment),
        connections: named(&mut draft, map, "connections", connection),
        secrets: named(&mut draft, map, "secrets", secret),
        tools: named(&mut draft, map, "tools", tool),
        env: env(&mut draft, map, root.span),
        decisions: named(&mut draft, map, "decisions", decision),
        goals: listed(&mut draft, map, "goals", goal),
        exclusions: listed(&mut draft, map, "exclusions", exclusion),
        risks: listed(&mut draft, map, "risks", risk),
        audiences: listed(&mut draft, map, "audiences", audience),
        budget: budget(&mut draft, map),
        phases: Vec::new(),
        tasks: Vec::new(),
        task_index: HashMap::new(),
        outputs: named(&mut draft, map, "outputs", output),
        workflows: named(&mut draft, map, "workflows", workflow),
        covers: Vec::new(),
    };
    phases::build(&mut draft, map, &mut parts);
    covers::of_plan(map, &mut parts);
    (parts, draft)
}

fn named<K, T>(
    draft: &mut Draft<'_>,
    map: &Map,
    key: &str,
    mut read: impl FnMut(&mut Draft<'_>, &K, &Map, Span) -> Option<T>,
) -> IndexMap<K, T>
where
    K: std::str::FromStr<Err = InvalidName> + std::hash::Hash + Eq,
{
    let mut found = IndexMap::new();
    for entry in map
        .get(key)
        .and_then(Node::as_map)
        .map_or(&[][..], |map| &map.entries)
    {
        let Some(name) = draft.name::<K>(&entry.key, entry.key_span) else {
            continue;
        };
        let Some(inner) = entry.value.as_map() else {
            continue;
        };
        draft.owner = Owner::Plan;
        if let Some(item) = read(draft, &name, inner, entry.key_span) {
            found.insert(name, item);
        }
    }
    draft.owner = Owner::Plan;
    found
}

fn listed<T>(
    draft: &mut Draft<'_>,
    map: &Map,
    key: &str,
    mut read: impl FnMut(&mut Draft<'_>, &Map) -> Option<T>,
) -> Vec<T> {
    let items = map.get(key).map_or(&[][..], Node::items);
    items
        .iter()
        .filter_map(|item| read(draft, item.as_map()?))
        .collect()
}

/// Reads the object behind a key of [`PLAN`] as the grammar has it.
fn object_of(key: &str) -> &'static crate::plan::grammar::Object {
    PLAN.key(key)
        .and_then(|key| key.ty.object())
        .unwrap_or(&PLAN)
}

/// Reads the variables of child processes of the plan or a phase.
pub(super) fn env(draft: &mut Draft<'_>, map: &Map, span: Span) -> Field {
    draft
        .field(map, &PLAN, "env", Position::Surroundings)
        .unwrap_or_else(|| Field::null(span))
}

fn input(draft: &mut Draft<'_>, _: &Name, map: &Map, span: Span) -> Option<Input> {
    draft.owner = Owner::Input;
    let ty = match draft.text(map, "type").as_deref() {
        Some("number") => InputType::Number,
        Some("boolean") => InputType::Boolean,
        Some("choice") => InputType::Choice,
        Some("json") => InputType::Json,
        _ => InputType::String,
    };
    let options: Vec<String> = draft
        .texts(map, "options")
        .into_iter()
        .map(|(option, _)| option)
        .collect();
    if ty == InputType::Choice && options.is_empty() {
        draft.problem(
            Diagnostic::error("options", "a choice needs `options`")
                .at(span)
                .help("`options: [small, large]`"),
        );
    }
    Some(Input {
        span,
        description: draft.text(map, "description"),
        ty,
        options,
        default: draft.field(map, object_of("inputs"), "default", Position::InputValue),
        pattern: draft
            .text(map, "pattern")
            .and_then(|text| regex::Regex::new(&text).ok()),
        example: draft.field(map, object_of("inputs"), "example", Position::InputValue),
    })
}

fn environment(
    draft: &mut Draft<'_>,
    name: &crate::ident::EnvironmentName,
    map: &Map,
    span: Span,
) -> Option<Environment> {
    if name.as_str() == "none" {
        draft.problem(
            Diagnostic::error("name", "`none` says that a task belongs to no environment, so no environment has that name")
                .at(span)
                .help("take another name"),
        );
        return None;
    }
    draft.owner = Owner::Environment(name.clone());
    let object = object_of("environments");
    let mut inputs = IndexMap::new();
    if let Some(field) = draft.field(map, object, "inputs", Position::InputValue) {
        for (input, value) in field.entries().into_iter().flatten() {
            if let Some(name) = draft.name(input, value.key) {
                draft.mention(input, value.key, Named::Input);
                inputs.insert(name, value.clone());
            }
        }
    }
    recipient(draft, map);
    Some(Environment {
        span,
        description: draft.text(map, "description"),
        needs: names(draft, map, "needs", Named::Environment),
        inputs,
        url: draft.field(map, object, "url", Position::Surroundings),
        reviewers: draft
            .texts(map, "reviewers")
            .into_iter()
            .map(|(reviewer, _)| reviewer)
            .collect(),
        recipient: draft.text(map, "recipient"),
        key: names(draft, map, "key", Named::Secret).pop(),
    })
}

fn recipient(draft: &mut Draft<'_>, map: &Map) {
    let (Some(recipient), Some(node)) = (draft.text(map, "recipient"), map.get("recipient")) else {
        return;
    };
    if let Err(reason) = recipient.parse::<age::x25519::Recipient>() {
        draft.problem(
            Diagnostic::error(
                "recipient",
                format!("`{recipient}` is no age recipient: {reason}"),
            )
            .at(node.span)
            .help("`age-keygen` prints one, as `age1…`"),
        );
    }
}

/// Reads a list of names that are well formed; whether they are declared is looked at later.
pub(super) fn names<T: std::str::FromStr<Err = InvalidName>>(
    draft: &mut Draft<'_>,
    map: &Map,
    key: &str,
    named: Named,
) -> Vec<T> {
    let texts = draft.texts(map, key);
    texts
        .iter()
        .filter_map(|(text, span)| {
            let name = draft.name(text, *span)?;
            draft.mention(text, *span, named);
            Some(name)
        })
        .collect()
}

fn connection(draft: &mut Draft<'_>, name: &Name, map: &Map, span: Span) -> Option<Connection> {
    draft.owner = Owner::Connection(name.clone());
    let (kind, node) = map
        .entries
        .iter()
        .find_map(|entry| Some((connection_kind(&entry.key)?, &entry.value)))?;
    let object = CONNECTION.key(kind.key())?.ty.object()?;
    let body = draft.object(node, object, Position::Surroundings);
    let reads = references(&body);
    Some(Connection {
        span,
        kind,
        body,
        reads,
    })
}

fn connection_kind(key: &str) -> Option<ConnectionKind> {
    Some(match key {
        "google" => ConnectionKind::Google,
        "registry" => ConnectionKind::Registry,
        "kubernetes" => ConnectionKind::Kubernetes,
        "docker" => ConnectionKind::Docker,
        "postgres" => ConnectionKind::Postgres,
        "s3" => ConnectionKind::S3,
        "prometheus" => ConnectionKind::Prometheus,
        _ => return None,
    })
}

/// Returns all references of a field.
pub(super) fn references(field: &Field) -> Vec<Reference> {
    let mut found = Vec::new();
    field.expressions(&mut |expression| found.extend(expression.references().cloned()));
    found
}

fn secret(draft: &mut Draft<'_>, name: &Name, map: &Map, span: Span) -> Option<SecretSource> {
    let upper = name.as_str().to_uppercase().replace('-', "_");
    if upper != name.as_str() {
        draft.problem(
            Diagnostic::error(
                "name",
                format!(
                    "secret `{name}` is read from the variable of its name, which is upper case"
                ),
            )
            .at(span)
            .help(format!("write `{upper}`")),
        );
    }
    draft.owner = Owner::Secret(name.clone());
    let object = object_of("secrets");
    let google = draft.field(map, object, "google", Position::Surroundings);
    let kubernetes = draft.field(map, object, "kubernetes", Position::Surroundings);
    let (way, kinds): (_, &[_]) = match (&google, &kubernetes) {
        (Some(_), _) => (map.entry("google"), &[ConnectionKind::Google]),
        (None, Some(_)) => (map.entry("kubernetes"), &[ConnectionKind::Kubernetes]),
        (None, None) => (None, &[]),
    };
    if let Some(way) = way.filter(|_| map.get("connection").is_none()) {
        draft.problem(
            Diagnostic::error(
                "missing-key",
                format!(
                    "secret `{name}` is fetched from `{}` and names no `connection`",
                    way.key
                ),
            )
            .at(way.key_span)
            .help("`connection: NAME` is the way to it"),
        );
    }
    let reads = google
        .iter()
        .chain(&kubernetes)
        .flat_map(references)
        .collect();
    Some(SecretSource {
        span,
        file: draft.text(map, "file").map(Utf8PathBuf::from),
        google,
        kubernetes,
        connection: names(draft, map, "connection", Named::Connection(kinds)).pop(),
        reads,
    })
}

fn decision(draft: &mut Draft<'_>, name: &Name, map: &Map, span: Span) -> Option<Decision> {
    draft.owner = Owner::Decision(name.clone());
    let answer_field = draft.field(map, object_of("decisions"), "answer", Position::Answer);
    let reads = answer_field.as_ref().map(references).unwrap_or_default();
    let answer = match answer_field {
        None => DecisionAnswer::Open,
        Some(field) if field.is_null() => DecisionAnswer::Open,
        Some(field) => match field.literal() {
            Some(text) => DecisionAnswer::Given(text),
            None => DecisionAnswer::ByTask(field),
        },
    };
    let decision = Decision {
        span,
        question: draft.text(map, "question")?,
        options: draft
            .texts(map, "options")
            .into_iter()
            .map(|(option, _)| option)
            .collect(),
        preferred: draft.text(map, "preferred"),
        answer,
        reads,
        reason: draft.text(map, "reason"),
        by: draft.text(map, "by"),
        at: draft.text(map, "at"),
        record: draft.text(map, "record"),
    };
    check_decision(draft, name, &decision, map);
    Some(decision)
}

fn check_decision(draft: &mut Draft<'_>, name: &Name, decision: &Decision, map: &Map) {
    for key in ["answer", "preferred"] {
        let (Some(text), Some(node)) = (draft.text(map, key), map.get(key)) else {
            continue;
        };
        if !decision.options.is_empty()
            && !text.contains("${{")
            && !decision.options.contains(&text)
        {
            draft.problem(not_an_option(&text, name.as_str(), &decision.options).at(node.span));
        }
    }
    if let (DecisionAnswer::Given(_), Some(node)) = (&decision.answer, map.get("answer"))
        && (decision.by.is_none() || decision.at.is_none())
    {
        draft.problem(
            Diagnostic::warning(
                "unsigned-answer",
                format!("the answer of `{name}` does not say who gave it, and when"),
            )
            .at(node.span)
            .help("add `by: \"@who\"` and `at: 2026-01-31`"),
        );
    }
    if let (Some(at), Some(node)) = (&decision.at, map.get("at"))
        && at.parse::<jiff::civil::Date>().is_err()
    {
        draft.problem(
            Diagnostic::error("date", format!("`{at}` is no date"))
                .at(node.span)
                .help("write it as `2026-01-31`"),
        );
    }
}

/// The problem of an answer that is none of the options.
pub(in crate::plan) fn not_an_option(text: &str, name: &str, options: &[String]) -> Diagnostic {
    Diagnostic::error(
        "not-an-option",
        format!("`{text}` is no option of `{name}`"),
    )
    .help(format!("the options are {}", options.join(", ")))
}

fn goal(draft: &mut Draft<'_>, map: &Map) -> Option<Goal> {
    Some(Goal {
        text: draft.text(map, "text")?,
        proof: proofs(draft, map),
    })
}

/// Reads `TASK` and `TASK/CHECK`; whether they exist is looked at later.
pub(super) fn proofs(draft: &mut Draft<'_>, map: &Map) -> Vec<Proof> {
    let texts = draft.texts(map, "proof");
    texts
        .iter()
        .filter_map(|(text, span)| proof(draft, text, *span))
        .collect()
}

fn proof(draft: &mut Draft<'_>, text: &str, span: Span) -> Option<Proof> {
    let (task, check) = match text.split_once('/') {
        Some((task, check)) => (task, Some(draft.name(check, span)?)),
        None => (text, None),
    };
    let task = draft.name(task, span)?;
    draft.mention(text, span, Named::Proof);
    Some(Proof { task, check })
}

fn exclusion(draft: &mut Draft<'_>, map: &Map) -> Option<Exclusion> {
    Some(Exclusion {
        text: draft.text(map, "text")?,
        reason: draft.text(map, "reason"),
    })
}

fn risk(draft: &mut Draft<'_>, map: &Map) -> Option<Risk> {
    Some(Risk {
        text: draft.text(map, "text")?,
        likelihood: draft.text(map, "likelihood"),
        impact: draft.text(map, "impact"),
        mitigation: draft.text(map, "mitigation"),
        proof: proofs(draft, map),
    })
}

fn audience(draft: &mut Draft<'_>, map: &Map) -> Option<Audience> {
    Some(Audience {
        name: draft.text(map, "name")?,
        message: draft.text(map, "message")?,
        action: draft.text(map, "action"),
    })
}

fn budget(draft: &mut Draft<'_>, map: &Map) -> Option<Budget> {
    let node = map.get("budget")?;
    let inner = node.as_map()?;
    Some(Budget {
        monthly: draft.field(inner, object_of("budget"), "monthly", Position::Planning)?,
        currency: draft
            .text(inner, "currency")
            .unwrap_or_else(|| "USD".to_owned()),
        span: node.span,
    })
}

fn output(draft: &mut Draft<'_>, _: &Name, map: &Map, _: Span) -> Option<Field> {
    draft.field(map, object_of("outputs"), "value", Position::Surroundings)
}

fn workflow(draft: &mut Draft<'_>, _: &Name, map: &Map, span: Span) -> Option<WorkflowDeclaration> {
    Some(WorkflowDeclaration {
        span,
        description: draft.text(map, "description"),
        on: json(map.get("on")?),
        command: draft.text(map, "command"),
        phases: names(draft, map, "phases", Named::Phase),
        environments: names(draft, map, "environment", Named::Environment),
        patch: map.get("patch").map(json),
    })
}

/// Turns a node into JSON, for what is handed to GitHub as it is.
fn json(node: &Node) -> serde_json::Value {
    match &node.content {
        Content::List(items) => items.iter().map(json).collect(),
        Content::Map(map) => map
            .entries
            .iter()
            .map(|entry| (entry.key.clone(), json(&entry.value)))
            .collect(),
        Content::Scalar(scalar) => match scalar.typed() {
            Typed::Null => serde_json::Value::Null,
            Typed::Boolean(flag) => flag.into(),
            Typed::Number(number) => crate::expression::Value::Number(number).into(),
            Typed::Text => scalar.text.clone().into(),
        },
    }
}
