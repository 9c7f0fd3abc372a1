//! Why a program is not there at the version that is wanted.

use std::io;

use camino::Utf8PathBuf;

use crate::event::FailureKind;

/// A program cannot be had at its version.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is not here, and it is not known what its release must be.
    #[error("{here}, the plan's `tools` want {version}, and no digest of its release is known")]
    NoDigest {
        /// The program.
        name: String,
        /// What is here in its place, in words.
        here: String,
        /// The version.
        version: String,
        /// This machine, as the keys of `sha256` name it.
        platform: String,
    },
    /// It is not here, and nobody knows where its releases are.
    #[error("{here}, the plan's `tools` want {version}, and where its release is is not known")]
    NoUrl {
        /// The program.
        name: String,
        /// What is here in its place, in words.
        here: String,
        /// The version.
        version: String,
    },
    /// It is not here, and nothing may be downloaded now.
    #[error("{here}, the plan's `tools` want {version}, and a rehearsal downloads nothing")]
    NotNow {
        /// The program.
        name: String,
        /// What is here in its place, in words.
        here: String,
        /// The version.
        version: String,
    },
    /// There is no folder for it.
    #[error("there is no folder to install `{name}` into")]
    NoFolder {
        /// The program.
        name: String,
    },
    /// The release cannot be fetched.
    #[error("cannot fetch {url}")]
    Fetch {
        /// Its address.
        url: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// The server has another answer than the release.
    #[error("{url}: {said}")]
    Answer {
        /// Its address.
        url: String,
        /// The answer.
        said: String,
        /// Whether it may be another one soon.
        passing: bool,
    },
    /// The release is another one.
    #[error("{url} has the digest {found}, and the plan's `tools` want {expected}")]
    WrongDigest {
        /// Its address.
        url: String,
        /// The digest of what came.
        found: String,
        /// The digest that was wanted.
        expected: String,
    },
    /// The release holds no such program.
    #[error("{url}: {reason}")]
    Archive {
        /// Its address.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The program in the release says that it is another version.
    #[error("the program in {url} says that it is {found}, and the plan's `tools` want {version}")]
    OtherVersion {
        /// Its address.
        url: String,
        /// Its word.
        found: String,
        /// The version that was wanted.
        version: String,
    },
    /// A file.
    #[error("cannot {action} `{path}`")]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: Utf8PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl ToolError {
    /// An error of a file.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<Utf8PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }

    /// Returns its class.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::NoDigest { .. } | Self::NoUrl { .. } | Self::NotNow { .. } => {
                FailureKind::Invalid
            }
            Self::Fetch { .. } | Self::Answer { passing: true, .. } => FailureKind::Unavailable,
            Self::Answer { passing: false, .. }
            | Self::NoFolder { .. }
            | Self::WrongDigest { .. }
            | Self::Archive { .. }
            | Self::OtherVersion { .. }
            | Self::File { .. } => FailureKind::Task,
        }
    }

    /// Returns what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoDigest {
                name,
                version,
                platform,
                ..
            } => Some(format!(
                "put {name} {version} first on the PATH, or add the SHA-256 that its makers publish: `tools: {{ {name}: {{ version: {version}, sha256: {{ {platform}: … }} }} }}`"
            )),
            Self::NoUrl { name, version, .. } => Some(format!(
                "put {name} {version} first on the PATH, or add `url` to `tools.{name}`, in which {{version}}, {{os}} and {{arch}} are filled in"
            )),
            Self::NotNow { name, version, .. } => Some(format!(
                "put {name} {version} first on the PATH; a run installs it"
            )),
            Self::NoFolder { .. } => {
                Some("set HOME, or XDG_CACHE_HOME, to an absolute path".to_owned())
            }
            Self::WrongDigest { .. } => {
                Some("hold both against what its makers publish; nothing of it was kept".to_owned())
            }
            Self::Fetch { .. }
            | Self::Answer { .. }
            | Self::Archive { .. }
            | Self::OtherVersion { .. }
            | Self::File { .. } => None,
        }
    }
}
