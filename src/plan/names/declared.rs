//! Names that stand by themselves: `needs`, `environment`, `login`, `push`, `proof`, `covers`, …

use std::collections::{HashMap, HashSet};

use crate::{
    diagnostic::{Diagnostic, Diagnostics, Span, nearest},
    document::Document,
    ident::TaskId,
    plan::{
        field::Field,
        kind,
        model::{Check, Connection, Kind, Parts, Proof, Task},
    },
};

/// Reports each name that leads nowhere.
pub fn check_names(parts: &Parts, document: Option<&Document>, problems: &mut Diagnostics) {
    let tasks: HashMap<&str, &Task> = parts
        .tasks
        .iter()
        .map(|task| (task.id.as_str(), task))
        .collect();
    let mut names = Names {
        parts,
        tasks,
        problems,
    };
    names.plan();
    for task in &parts.tasks {
        names.task(task);
    }
    if let Some(document) = document {
        names.items(document);
    }
}

struct Names<'p, 'd> {
    parts: &'p Parts,
    tasks: HashMap<&'p str, &'p Task>,
    problems: &'d mut Diagnostics,
}

impl Names<'_, '_> {
    fn plan(&mut self) {
        let parts = self.parts;
        for environment in parts.environments.values() {
            for need in &environment.needs {
                self.must_be(
                    need.as_str(),
                    "environment",
                    environment.span,
                    parts.environments.keys(),
                );
            }
            for input in environment.inputs.keys() {
                self.must_be(
                    input.as_str(),
                    "input",
                    environment.inputs[input].span,
                    parts.inputs.keys(),
                );
            }
            if let Some(key) = &environment.key {
                self.must_be(
                    key.as_str(),
                    "secret",
                    environment.span,
                    parts.secrets.keys(),
                );
            }
            self.recipient(environment);
        }
        for secret in parts.secrets.values() {
            if let Some(connection) = &secret.connection {
                self.must_be(
                    connection.as_str(),
                    "connection",
                    secret.span,
                    parts.connections.keys(),
                );
            }
        }
        for connection in parts.connections.values() {
            for name in connection_names(connection) {
                self.must_be(
                    &name,
                    "connection",
                    connection.body.span,
                    parts.connections.keys(),
                );
            }
        }
        for proof in parts
            .goals
            .iter()
            .flat_map(|goal| &goal.proof)
            .chain(parts.risks.iter().flat_map(|risk| &risk.proof))
        {
            self.proof(proof);
        }
        for workflow in parts.workflows.values() {
            for phase in &workflow.phases {
                self.must_be(
                    phase.as_str(),
                    "phase",
                    workflow.span,
                    parts.phases.iter().map(|phase| &phase.id),
                );
            }
            for environment in &workflow.environments {
                self.must_be(
                    environment.as_str(),
                    "environment",
                    workflow.span,
                    parts.environments.keys(),
                );
            }
        }
        self.records();
    }

    fn recipient(&mut self, environment: &crate::plan::model::Environment) {
        let Some(recipient) = &environment.recipient else {
            return;
        };
        if let Err(reason) = recipient.parse::<age::x25519::Recipient>() {
            self.problems.push(
                Diagnostic::error(
                    "recipient",
                    format!("`{recipient}` is no age recipient: {reason}"),
                )
                .at(environment.span)
                .help("`age-keygen` prints one, as `age1…`"),
            );
        }
    }

    fn records(&mut self) {
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for decision in self.parts.decisions.values() {
            let Some(record) = decision.record.as_deref() else {
                continue;
            };
            let first = *seen.entry(record).or_insert(decision.span);
            if first != decision.span {
                self.problems.push(
                    Diagnostic::error(
                        "duplicate-record",
                        format!("decision record `{record}` is used twice"),
                    )
                    .at(decision.span)
                    .also(first, "the first is here")
                    .help("numbers of decision records are unique"),
                );
            }
        }
    }

    fn task(&mut self, task: &Task) {
        let parts = self.parts;
        for (need, span) in &task.needs {
            self.must_be(
                need.as_str(),
                "task",
                *span,
                parts.tasks.iter().map(|task| &task.id),
            );
        }
        for environment in &task.environments {
            self.must_be(
                environment.as_str(),
                "environment",
                task.span,
                parts.environments.keys(),
            );
        }
        for connection in &task.login {
            self.must_be(
                connection.as_str(),
                "connection",
                task.span,
                parts.connections.keys(),
            );
        }
        for key in ["connection", "push", "preview-push"] {
            self.connections_in(task.body.get(key));
        }
        if task.kind == Kind::Gate {
            for field in task.body.get("decisions").map_or(&[][..], Field::items) {
                let Some(name) = field.literal() else {
                    continue;
                };
                self.must_be(&name, "decision", field.span, parts.decisions.keys());
            }
        }
        for check in task.all_checks() {
            self.check(check);
        }
        for proof in task.rollback.iter().flat_map(|rollback| &rollback.proof) {
            self.proof(proof);
        }
        kind::check_body(task, self.problems);
    }

