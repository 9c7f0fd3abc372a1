//! Reads a plan file in stages.

use std::{collections::HashSet, fs, io, sync::Arc};

use camino::Utf8Path;

use super::{
    build, files,
    grammar::PLAN,
    model::{Parts, Plan},
    names, node, shape,
    values::{Given, Values, Wanted},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, SourceFile},
    document::Document,
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
    let (mut parts, draft) = build::build(&source, folder, &root);
    problems.extend(draft.problems.into_vec());
    let document = files::document(&parts, &root, &mut problems);
    let known = names::Known::of(&root, draft.in_doubt);
    names::check_names(
        &parts,
        &draft.mentions,
        &known,
        document.as_ref(),
        &mut problems,
    );
    names::check_sites(&parts, &draft.sites, &known, &mut problems);
    names::follow(&mut parts, &known, &mut problems);
    let plan = Plan(parts);
    files::check(&plan, &mut problems);
    problems.extend(known_values(&plan));
    problems.sort();
    let mut seen = HashSet::new();
    // An alias is one place in the file and several in the plan.
    let problems: Diagnostics = problems
        .into_iter()
        .filter(|problem| seen.insert((problem.code, problem.span, problem.message.clone())))
        .collect();
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
    let mut problems = Values::resolve(plan, &Given::default(), Wanted::Known)
        .err()
        .unwrap_or_default();
    problems.extend(published_twice(plan));
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
