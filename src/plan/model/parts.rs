//! The plan, its parts and its phases.

use std::{collections::HashMap, ops::Deref, sync::Arc};

use camino::Utf8PathBuf;
use indexmap::IndexMap;

use super::{
    Audience, Budget, Connection, Decision, Environment, Exclusion, Goal, Input, Risk,
    SecretSource, Task, Tool, WorkflowDeclaration,
};
use crate::{
    diagnostic::{SourceFile, Span},
    digest::Digest,
    expression::Expression,
    ident::{CheckId, EnvironmentName, Name, PhaseId, TaskId},
    plan::field::Field,
};

/// A valid plan.
#[derive(Debug)]
pub struct Plan(pub(in crate::plan) Parts);

impl Deref for Plan {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The parts of a plan. They can be read by everyone and are put together by `plan` alone.
#[derive(Debug)]
pub struct Parts {
    /// The file that was read.
    pub source: Arc<SourceFile>,
    /// Folder of the file, to which its paths are relative.
    pub folder: Utf8PathBuf,
    /// What people see; the plan is known by it.
    pub name: String,
    /// For help, page, editors.
    pub description: Option<String>,
    /// The Markdown plan document, relative to the folder.
    pub document: Option<Utf8PathBuf>,
    /// What varies between runs.
    pub inputs: IndexMap<Name, Input>,
    /// Places in which the plan is carried out.
    pub environments: IndexMap<EnvironmentName, Environment>,
    /// Ways out of the machine.
    pub connections: IndexMap<Name, Connection>,
    /// Secrets and their sources.
    pub secrets: IndexMap<Name, SecretSource>,
    /// Exact versions of programs.
    pub tools: IndexMap<Name, Tool>,
    /// Variables of all child processes.
    pub env: Field,
    /// Questions with one home.
    pub decisions: IndexMap<Name, Decision>,
    /// What is to be reached.
    pub goals: Vec<Goal>,
    /// What is left out on purpose.
    pub exclusions: Vec<Exclusion>,
    /// What can go wrong.
    pub risks: Vec<Risk>,
    /// Who is told what.
    pub audiences: Vec<Audience>,
    /// What the costs may not exceed.
    pub budget: Option<Budget>,
    /// The phases, in order.
    pub phases: Vec<Phase>,
    /// The tasks of all phases, in file order.
    pub tasks: Vec<Task>,
    /// Indices of the tasks by their ids.
    pub(in crate::plan) task_index: HashMap<TaskId, usize>,
    /// Values that are recorded at the end of each walk.
    pub outputs: IndexMap<Name, Field>,
    /// Rendered workflow files.
    pub workflows: IndexMap<Name, WorkflowDeclaration>,
    /// Items of the document that the plan itself, its data and its tasks cover: item and place.
    pub covers: Vec<Covered>,
}

/// An item of the document, and what carries it out or proves it.
#[derive(Debug, Clone)]
pub struct Covered {
    /// The item's id.
    pub item: String,
    /// Where it is named.
    pub span: Span,
    /// What covers it.
    pub by: Coverer,
}

/// What can cover an item of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverer {
    /// A task, by its index.
    Task(usize),
    /// A check of a task, by the task's index.
    Check(usize, CheckId),
    /// Something that is not carried out: a decision, a risk, a workflow, an exclusion, …
    Declaration(&'static str),
}

/// What follows the failure of a task of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// What needs it is blocked, the rest goes on.
    Stop,
    /// Evidence first, then what this phase changed is undone, in reverse.
    Rollback,
}

/// Tasks that belong together.
#[derive(Debug)]
pub struct Phase {
    /// Unique among phases.
    pub id: PhaseId,
    /// What people see.
    pub name: String,
    /// For help, page, editors.
    pub description: Option<String>,
    /// Where its id stands.
    pub span: Span,
    /// Whether its tasks take part.
    pub condition: Option<Condition>,
    /// What follows a failure.
    pub on_failure: OnFailure,
    /// One GitHub job for the phase.
    pub one_job: bool,
    /// Variables of child processes.
    pub env: Field,
    /// Its tasks: a range of [`Parts::tasks`].
    pub tasks: std::ops::Range<usize>,
}

/// A condition with its text.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The text as written, without `${{ }}`.
    pub text: String,
    /// What it says.
    pub expression: Expression,
    /// Where it stands.
    pub span: Span,
}

impl Parts {
    /// Returns the digest of the file's bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(self.source.text())
    }

    /// Finds a task by its id.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.task_index.get(id).map(|&index| &self.tasks[index])
    }

    /// Returns the phase of a task.
    pub fn phase_of(&self, task: &Task) -> &Phase {
        &self.phases[task.phase]
    }
}
