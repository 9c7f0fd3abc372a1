//! Keys that an object does not have: words of other tools, words of later versions, slips.

use crate::{
    diagnostic::{Diagnostic, nearest, words::list_ticked},
    plan::{
        grammar::Object,
        node::{Entry, Map},
    },
};

/// The problem of a key, and the key that was probably meant.
pub(super) struct Unknown {
    pub(super) problem: Diagnostic,
    pub(super) meant: Option<&'static str>,
}

/// Kinds of the plan format that come with a later version; a task with one gets that message and no other.
const PLANNED_KINDS: &[&str] = &["helm", "swarm", "sql", "load"];

/// Whether a task has a kind of a later version.
pub(super) fn has_planned_kind(map: &Map, object: &Object) -> bool {
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
    (
        "retries",
        "write `retry: { attempts: 3, on: [unavailable] }`",
    ),
    ("assert", "write `expect`"),
];

const RESERVED: &[&str] = &["include", "extends", "uses", "templates"];

/// Says what is wrong with a key that the object does not have.
pub(super) fn unknown_key(entry: &Entry, map: &Map, object: &'static Object) -> Unknown {
    let key = entry.key.as_str();
    if let Some(problem) = refused(entry, map, object) {
        return Unknown {
            problem,
            meant: None,
        };
    }
    let meant = nearest(key, object.names());
    let problem = problem("unknown-key", entry, object).help(match meant {
        Some(name) => format!("did you mean `{name}`?"),
        None => first_keys(object),
    });
    Unknown { problem, meant }
}

fn problem(code: &'static str, entry: &Entry, object: &Object) -> Diagnostic {
    let message = format!("unknown key `{}` in {}", entry.key, object.what);
    Diagnostic::error(code, message).at(entry.key_span)
}

/// The problem of a key that is known to be something else than a slip.
fn refused(entry: &Entry, map: &Map, object: &Object) -> Option<Diagnostic> {
    let key = entry.key.as_str();
    if object.what == "a task" && PLANNED_KINDS.contains(&key) {
        let message =
            format!("kind `{key}` belongs to the plan format and is not there yet in this version");
        return Some(Diagnostic::error("not-yet", message).at(entry.key_span).help(
            "keep the task in a file of its own until a version knows it; `deploy-action --version` tells yours",
        ));
    }
    let is_rest_of_a_text = map.flow
        && entry.value.is_null()
        && entry.value.span.start == entry.value.span.end
        && looks_like_prose(key);
    if is_rest_of_a_text {
        return Some(
            problem("comma-in-flow", entry, object)
                .help("a text with a comma inside `{ }` needs quotes around it"),
        );
    }
    if RESERVED.contains(&key) && object.what == "a plan" {
        return Some(
            problem("foreign-key", entry, object).help("this word is reserved; a plan is one file"),
        );
    }
    let (_, help) = FOREIGN.iter().find(|(foreign, _)| *foreign == key)?;
    Some(problem("foreign-key", entry, object).help(*help))
}

fn looks_like_prose(key: &str) -> bool {
    key.contains(' ')
        || !key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Lists the keys of an object.
pub(super) fn first_keys(object: &Object) -> String {
    format!(
        "{} has the keys {}",
        object.what,
        list_ticked(object.names()).replace(" or ", " and ")
    )
}
