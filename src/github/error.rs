//! What can go wrong in a call to GitHub.

use std::time::Duration;

use super::comment::LONGEST_COMMENT;
use crate::{event::FailureKind, http::HttpError};

/// A call that GitHub did not carry out. `what` says in words what was tried: "list the comments of pull request 7".
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address of the API is none.
    #[error("`{address}` is not the address of a GitHub API")]
    Address {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: Box<octocrab::Error>,
    },
    /// The HTTP client could not be made.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// No answer came.
    #[error("cannot reach GitHub to {what}")]
    Unreachable {
        /// What was tried.
        what: String,
        /// Why.
        #[source]
        source: Box<octocrab::Error>,
    },
    /// GitHub answered that it cannot (5xx).
    #[error("GitHub cannot {what} now: {message} (status {status})")]
    Unavailable {
        /// What was tried.
        what: String,
        /// The status.
        status: u16,
        /// What GitHub said.
        message: String,
    },
    /// There were too many calls.
    #[error("GitHub's rate limit keeps us from trying to {what}: {message}")]
    RateLimited {
        /// What was tried.
        what: String,
        /// What GitHub said.
        message: String,
        /// How long it would have to be waited, if GitHub says so.
        retry_after: Option<Duration>,
    },
    /// The token may not (401, 403).
    #[error("GitHub does not let us {what}: {message} (status {status})")]
    Denied {
        /// What was tried.
        what: String,
        /// The status.
        status: u16,
        /// What GitHub said.
        message: String,
    },
    /// The conversation is locked.
    #[error("the conversation is locked, GitHub does not let us {what}: {message}")]
    Locked {
        /// What was tried.
        what: String,
        /// What GitHub said.
        message: String,
    },
    /// It is not there, or the token cannot see it (404, 410).
    #[error("GitHub does not find what is needed to {what}: {message} (status {status})")]
    NotFound {
        /// What was tried.
        what: String,
        /// The status.
        status: u16,
        /// What GitHub said.
        message: String,
    },
    /// GitHub found the request wrong (422 and others).
    #[error("GitHub refuses to {what}: {message} (status {status})")]
    Refused {
        /// What was tried.
        what: String,
        /// The status.
        status: u16,
        /// What GitHub said.
        message: String,
    },
    /// The answer is not what GitHub's description says.
    #[error("GitHub's answer to the attempt to {what} cannot be read")]
    Unreadable {
        /// What was tried.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A comment is longer than GitHub takes.
    #[error("the comment has {found} characters, GitHub takes {LONGEST_COMMENT}")]
    TooLong {
        /// Its length in characters.
        found: usize,
    },
}

impl ClientError {
    /// Returns the class of the failure: whether a later attempt may succeed without anybody changing something.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Unreachable { .. } | Self::Unavailable { .. } => FailureKind::Unavailable,
            Self::RateLimited { .. } => FailureKind::Quota,
            Self::Address { .. }
            | Self::Denied { .. }
            | Self::Locked { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::Unreadable { .. }
            | Self::TooLong { .. } => FailureKind::Task,
            Self::Http(_) => FailureKind::Invalid,
        }
    }

    /// Returns what to do next, where that can be said.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Denied { status: 401, .. } => Some("the token is wrong or has run out"),
            Self::Denied { .. } => Some(
                "give the job the permission for it (`permissions:`, as `pull-requests: write` for comments); \
                 a run for a fork has a token that only reads",
            ),
            Self::NotFound { .. } => {
                Some("check the repository's name; what a token may not read is not found either")
            }
            Self::Locked { .. } => {
                Some("unlock the conversation; the summary of the run has the text")
            }
            Self::RateLimited { .. } => {
                Some("wait for the limit to pass, or make fewer calls an hour")
            }
            Self::Unreachable { .. } => Some("check the network, and `GITHUB_API_URL`"),
            Self::Address { .. } => Some("set `GITHUB_API_URL`, as `https://api.github.com`"),
            Self::Http(_)
            | Self::Unavailable { .. }
            | Self::Refused { .. }
            | Self::Unreadable { .. }
            | Self::TooLong { .. } => None,
        }
    }
}
