//! Phases, tasks and checks.

use std::{collections::HashMap, ops::Range, time::Duration};

use indexmap::IndexMap;

use super::{
    Draft, Owner,
    data::{env, names, proofs, references},
};
use crate::{
    diagnostic::{Diagnostic, Span},
    event::FailureKind,
    ident::{CheckId, EnvironmentName, Name, PhaseId, TaskId},
    plan::{
        field::Field,
        grammar::{CHECK, CHECK_KINDS, Object, TASK, TASK_KINDS},
        model::{
            Artifact, Check, CheckKind, Covered, Coverer, Kind, OnFailure, OutputDeclaration,
            OutputType, Parts, Phase, Read, Retry, Rollback, Task, Way,
        },
        node::{Map, Node},
        position::Position,
    },
};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const DEFAULT_RETRY_DELAY: Duration = Duration::from_secs(10);
const DEFAULT_EVERY: Duration = Duration::from_secs(5);
const DEFAULT_RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What tasks take that do not say it themselves.
struct Defaults {
    runs_on: Vec<String>,
    timeout: Duration,
    retry: Option<Retry>,
}

/// What a task takes from its phase.
struct PhaseData {
    index: usize,
    environments: Vec<EnvironmentName>,
}

/// Reads all phases and their tasks.
pub(super) fn build(draft: &mut Draft<'_>, plan: &Map, parts: &mut Parts) {
    let defaults = defaults(draft, plan);
    let mut phase_places: HashMap<PhaseId, Span> = HashMap::new();
    let mut task_places: HashMap<TaskId, Span> = HashMap::new();
    for node in plan.get("phases").map_or(&[][..], Node::items) {
        let Some(map) = node.as_map() else { continue };
        let Some((id, span)) = id::<PhaseId>(draft, map) else {
            continue;
        };
        duplicate(draft, &mut phase_places, &id, span, "phase");
        let index = parts.phases.len();
        draft.owner = Owner::Phase(index);
        let condition = draft.condition(map, Position::Planning);
        let phase_env = env(draft, map, span);
        let data = PhaseData {
            index,
            environments: environments(draft, map).unwrap_or_default(),
        };
        let first = parts.tasks.len();
        for node in map.get("tasks").map_or(&[][..], Node::items) {
            let Some(task_map) = node.as_map() else {
                continue;
            };
            if let Some(task) = task(draft, task_map, &data, &defaults, parts) {
                duplicate(draft, &mut task_places, &task.id, task.span, "task");
                parts.tasks.push(task);
            }
        }
        parts.phases.push(Phase {
            name: draft.text(map, "name").unwrap_or_else(|| id.to_string()),
            id,
            description: draft.text(map, "description"),
            span,
            condition,
            on_failure: match draft.text(map, "on-failure").as_deref() {
                Some("rollback") => OnFailure::Rollback,
                _ => OnFailure::Stop,
            },
            one_job: draft.flag(map, "one-job", false),
            env: phase_env,
            tasks: Range {
                start: first,
                end: parts.tasks.len(),
            },
        });
    }
    draft.owner = Owner::Plan;
}

fn id<T: std::str::FromStr<Err = crate::ident::InvalidName>>(
    draft: &mut Draft<'_>,
    map: &Map,
) -> Option<(T, Span)> {
    let node = map.get("id")?;
    let scalar = node.as_scalar()?;
    Some((draft.name(&scalar.text, node.span)?, node.span))
}

fn duplicate<T: Clone + Eq + std::hash::Hash + std::fmt::Display>(
    draft: &mut Draft<'_>,
    places: &mut HashMap<T, Span>,
    id: &T,
    span: Span,
    what: &str,
) {
    let first = *places.entry(id.clone()).or_insert(span);
    if first != span {
        draft.problem(
            Diagnostic::error("duplicate-id", format!("{what} `{id}` is there twice"))
                .at(span)
                .also(first, "the first is here")
                .help(format!(
                    "ids of {what}s are unique in the whole plan; what people see stands in `name`"
                )),
        );
    }
}

