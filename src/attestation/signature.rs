//! That somebody vouches for an image, as cosign says it.

use serde::Serialize;

use super::{AttestationError, Statement, Subject};
use crate::{digest::Digest, image::RepositoryName};

/// Type of what is signed in the older form.
pub(super) const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The kind of claim.
pub(super) const PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Payload {
    critical: Critical,
    optional: Option<()>,
}

#[derive(Serialize)]
struct Critical {
    identity: Identity,
    image: Image,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: Digest,
}

/// The statement that is signed since cosign 3: nothing but whose image it is.
pub(super) fn statement(digest: Digest) -> Result<Statement, AttestationError> {
    let subject = Subject {
        name: String::new(),
        digest,
    };
    Statement::write(&[subject], PREDICATE, &Nothing {})
}

/// What was signed before: the image with the name under which it was published.
pub(super) fn payload(
    repository: &RepositoryName,
    digest: Digest,
) -> Result<Vec<u8>, AttestationError> {
    let payload = Payload {
        critical: Critical {
            identity: Identity {
                docker_reference: repository.to_string(),
            },
            image: Image {
                docker_manifest_digest: digest,
            },
            r#type: "cosign container image signature",
        },
        optional: None,
    };
    serde_json::to_vec(&payload).map_err(AttestationError::Document)
}
