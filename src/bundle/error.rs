//! Why a bundle is refused.

use camino::Utf8PathBuf;
use jiff::Timestamp;

use crate::{digest::Digest, ident::EnvironmentName, secret::sealed::SealError};

/// A bundle that cannot be written, or is refused. Nothing is carried out in the place of what was reviewed.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is not where bundles are.
    #[error("there is no bundle {digest} in `{folder}`")]
    Missing {
        /// What was asked for.
        digest: Digest,
        /// Where it was looked for.
        folder: Utf8PathBuf,
        /// The bundles that are there.
        others: Vec<String>,
    },
    /// It is not what its name says.
    #[error("the bundle {expected} was changed: it comes to {found}")]
    Tampered {
        /// What was reviewed.
        expected: Digest,
        /// What is there.
        found: Digest,
    },
    /// It holds something else than a bundle.
    #[error("`{path}` is no bundle that this version reads: {reason}")]
    Malformed {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Its time is over.
    #[error("the bundle ended at {expired}, and it is {now}")]
    Expired {
        /// When it ended.
        expired: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// It was made for something else.
    #[error("the bundle is of {what}{reviewed}, and this is {found}")]
    Foreign {
        /// What it is, with a space: "plan ", "repository ".
        what: &'static str,
        /// What was reviewed.
        reviewed: String,
        /// What is here.
        found: String,
    },
    /// A part of it cannot be sealed, or opened.
    #[error("the plans of environment `{environment}` cannot be sealed or opened")]
    Sealed {
        /// The environment.
        environment: EnvironmentName,
        /// Why not.
        #[source]
        source: SealError,
    },
    /// A sealed plan is not the one that was shown.
    #[error("the saved plan of `{task}` comes to {found}, and {reviewed} was reviewed")]
    OtherPlan {
        /// The task.
        task: String,
        /// What was reviewed.
        reviewed: Digest,
        /// What is there.
        found: String,
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
        source: std::io::Error,
    },
}

impl BundleError {
    /// Returns the next step.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { others, .. } if others.is_empty() => {
                "`--bundles DIR` names the folder of bundles; fetch the artifact of the reviewed run into it, or preview again".to_owned()
            }
            Self::Missing { others, .. } => format!(
                "there are {}; fetch the artifact of the reviewed run, or preview again",
                others.join(", ")
            ),
            Self::Tampered { .. } | Self::OtherPlan { .. } => {
                "do not use it; fetch it again from where it was made, or preview again".to_owned()
            }
            Self::Malformed { .. } => {
                "a bundle is carried out by the version that made it, or a later one that says so".to_owned()
            }
            Self::Expired { .. } => "preview again, and let it be reviewed".to_owned(),
            Self::Foreign { .. } => "name the bundle of this plan, or go where it belongs".to_owned(),
            Self::Sealed { source, .. } => source.hint().to_owned(),
            Self::File { .. } => "`--bundles DIR` names the folder of bundles".to_owned(),
        }
    }
}