/// Returns the environments that `environment` names; `None` where the key is absent, empty for `none`.
fn environments(draft: &mut Draft<'_>, map: &Map) -> Option<Vec<EnvironmentName>> {
    map.get("environment")?;
    let texts = draft.texts(map, "environment");
    Some(
        texts
            .iter()
            .filter(|(text, _)| text != "none")
            .filter_map(|(text, span)| draft.name(text, *span))
            .collect(),
    )
}

fn defaults(draft: &Draft<'_>, plan: &Map) -> Defaults {
    let map = plan.get("defaults").and_then(Node::as_map);
    let runs_on = map
        .map(|map| draft.texts(map, "runs-on"))
        .unwrap_or_default();
    Defaults {
        runs_on: match runs_on.is_empty() {
            true => vec!["ubuntu-24.04".to_owned()],
            false => runs_on.into_iter().map(|(label, _)| label).collect(),
        },
        timeout: map
            .and_then(|map| draft.duration(map, "timeout"))
            .unwrap_or(DEFAULT_TIMEOUT),
        retry: map.and_then(|map| retry(draft, map)),
    }
}

fn retry(draft: &Draft<'_>, map: &Map) -> Option<Retry> {
    let map = map.get("retry")?.as_map()?;
    let numbers = |key: &str| {
        draft
            .texts(map, key)
            .into_iter()
            .filter_map(|(text, _)| text.parse::<i32>().ok())
            .collect::<Vec<_>>()
    };
    Some(Retry {
        attempts: draft.text(map, "attempts")?.parse().ok()?,
        delay: draft.duration(map, "delay").unwrap_or(DEFAULT_RETRY_DELAY),
        on: draft
            .texts(map, "on")
            .iter()
            .filter_map(|(word, _)| failure_kind(word))
            .collect(),
        exit: numbers("exit"),
    })
}

fn failure_kind(word: &str) -> Option<FailureKind> {
    Some(match word {
        "unavailable" => FailureKind::Unavailable,
        "timeout" => FailureKind::Timeout,
        "quota" => FailureKind::Quota,
        "state-locked" => FailureKind::StateLocked,
        "auth-expired" => FailureKind::AuthExpired,
        "provider-crash" => FailureKind::ProviderCrash,
        _ => return None,
    })
}

fn task(
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
    let checks = if kind == Kind::Check {
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
        checks,
        condition: draft.condition(map, Position::Condition),
        environments: environments(draft, map).unwrap_or_else(|| phase.environments.clone()),
        needs: needs(draft, map),
        matrix: draft.field(map, &TASK, "matrix", Position::Planning),
        env: draft
            .field(map, &TASK, "env", Position::Body)
            .unwrap_or_else(|| Field::null(span)),
        login: names(draft, map, "login"),
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
        verify: checks_of_verify(draft, map),
        cost: draft
            .field(map, &TASK, "cost", Position::Body)
            .unwrap_or_else(|| Field::null(span)),
        rollback: rollback(draft, map),
        reads: Vec::new(),
    };
    task.reads = reads(&task);
    gather_covers(draft, map, index, &task, parts);
    Some(task)
}

