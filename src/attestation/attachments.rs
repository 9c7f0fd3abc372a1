//! Documents in the forms in which they are kept beside an image.
//!
//! What is signed is kept twice: as a bundle that names the image, where cosign 3 looks, and under a tag made of the image's
//! digest, where cosign 2 and admission controllers look.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;

use super::{
    AttestationError, SigningKey, Statement,
    dsse::{BUNDLE, ENVELOPE, Envelope},
    signature::{self, SIMPLE_SIGNING},
    statement::MEDIA_TYPE as IN_TOTO,
};
use crate::{
    digest::Digest,
    image::{Attachment, Form, RepositoryName, Same},
};

const SPDX: &str = "application/spdx+json";
/// Our own: the digest of the public key, by which a signature of the same key is known again.
const KEY: &str = "com.github.org.deploy-action.key";
const CREATED: &str = "org.opencontainers.image.created";
const REVISION: &str = "org.opencontainers.image.revision";
const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";
const BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
const BUNDLE_PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
const COSIGN_SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const COSIGN_PREDICATE_TYPE: &str = "predicateType";

/// Makes an attachment of a document of SPDX.
pub fn sbom(document: Vec<u8>) -> Attachment {
    Attachment {
        artifact_type: SPDX.to_owned(),
        media_type: SPDX.to_owned(),
        bytes: document.into(),
        annotations: BTreeMap::new(),
        form: Form::Referrer,
        same: Same::Bytes,
    }
}

/// Of which commit and when something was said, as lists of what is attached show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occasion {
    /// The commit.
    pub revision: Option<String>,
    /// The time; it is how old an image is that carries none.
    pub created: Option<Timestamp>,
}

impl Occasion {
    fn annotations(&self) -> impl Iterator<Item = (&'static str, String)> {
        let revision = self.revision.iter();
        let created = self.created.iter();
        revision
            .map(|revision| (REVISION, revision.clone()))
            .chain(created.map(|time| {
                let time = time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                (CREATED, time)
            }))
    }
}

/// Makes attachments of a statement: signed where there is a key. One of the same kind about the same commit, by the same key, is
/// not added to another: a run that is repeated has nothing new to say.
///
/// # Errors
/// If it cannot be signed.
pub fn attestation(
    statement: &Statement,
    occasion: &Occasion,
    key: Option<&SigningKey>,
) -> Result<Vec<Attachment>, AttestationError> {
    let Some(key) = key else {
        let kind = (PREDICATE_TYPE, statement.predicate_type.to_owned());
        return Ok(vec![Attachment {
            artifact_type: IN_TOTO.to_owned(),
            media_type: IN_TOTO.to_owned(),
            bytes: statement.bytes.clone(),
            annotations: annotations(occasion.annotations().chain([kind])),
            form: Form::Referrer,
            same: Same::Annotations(&[PREDICATE_TYPE, REVISION]),
        }]);
    };
    let envelope = Envelope::sign(statement, key)?;
    let tagged = [
        (COSIGN_SIGNATURE, String::new()),
        (COSIGN_PREDICATE_TYPE, statement.predicate_type.to_owned()),
        (KEY, key.fingerprint().to_string()),
    ];
    Ok(vec![
        bundle(statement, &envelope, key, occasion)?,
        Attachment {
            artifact_type: ENVELOPE.to_owned(),
            media_type: ENVELOPE.to_owned(),
            bytes: envelope.write()?,
            annotations: annotations(occasion.annotations().chain(tagged)),
            form: Form::Tagged { suffix: "att" },
            same: Same::Annotations(&[COSIGN_PREDICATE_TYPE, REVISION, KEY]),
        },
    ])
}

/// Signs an image by its digest. An image that the same key signed is not signed again.
///
/// # Errors
/// If it cannot be signed.
pub fn signature_of(
    repository: &RepositoryName,
    digest: Digest,
    key: &SigningKey,
) -> Result<Vec<Attachment>, AttestationError> {
    let statement = signature::statement(digest)?;
    let envelope = Envelope::sign(&statement, key)?;
    let payload = signature::payload(repository, digest)?;
    let signature = BASE64_STANDARD.encode(key.sign(&payload)?);
    let tagged = [
        (COSIGN_SIGNATURE, signature),
        (KEY, key.fingerprint().to_string()),
    ];
    Ok(vec![
        bundle(&statement, &envelope, key, &Occasion::default())?,
        Attachment {
            artifact_type: SIMPLE_SIGNING.to_owned(),
            media_type: SIMPLE_SIGNING.to_owned(),
            bytes: payload.into(),
            annotations: annotations(tagged),
            form: Form::Tagged { suffix: "sig" },
            same: Same::Annotations(&[KEY]),
        },
    ])
}

fn bundle(
    statement: &Statement,
    envelope: &Envelope,
    key: &SigningKey,
    occasion: &Occasion,
) -> Result<Attachment, AttestationError> {
    let said = [
        (BUNDLE_CONTENT, "dsse-envelope".to_owned()),
        (BUNDLE_PREDICATE_TYPE, statement.predicate_type.to_owned()),
        (KEY, key.fingerprint().to_string()),
    ];
    Ok(Attachment {
        artifact_type: BUNDLE.to_owned(),
        media_type: BUNDLE.to_owned(),
        bytes: envelope.bundle(key)?,
        annotations: annotations(occasion.annotations().chain(said)),
        form: Form::Referrer,
        same: Same::Annotations(&[BUNDLE_PREDICATE_TYPE, REVISION, KEY]),
    })
}

fn annotations(
    pairs: impl IntoIterator<Item = (&'static str, String)>,
) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
