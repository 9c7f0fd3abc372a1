//! What can go wrong while a plan is carried out, outside of its tasks.

use camino::Utf8PathBuf;

use crate::{
    attestation::AttestationError,
    cloud::CloudError,
    event::{Failure, FailureKind},
    expression::EvaluationError,
    github::ClientError,
    image::ImageError,
    ledger::LedgerError,
    login::LoginError,
    plan::kind::BodyError,
    process::ProcessError,
    secret::sealed::SealError,
};

/// An error of the run itself, or of a task before it becomes that task's [`Failure`].
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// A file or folder.
    #[error("cannot {action} `{path}`")]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: Utf8PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A pattern of paths.
    #[error("`{pattern}` is no pattern of paths: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why not.
        reason: &'static str,
    },
    /// A secret without a value.
    #[error("secret `{name}` has no value")]
    NoSecret {
        /// Its name.
        name: String,
        /// What to do.
        hint: String,
    },
    /// A value that cannot be made.
    #[error("{0}")]
    Value(EvaluationError),
    /// A body whose expressions gave something unfitting.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A child.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The ledger: without it nothing goes on.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An image or a registry.
    #[error(transparent)]
    Image(#[from] Box<ImageError>),
    /// What is said of an image.
    #[error(transparent)]
    Attestation(#[from] AttestationError),
    /// GitHub.
    #[error(transparent)]
    GitHub(#[from] Box<ClientError>),
    /// Google's identity.
    #[error(transparent)]
    Google(#[from] CloudError),
    /// Something that cannot be sealed, or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A login that cannot be read.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The run was asked to stop.
    #[error("the run was cancelled")]
    Cancelled,
    /// A child whose end nobody knows: it may have done everything, or nothing.
    #[error("nobody knows how the child of `{purpose}` ended")]
    UnknownEnd {
        /// Why it was started.
        purpose: String,
    },
    /// Something that a preview leaves to the run.
    #[error("{because}")]
    OnlyInRun {
        /// What.
        because: String,
    },
    /// Something that the task itself did wrong, in words.
    #[error("{message}")]
    Task {
        /// Its class.
        kind: FailureKind,
        /// The words.
        message: String,
        /// The next step.
        hint: Option<String>,
        /// Exit code of a child.
        exit: Option<i32>,
    },
}

impl ExecuteError {
    /// An error of a file.
    pub fn file(
        action: &'static str,
        path: impl Into<Utf8PathBuf>,
        source: std::io::Error,
    ) -> Self {
        Self::File {
            action,
            path: path.into(),
            source,
        }
    }

    /// An error of the task itself.
    pub fn task(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::Task {
            kind,
            message: message.into(),
            hint: None,
            exit: None,
        }
    }

    /// The same error with a next step.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Task {
                kind,
                message,
                exit,
                ..
            } => Self::Task {
                kind,
                message,
                hint: Some(hint.into()),
                exit,
            },
            other => other,
        }
    }

    /// Returns its class.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::File { .. }
            | Self::Pattern { .. }
            | Self::Cancelled
            | Self::OnlyInRun { .. }
            | Self::UnknownEnd { .. } => FailureKind::Task,
            Self::NoSecret { .. } | Self::Value(_) | Self::Body(_) | Self::Seal(_) => {
                FailureKind::Invalid
            }
            Self::Process(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Image(error) => error.kind(),
            Self::Attestation(error) => error.kind(),
            Self::GitHub(error) => error.kind(),
            Self::Google(error) => error.kind(),
            Self::Login(error) => error.kind(),
            Self::Task { kind, .. } => *kind,
        }
    }

    /// Returns what to do next, where that is known.
    pub fn hint_of(&self) -> Option<String> {
        match self {
            Self::NoSecret { hint, .. } => Some(hint.clone()),
            Self::Value(error) => error.hint(),
            Self::Process(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
            Self::Image(error) => error.hint(),
            Self::Attestation(error) => error.hint(),
            Self::GitHub(error) => error.hint().map(str::to_owned),
            Self::Google(error) => error.hint(),
            Self::Login(error) => error.hint(),
            Self::Seal(error) => Some(error.hint().to_owned()),
            Self::Task { hint, .. } => hint.clone(),
            Self::File { .. }
            | Self::Pattern { .. }
            | Self::Body(_)
            | Self::Cancelled
            | Self::OnlyInRun { .. }
            | Self::UnknownEnd { .. } => None,
        }
    }

    /// Returns the failure that a task ends with.
    pub fn into_failure(self) -> Failure {
        let kind = self.kind();
        let hint = self.hint_of();
        let exit = if let Self::Task { exit, .. } = &self {
            *exit
        } else {
            None
        };
        Failure {
            kind,
            message: chain(&self),
            hint,
            exit,
        }
    }
}

impl From<EvaluationError> for ExecuteError {
    fn from(error: EvaluationError) -> Self {
        Self::Value(error)
    }
}

impl From<ImageError> for ExecuteError {
    fn from(error: ImageError) -> Self {
        Self::Image(Box::new(error))
    }
}

impl From<ClientError> for ExecuteError {
    fn from(error: ClientError) -> Self {
        Self::GitHub(Box::new(error))
    }
}

/// Returns an error with all its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
