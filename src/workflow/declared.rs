//! The workflows that a plan declares, or the one that it has without saying so.

use serde_json::json;

use crate::{
    diagnostic::Span,
    ident::Name,
    plan::{Plan, model::WorkflowDeclaration},
};

/// The branch of the default workflow. Nothing in a repository's files says which branch is its default one, and a rendered
/// file has to be the same on every machine; a plan for another branch declares its workflow.
const DEFAULT_BRANCH: &str = "main";

/// Returns the workflows that a plan declares, in file order; without any `deploy`, on pull request, push and dispatch.
pub fn declarations(plan: &Plan) -> Vec<(Name, WorkflowDeclaration)> {
    if !plan.workflows.is_empty() {
        return plan
            .workflows
            .iter()
            .map(|(name, declaration)| (name.clone(), copy(declaration)))
            .collect();
    }
    let name = "deploy".parse().expect("`deploy` is a name");
    let declaration = WorkflowDeclaration {
        span: Span { start: 0, end: 0 },
        description: None,
        on: json!({ "pull_request": {}, "push": { "branches": [DEFAULT_BRANCH] }, "workflow_dispatch": {} }),
        command: None,
        phases: Vec::new(),
        environments: Vec::new(),
        patch: None,
    };
    vec![(name, declaration)]
}

fn copy(declaration: &WorkflowDeclaration) -> WorkflowDeclaration {
    WorkflowDeclaration {
        span: declaration.span,
        description: declaration.description.clone(),
        on: declaration.on.clone(),
        command: declaration.command.clone(),
        phases: declaration.phases.clone(),
        environments: declaration.environments.clone(),
        patch: declaration.patch.clone(),
    }
}
