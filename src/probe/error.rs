//! Why something could not be asked.

use camino::Utf8PathBuf;

use crate::{event::FailureKind, process::ProcessError};

/// Why a question could not be asked. What could be asked and was not answered is an observation instead.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// An address is no `HOST:PORT`.
    #[error("`{address}` is no address: expected `HOST:PORT`")]
    Address {
        /// The address.
        address: String,
    },
    /// A URL is none, or one that the kind does not ask.
    #[error("`{url}` cannot be asked: {reason}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A part of a request is not well formed; its value may be secret and is not shown.
    #[error("{part} is not well formed")]
    Request {
        /// Which part.
        part: String,
    },
    /// The client for HTTP could not be made.
    #[error(transparent)]
    Client(#[from] crate::http::HttpError),
    /// A path is no path inside the plan's folder.
    #[error("`{path}` {reason}")]
    Path {
        /// The path or pattern.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file is there and cannot be read.
    #[error("`{path}` cannot be read")]
    Unreadable {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// More was to be looked at than a check may.
    #[error("`{path}` names too much: more than {limit}")]
    TooMuch {
        /// The path or pattern.
        path: String,
        /// The limit in words.
        limit: &'static str,
    },
    /// The time was over before a local question was answered.
    #[error("{what} took longer than {} s", limit.as_secs_f64())]
    Timeout {
        /// What was asked.
        what: &'static str,
        /// The limit.
        limit: std::time::Duration,
    },
    /// Git could not be asked.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A bug of this program.
    #[error("{0}")]
    Internal(String),
}

impl ProbeError {
    /// Returns the class of the failure.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Address { .. }
            | Self::Url { .. }
            | Self::Request { .. }
            | Self::Path { .. }
            | Self::TooMuch { .. } => FailureKind::Invalid,
            Self::Unreadable { .. } => FailureKind::Task,
            Self::Timeout { .. } => FailureKind::Timeout,
            Self::Client(_) => FailureKind::Unavailable,
            Self::Process(error) => error.kind(),
            Self::Internal(_) => FailureKind::Internal,
        }
    }

    /// Returns what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TooMuch { .. } => Some("name fewer files, or a narrower pattern".to_owned()),
            Self::Client(_) => {
                Some("install the system's certificates (`ca-certificates`)".to_owned())
            }
            Self::Process(error) => error.hint(),
            Self::Address { .. }
            | Self::Url { .. }
            | Self::Request { .. }
            | Self::Path { .. }
            | Self::Unreadable { .. }
            | Self::Timeout { .. }
            | Self::Internal(_) => None,
        }
    }
}
