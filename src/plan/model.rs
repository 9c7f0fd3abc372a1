//! What a valid plan means.
//!
//! A [`Plan`] is always valid: names are well formed, every name resolves, every expression parses and stands where it
//! may. Nothing outside `plan` checks that again. Expressions are kept as they are written; they are evaluated when what
//! they read is known.

use std::{ops::Deref, sync::Arc, time::Duration};

use camino::Utf8PathBuf;
use indexmap::IndexMap;

use super::field::Field;
use crate::{
    diagnostic::{SourceFile, Span},
    digest::Digest,
    expression::{Expression, Reference},
    ident::{CheckId, EnvironmentName, Name, PhaseId, TaskId},
};

/// A valid plan.
#[derive(Debug)]
pub struct Plan(pub(super) Parts);

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
    /// Digest of the file's bytes.
    pub digest: Digest,
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

/// The type of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputType {
    /// A text.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of some options.
    Choice,
    /// Any JSON.
    Json,
}

/// What varies between runs.
#[derive(Debug)]
pub struct Input {
    /// Where its name stands.
    pub span: Span,
    /// For help, page, editors.
    pub description: Option<String>,
    /// The type of its value.
    pub ty: InputType,
    /// Possible values of a choice.
    pub options: Vec<String>,
    /// The value when none is given.
    pub default: Option<Field>,
    /// What its text must match.
    pub pattern: Option<regex::Regex>,
    /// The value in a rehearsal when none is given.
    pub example: Option<Field>,
}

/// A place in which the plan is carried out.
#[derive(Debug)]
pub struct Environment {
    /// Where its name stands.
    pub span: Span,
    /// For help, page, editors.
    pub description: Option<String>,
    /// Environments that come first.
    pub needs: Vec<EnvironmentName>,
    /// Values of inputs.
    pub inputs: IndexMap<Name, Field>,
    /// Where the deployment is seen.
    pub url: Option<Field>,
    /// Who approves.
    pub reviewers: Vec<String>,
    /// To whom bundles and sensitive outputs are sealed.
    pub recipient: Option<String>,
    /// The secret that opens them.
    pub key: Option<Name>,
}

/// The kinds of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionKind {
    /// A Google Cloud project.
    Google,
    /// A container registry.
    Registry,
    /// A Kubernetes cluster.
    Kubernetes,
    /// A Docker engine.
    Docker,
    /// A PostgreSQL database.
    Postgres,
    /// A bucket that speaks S3.
    S3,
    /// A Prometheus server.
    Prometheus,
}

/// A way out of the machine.
#[derive(Debug)]
pub struct Connection {
    /// Where its name stands.
    pub span: Span,
    /// Its kind.
    pub kind: ConnectionKind,
    /// The keys of its kind.
    pub body: Field,
    /// What its expressions read.
    pub reads: Vec<Reference>,
}

/// Where a secret comes from, after the variable of its name.
#[derive(Debug)]
pub struct SecretSource {
    /// Where its name stands.
    pub span: Span,
    /// A file; git must ignore it.
    pub file: Option<Utf8PathBuf>,
    /// `projects/P/secrets/S`.
    pub google: Option<Field>,
    /// `NAMESPACE/NAME/KEY`.
    pub kubernetes: Option<Field>,
    /// The way to it.
    pub connection: Option<Name>,
    /// What its expressions read.
    pub reads: Vec<Reference>,
}

/// The exact version of a program.
#[derive(Debug, Clone)]
pub struct Tool {
    /// The version.
    pub version: String,
    /// Where its release is.
    pub url: Option<String>,
    /// Digests of its release, a key a platform.
    pub sha256: IndexMap<String, String>,
}

/// How a decision is answered.
#[derive(Debug)]
pub enum DecisionAnswer {
    /// Not yet: an open item.
    Open,
    /// In the file.
    Given(String),
    /// By a task, when it has run.
    ByTask(Field),
}

/// A question with one home.
#[derive(Debug)]
pub struct Decision {
    /// Where its name stands.
    pub span: Span,
    /// What is to be decided.
    pub question: String,
    /// Possible answers; empty: any text.
    pub options: Vec<String>,
    /// Advice.
    pub preferred: Option<String>,
    /// The answer.
    pub answer: DecisionAnswer,
    /// What the answer's expression reads.
    pub reads: Vec<Reference>,
    /// Why.
    pub reason: Option<String>,
    /// Who decided.
    pub by: Option<String>,
    /// When.
    pub at: Option<String>,
    /// Number of the decision record.
    pub record: Option<String>,
}

/// What proves something: a task, or a check of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The task.
    pub task: TaskId,
    /// The check.
    pub check: Option<CheckId>,
}

