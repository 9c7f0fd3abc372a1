//! The data of a plan: inputs, environments, connections, decisions, and what is said to people.

use camino::Utf8PathBuf;
use indexmap::IndexMap;

use crate::{
    diagnostic::Span,
    expression::Reference,
    ident::{CheckId, EnvironmentName, Name, PhaseId, TaskId},
    plan::field::Field,
};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl ConnectionKind {
    /// Returns the key that chooses it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Registry => "registry",
            Self::Kubernetes => "kubernetes",
            Self::Docker => "docker",
            Self::Postgres => "postgres",
            Self::S3 => "s3",
            Self::Prometheus => "prometheus",
        }
    }
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
    /// The version, without a `v` before it.
    pub version: String,
    /// Where its release is, with words that are filled in.
    pub url: Option<String>,
    /// SHA-256 of its release in lower case, a key a platform.
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
