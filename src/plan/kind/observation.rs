//! What each kind of check observes (`plan-format.md`, "Checks"), and whether an expectation can be judged by it.

use crate::{
    diagnostic::{Diagnostic, Diagnostics, nearest},
    expression::Value,
    plan::{
        field::{Content, Field},
        model::{Check, CheckKind, Kind, Task},
        requirement::{Measure, Requirement},
    },
};

/// The observations of a kind of check.
#[derive(Debug, Clone, Copy)]
pub struct Observable {
    /// Names with their measures.
    pub names: &'static [(&'static str, Measure)],
    /// Names whose second part is free: `json.PATH`.
    pub families: &'static [&'static str],
    /// Whether any field of what is observed may be named.
    pub any_field: bool,
}

const IMAGE: Observable = Observable {
    names: &[
        ("exists", Measure::Plain),
        ("digest", Measure::Plain),
        ("platforms", Measure::Plain),
        ("ports", Measure::Plain),
        ("user", Measure::Plain),
        ("files", Measure::Plain),
        ("size", Measure::Bytes),
        ("listed", Measure::Plain),
    ],
    families: &["env"],
    any_field: false,
};

/// Returns what a kind of check observes.
pub fn observable(kind: CheckKind) -> Observable {
    let plain = |names, families| Observable {
        names,
        families,
        any_field: false,
    };
    match kind {
        CheckKind::Http => plain(
            &[
                ("status", Measure::Plain),
                ("latency", Measure::Duration),
                ("body", Measure::Plain),
            ],
            &["json", "header"],
        ),
        CheckKind::Tcp => plain(
            &[("open", Measure::Plain), ("latency", Measure::Duration)],
            &[],
        ),
        CheckKind::Tls => plain(
            &[
                ("valid", Measure::Plain),
                ("expires-in", Measure::Duration),
                ("issuer", Measure::Plain),
                ("protocol", Measure::Plain),
            ],
            &[],
        ),
        CheckKind::Dns => plain(
            &[("answers", Measure::Plain), ("ttl", Measure::Duration)],
            &[],
        ),
        CheckKind::Websocket => plain(
            &[
                ("connected", Measure::Plain),
                ("held", Measure::Duration),
                ("received", Measure::Plain),
                ("latency", Measure::Duration),
            ],
            &[],
        ),
        CheckKind::Git => plain(&[("refs", Measure::Plain), ("head", Measure::Plain)], &[]),
        CheckKind::Sql => plain(
            &[
                ("value", Measure::Plain),
                ("rows", Measure::Plain),
                ("error", Measure::Plain),
                ("latency", Measure::Duration),
            ],
            &[],
        ),
        CheckKind::Metric => plain(&[("value", Measure::Plain)], &[]),
        CheckKind::Kubernetes => Observable {
            names: &[
                ("count", Measure::Plain),
                ("ready", Measure::Plain),
                ("digests", Measure::Plain),
                ("keys", Measure::Plain),
            ],
            families: &["condition"],
            any_field: true,
        },
        CheckKind::Swarm => plain(
            &[
                ("desired", Measure::Plain),
                ("running", Measure::Plain),
                ("missing", Measure::Plain),
                ("unscheduled", Measure::Plain),
                ("nodes", Measure::Plain),
                ("ready-nodes", Measure::Plain),
            ],
            &[],
        ),
        CheckKind::Image => IMAGE,
        CheckKind::Container => plain(
            &[("running", Measure::Plain), ("exit", Measure::Plain)],
            &[],
        ),
        CheckKind::Helm => plain(
            &[("valid", Measure::Plain), ("uncovered", Measure::Plain)],
            &[],
        ),
        CheckKind::Terraform => Observable {
            names: &[("count", Measure::Plain)],
            families: &[],
            any_field: true,
        },
        CheckKind::S3 => plain(&[("count", Measure::Plain), ("size", Measure::Bytes)], &[]),
        CheckKind::File => plain(
            &[
                ("count", Measure::Plain),
                ("mode", Measure::Plain),
                ("lines", Measure::Plain),
                ("words", Measure::Plain),
                ("headings", Measure::Plain),
                ("fences", Measure::Plain),
                ("size", Measure::Bytes),
                ("sha256", Measure::Plain),
                ("content", Measure::Plain),
                ("ignored", Measure::Plain),
                ("tracked", Measure::Plain),
            ],
            &[],
        ),
        CheckKind::Run => plain(
            &[
                ("exit", Measure::Plain),
                ("stdout", Measure::Plain),
                ("stderr", Measure::Plain),
            ],
            &["json"],
        ),
    }
}

