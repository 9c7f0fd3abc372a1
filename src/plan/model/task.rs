//! Tasks, what they read, and their ways back.

use std::time::Duration;

use camino::Utf8PathBuf;
use indexmap::IndexMap;

use super::{Check, Condition, Proof};
use crate::{
    diagnostic::Span,
    expression::Reference,
    ident::{EnvironmentName, Name, TaskId},
    plan::field::Field,
};

/// One task of the plan, before matrix and environments make it several.
#[derive(Debug)]
pub struct Task {
    /// Unique in the whole plan.
    pub id: TaskId,
    /// Where its id stands.
    pub span: Span,
    /// What people see.
    pub name: String,
    /// For help, page, editors.
    pub description: Option<String>,
    /// Index of its phase in [`Parts::phases`].
    pub phase: usize,
    /// Its kind.
    pub kind: Kind,
    /// The keys of its kind; `Null` for kind `check`, whose body is [`Task::checks`].
    pub body: Field,
    /// The body of kind `check`.
    pub checks: Vec<Check>,
    /// Whether it takes part.
    pub condition: Option<Condition>,
    /// Environments in which it exists; empty: it is shared.
    pub environments: Vec<EnvironmentName>,
    /// Tasks that come first, with the place of each name.
    pub needs: Vec<(TaskId, Span)>,
    /// Its legs.
    pub matrix: Option<Field>,
    /// Variables of its child processes.
    pub env: Field,
    /// Connections whose credentials its processes get.
    pub login: Vec<Name>,
    /// Labels of the runner.
    pub runs_on: Vec<String>,
    /// Of one attempt.
    pub timeout: Duration,
    /// Expected time.
    pub estimate: Option<Duration>,
    /// When a failed attempt is repeated.
    pub retry: Option<Retry>,
    /// Files in the fingerprint; `None`: the kind's own.
    pub paths: Option<Vec<String>>,
    /// Declared outputs, besides the kind's own.
    pub outputs: IndexMap<Name, OutputDeclaration>,
    /// Files that are handed over.
    pub artifacts: IndexMap<Name, Artifact>,
    /// After the body.
    pub verify: Vec<Check>,
    /// Lines, a month.
    pub cost: Field,
    /// The way back.
    pub rollback: Option<Box<Rollback>>,
    /// All that its condition, body, variables, checks and way back read, also through connections, secrets and decisions.
    pub reads: Vec<Read>,
    /// Whether it changes something outside (`plan-format.md`, 3.12).
    pub changes: bool,
}

/// Something that a task reads.
#[derive(Debug, Clone)]
pub struct Read {
    /// What is read.
    pub reference: Reference,
    /// Through what: "connection `cluster`", "decision `tls`"; `None`: in the task itself.
    pub through: Option<String>,
    /// Whether it is read only after the body: in `verify` or `rollback`.
    pub after_body: bool,
}

impl Task {
    /// Goes through all checks of the task: its body, `verify`, `rollback.before`, and what containers hold.
    pub fn all_checks(&self) -> impl Iterator<Item = &Check> {
        let before = self.rollback.iter().flat_map(|rollback| &rollback.before);
        self.checks.iter().chain(&self.verify).chain(before)
    }
}

/// The kinds of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Builds or assembles an image and publishes it.
    Image,
    /// Plans and applies a root module.
    Terraform,
    /// Applies manifests and waits for rollouts.
    Kubernetes,
    /// Renders a template to a file.
    Render,
    /// Runs a command, a script or a make target.
    Run,
    /// Observes, changes nothing.
    Check,
    /// Waits for decisions or a confirmation.
    Gate,
}

impl Kind {
    /// Returns the key that chooses it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Terraform => "terraform",
            Self::Kubernetes => "kubernetes",
            Self::Render => "render",
            Self::Run => "run",
            Self::Check => "check",
            Self::Gate => "gate",
        }
    }
}

/// When a failed attempt is repeated.
#[derive(Debug, Clone)]
pub struct Retry {
    /// The most attempts, the first among them.
    pub attempts: u32,
    /// Before the second attempt; it doubles.
    pub delay: Duration,
    /// Failures that are repeated.
    pub on: Vec<crate::event::FailureKind>,
    /// Exit codes of a `run` that are repeated.
    pub exit: Vec<i32>,
}

/// The type of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputType {
    /// A text.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Any JSON.
    Json,
}

/// An output that a task declares.
#[derive(Debug)]
pub struct OutputDeclaration {
    /// Where its name stands.
    pub span: Span,
    /// The type of its value.
    pub ty: OutputType,
    /// What its text must match.
    pub pattern: Option<regex::Regex>,
    /// Whether it is a secret.
    pub sensitive: bool,
    /// Its first group on stdout; without it the file GITHUB_OUTPUT.
    pub matches: Option<regex::Regex>,
    /// `KIND/NAME`, awaited.
    pub resource: Option<Field>,
    /// Field of the resource.
    pub path: Option<String>,
}

/// A file that is handed over.
#[derive(Debug)]
pub struct Artifact {
    /// The file, relative to the plan's folder.
    pub path: Utf8PathBuf,
    /// Whether it holds a secret.
    pub sensitive: bool,
    /// How long it is kept.
    pub retention: Duration,
}

/// The ways back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What was there before.
    Previous,
    /// A helm revision.
    Revision,
    /// Down migrations.
    Down,
    /// A backup.
    Restore,
    /// Destroyed.
    Destroy,
    /// Deleted.
    Delete,
    /// A command.
    Run,
    /// There is none.
    None,
}

impl Way {
    /// Returns its word in the plan.
    pub fn word(self) -> &'static str {
        match self {
            Self::Previous => "previous",
            Self::Revision => "revision",
            Self::Down => "down",
            Self::Restore => "restore",
            Self::Destroy => "destroy",
            Self::Delete => "delete",
            Self::Run => "run",
            Self::None => "none",
        }
    }
}

/// The way back of a task.
#[derive(Debug)]
pub struct Rollback {
    /// The way; `None`: the kind's own.
    pub by: Option<Way>,
    /// Each must hold or nothing is undone.
    pub before: Vec<Check>,
    /// Of the way `run`.
    pub command: Option<Field>,
    /// Of the way `none`.
    pub reason: Option<String>,
    /// What is lost.
    pub data_loss: Option<String>,
    /// What proves that.
    pub proof: Vec<Proof>,
    /// Of the way back.
    pub timeout: Duration,
}
