//! A workflow file before it is text.
//!
//! The types follow GitHub's own shape, so that the template has nothing to decide.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::pins::Pin;
use crate::ident::{EnvironmentName, TaskKey};

/// A workflow file before it is text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkflowModel {
    /// What the run is called: plan and workflow.
    pub name: String,
    /// The plan file, from the root of the repository.
    pub plan: String,
    /// Who carries it out.
    pub target: Target,
    /// Events with their filters, dispatch inputs among them.
    pub on: Value,
    /// What never runs twice at once.
    pub concurrency: Concurrency,
    /// The jobs, `plan` first and `checkpoint` last.
    pub jobs: Vec<Job>,
}

/// Who carries a workflow out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// GitHub itself.
    GitHub,
    /// act, on a machine of one's own: the same jobs and steps without the keys that act refuses or does not heed.
    Act,
}

/// What never runs twice at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Concurrency {
    /// Who holds one together.
    pub group: String,
    /// Whether all that come wait in order, rather than only the last.
    pub queue: bool,
    /// Whether a new one ends the running one.
    pub cancel_in_progress: bool,
}

/// A task that a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobTask {
    /// Its index in the graph.
    pub node: usize,
    /// Its name in graph and ledger.
    pub key: TaskKey,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Job {
    /// Its id, unique in the file.
    pub id: String,
    /// What people see.
    pub name: String,
    /// The tasks that it runs; empty for `plan`, gates, `checkpoint` and the like.
    pub tasks: Vec<JobTask>,
    /// Jobs that end first.
    pub needs: Vec<String>,
    /// Whether it runs: an expression with its braces.
    pub condition: Option<String>,
    /// Labels of its runner.
    pub runs_on: Vec<String>,
    /// The GitHub environment whose secrets and rules hold.
    pub environment: Option<JobEnvironment>,
    /// After how many minutes it is ended.
    pub timeout_minutes: u64,
    /// What its token may do.
    pub permissions: Vec<Permission>,
    /// What never runs twice at once, besides the workflow itself.
    pub concurrency: Option<Concurrency>,
    /// Values for other jobs.
    pub outputs: IndexMap<String, String>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A GitHub environment of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobEnvironment {
    /// Its name.
    pub name: String,
}

impl From<&EnvironmentName> for JobEnvironment {
    fn from(name: &EnvironmentName) -> Self {
        Self {
            name: name.to_string(),
        }
    }
}

/// Something that the token of a job may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// What it concerns: `contents`.
    pub scope: String,
    /// `read` or `write`.
    pub level: String,
    /// What it is needed for.
    pub why: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Step {
    /// How other steps name it.
    pub id: Option<String>,
    /// What people see: a verb first.
    pub name: String,
    /// Whether it runs: an expression with its braces.
    pub condition: Option<String>,
    /// The action.
    pub uses: Option<String>,
    /// The release of the action.
    pub version: Option<String>,
    /// A command of the shell, without any expression.
    pub run: Option<String>,
    /// Inputs of the action: scalars.
    pub with: IndexMap<String, Value>,
    /// Variables.
    pub env: IndexMap<String, String>,
    /// What stands behind each of the variables, where zizmor would ask.
    pub env_comment: Option<String>,
}

impl Step {
    /// A step that uses an action of our table.
    pub fn uses(name: impl Into<String>, pin: Pin) -> Self {
        Self {
            name: name.into(),
            uses: Some(pin.reference()),
            version: Some(pin.version.to_owned()),
            ..Self::default()
        }
    }

    /// The same step with one more input.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.with.insert(name.to_owned(), value.into());
        self
    }
}
