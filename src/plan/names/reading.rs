//! Names inside expressions, and whether they may be read where they stand.

use std::collections::{HashMap, HashSet};

use super::known::Known;
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Span, nearest},
    expression::Reference,
    plan::{
        build::{Named, Owner, Site},
        kind,
        model::{InputType, Parts, Task},
        position::{Position, instead_of},
    },
};

/// What expressions may read of `github` (`plan-format.md`, 3.13).
pub const GITHUB: &[&str] = &[
    "repository",
    "repository_owner",
    "sha",
    "ref",
    "ref_name",
    "ref_type",
    "head_ref",
    "base_ref",
    "actor",
    "event_name",
    "run_id",
    "run_attempt",
    "server_url",
];

/// Reports each expression that reads what it may not, or what is not there.
pub fn check_sites(parts: &Parts, sites: &[Site], known: &Known<'_>, problems: &mut Diagnostics) {
    let tasks: HashMap<&str, usize> = parts
        .tasks
        .iter()
        .enumerate()
        .rev()
        .map(|(index, task)| (task.id.as_str(), index))
        .collect();
    let overridden = parts
        .environments
        .values()
        .flat_map(|environment| environment.inputs.keys().map(|name| name.as_str()))
        .collect();
    let mut reading = Reading {
        parts,
        tasks,
        known,
        overridden,
        problems,
    };
    for site in sites {
        for reference in site.expression.references() {
            reading.reference(site, reference);
        }
        for comparison in site.expression.comparisons_with_text() {
            reading.comparison(
                &comparison.reference,
                &comparison.text,
                comparison.span.into(),
            );
        }
    }
}

struct Reading<'p, 'd> {
    parts: &'p Parts,
    tasks: HashMap<&'p str, usize>,
    known: &'p Known<'p>,
    overridden: HashSet<&'p str>,
    problems: &'d mut Diagnostics,
}

fn span_of(reference: &Reference) -> Span {
    reference.span.clone().into()
}

impl Reading<'_, '_> {
    fn reference(&mut self, site: &Site, reference: &Reference) {
        let root = reference.root.as_str();
        if root == "secrets" {
            self.secret(site, reference);
            return;
        }
        if !site.position.contexts().contains(&root) {
            let problem = Diagnostic::error(
                "context",
                format!("`{root}` cannot be read in {}", site.position.word()),
            );
            let help = instead_of(root, site.position);
            self.problems
                .push(problem.at(span_of(reference)).help(help));
            return;
        }
        let names = reference.names();
        let Some(first) = names.first().copied() else {
            self.whole_context(reference);
            return;
        };
        match root {
            "inputs" => self.input(site, reference, first),
            "decisions" => self.declared(reference, first, Named::Decision),
            "github" => self.property(reference, first, GITHUB),
            "environment" => self.environment(site, reference, first),
            "matrix" => self.matrix(site, reference),
            "tasks" => self.task(site, reference, &names),
            _ => {}
        }
    }

    fn whole_context(&mut self, reference: &Reference) {
        let root = &reference.root;
        self.problems.push(
            Diagnostic::error("context", format!("`{root}` is not read as a whole"))
                .at(span_of(reference))
                .help(format!("name what is meant: `{root}.NAME`")),
        );
    }

    fn declared(&mut self, reference: &Reference, name: &str, named: Named) {
        let problem = self.known.unknown(name, named);
        self.problems
            .extend(problem.map(|problem| problem.at(span_of(reference))));
    }

    /// A property of a context whose properties are always the same.
    fn property(&mut self, reference: &Reference, name: &str, known: &[&str]) {
        if known.contains(&name) {
            return;
        }
        let message = format!("`{}` has no property `{name}`", reference.root);
        let problem = Diagnostic::error("unknown-name", message).at(span_of(reference));
        self.problems
            .push(match nearest(name, known.iter().copied()) {
                Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
                None => problem.help(format!("it has {}", all_of(known))),
            });
    }

    fn input(&mut self, site: &Site, reference: &Reference, name: &str) {
        self.declared(reference, name, Named::Input);
        if self.overridden.contains(name) && self.is_shared(&site.owner) {
            let who = self.words_for(&site.owner);
            self.problems.push(
                Diagnostic::error(
                    "shared-reads",
                    format!("`{name}` differs by environment, and {who} belongs to none"),
                )
                .at(span_of(reference))
                .help("put `environment: …` on the task or its phase"),
            );
        }
    }

    fn environment(&mut self, site: &Site, reference: &Reference, name: &str) {
        self.property(reference, name, &["name"]);
        if self.is_shared(&site.owner) {
            let who = self.words_for(&site.owner);
            self.problems.push(
                Diagnostic::error(
                    "shared-reads",
                    format!("{who} belongs to no environment, so `environment` has no value"),
                )
                .at(span_of(reference))
                .help("put `environment: …` on the task or its phase"),
            );
        }
    }

    /// Only tasks can be shared; what else is read by a shared task is looked at when it is followed.
    fn is_shared(&self, owner: &Owner) -> bool {
        matches!(owner, Owner::Task(index) if !self.known.doubts(*index) && self.parts.tasks[*index].environments.is_empty())
    }

    fn words_for(&self, owner: &Owner) -> String {
        match owner {
            Owner::Task(index) => format!("task `{}`", self.parts.tasks[*index].id),
            _ => "this".to_owned(),
        }
    }

    fn matrix(&mut self, site: &Site, reference: &Reference) {
        let may_have_matrix = matches!(site.owner, Owner::Task(index) if self.known.doubts(index) || self.parts.tasks[index].matrix.is_some());
        if !may_have_matrix {
            self.problems.push(
                Diagnostic::error(
                    "context",
                    "`matrix` can be read only in a task that has one",
                )
                .at(span_of(reference))
                .help("add `matrix: { NAME: [a, b] }` to the task"),
            );
        }
    }

