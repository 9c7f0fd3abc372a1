//! Why Google, or who vouches for us there, gives no token.

use std::path::PathBuf;

use super::InvalidProvider;
use crate::{event::FailureKind, http};

/// No token was to be had.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// GitHub gives the job no OIDC token.
    #[error("GitHub gives this job no OIDC token: `{0}` is not set")]
    NoIdToken(&'static str),
    /// The provider's name.
    #[error(transparent)]
    Provider(#[from] InvalidProvider),
    /// Nobody is logged in here.
    #[error("no Google credentials were found: {looked}")]
    NoDefaultCredentials {
        /// Where was looked, and what was found there.
        looked: String,
    },
    /// A file of credentials cannot be read or written.
    #[error("cannot {doing} the Google credentials `{}`", path.display())]
    File {
        /// A verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of credentials holds something else.
    #[error("`{}` holds no Google credentials that can be used: {because}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Found and expected.
        because: String,
    },
    /// The service did not answer.
    #[error("{service} could not be reached")]
    Unreachable {
        /// Who.
        service: &'static str,
        /// What the client said.
        #[source]
        source: reqwest::Error,
    },
    /// The service said no.
    #[error("{service} refused: {status}{}; {reason}", quoted(said))]
    Refused {
        /// Who.
        service: &'static str,
        /// The HTTP status.
        status: u16,
        /// Its own words, shortened.
        said: String,
        /// What they come to.
        reason: Box<Refusal>,
    },
    /// The service's answer makes no sense.
    #[error("{service} answered against the protocol: {because}")]
    Protocol {
        /// Who.
        service: &'static str,
        /// Found and expected.
        because: String,
    },
}

/// What a refusal comes to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The audience of the exchange is no provider of theirs.
    #[error("`{0}` names no provider that is there and enabled")]
    UnknownProvider(String),
    /// GitHub's token was made for somebody else.
    #[error("GitHub's token is for `{found}`, which the provider does not accept")]
    Audience {
        /// The audience that was asked for.
        found: String,
    },
    /// The provider trusts another issuer.
    #[error("GitHub's token comes from an issuer that the provider does not trust")]
    Issuer,
    /// The provider's condition.
    #[error("this job does not meet the provider's attribute condition")]
    Condition,
    /// A claim is longer than what it is mapped to may be.
    #[error("a claim of GitHub's token is longer than 127 bytes")]
    ClaimTooLong,
    /// Two clocks do not agree.
    #[error("the clocks do not agree{}", skew(*seconds))]
    ClockSkew {
        /// How far this machine's clock is before the service's, where the answer tells it.
        seconds: Option<i64>,
    },
    /// The service account may not be impersonated.
    #[error("`{account}` may not be impersonated by this job")]
    NotPermitted {
        /// The account.
        account: String,
    },
    /// The API is switched off.
    #[error("the IAM Service Account Credentials API is not enabled in the project")]
    ApiDisabled,
    /// The token that was shown has run out, or was taken back.
    #[error("what was shown has expired or was revoked")]
    Expired,
    /// The job is over, or its request token is not the right one.
    #[error("the job's request token is not accepted any more")]
    JobOver,
    /// Too much, or trouble of their own.
    #[error("the service cannot answer now")]
    Overloaded,
    /// Something else.
    #[error("no token was given")]
    Other,
}

impl Refusal {
    /// Whether the same question may have another answer a moment later: changes of IAM take up to five minutes to be known.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Overloaded
            | Self::NotPermitted { .. }
            | Self::UnknownProvider(_)
            | Self::ClockSkew { .. } => true,
            Self::Audience { .. }
            | Self::Issuer
            | Self::Condition
            | Self::ClaimTooLong
            | Self::ApiDisabled
            | Self::Expired
            | Self::JobOver
            | Self::Other => false,
        }
    }
}