    fn connections_in(&mut self, field: Option<&Field>) {
        for field in field.map_or(&[][..], Field::items) {
            let Some(name) = field.literal() else {
                continue;
            };
            self.must_be(
                &name,
                "connection",
                field.span,
                self.parts.connections.keys(),
            );
        }
    }

    fn check(&mut self, check: &Check) {
        self.connections_in(check.body.get("connection"));
        if let Some(from) = &check.from {
            self.must_be(
                from.as_str(),
                "connection",
                check.span,
                self.parts.connections.keys(),
            );
        }
        if let Some(field) = check.body.get("task")
            && let Some(name) = field.literal()
        {
            self.must_be(
                &name,
                "task",
                field.span,
                self.parts.tasks.iter().map(|task| &task.id),
            );
        }
        check.checks.iter().for_each(|check| self.check(check));
        kind::check_expectations(check, self.problems);
    }

    fn proof(&mut self, proof: &Proof) {
        let Some(span) = self.find_text(&proof_text(proof)) else {
            return;
        };
        let Some(task) = self.tasks.get(proof.task.as_str()) else {
            self.must_be(
                proof.task.as_str(),
                "task",
                span,
                self.parts.tasks.iter().map(|task| &task.id),
            );
            return;
        };
        let Some(check) = &proof.check else { return };
        let checks: HashSet<&str> = task.all_checks().map(|check| check.id.as_str()).collect();
        if !checks.contains(check.as_str()) {
            let mut names: Vec<&str> = checks.into_iter().collect();
            names.sort_unstable();
            self.unknown(check.as_str(), "check", span, &names);
        }
    }

    /// Proofs are kept without their places; the first mention of the text is shown.
    fn find_text(&self, text: &str) -> Option<Span> {
        let start = self.parts.source.text().find(text)?;
        Some(Span {
            start,
            end: start + text.len(),
        })
    }

    fn items(&mut self, document: &Document) {
        let mut reported = HashSet::new();
        for covered in &self.parts.covers {
            if document.find(&covered.item).is_some() || !reported.insert(covered.span) {
                continue;
            }
            let problem = Diagnostic::error(
                "unknown-name",
                format!("the document has no item `{}`", covered.item),
            )
            .at(covered.span);
            self.problems.push(match document.nearest(&covered.item) {
                Some(item) => problem.help(format!("did you mean `{}`: {}?", item.id, item.text)),
                None => problem.help("`deploy-action lint --coverage` prints the ids of all items"),
            });
        }
    }

    fn must_be<T: AsRef<str>>(
        &mut self,
        name: &str,
        what: &str,
        span: Span,
        declared: impl IntoIterator<Item = T>,
    ) {
        let declared: Vec<T> = declared.into_iter().collect();
        if !declared.iter().any(|known| known.as_ref() == name) {
            let known: Vec<&str> = declared.iter().map(AsRef::as_ref).collect();
            self.unknown(name, what, span, &known);
        }
    }

    fn unknown(&mut self, name: &str, what: &str, span: Span, known: &[&str]) {
        self.problems
            .push(unknown_name(name, what, known).at(narrowed(
                self.parts.source.text(),
                span,
                name,
            )));
    }
}

/// Points at the name itself where it stands inside the span or shortly behind it.
fn narrowed(text: &str, span: Span, name: &str) -> Span {
    let end = (span.end + 200).min(text.len());
    match text.get(span.start..end).and_then(|slice| slice.find(name)) {
        Some(offset) => Span {
            start: span.start + offset,
            end: span.start + offset + name.len(),
        },
        None => span,
    }
}

/// The problem of a name that nothing declares.
pub(super) fn unknown_name(name: &str, what: &str, known: &[&str]) -> Diagnostic {
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    let problem = Diagnostic::error("unknown-name", format!("there is no {what} `{name}`"));
    match nearest(name, known.iter().copied()) {
        Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
        None if known.is_empty() => problem.help(format!(
            "the plan declares no {what}; `{}` is where {article} {what} is declared",
            home_of(what)
        )),
        None => problem.help(format!("the plan has {}", some_of(known))),
    }
}

fn home_of(what: &str) -> &'static str {
    match what {
        "environment" => "environments",
        "input" => "inputs",
        "connection" => "connections",
        "secret" => "secrets",
        "decision" => "decisions",
        "phase" | "task" => "phases",
        "check" => "verify",
        _ => "outputs",
    }
}

fn some_of(known: &[&str]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = known
        .iter()
        .take(MOST)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = known.len().saturating_sub(MOST);
    if more == 0 {
        shown.join(", ")
    } else {
        format!("{} and {more} more", shown.join(", "))
    }
}

fn proof_text(proof: &Proof) -> String {
    match &proof.check {
        Some(check) => format!("{}/{check}", proof.task),
        None => TaskId::to_string(&proof.task),
    }
}

fn connection_names(connection: &Connection) -> Vec<String> {
    ["login", "from"]
        .iter()
        .filter_map(|key| connection.body.get(key)?.literal())
        .collect()
}
