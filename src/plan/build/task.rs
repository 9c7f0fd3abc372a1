//! Tasks.

use std::time::Duration;

use indexmap::IndexMap;

use super::{
    Draft, Named, Owner,
    checks::checks,
    covers,
    data::{names, references},
    phases::{Defaults, PhaseData, environments, id, retry},
    rollback::rollback,
};
use crate::{
    diagnostic::{Diagnostic, Span},
    ident::{Name, TaskId},
    plan::{
        field::Field,
        grammar::{Object, TASK, TASK_KINDS},
        model::{Artifact, Check, Kind, OutputDeclaration, OutputType, Parts, Read, Task},
        node::{Map, Node},
        position::Position,
    },
};

const DEFAULT_RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Reads a task.
pub(super) fn task(
    draft: &mut Draft<'_>,
    map: &Map,
    phase: &PhaseData,
    defaults: &Defaults,
    parts: &mut Parts,
) -> Option<Task> {
    let index = parts.tasks.len();
    draft.owner = Owner::Task(index);
    let (id, span) = id::<TaskId>(draft, map)?;
    let (kind, body) = kind_and_body(draft, map, span);
    let runs_on = draft.texts(map, "runs-on");
    let observed = if kind == Kind::Check {
        checks(draft, map, "check", Position::Body)
    } else {
        Vec::new()
    };
    let mut task = Task {
        name: draft.text(map, "name").unwrap_or_else(|| id.to_string()),
        id,
        span,
        description: draft.text(map, "description"),
        phase: phase.index,
        kind,
        changes: changes(kind, &body),
        body,
        checks: observed,
        condition: draft.condition(map, Position::Condition),
        environments: environments(draft, map).unwrap_or_else(|| phase.environments.clone()),
        needs: needs(draft, map),
        matrix: draft.field(map, &TASK, "matrix", Position::Planning),
        env: draft
            .field(map, &TASK, "env", Position::Body)
            .unwrap_or_else(|| Field::null(span)),
        login: names(draft, map, "login", Named::Connection(&[])),
        runs_on: match runs_on.is_empty() {
            true => defaults.runs_on.clone(),
            false => runs_on.into_iter().map(|(label, _)| label).collect(),
        },
        timeout: draft.duration(map, "timeout").unwrap_or(defaults.timeout),
        estimate: draft.duration(map, "estimate"),
        retry: retry(draft, map).or_else(|| defaults.retry.clone()),
        paths: map.get("paths").map(|_| {
            draft
                .texts(map, "paths")
                .into_iter()
                .map(|(path, _)| path)
                .collect()
        }),
        outputs: outputs(draft, map),
        artifacts: artifacts(draft, map),
        verify: checks(draft, map, "verify", Position::AfterBody),
        cost: draft
            .field(map, &TASK, "cost", Position::Body)
            .unwrap_or_else(|| Field::null(span)),
        rollback: rollback(draft, map, kind, span).map(Box::new),
        reads: Vec::new(),
    };
    task.reads = reads(&task);
    covers::of_task(map, index, &task, parts);
    Some(task)
}

fn needs(draft: &mut Draft<'_>, map: &Map) -> Vec<(TaskId, Span)> {
    let texts = draft.texts(map, "needs");
    texts
        .iter()
        .filter_map(|(text, span)| {
            let name = draft.name(text, *span)?;
            draft.mention(text, *span, Named::Task);
            Some((name, *span))
        })
        .collect()
}

fn kind_and_body(draft: &mut Draft<'_>, map: &Map, span: Span) -> (Kind, Field) {
    let found = map
        .entries
        .iter()
        .find(|entry| TASK_KINDS.contains(&entry.key.as_str()));
    // A task without a kind has been reported; it stands for something that does nothing.
    let Some(entry) = found else {
        return (Kind::Check, Field::null(span));
    };
    let kind = match entry.key.as_str() {
        "image" => Kind::Image,
        "terraform" => Kind::Terraform,
        "kubernetes" => Kind::Kubernetes,
        "render" => Kind::Render,
        "run" => Kind::Run,
        "gate" => Kind::Gate,
        _ => Kind::Check,
    };
    let body = match object_of(&TASK, kind.key()) {
        Some(object) if kind != Kind::Check => draft.object(&entry.value, object, Position::Body),
        _ => Field::null(entry.value.span),
    };
    (kind, body)
}

