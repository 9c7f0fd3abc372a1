//! Reads a plan file in stages.

use std::{fs, io, sync::Arc};

use camino::Utf8Path;

use super::{
    build, files,
    grammar::PLAN,
    model::{Parts, Plan},
    names, node, shape,
    values::{Given, Values, Wanted, known_now},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, SourceFile},
    document::Document,
    expression::Value,
};

/// What came of a plan file: its text, its problems, and the plan where none of them is an error.
#[derive(Debug)]
pub struct Read {
    /// The file, to show problems in.
    pub source: Arc<SourceFile>,
    /// Errors and warnings, in file order.
    pub problems: Diagnostics,
    /// The plan.
    pub plan: Option<Plan>,
    /// The plan document that the plan names.
    pub document: Option<Document>,
}

/// Reads a plan file, and the files that it names.
///
/// # Errors
///
/// The file cannot be read. Problems of its content are no error; they stand in [`Read::problems`].
pub fn read(path: &Utf8Path) -> io::Result<Read> {
    let bytes = fs::read(path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_str().is_empty())
        .unwrap_or(Utf8Path::new("."));
    Ok(match String::from_utf8(bytes) {
        Ok(text) => read_text(path.as_str(), text, folder),
        Err(error) => not_utf8(path, &error),
    })
}

fn not_utf8(path: &Utf8Path, error: &std::string::FromUtf8Error) -> Read {
    let good = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let problem = Diagnostic::error(
        "encoding",
        "the plan is not UTF-8: this byte belongs to no character",
    )
    .at(crate::diagnostic::Span {
        start: good,
        end: good + 1,
    })
    .help("save the file as UTF-8");
    let source = Arc::new(SourceFile::new(path.as_str(), text));
    Read {
        source,
        problems: problem.into(),
        plan: None,
        document: None,
    }
}

/// Reads a plan from its text; `folder` is where the files that it names are.
pub fn read_text(name: &str, text: String, folder: &Utf8Path) -> Read {
    let source = Arc::new(SourceFile::new(name, text));
    let root = match node::read(source.text()) {
        Ok(root) => root,
        Err(found) => {
            let mut problems: Diagnostics = found.into_iter().collect();
            problems.sort();
            return Read {
                source,
                problems,
                plan: None,
                document: None,
            };
        }
    };
    let mut problems = Diagnostics::new();
    shape::check(&root, &PLAN, &mut problems);
    let shape_holds = !problems.has_errors();
    let (mut parts, draft) = build::build(&source, folder, &root);
    problems.extend(draft.problems.into_vec());
    let document = files::document(&parts, &mut problems);
    // A name may be missing only because its declaration could not be read; so names wait for a good shape.
    if shape_holds {
        names::check_names(&parts, document.as_ref(), &mut problems);
        names::check_sites(&parts, &draft.sites, &mut problems);
        names::follow(&mut parts, &mut problems);
    }
    let plan = Plan(parts);
    if !problems.has_errors() {
        problems.extend(known_values(&plan));
        files::check(&plan, &mut problems);
    }
    problems.sort();
    let plan = (!problems.has_errors()).then_some(plan);
    Read {
        source,
        problems,
        plan,
        document,
    }
}

/// What can be seen to be wrong with the values that are known before any run.
fn known_values(plan: &Plan) -> Vec<Diagnostic> {
    let values = match Values::resolve(plan, &Given::default(), Wanted::Known) {
        Ok(values) => values,
        Err(problems) => return problems,
    };
    let mut problems = over_budget(plan, &values);
    problems.extend(published_twice(plan));
    problems
}

/// The costs of the shared tasks and of one environment may not exceed the budget.
fn over_budget(plan: &Parts, values: &Values) -> Vec<Diagnostic> {
    let Some(budget) = &plan.budget else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    let environments: Vec<Option<_>> = match plan.environments.is_empty() {
        true => vec![None],
        false => plan.environments.keys().map(Some).collect(),
    };
    for environment in environments {
        let scope = values.planning(plan, environment, None);
        let Ok(Some(Value::Number(most))) = known_now(&budget.monthly, &scope) else {
            continue;
        };
        let mut lines = Vec::new();
        let mut sum = 0.0;
        for task in &plan.tasks {
            let here = task.environments.is_empty()
                || environment.is_some_and(|name| task.environments.contains(name));
            for (line, field) in task.cost.entries().into_iter().flatten().filter(|_| here) {
                if let Ok(Some(Value::Number(cost))) = known_now(field, &scope) {
                    sum += cost;
                    lines.push(format!("{}/{line} {cost:.2}", task.id));
                }
            }
        }
        if sum > most {
            let place = environment.map_or(String::new(), |name| format!(" in `{name}`"));
            let message = format!(
                "{sum:.2} {currency} a month{place}, {most} allowed",
                currency = budget.currency
            );
            problems.push(
                Diagnostic::error("budget", message)
                    .at(budget.span)
                    .help(format!("the lines are {}", lines.join(", "))),
            );
        }
    }
    problems
}

/// Two workflows that publish the same image for one commit race for its tags.
fn published_twice(plan: &Parts) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let workflows: Vec<_> = plan
        .workflows
        .iter()
        .filter(|(_, workflow)| runs_on_push_to_branch(&workflow.on))
        .collect();
    for (index, (name, workflow)) in workflows.iter().enumerate() {
        for (other, earlier) in &workflows[..index] {
            let both = |task: &&super::model::Task| {
                let phase = &plan.phases[task.phase].id;
                let holds =
                    |phases: &[crate::ident::PhaseId]| phases.is_empty() || phases.contains(phase);
                task.kind == super::model::Kind::Image
                    && task.changes
                    && holds(&workflow.phases)
                    && holds(&earlier.phases)
            };
            if let Some(task) = plan.tasks.iter().find(both) {
                let phase = &plan.phases[task.phase].id;
                problems.push(
                    Diagnostic::error("published-twice", format!("`{}` would be published twice for one commit, by `{other}` and `{name}`", task.id))
                        .at(workflow.span)
                        .also(earlier.span, "the first is here")
                        .help(format!("take the phase `{phase}` out of one of them")),
                );
            }
        }
    }
    problems
}

/// Whether a workflow runs for a push to a branch; a push of tags alone is another event.
fn runs_on_push_to_branch(on: &serde_json::Value) -> bool {
    match on {
        serde_json::Value::String(event) => event == "push",
        serde_json::Value::Array(events) => events.iter().any(|event| event == "push"),
        serde_json::Value::Object(events) => events.get("push").is_some_and(|push| {
            push.get("branches").is_some()
                || push.get("branches-ignore").is_some()
                || push.get("tags").is_none()
        }),
        _ => false,
    }
}