impl CloudError {
    /// Classifies the failure for retries and exit codes.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::NoIdToken(_)
            | Self::NoDefaultCredentials { .. }
            | Self::File { .. }
            | Self::Malformed { .. }
            | Self::Protocol { .. } => FailureKind::Task,
            Self::Provider(_) => FailureKind::Invalid,
            Self::Unreachable { source, .. } if source.is_timeout() => FailureKind::Timeout,
            Self::Unreachable { source, .. } if http::is_untrusted(source) => FailureKind::Task,
            Self::Unreachable { .. } => FailureKind::Unavailable,
            Self::Refused { status: 429, .. } => FailureKind::Quota,
            Self::Refused { reason, .. } => match **reason {
                Refusal::Overloaded => FailureKind::Unavailable,
                Refusal::Expired | Refusal::JobOver => FailureKind::AuthExpired,
                _ => FailureKind::Task,
            },
        }
    }

    /// Says what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoIdToken(_) => {
                "the job needs `permissions: id-token: write`; a pull request from a fork never gets it"
            }
            Self::Provider(problem) => return Some(problem.hint()),
            Self::NoDefaultCredentials { .. } => {
                "run `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS, or name a \
                 `workload-identity-provider` in the connection"
            }
            Self::Malformed { .. } => {
                "files of type `external_account`, `service_account` and `authorized_user` are read"
            }
            Self::Refused { reason, .. } => return reason.hint(),
            Self::Unreachable { source, .. } if http::is_untrusted(source) => {
                return Some(format!(
                    "name the certificate of its authority by {}",
                    http::CA_FILE
                ));
            }
            Self::File { .. } | Self::Unreachable { .. } | Self::Protocol { .. } => return None,
        };
        Some(text.to_owned())
    }

    /// Whether it is worth asking again.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Refused { reason, .. } => reason.may_pass(),
            Self::Unreachable { source, .. } => !source.is_builder() && !http::is_untrusted(source),
            Self::NoIdToken(_)
            | Self::Provider(_)
            | Self::NoDefaultCredentials { .. }
            | Self::File { .. }
            | Self::Malformed { .. }
            | Self::Protocol { .. } => false,
        }
    }
}

impl Refusal {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::UnknownProvider(_) => {
                "expected `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`, with the project's \
                 number; what was made or enabled just now is known after up to five minutes"
            }
            Self::Audience { found } => {
                return Some(format!(
                    "add `{found}` to the provider's allowed audiences, or leave them empty"
                ));
            }
            Self::Issuer => {
                "the provider's issuer has to be https://token.actions.githubusercontent.com, on GitHub Enterprise Server \
                 https://HOST/_services/token"
            }
            Self::Condition => {
                "compare the provider's attribute condition with the repository, branch and environment of this job"
            }
            Self::ClaimTooLong => {
                "shorten the branch's name, or map something shorter to `google.subject` in the provider"
            }
            Self::ClockSkew { .. } => {
                "set this machine's clock: `timedatectl` says whether it follows one"
            }
            Self::NotPermitted { account } => {
                return Some(format!(
                    "grant this job's principal `roles/iam.workloadIdentityUser` on `{account}`; a grant is known after up to five minutes"
                ));
            }
            Self::ApiDisabled => "`gcloud services enable iamcredentials.googleapis.com`",
            Self::Expired => "log in again; for a person `gcloud auth application-default login`",
            Self::JobOver => "GitHub gives OIDC tokens only while the job runs",
            Self::Overloaded => "run again later",
            Self::Other => return None,
        };
        Some(text.to_owned())
    }
}

fn quoted(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(" ({said})"),
    }
}

fn skew(seconds: Option<i64>) -> String {
    match seconds {
        None => String::new(),
        Some(seconds) if seconds < 0 => {
            format!(": this machine's is {} s behind", seconds.unsigned_abs())
        }
        Some(seconds) => format!(": this machine's is {seconds} s ahead"),
    }
}
