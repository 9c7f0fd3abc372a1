//! The variables of terraform tasks, held against what their modules declare: terraform itself says nothing of a variable that it
//! does not know, and keeps a secret one in its plan and its state.
//!
//! They are read here and not with the plan, whose layer knows nothing of terraform.

use crate::{
    diagnostic::{Diagnostic, words::nearest},
    plan::{
        Plan,
        field::Field,
        model::{Kind, Task},
    },
    terraform::Module,
};

/// Reports variables that the module does not have, and secrets that terraform would keep.
pub(super) fn check(plan: &Plan) -> Vec<Diagnostic> {
    let tasks = plan.tasks.iter();
    let tasks = tasks.filter(|task| task.kind == Kind::Terraform);
    tasks.flat_map(|task| wrong(plan, task)).collect()
}

fn wrong(plan: &Plan, task: &Task) -> Vec<Diagnostic> {
    let dir = task.body.get("dir").and_then(Field::literal);
    let given = task.body.get("variables").and_then(Field::entries);
    let (Some(dir), Some(given)) = (dir, given) else {
        return Vec::new();
    };
    let files = Module::files(&plan.folder.join(&dir));
    if files.is_empty() {
        return Vec::new();
    }
    let module = Module::of(&files);
    let problems = given.iter().filter_map(|(name, field)| {
        let Some(variable) = module.variables.get(name) else {
            let known = nearest(name, module.variables.keys().map(String::as_str));
            let problem = Diagnostic::error(
                "unknown-variable",
                format!("`{dir}` declares no variable `{name}`"),
            );
            let problem = problem.at(field.span);
            return Some(match known {
                Some(known) => problem.help(format!("did you mean `{known}`?")),
                None => problem.help("terraform would pass it over without a word"),
            });
        };
        (holds_secret(field) && !variable.ephemeral).then(|| {
            let place = variable.declared.place();
            Diagnostic::error(
                "secret-variable",
                format!("terraform would keep `{name}` in its plan and its state"),
            )
            .at(field.span)
            .help(format!("write `ephemeral = true`, at {place}"))
        })
    });
    problems.collect()
}

fn holds_secret(field: &Field) -> bool {
    let mut found = false;
    field.expressions(&mut |expression| {
        found |= expression
            .references()
            .any(|reference| reference.root == "secrets");
    });
    found
}
