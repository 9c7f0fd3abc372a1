//! The files of a plan.

use super::{
    RenderedWorkflow, Target, WorkflowError, WorkflowModel, compare, declarations, patch, read,
    render,
};
use crate::{graph::TaskGraph, plan::Plan};

/// The largest workflow file that GitHub reads, in bytes.
pub const LARGEST_FILE: usize = 500 * 1000;

/// What the first line of a rendered file begins with.
const HEADER: &str = "# Rendered by deploy-action from ";

/// A rendered workflow file, looked at again and found to say what the plan says.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedFile {
    /// The name of the file: `deploy.yml`.
    pub name: String,
    /// Its text.
    pub text: String,
    /// What is in it.
    pub workflow: RenderedWorkflow,
}

/// Renders every workflow of a plan for one target. `plan_path` is the plan file from the root of the repository.
///
/// # Errors
///
/// The first workflow that cannot be rendered; see [`WorkflowError`].
pub fn files(
    plan: &Plan,
    graph: &TaskGraph<'_>,
    plan_path: &str,
    target: Target,
) -> Result<Vec<RenderedFile>, WorkflowError> {
    let mut files = Vec::new();
    for (name, declaration) in declarations(plan) {
        let mut model = WorkflowModel::of(plan, graph, &name, &declaration, plan_path)?;
        model.target = target;
        let mut text = render(&model)?;
        let mut workflow = read(&text)?;
        compare(graph, &model, &workflow)?;
        if let Some(change) = &declaration.patch {
            text = patch::apply(name.as_str(), &text, change)?;
            workflow = read(&text)?;
        }
        if text.len() > LARGEST_FILE {
            return Err(WorkflowError::TooLarge {
                workflow: name.to_string(),
                size: text.len(),
                jobs: model.jobs.len(),
                most: LARGEST_FILE,
            });
        }
        files.push(RenderedFile {
            name: format!("{name}.yml"),
            text,
            workflow,
        });
    }
    Ok(files)
}

/// Returns the plan file that a file was rendered from, from the root of the repository; `None` for other people's files.
pub fn source_of(text: &str) -> Option<&str> {
    let rest = text.lines().next()?.strip_prefix(HEADER)?;
    rest.split_once("; ").map(|(plan, _)| plan)
}
