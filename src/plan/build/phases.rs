//! Phases, and what their tasks take from them and from the plan.

use std::{collections::HashMap, ops::Range, time::Duration};

use super::{Draft, Named, Owner, covers, data::env, task::task};
use crate::{
    diagnostic::{Diagnostic, Span},
    event::FailureKind,
    ident::{EnvironmentName, PhaseId, TaskId},
    plan::{
        grammar::{CHECK, Object, PHASE, TASK, TASK_KINDS},
        model::{OnFailure, Parts, Phase, Retry},
        node::{Map, Node},
        position::Position,
    },
};

/// Of a task, and of a way back.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const DEFAULT_RETRY_DELAY: Duration = Duration::from_secs(10);

/// What tasks take that do not say it themselves.
pub(super) struct Defaults {
    pub(super) runs_on: Vec<String>,
    pub(super) timeout: Duration,
    pub(super) retry: Option<Retry>,
}

/// What a task takes from its phase.
pub(super) struct PhaseData {
    pub(super) index: usize,
    pub(super) environments: Vec<EnvironmentName>,
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
        duplicate(draft, &mut phase_places, &id, span, "phase", "the plan");
        let index = parts.phases.len();
        draft.owner = Owner::Phase(index);
        let condition = draft.condition(map, Position::Planning);
        let phase_env = env(draft, map, span);
        let data = PhaseData {
            index,
            environments: environments(draft, map).unwrap_or_default(),
        };
        let first = parts.tasks.len();
        let tasks = map.get("tasks").map_or(&[][..], Node::items);
        parts.tasks.reserve(tasks.len());
        parts.task_index.reserve(tasks.len());
        task_places.reserve(tasks.len());
        for node in tasks {
            let Some(task_map) = node.as_map() else {
                continue;
            };
            if let Some(task) = task(draft, task_map, &data, &defaults, parts) {
                duplicate(
                    draft,
                    &mut task_places,
                    &task.id,
                    task.span,
                    "task",
                    "the whole plan",
                );
                draft.in_doubt.push(in_doubt(task_map, map));
                let index = parts.tasks.len();
                parts.task_index.entry(task.id.clone()).or_insert(index);
                parts.tasks.push(task);
            }
        }
        covers::of_phase(map, first..parts.tasks.len(), parts);
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

/// Whether a mistake in the file may have hidden something that others ask of a task.
fn in_doubt(task: &Map, phase: &Map) -> bool {
    let kinds = task
        .entries
        .iter()
        .filter(|entry| TASK_KINDS.contains(&entry.key.as_str()));
    let declarations = ["outputs", "artifacts"]
        .iter()
        .filter_map(|key| task.get(key));
    let checks = ["check", "verify"].iter().filter_map(|key| task.get(key));
    strange(phase, &PHASE)
        || strange(task, &TASK)
        || kinds.count() != 1
        || declarations.into_iter().any(|node| {
            node.as_map().is_none_or(|map| {
                map.entries
                    .iter()
                    .any(|entry| entry.value.as_map().is_none())
            })
        })
        || checks
            .flat_map(Node::items)
            .any(|check| check.as_map().is_none_or(|map| strange(map, &CHECK)))
}

/// Whether a map has a key that its object does not know.
fn strange(map: &Map, object: &Object) -> bool {
    map.entries
        .iter()
        .any(|entry| object.key(&entry.key).is_none() && !entry.key.starts_with("x-"))
}

/// Reads the id of a phase, task or check.
pub(super) fn id<T: std::str::FromStr<Err = crate::ident::InvalidName>>(
    draft: &mut Draft<'_>,
    map: &Map,
) -> Option<(T, Span)> {
    let node = map.get("id")?;
    let scalar = node.as_scalar()?;
    Some((draft.name(&scalar.text, node.span)?, node.span))
}

/// Reports an id that was there before.
pub(super) fn duplicate<T: Clone + Eq + std::hash::Hash + std::fmt::Display>(
    draft: &mut Draft<'_>,
    places: &mut HashMap<T, Span>,
    id: &T,
    span: Span,
    what: &str,
    within: &str,
) {
    let first = *places.entry(id.clone()).or_insert(span);
    if first != span {
        draft.problem(
            Diagnostic::error("duplicate-id", format!("{what} `{id}` is there twice"))
                .at(span)
                .also(first, "the first is here")
                .help(format!(
                    "ids of {what}s are unique in {within}; what people see stands in `name`"
                )),
        );
    }
}

/// Returns the environments that `environment` names; `None` where the key is absent, empty for `none`.
pub(super) fn environments(draft: &mut Draft<'_>, map: &Map) -> Option<Vec<EnvironmentName>> {
    map.get("environment")?;
    let texts = draft.texts(map, "environment");
    let mut found = Vec::new();
    for (text, span) in texts.iter().filter(|(text, _)| text != "none") {
        if let Some(name) = draft.name(text, *span) {
            draft.mention(text, *span, Named::Environment);
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    Some(found)
}

fn defaults(draft: &mut Draft<'_>, plan: &Map) -> Defaults {
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

/// Reads when a failed attempt is repeated.
pub(super) fn retry(draft: &mut Draft<'_>, map: &Map) -> Option<Retry> {
    let node = map.get("retry")?;
    let map = node.as_map()?;
    if map.get("on").is_none() && map.get("exit").is_none() {
        draft.problem(
            Diagnostic::warning(
                "idle-retry",
                "this `retry` repeats nothing: it names neither failures nor exit codes",
            )
            .at(node.span)
            .help("add `on: [unavailable]`, or `exit: 75` to a `run`"),
        );
    }
    let mut exit = Vec::new();
    for node in map.get("exit").map_or(&[][..], Node::items) {
        let code = draft.whole_number(node, "exit", 1..=255);
        exit.extend(code.and_then(|code| i32::try_from(code).ok()));
    }
    let attempts = draft.whole_number(map.get("attempts")?, "attempts", 1..=100)?;
    Some(Retry {
        attempts: u32::try_from(attempts).ok()?,
        delay: draft.duration(map, "delay").unwrap_or(DEFAULT_RETRY_DELAY),
        on: draft
            .texts(map, "on")
            .iter()
            .filter_map(|(word, _)| failure_kind(word))
            .collect(),
        exit,
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