fn needs(draft: &mut Draft<'_>, map: &Map) -> Vec<(TaskId, Span)> {
    let texts = draft.texts(map, "needs");
    texts
        .iter()
        .filter_map(|(text, span)| Some((draft.name(text, *span)?, *span)))
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

fn object_of(object: &'static Object, key: &str) -> Option<&'static Object> {
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

fn checks_of_verify(draft: &mut Draft<'_>, map: &Map) -> Vec<Check> {
    checks(draft, map, "verify", Position::AfterBody)
}

fn checks(draft: &mut Draft<'_>, map: &Map, key: &str, position: Position) -> Vec<Check> {
    let mut found: Vec<Check> = Vec::new();
    let mut places: HashMap<CheckId, Span> = HashMap::new();
    for (number, node) in map.get(key).map_or(&[][..], Node::items).iter().enumerate() {
        let Some(check) = check(draft, node, number + 1, position) else {
            continue;
        };
        duplicate(draft, &mut places, &check.id, check.span, "check");
        found.push(check);
    }
    found
}

fn check(draft: &mut Draft<'_>, node: &Node, number: usize, position: Position) -> Option<Check> {
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
            format!("{}-{number}", kind.key()).parse().ok()?,
            entry.key_span,
        ),
    };
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
        checks: entry
            .value
            .as_map()
            .map(|inner| checks(draft, inner, "checks", position))
            .unwrap_or_default(),
        from: names(draft, map, "from").pop(),
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

fn rollback(draft: &mut Draft<'_>, map: &Map) -> Option<Rollback> {
    let node = map.get("rollback")?;
    let inner = node.as_map()?;
    let object = object_of(&TASK, "rollback")?;
    let by = draft.text(inner, "by").and_then(|word| way(&word));
    let rollback = Rollback {
        by,
        before: checks(draft, inner, "before", Position::AfterBody),
        command: draft.field(inner, object, "command", Position::AfterBody),
        reason: draft.text(inner, "reason"),
        data_loss: draft.text(inner, "data-loss"),
        proof: proofs(draft, inner),
        timeout: draft.duration(inner, "timeout").unwrap_or(DEFAULT_TIMEOUT),
    };
    check_rollback(draft, &rollback, inner, node.span);
    Some(rollback)
}

fn way(word: &str) -> Option<Way> {
    Some(match word {
        "previous" => Way::Previous,
        "revision" => Way::Revision,
        "down" => Way::Down,
        "restore" => Way::Restore,
        "destroy" => Way::Destroy,
        "delete" => Way::Delete,
        "run" => Way::Run,
        "none" => Way::None,
        _ => return None,
    })
}

fn check_rollback(draft: &mut Draft<'_>, rollback: &Rollback, map: &Map, span: Span) {
    let place = |key: &str| map.get(key).map_or(span, |node| node.span);
    let loses = matches!(
        rollback.by,
        Some(Way::Restore | Way::Destroy | Way::Delete | Way::Down)
    );
    match rollback.data_loss.as_deref() {
        None if loses => draft.problem(
            Diagnostic::error("data-loss", "what is lost on this way back is not said")
                .at(place("by"))
                .help("add `data-loss: …`; if nothing is lost, `data-loss: none` with `proof: TASK/CHECK`"),
        ),
        Some("none") if rollback.proof.is_empty() => draft.problem(
            Diagnostic::error("data-loss", "\"none\" is a claim, and nothing proves it")
                .at(place("data-loss"))
                .help("add `proof: TASK/CHECK`, a check that reads the backup back; or say what is lost"),
        ),
        None | Some(_) => {}
    }
    if rollback.by == Some(Way::Run) && rollback.command.is_none() {
        draft.problem(
            Diagnostic::error("rollback", "the way `run` needs a `command`")
                .at(place("by"))
                .help("`command: [./scripts/undo.sh]`"),
        );
    }
    if rollback.by == Some(Way::None) && rollback.reason.is_none() {
        draft.problem(
            Diagnostic::error("rollback", "the way `none` needs a `reason`")
                .at(place("by"))
                .help("say why nothing can be undone"),
        );
    }
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

fn gather_covers(draft: &Draft<'_>, map: &Map, index: usize, task: &Task, parts: &mut Parts) {
    for (item, span) in draft.texts(map, "covers") {
        parts.covers.push(Covered {
            item,
            span,
            by: Coverer::Task(index),
        });
    }
    for (key, checks) in [("check", &task.checks), ("verify", &task.verify)] {
        let nodes = map.get(key).map_or(&[][..], Node::items);
        for (node, check) in nodes.iter().zip(checks) {
            let Some(inner) = node.as_map() else { continue };
            for (item, span) in draft.texts(inner, "covers") {
                parts.covers.push(Covered {
                    item,
                    span,
                    by: Coverer::Check(index, check.id.clone()),
                });
            }
        }
    }
}
