//! What can go wrong with what is said of an image.

use super::KeylessError;
use crate::{event::FailureKind, image::ImageError};

/// A document could not be made, or not be signed.
#[derive(Debug, thiserror::Error)]
pub enum AttestationError {
    /// The image cannot be read.
    #[error("what is in the image cannot be listed")]
    Image(#[source] Box<ImageError>),
    /// The key is none that can sign.
    #[error("the key to sign with cannot be used: {because}")]
    Key {
        /// Found and expected; never the key.
        because: String,
    },
    /// A value cannot stand in a document.
    #[error("a document about the image cannot be written")]
    Document(#[source] serde_json::Error),
    /// A job could not sign.
    #[error(transparent)]
    Keyless(#[from] Box<KeylessError>),
    /// The signature was not made.
    #[error("the signature could not be made")]
    Signing,
}

impl AttestationError {
    /// Classifies the failure for retries and exit codes.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Image(source) => source.kind(),
            Self::Key { .. } => FailureKind::Invalid,
            Self::Keyless(source) => source.kind(),
            Self::Document(_) | Self::Signing => FailureKind::Internal,
        }
    }

    /// Says what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Image(source) => source.hint(),
            Self::Key { .. } => Some(
                "`cosign generate-key-pair` makes one, with its password in COSIGN_PASSWORD; so does `openssl genpkey -algorithm EC -pkeyopt \
                 ec_paramgen_curve:P-256`"
                    .to_owned(),
            ),
            Self::Keyless(source) => source.hint(),
            Self::Document(_) | Self::Signing => None,
        }
    }

    pub(super) fn key(because: impl Into<String>) -> Self {
        Self::Key {
            because: because.into(),
        }
    }
}

impl From<ImageError> for AttestationError {
    fn from(source: ImageError) -> Self {
        Self::Image(Box::new(source))
    }
}

impl From<KeylessError> for AttestationError {
    fn from(source: KeylessError) -> Self {
        Self::Keyless(Box::new(source))
    }
}
