//! Names that stand by themselves: `needs`, `environment`, `login`, `push`, `proof`, `covers`, …

use std::collections::{HashMap, HashSet};

use super::{
    answers, environments,
    known::{Known, some_of},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Span, nearest, words::list_ticked},
    document::Document,
    ident::TaskId,
    plan::{
        build::{Mention, Named},
        kind,
        model::{Check, Connection, ConnectionKind, Kind, Parts},
    },
};

/// Reports each name that leads nowhere, or to something else than its place wants.
pub fn check_names(
    parts: &Parts,
    mentions: &[Mention],
    known: &Known<'_>,
    document: Option<&Document>,
    problems: &mut Diagnostics,
) {
    let mut names = Names {
        parts,
        known,
        problems,
    };
    for mention in mentions {
        names.mention(mention);
    }
    names.records();
    for (index, task) in parts.tasks.iter().enumerate() {
        if !known.doubts(index) {
            kind::check_body(task, names.problems);
        }
        task.all_checks().for_each(|check| names.check(check));
    }
    if let Some(document) = document {
        names.items(document);
    }
    problems.extend(environments::waiting_for_themselves(parts));
    problems.extend(answers::of_several_environments(parts, known));
}

struct Names<'p, 'd> {
    parts: &'p Parts,
    known: &'p Known<'p>,
    problems: &'d mut Diagnostics,
}

impl Names<'_, '_> {
    fn mention(&mut self, mention: &Mention) {
        let (name, check) = match (mention.named, mention.name.split_once('/')) {
            (Named::Proof, Some((task, check))) => (task, Some(check)),
            _ => (mention.name.as_str(), None),
        };
        if let Some(problem) = self.known.unknown(name, mention.named) {
            self.problems.push(problem.at(mention.span));
            return;
        }
        match (mention.named, check) {
            (Named::Proof, Some(check)) => self.check_of(name, check, mention.span),
            (Named::Connection(kinds), _) => self.kind_of(name, kinds, mention.span),
            (
                Named::Task
                | Named::Proof
                | Named::Phase
                | Named::Environment
                | Named::Input
                | Named::Secret
                | Named::Decision,
                _,
            ) => {}
        }
    }

    /// A proof names a check of a task.
    fn check_of(&mut self, task: &str, check: &str, span: Span) {
        let index = task
            .parse::<TaskId>()
            .ok()
            .and_then(|id| self.parts.task_index.get(&id).copied());
        let Some(index) = index.filter(|&index| !self.known.doubts(index)) else {
            return;
        };
        let checks: Vec<&str> = self.parts.tasks[index]
            .all_checks()
            .map(|check| check.id.as_str())
            .collect();
        if !checks.contains(&check) {
            let message = format!("task `{task}` has no check `{check}`");
            let problem = Diagnostic::error("unknown-name", message).at(span);
            self.problems
                .push(match nearest(check, checks.iter().copied()) {
                    Some(nearest) => problem.help(format!("did you mean `{task}/{nearest}`?")),
                    None if checks.is_empty() => {
                        problem.help("a check stands in `check`, `verify` or `rollback.before`")
                    }
                    None => problem.help(format!("it has {}", some_of(checks.iter().copied()))),
                });
        }
    }

    /// A place that needs a connection of some kind names one of another.
    fn kind_of(&mut self, name: &str, kinds: &[ConnectionKind], span: Span) {
        let Some(connection) = self.parts.connections.get(name) else {
            return;
        };
        if kinds.is_empty() || kinds.contains(&connection.kind) {
            return;
        }
        let found = connection.kind.key();
        let wanted = list_ticked(kinds.iter().map(|kind| kind.key()));
        let fitting = |connection: &Connection| kinds.contains(&connection.kind);
        let others = self.parts.connections.iter();
        let others: Vec<&str> = others
            .filter(|(_, connection)| fitting(connection))
            .map(|(name, _)| name.as_str())
            .collect();
        let problem = Diagnostic::error(
            "connection-kind",
            format!("connection `{name}` is of kind `{found}`, and {wanted} is wanted here"),
        )
        .at(span)
        .also(connection.span, "the connection is here");
        self.problems.push(if others.is_empty() {
            problem.help(format!("declare a connection of kind {wanted}"))
        } else {
            problem.help(format!("the plan has {}", some_of(others.iter().copied())))
        });
    }

    fn check(&mut self, check: &Check) {
        if let Some(field) = check.body.get("task")
            && let Some(task) = field
                .literal()
                .and_then(|name| name.parse::<TaskId>().ok())
                .and_then(|id| self.parts.task(&id))
            && task.kind != Kind::Terraform
        {
            let message = format!(
                "task `{}` is of kind `{}`, and has no state",
                task.id,
                task.kind.key()
            );
            self.problems.push(
                Diagnostic::error("task-kind", message)
                    .at(field.span)
                    .help("a check of kind `terraform` looks into the state of a terraform task"),
            );
        }
        check.checks.iter().for_each(|check| self.check(check));
        kind::check_expectations(check, self.problems);
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
}
