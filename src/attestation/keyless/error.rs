//! Why there is no signature without a key.

use crate::{cloud::CloudError, event::FailureKind, http};

/// A job could not sign.
#[derive(Debug, thiserror::Error)]
pub enum KeylessError {
    /// Nobody vouches for whoever runs this.
    #[error(
        "a signature is asked for, and there is neither a key nor a job that GitHub vouches for"
    )]
    Nobody(#[source] CloudError),
    /// GitHub's token.
    #[error(transparent)]
    Token(#[from] CloudError),
    /// GitHub's token says nothing that can be signed for.
    #[error("GitHub's OIDC token cannot be used: {because}")]
    Claims {
        /// Found and expected; never the token.
        because: &'static str,
    },
    /// The address of a service is none.
    #[error(
        "`{variable}` holds `{found}`, which is no address of a service: expected `https://HOST`"
    )]
    Address {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        found: String,
    },
    /// A service did not answer.
    #[error("{service} at {address} could not be reached")]
    Unreachable {
        /// Who.
        service: Service,
        /// Where.
        address: String,
        /// What the client said.
        #[source]
        source: reqwest::Error,
    },
    /// A service said no.
    #[error("{service} at {address} refused: {status}{}", quoted(said))]
    Refused {
        /// Who.
        service: Service,
        /// Where.
        address: String,
        /// The HTTP status.
        status: u16,
        /// Its own words, shortened.
        said: String,
    },
    /// A service's answer makes no sense.
    #[error("{service} at {address} answered against the protocol: {because}")]
    Protocol {
        /// Who.
        service: Service,
        /// Where.
        address: String,
        /// Found and expected.
        because: String,
    },
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Fulcio.
    Authority,
    /// Rekor.
    Log,
}

impl std::fmt::Display for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Authority => "the certificate authority (Fulcio)",
            Self::Log => "the log of signatures (Rekor)",
        })
    }
}

impl KeylessError {
    /// Classifies the failure for retries and exit codes.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Nobody(_) | Self::Address { .. } => FailureKind::Invalid,
            Self::Token(source) => source.kind(),
            Self::Unreachable { source, .. } if source.is_timeout() => FailureKind::Timeout,
            Self::Unreachable { source, .. } if http::is_untrusted(source) => FailureKind::Task,
            Self::Unreachable { .. } => FailureKind::Unavailable,
            Self::Refused { status: 429, .. } => FailureKind::Quota,
            Self::Refused { status, .. } if *status >= 500 => FailureKind::Unavailable,
            Self::Claims { .. } | Self::Refused { .. } | Self::Protocol { .. } => FailureKind::Task,
        }
    }

    /// Says what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Nobody(_) => {
                "on GitHub the job needs `permissions: id-token: write`, which rendered workflows have, and a pull request from a fork never \
                 gets; elsewhere put a key of cosign's into COSIGN_PRIVATE_KEY"
            }
            Self::Token(source) => return source.hint(),
            Self::Refused {
                service: Service::Authority,
                status: 400..=403,
                ..
            } => {
                "the authority has to know the issuer of the job's token and its audience `sigstore`: the public one knows github.com; for a \
                 GitHub Enterprise Server name your own by SIGSTORE_FULCIO_URL and SIGSTORE_REKOR_URL, or sign by a key"
            }
            Self::Unreachable { source, .. } if http::is_untrusted(source) => {
                return Some(format!(
                    "name the certificate of its authority by {}",
                    http::CA_FILE
                ));
            }
            Self::Refused { status, .. } if *status == 429 || *status >= 500 => "run again later",
            Self::Claims { .. }
            | Self::Address { .. }
            | Self::Unreachable { .. }
            | Self::Refused { .. }
            | Self::Protocol { .. } => return None,
        };
        Some(text.to_owned())
    }

    /// Whether the same question may have another answer a moment later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => !source.is_builder() && !http::is_untrusted(source),
            Self::Refused { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Nobody(_)
            | Self::Token(_)
            | Self::Claims { .. }
            | Self::Address { .. }
            | Self::Protocol { .. } => false,
        }
    }
}

fn quoted(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(" ({said})"),
    }
}