    fn secret(&mut self, site: &Site, reference: &Reference) {
        let Some(name) = reference.names().first().copied() else {
            self.whole_context(reference);
            return;
        };
        if !site.secrets {
            self.problems.push(
                Diagnostic::error(
                    "secret-position",
                    format!(
                        "no secret stands in `{}`: it would be written where it can be read",
                        site.key
                    ),
                )
                .at(span_of(reference))
                .help(secret_help(site.key, name, reference)),
            );
            return;
        }
        self.declared(reference, name, Named::Secret);
    }

    fn task(&mut self, site: &Site, reference: &Reference, names: &[&str]) {
        let Some(&index) = self.tasks.get(names[0]) else {
            self.declared(reference, names[0], Named::Task);
            return;
        };
        let task = &self.parts.tasks[index];
        let own = site.owner == Owner::Task(index);
        if own && site.position != Position::AfterBody {
            self.problems.push(
                Diagnostic::error(
                    "cycle",
                    format!("`{}` reads its output before it runs", task.id),
                )
                .at(span_of(reference))
                .help("only its `verify` and `rollback` may read it"),
            );
        }
        match (names.get(1).copied(), names.get(2).copied()) {
            (Some("outputs"), Some(output)) => self.output(site, index, reference, output),
            (Some("artifacts"), Some(artifact)) => self.artifact(index, reference, artifact),
            _ => self.problems.push(
                Diagnostic::error(
                    "unknown-output",
                    format!("`{reference}` names neither an output nor an artifact"),
                )
                .at(span_of(reference))
                .help(format!(
                    "write `tasks.{0}.outputs.NAME` or `tasks.{0}.artifacts.NAME`",
                    task.id
                )),
            ),
        }
    }

    fn output(&mut self, site: &Site, index: usize, reference: &Reference, output: &str) {
        let task = &self.parts.tasks[index];
        if self.known.doubts(index) {
            return;
        }
        let declared = task.outputs.get(output);
        if declared.is_some_and(|output| output.sensitive) && !site.secrets {
            let message = format!(
                "output `{output}` of `{}` is sensitive, and `{}` would show it",
                task.id, site.key
            );
            self.problems.push(
                Diagnostic::error("secret-position", message)
                    .at(span_of(reference))
                    .help(secret_help(site.key, output, reference)),
            );
        }
        let Some(mut known) = kind::outputs(task.kind) else {
            return;
        };
        known.extend(task.outputs.keys().map(|name| name.as_str()));
        if !known.contains(&output) {
            self.problems
                .push(unknown_output(task, output, "output", &known).at(span_of(reference)));
        }
    }

    fn artifact(&mut self, index: usize, reference: &Reference, artifact: &str) {
        let task = &self.parts.tasks[index];
        if self.known.doubts(index) {
            return;
        }
        let mut known: Vec<&str> = task.artifacts.keys().map(|name| name.as_str()).collect();
        known.extend(kind::artifacts(task.kind));
        if !known.contains(&artifact) {
            self.problems
                .push(unknown_output(task, artifact, "artifact", &known).at(span_of(reference)));
        }
    }

    /// A decision or a choice that is compared with a text which it can never be.
    fn comparison(&mut self, reference: &Reference, text: &str, span: Span) {
        let names = reference.names();
        let Some(name) = names.first().copied() else {
            return;
        };
        let options = match reference.root.as_str() {
            "decisions" => self
                .parts
                .decisions
                .get(name)
                .map(|decision| &decision.options),
            "inputs" => self
                .parts
                .inputs
                .get(name)
                .filter(|input| input.ty == InputType::Choice)
                .map(|input| &input.options),
            _ => None,
        };
        let Some(options) = options.filter(|options| !options.is_empty()) else {
            return;
        };
        // GitHub compares texts without regard to case.
        if !options
            .iter()
            .any(|option| option.eq_ignore_ascii_case(text))
        {
            self.problems
                .push(crate::plan::build::not_an_option(text, name, options).at(span));
        }
    }
}

fn unknown_output(task: &Task, name: &str, what: &str, known: &[&str]) -> Diagnostic {
    let message = format!(
        "{} `{}` has no {what} `{name}`",
        article(task.kind.key()),
        task.id
    );
    let problem = Diagnostic::error("unknown-output", message);
    match nearest(name, known.iter().copied()) {
        Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
        None if known.is_empty() => {
            problem.help(format!("declare it: `{what}s: {{ {name}: {{ … }} }}`"))
        }
        None => problem.help(format!("it has {}", all_of(known))),
    }
}

fn all_of(known: &[&str]) -> String {
    let ticked: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    ticked.join(", ")
}

fn article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind} task")
        .replace("image task", "image")
        .replace("a check task", "a check")
        .replace("a gate task", "a gate")
}

fn secret_help(key: &str, name: &str, reference: &Reference) -> String {
    match key {
        "command" | "script" | "make" => {
            let variable = name.to_uppercase().replace('-', "_");
            format!(
                "`login: CONNECTION`, or `env: {{ {variable}: \"${{{{ {reference} }}}}\" }}` of the task"
            )
        }
        "env" => {
            "variables of plan and phase are no place for secrets; put it into `env` of the task"
                .to_owned()
        }
        "if" => "what is compared with a secret can be guessed; make an input or a decision of it"
            .to_owned(),
        "build-args" => format!(
            "build arguments are kept in the image; `secrets: {{ {}: … }}` of the image",
            name.to_lowercase()
        ),
        _ => {
            "secrets stand in `env` of a task, in connections, and where the plan format shows `$$`"
                .to_owned()
        }
    }
}