/// Returns the grammar of the object behind a key.
pub(super) fn object_of(object: &'static Object, key: &str) -> Option<&'static Object> {
    object.key(key)?.ty.object()
}

/// What changes something outside: `plan-format.md`, 3.12.
fn changes(kind: Kind, body: &Field) -> bool {
    match kind {
        Kind::Image => body
            .get("push")
            .is_some_and(|push| !push.items().is_empty()),
        Kind::Terraform | Kind::Kubernetes => true,
        Kind::Run => body.get("changes").and_then(Field::literal).as_deref() != Some("false"),
        Kind::Render | Kind::Check | Kind::Gate => false,
    }
}

fn outputs(draft: &mut Draft<'_>, map: &Map) -> IndexMap<Name, OutputDeclaration> {
    let mut found = IndexMap::new();
    let Some(object) = object_of(&TASK, "outputs") else {
        return found;
    };
    for entry in map
        .get("outputs")
        .and_then(Node::as_map)
        .map_or(&[][..], |map| &map.entries)
    {
        let (Some(name), Some(inner)) =
            (draft.name(&entry.key, entry.key_span), entry.value.as_map())
        else {
            continue;
        };
        let regex = |text: Option<String>| text.and_then(|text| regex::Regex::new(&text).ok());
        let declaration = OutputDeclaration {
            span: entry.key_span,
            ty: match draft.text(inner, "type").as_deref() {
                Some("number") => OutputType::Number,
                Some("boolean") => OutputType::Boolean,
                Some("json") => OutputType::Json,
                _ => OutputType::String,
            },
            pattern: regex(draft.text(inner, "pattern")),
            sensitive: draft.flag(inner, "sensitive", false),
            matches: regex(draft.text(inner, "match")),
            resource: draft.field(inner, object, "resource", Position::Body),
            path: draft.text(inner, "path"),
        };
        if declaration
            .matches
            .as_ref()
            .is_some_and(|regex| regex.captures_len() < 2)
        {
            draft.problem(
                Diagnostic::error(
                    "match",
                    "the expression has no group, and the output is its first group",
                )
                .at(inner.get("match").map_or(entry.key_span, |node| node.span))
                .help("put parentheses around what is the value: `\"^store=(.*)$\"`"),
            );
        }
        found.insert(name, declaration);
    }
    found
}

fn artifacts(draft: &mut Draft<'_>, map: &Map) -> IndexMap<Name, Artifact> {
    let mut found = IndexMap::new();
    for entry in map
        .get("artifacts")
        .and_then(Node::as_map)
        .map_or(&[][..], |map| &map.entries)
    {
        let (Some(name), Some(inner)) =
            (draft.name(&entry.key, entry.key_span), entry.value.as_map())
        else {
            continue;
        };
        let Some(path) = draft.text(inner, "path") else {
            continue;
        };
        let retention = draft
            .duration(inner, "retention")
            .unwrap_or(DEFAULT_RETENTION);
        found.insert(
            name,
            Artifact {
                path: path.into(),
                sensitive: draft.flag(inner, "sensitive", false),
                retention,
            },
        );
    }
    found
}

/// Everything that the task's own expressions read.
fn reads(task: &Task) -> Vec<Read> {
    let mut found = Vec::new();
    let mut add = |references: Vec<crate::expression::Reference>, after_body: bool| {
        found.extend(references.into_iter().map(|reference| Read {
            reference,
            through: None,
            after_body,
        }));
    };
    if let Some(condition) = &task.condition {
        add(condition.expression.references().cloned().collect(), false);
    }
    add(references(&task.body), false);
    add(references(&task.env), false);
    add(references(&task.cost), false);
    for output in task
        .outputs
        .values()
        .filter_map(|output| output.resource.as_ref())
    {
        add(references(output), false);
    }
    task.checks
        .iter()
        .for_each(|check| add(check_references(check), false));
    task.verify
        .iter()
        .for_each(|check| add(check_references(check), true));
    if let Some(rollback) = &task.rollback {
        rollback
            .before
            .iter()
            .for_each(|check| add(check_references(check), true));
        rollback
            .command
            .iter()
            .for_each(|command| add(references(command), true));
    }
    found
}

fn check_references(check: &Check) -> Vec<crate::expression::Reference> {
    let mut found: Vec<_> = check
        .condition
        .iter()
        .flat_map(|condition| condition.expression.references().cloned())
        .collect();
    found.extend(references(&check.body));
    found.extend(references(&check.expect));
    found.extend(check.checks.iter().flat_map(check_references));
    found
}
