//! Checks.

use std::time::Duration;

use super::Condition;
use crate::{
    diagnostic::Span,
    ident::{CheckId, Name},
    plan::field::Field,
};

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
