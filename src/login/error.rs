//! Why a login that seems to be there cannot be used.

use std::path::PathBuf;

use crate::{cloud::CloudError, event::FailureKind};

/// A login that is configured, and that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The file cannot be read.
    #[error("cannot read the logins in `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("`{}` holds no logins that can be read: {because}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong; never what is in it.
        because: String,
    },
    /// Google's.
    #[error(transparent)]
    Google(#[from] CloudError),
}

impl LoginError {
    /// Classifies the failure for retries and exit codes.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Unreadable { .. } | Self::Malformed { .. } => FailureKind::Task,
            Self::Google(error) => error.kind(),
        }
    }

    /// Says what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Malformed { .. } => Some("`docker login HOST` writes it anew".to_owned()),
            Self::Google(error) => error.hint(),
        }
    }
}
