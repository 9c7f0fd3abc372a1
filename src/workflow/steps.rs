//! The steps of jobs.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value;

use super::{action, conditions::braces, events::Events, model::Step, pins};
use crate::{
    expression::{Expression, Reference},
    ident::{EnvironmentName, Name, PhaseId},
    plan::{Plan, field::Field},
};

/// What the steps of one workflow have in common.
#[derive(Debug, Clone)]
pub struct Steps {
    plan: String,
    inputs: bool,
    vars: bool,
    confirm: bool,
}

/// How much of the history a job fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// The commit alone.
    Commit,
    /// All of it, for tags and what came before.
    Whole,
}

impl Steps {
    /// Looks at what the plan's values are made of.
    pub fn new(plan: &Plan, plan_path: &str, events: &Events, confirms: bool) -> Self {
        Self {
            plan: plan_path.to_owned(),
            inputs: events.has_dispatch() && !plan.inputs.is_empty(),
            vars: reads_vars(plan),
            confirm: events.has_dispatch() && confirms,
        }
    }

    /// Fetches the repository, and leaves no token behind.
    pub fn checkout(&self, history: History) -> Step {
        let step = Step::uses("Check out", pins::CHECKOUT).with("persist-credentials", false);
        match history {
            History::Commit => step,
            History::Whole => step.with("fetch-depth", 0),
        }
    }

    /// A step that carries out a verb.
    pub fn verb(&self, name: impl Into<String>, verb: &str) -> Step {
        Step::uses(name, pins::DEPLOY_ACTION)
            .with(action::COMMAND.name, verb)
            .with(action::PLAN.name, self.plan.as_str())
    }

    /// Looks whether the rendered files are what the plan says.
    pub fn check_files(&self) -> Step {
        self.verb("Check rendered files", "render")
            .with(action::ARGUMENTS.name, "--check")
    }

    /// Adds what the values of the plan are made of, and the token.
    pub fn valued(&self, mut step: Step) -> Step {
        let mut add = |given: bool, input: action::Input, expression: &str| {
            if given {
                step.with
                    .insert(input.name.to_owned(), Value::String(braces(expression)));
            }
        };
        add(self.inputs, action::INPUTS, "toJSON(inputs)");
        add(self.vars, action::VARS, "toJSON(vars)");
        add(true, action::TOKEN, "github.token");
        step
    }

    /// Adds the gates that a person confirmed.
    pub fn confirmed(&self, mut step: Step) -> Step {
        if self.confirm {
            let confirmed = braces(&format!("inputs.{}", action::CONFIRM.name));
            step.with
                .insert(action::CONFIRM.name.to_owned(), Value::String(confirmed));
        }
        step
    }

    /// Fetches what another job kept; a job that was up to date kept nothing in this run.
    pub fn fetch(&self, job: &str) -> Step {
        let path = format!("{}/{}/{job}", braces("runner.temp"), action::ARTIFACTS_IN);
        Step::uses(format!("Fetch files of {job}"), pins::DOWNLOAD_ARTIFACT)
            .with("pattern", job)
            .with("path", path)
            .with("merge-multiple", true)
    }

    /// Keeps files for other jobs.
    pub fn keep(&self, job: &str, days: u64) -> Step {
        let path = format!("{}/{}", braces("runner.temp"), action::ARTIFACTS_OUT);
        Step::uses("Keep files", pins::UPLOAD_ARTIFACT)
            .with("name", job)
            .with("path", path)
            .with("if-no-files-found", "ignore")
            .with("overwrite", true)
            .with("retention-days", days)
    }
}

/// How long an artifact with bundles is kept. A bundle says itself until when it may be carried out.
const DAYS_OF_A_BUNDLE: u64 = 7;

impl Steps {
    /// Keeps the bundles that a preview sealed, for as long as somebody may carry one out.
    pub fn keep_bundles(&self) -> Step {
        let path = format!("{}/{}", braces("runner.temp"), action::BUNDLES);
        Step::uses("Keep the bundle", pins::UPLOAD_ARTIFACT)
            .with("name", action::BUNDLES)
            .with("path", path)
            .with("if-no-files-found", "ignore")
            .with("overwrite", true)
            .with("retention-days", DAYS_OF_A_BUNDLE)
    }
}

/// Names phases and environments, one a line; nothing where all are meant.
pub fn selected(mut step: Step, phases: &[PhaseId], environments: &[EnvironmentName]) -> Step {
    let mut add = |input: action::Input, names: Vec<&str>| {
        if !names.is_empty() {
            step.with
                .insert(input.name.to_owned(), Value::String(names.join("\n")));
        }
    };
    add(action::PHASE, phases.iter().map(PhaseId::as_str).collect());
    add(
        action::ENVIRONMENT,
        environments.iter().map(EnvironmentName::as_str).collect(),
    );
    step
}

/// Turns names of secrets into variables.
pub fn secret_variables(secrets: &BTreeSet<Name>) -> IndexMap<String, String> {
    secrets
        .iter()
        .map(|name| (name.to_string(), braces(&format!("secrets.{name}"))))
        .collect()
}

fn reads_vars(plan: &Plan) -> bool {
    let defaults = plan
        .inputs
        .values()
        .filter_map(|input| input.default.as_ref());
    let overriding = plan
        .environments
        .values()
        .flat_map(|environment| environment.inputs.values());
    defaults
        .chain(overriding)
        .any(|field| reads_root(field, "vars"))
}

fn reads_root(field: &Field, root: &str) -> bool {
    let mut found = false;
    field.expressions(&mut |expression: &Expression| {
        found |= expression
            .references()
            .any(|reference: &Reference| reference.root == root);
    });
    found
}