impl Observable {
    /// Returns the measure of an observation by its name; `None` where there is none of that name.
    pub fn measure(&self, name: &str) -> Option<Measure> {
        if let Some((_, measure)) = self.names.iter().find(|(known, _)| *known == name) {
            return Some(*measure);
        }
        let first = name.split(['.', '[']).next().unwrap_or(name);
        let is_part = self.families.contains(&first)
            || self
                .names
                .iter()
                .any(|(known, _)| *known == first && name.ends_with(".length"));
        (is_part || self.any_field).then_some(Measure::Plain)
    }
}

/// Reports expectations of a check that nothing observes, or that lack a unit.
pub fn check_expectations(check: &Check, problems: &mut Diagnostics) {
    expectations(
        check.kind.key(),
        &observable(check.kind),
        &check.expect,
        problems,
    );
}

/// Reports the same of what a task expects of its image.
pub fn check_image_expectations(task: &Task, problems: &mut Diagnostics) {
    if let (Kind::Image, Some(expect)) = (task.kind, task.body.get("expect")) {
        expectations("image", &IMAGE, expect, problems);
    }
}

fn expectations(kind: &str, observable: &Observable, expect: &Field, problems: &mut Diagnostics) {
    for (name, field) in expect.entries().into_iter().flatten() {
        let Some(measure) = observable.measure(name) else {
            problems.push(unobserved(kind, observable, name).at(field.key));
            continue;
        };
        problems.extend(unfit(name, field, measure));
    }
}

/// Reports requirements of policies that cannot be judged, whatever is planned.
pub fn check_policies(task: &Task, problems: &mut Diagnostics) {
    for policy in task.body.get("policy").map_or(&[][..], Field::items) {
        let count = policy.get("count").map(|field| ("count", field));
        let expect = policy.get("expect").and_then(Field::entries);
        let expect = expect.into_iter().flatten();
        for (name, field) in count
            .into_iter()
            .chain(expect.map(|(name, field)| (name.as_str(), field)))
        {
            problems.extend(unfit(name, field, Measure::Plain));
        }
    }
}

/// The problem of a requirement that cannot be judged of an observation; `None` where it holds an expression.
fn unfit(name: &str, field: &Field, measure: Measure) -> Option<Diagnostic> {
    let value = literal_value(field)?;
    let fits = Requirement::parse(&value).and_then(|requirement| requirement.fits(measure));
    let error = fits.err()?;
    let problem = Diagnostic::error("observation", format!("`{name}`: {error}")).at(field.span);
    Some(match error.hint() {
        Some(hint) => problem.help(hint),
        None => problem.help(
            "a requirement is a value, a list, or an operator (`= != < <= > >= ~ !~`), a space and a value",
        ),
    })
}

fn unobserved(kind: &str, observable: &Observable, name: &str) -> Diagnostic {
    let known: Vec<String> = observable
        .names
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .chain(
            observable
                .families
                .iter()
                .map(|family| format!("{family}.NAME")),
        )
        .collect();
    let problem = Diagnostic::error("observation", format!("{kind} observes no `{name}`"));
    match nearest(name, known.iter().map(String::as_str)) {
        Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
        None => problem.help(format!("it observes {}", known.join(", "))),
    }
}

/// Returns a value that holds no expression.
fn literal_value(field: &Field) -> Option<Value> {
    match &field.content {
        Content::Null => Some(Value::Null),
        Content::Boolean(flag) => Some(Value::Boolean(*flag)),
        Content::Number(number) => Some(Value::Number(*number)),
        Content::Text(_) => field.literal().map(Value::Text),
        Content::List(items) => items
            .iter()
            .map(literal_value)
            .collect::<Option<_>>()
            .map(Value::List),
        Content::Map(entries) => entries
            .iter()
            .map(|(key, entry)| Some((key.clone(), literal_value(entry)?)))
            .collect::<Option<_>>()
            .map(Value::Map),
    }
}