/// What is to be reached.
#[derive(Debug)]
pub struct Goal {
    /// In words.
    pub text: String,
    /// What proves it; empty: a claim.
    pub proof: Vec<Proof>,
}

/// What is left out on purpose.
#[derive(Debug)]
pub struct Exclusion {
    /// In words.
    pub text: String,
    /// Why.
    pub reason: Option<String>,
}

/// What can go wrong.
#[derive(Debug)]
pub struct Risk {
    /// In words.
    pub text: String,
    /// How likely: `very-low` to `very-high`.
    pub likelihood: Option<String>,
    /// How bad: `very-low` to `very-high`.
    pub impact: Option<String>,
    /// What is done about it.
    pub mitigation: Option<String>,
    /// What proves that.
    pub proof: Vec<Proof>,
}

/// Who is told what.
#[derive(Debug)]
pub struct Audience {
    /// Who.
    pub name: String,
    /// What they are told.
    pub message: String,
    /// What they are asked to do.
    pub action: Option<String>,
}

/// What the costs may not exceed.
#[derive(Debug)]
pub struct Budget {
    /// The most, a month.
    pub monthly: Field,
    /// Of all costs.
    pub currency: String,
    /// Where it stands.
    pub span: Span,
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
    pub rollback: Option<Rollback>,
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

/// The kinds of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckKind {
    /// An HTTP request.
    Http,
    /// Whether a port is open.
    Tcp,
    /// Whether a certificate is valid.
    Tls,
    /// A DNS query.
    Dns,
    /// A WebSocket that is held.
    Websocket,
    /// The refs of a git server.
    Git,
    /// An SQL query.
    Sql,
    /// A PromQL query.
    Metric,
    /// A resource of a cluster.
    Kubernetes,
    /// Services of a swarm.
    Swarm,
    /// An image in a registry.
    Image,
    /// An image that is started.
    Container,
    /// A chart with its values.
    Helm,
    /// A resource in a state.
    Terraform,
    /// An object in a bucket.
    S3,
    /// Files of the repository.
    File,
    /// A command.
    Run,
}

impl CheckKind {
    /// Returns the key that chooses it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Dns => "dns",
            Self::Websocket => "websocket",
            Self::Git => "git",
            Self::Sql => "sql",
            Self::Metric => "metric",
            Self::Kubernetes => "kubernetes",
            Self::Swarm => "swarm",
            Self::Image => "image",
            Self::Container => "container",
            Self::Helm => "helm",
            Self::Terraform => "terraform",
            Self::S3 => "s3",
            Self::File => "file",
            Self::Run => "run",
        }
    }
}

/// Something that is observed, and what it must be.
#[derive(Debug)]
pub struct Check {
    /// Unique in its task.
    pub id: CheckId,
    /// What people see.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// Items of the document that it proves.
    pub covers: Vec<String>,
    /// Whether it is asked.
    pub condition: Option<Condition>,
    /// Its kind.
    pub kind: CheckKind,
    /// The keys of its kind, without `checks`.
    pub body: Field,
    /// Checks of a container.
    pub checks: Vec<Check>,
    /// Where it is asked; `None`: the runner.
    pub from: Option<Name>,
    /// Asked again until it holds; `None`: once.
    pub within: Option<Duration>,
    /// Between two askings.
    pub every: Duration,
    /// Unit of `value`.
    pub unit: Option<String>,
    /// What must be observed; empty: the kind's own rule.
    pub expect: Field,
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

/// A rendered workflow file.
#[derive(Debug)]
pub struct WorkflowDeclaration {
    /// Where its name stands.
    pub span: Span,
    /// For help, page, editors.
    pub description: Option<String>,
    /// Events, as on GitHub.
    pub on: serde_json::Value,
    /// Verb that its events run; `None`: by event.
    pub command: Option<String>,
    /// Phases that it runs; empty: all.
    pub phases: Vec<PhaseId>,
    /// Environments that it runs; empty: all.
    pub environments: Vec<EnvironmentName>,
    /// JSON merge patch on the rendered file.
    pub patch: Option<serde_json::Value>,
}

impl Parts {
    /// Finds a task by its id.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == *id)
    }

    /// Returns the phase of a task.
    pub fn phase_of(&self, task: &Task) -> &Phase {
        &self.phases[task.phase]
    }
}

impl Task {
    /// Goes through all checks of the task: its body, `verify`, `rollback.before`, and what containers hold.
    pub fn all_checks(&self) -> impl Iterator<Item = &Check> {
        let before = self.rollback.iter().flat_map(|rollback| &rollback.before);
        self.checks.iter().chain(&self.verify).chain(before)
    }
}
