//! What a task reads through the connections, secrets, decisions and variables that it uses.

use std::collections::{HashMap, HashSet};

use super::{known::Known, sealed};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Span},
    expression::Reference,
    ident::Name,
    plan::{
        field::Field,
        model::{Check, Kind, Parts, Read, Task},
    },
};

/// Adds to each task what it reads through others, and reports shared tasks that so come to depend on an environment.
pub fn follow(parts: &mut Parts, known: &Known<'_>, problems: &mut Diagnostics) {
    let overridden: HashSet<String> = parts
        .environments
        .values()
        .flat_map(|environment| environment.inputs.keys())
        .map(|name| name.as_str().to_owned())
        .collect();
    for index in 0..parts.tasks.len() {
        let mut found = through_others(parts, &parts.tasks[index]);
        let task = &mut parts.tasks[index];
        if task.environments.is_empty() && !known.doubts(index) {
            problems.extend(
                found
                    .iter()
                    .filter(|read| depends_on_environment(read, &overridden))
                    .map(|read| shared_reads(task, read)),
            );
        }
        task.reads.append(&mut found);
    }
    problems.extend(sealed::unsealed(parts, known));
}

/// Names the connections that a task uses, in its body, its checks and its logins.
pub fn connections_of(task: &Task) -> Vec<Name> {
    let mut seen = HashSet::new();
    connections_with_time(task)
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

/// The connections of a task, each with whether it is used only after the body.
fn connections_with_time(task: &Task) -> Vec<(Name, bool)> {
    let mut before = task.login.clone();
    for key in ["connection", "push", "preview-push"] {
        before.extend(names_in(task.body.get(key)));
    }
    task.checks
        .iter()
        .for_each(|check| connections_of_check(check, &mut before));
    let mut after = Vec::new();
    let undoing = task.rollback.iter().flat_map(|rollback| &rollback.before);
    task.verify
        .iter()
        .chain(undoing)
        .for_each(|check| connections_of_check(check, &mut after));
    let before = before.into_iter().map(|name| (name, false));
    before
        .chain(after.into_iter().map(|name| (name, true)))
        .collect()
}

fn connections_of_check(check: &Check, found: &mut Vec<Name>) {
    found.extend(names_in(check.body.get("connection")));
    found.extend(check.from.clone());
    check
        .checks
        .iter()
        .for_each(|check| connections_of_check(check, found));
}

fn names_in(field: Option<&Field>) -> Vec<Name> {
    field
        .map_or(&[][..], Field::items)
        .iter()
        .filter_map(|field| field.literal()?.parse().ok())
        .collect()
}

/// Something through which a task reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    Connection(Name),
    Secret(Name),
    Decision(Name),
}

/// The sources that are still to be followed, and those that have been.
struct Search<'p> {
    parts: &'p Parts,
    found: Vec<Read>,
    open: Vec<(Source, bool)>,
    /// With whether the source was followed only for what comes after the body.
    seen: HashMap<Source, bool>,
}

fn through_others(parts: &Parts, task: &Task) -> Vec<Read> {
    let mut search = Search {
        parts,
        found: Vec::new(),
        open: Vec::new(),
        seen: HashMap::new(),
    };
    for read in &task.reads {
        search.named_by(&read.reference, read.after_body);
    }
    for (name, after_body) in connections_with_time(task) {
        search.open.push((Source::Connection(name), after_body));
    }
    search.surroundings(task);
    while let Some((source, after_body)) = search.open.pop() {
        search.follow(source, after_body);
    }
    search.found
}

impl Search<'_> {
    /// The condition of the phase, and the variables that plan and phase give to child processes.
    fn surroundings(&mut self, task: &Task) {
        let phase = self.parts.phase_of(task);
        if let Some(condition) = &phase.condition {
            let through = format!("the condition of phase `{}`", phase.id);
            self.add(condition.expression.references(), &through, false);
        }
        if matches!(task.kind, Kind::Gate | Kind::Render) {
            return;
        }
        if [&phase.env, &self.parts.env].map(Field::is_null) == [true, true] {
            return;
        }
        // The inner one wins: what is said again further in is not read further out.
        let mut inner: Vec<&Field> = vec![&task.env];
        let through = [
            (&phase.env, format!("`env` of phase `{}`", phase.id)),
            (&self.parts.env, "`env` of the plan".to_owned()),
        ];
        for (env, through) in &through {
            for (name, field) in env.entries().into_iter().flatten() {
                if inner.iter().all(|inner| inner.get(name).is_none()) {
                    field.expressions(&mut |expression| {
                        self.add(expression.references(), through, false);
                    });
                }
            }
            inner.push(env);
        }
    }

    fn follow(&mut self, source: Source, after_body: bool) {
        let earlier = self.seen.get(&source).copied();
        if earlier.is_some_and(|earlier| !earlier || after_body) {
            return;
        }
        self.seen.insert(source.clone(), after_body);
        let parts = self.parts;
        match &source {
            Source::Connection(name) => {
                let Some(connection) = parts.connections.get(name) else {
                    return;
                };
                self.add(
                    &connection.reads,
                    &format!("connection `{name}`"),
                    after_body,
                );
                for key in ["login", "from"] {
                    for inner in names_in(connection.body.get(key)) {
                        self.open.push((Source::Connection(inner), after_body));
                    }
                }
            }
            Source::Secret(name) => {
                let Some(secret) = parts.secrets.get(name) else {
                    return;
                };
                self.add(&secret.reads, &format!("secret `{name}`"), after_body);
                let connection = secret.connection.clone().map(Source::Connection);
                self.open
                    .extend(connection.map(|source| (source, after_body)));
            }
            Source::Decision(name) => {
                if let Some(decision) = parts.decisions.get(name) {
                    self.add(&decision.reads, &format!("decision `{name}`"), after_body);
                }
            }
        }
    }

    fn add<'r>(
        &mut self,
        references: impl IntoIterator<Item = &'r Reference>,
        through: &str,
        after_body: bool,
    ) {
        for reference in references {
            self.named_by(reference, after_body);
            self.found.push(Read {
                reference: reference.clone(),
                through: Some(through.to_owned()),
                after_body,
            });
        }
    }

    /// Keeps the secret or decision that a reference names.
    fn named_by(&mut self, reference: &Reference, after_body: bool) {
        let Some(name) = reference
            .names()
            .first()
            .and_then(|name| name.parse::<Name>().ok())
        else {
            return;
        };
        match reference.root.as_str() {
            "secrets" => self.open.push((Source::Secret(name), after_body)),
            "decisions" => self.open.push((Source::Decision(name), after_body)),
            _ => {}
        }
    }
}

fn depends_on_environment(read: &Read, overridden: &HashSet<String>) -> bool {
    match read.reference.root.as_str() {
        "environment" => true,
        "inputs" => read
            .reference
            .names()
            .first()
            .is_some_and(|name| overridden.contains(*name)),
        _ => false,
    }
}

fn shared_reads(task: &Task, read: &Read) -> Diagnostic {
    let through = read.through.as_deref().unwrap_or("it");
    let span = Span::from(read.reference.span.clone());
    Diagnostic::error(
        "shared-reads",
        format!(
            "`{}` differs by environment, and task `{}`, which uses {through}, belongs to none",
            read.reference, task.id
        ),
    )
    .at(span)
    .also(task.span, "the task is here")
    .help("put `environment: …` on the task or its phase")
}
