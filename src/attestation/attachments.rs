//! Documents in the forms in which they are kept beside an image.
//!
//! What is signed is kept twice: as a bundle that names the image, where cosign 3 looks, and under a tag made of the image's
//! digest, where cosign 2 and admission controllers look.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    AttestationError, Signer, Statement,
    dsse::{BUNDLE, ENVELOPE},
    signature::{self, SIMPLE_SIGNING},
    signer::{IDENTITY, KEY, Proof},
    statement::MEDIA_TYPE as IN_TOTO,
};
use crate::{
    digest::Digest,
    image::{Attachment, Descriptor, Form, Repository, RepositoryName, Same, are_attached},
};

const SPDX: &str = "application/spdx+json";
const CREATED: &str = "org.opencontainers.image.created";
const REVISION: &str = "org.opencontainers.image.revision";
const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";
const BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
const BUNDLE_PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
const COSIGN_SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const COSIGN_PREDICATE_TYPE: &str = "predicateType";
const COSIGN_CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const COSIGN_CHAIN: &str = "dev.sigstore.cosign/chain";
const COSIGN_LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";

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

/// Makes an attachment of a statement that nobody signs. One of the same kind about the same commit is not added to another: a run
/// that is repeated has nothing new to say.
pub fn attestation(statement: &Statement, occasion: &Occasion) -> Attachment {
    let kind = (PREDICATE_TYPE, statement.predicate_type.to_owned());
    Attachment {
        artifact_type: IN_TOTO.to_owned(),
        media_type: IN_TOTO.to_owned(),
        bytes: statement.bytes.clone(),
        annotations: annotations(occasion.annotations().chain([kind])),
        form: Form::Referrer,
        same: Same::Annotations(&[PREDICATE_TYPE, REVISION]),
    }
}

/// What somebody vouches for by signing it. What the same one signed is not signed again.
#[derive(Debug, Clone)]
pub enum Claim {
    /// A statement about an image.
    Statement {
        /// The statement.
        statement: Statement,
        /// When, and of which commit.
        occasion: Occasion,
    },
    /// An image by its digest, under a name.
    Image {
        /// The name.
        repository: RepositoryName,
        /// The digest.
        digest: Digest,
    },
}

impl Claim {
    /// Signs it, in the form of cosign 3 and in the older one.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub async fn sign(&self, signer: &Signer) -> Result<Vec<Attachment>, AttestationError> {
        let statement = match self {
            Self::Statement { statement, .. } => statement.clone(),
            Self::Image { digest, .. } => signature::statement(*digest)?,
        };
        let [mut bundle, mut tagged] = self.forms(signer.mark().await?);
        let (envelope, proof) = signer.sign_statement(&statement).await?;
        bundle.bytes = envelope.bundle(&proof)?;
        let (signature, proof) = match self {
            Self::Statement { .. } => {
                tagged.bytes = envelope.write()?.into();
                (String::new(), proof)
            }
            Self::Image { repository, digest } => {
                let payload = signature::payload(repository, *digest)?;
                let signed = signer.sign_payload(&payload).await?;
                tagged.bytes = payload.into();
                signed
            }
        };
        let proof = [(COSIGN_SIGNATURE, signature)]
            .into_iter()
            .chain(proof_beside(&proof));
        tagged.annotations.extend(annotations(proof));
        Ok(vec![bundle, tagged])
    }

    /// Signs it, unless a signature of the same signer is there. A log forgets nothing, so it is told nothing twice; by a key, it costs
    /// less to sign than to ask, and whoever attaches looks anyway.
    ///
    /// # Errors
    /// If the registry cannot be asked, or it cannot be signed.
    pub async fn sign_once(
        &self,
        signer: &Signer,
        repository: &Repository<'_>,
        subject: &Descriptor,
    ) -> Result<Option<Vec<Attachment>>, AttestationError> {
        if let Signer::Job(_) = signer {
            let forms = self.forms(signer.mark().await?);
            if are_attached(repository, subject, &forms).await? {
                return Ok(None);
            }
        }
        self.sign(signer).await.map(Some)
    }

    /// The attachments as they are known again, without what the signature makes of them.
    fn forms(&self, mark: (&'static str, String)) -> [Attachment; 2] {
        let image_occasion = Occasion::default();
        let (predicate_type, occasion) = match self {
            Self::Statement {
                statement,
                occasion,
            } => (statement.predicate_type, occasion),
            Self::Image { .. } => (signature::PREDICATE, &image_occasion),
        };
        let said = [
            (BUNDLE_CONTENT, "dsse-envelope".to_owned()),
            (BUNDLE_PREDICATE_TYPE, predicate_type.to_owned()),
            mark.clone(),
        ];
        let bundle = Attachment {
            artifact_type: BUNDLE.to_owned(),
            media_type: BUNDLE.to_owned(),
            bytes: Bytes::new(),
            annotations: annotations(occasion.annotations().chain(said)),
            form: Form::Referrer,
            same: Same::Annotations(&[BUNDLE_PREDICATE_TYPE, REVISION, KEY, IDENTITY]),
        };
        let tagged = match self {
            Self::Statement { .. } => {
                let kind = (COSIGN_PREDICATE_TYPE, predicate_type.to_owned());
                Attachment {
                    artifact_type: ENVELOPE.to_owned(),
                    media_type: ENVELOPE.to_owned(),
                    bytes: Bytes::new(),
                    annotations: annotations(occasion.annotations().chain([kind, mark])),
                    form: Form::Tagged { suffix: "att" },
                    same: Same::Annotations(&[COSIGN_PREDICATE_TYPE, REVISION, KEY, IDENTITY]),
                }
            }
            Self::Image { .. } => Attachment {
                artifact_type: SIMPLE_SIGNING.to_owned(),
                media_type: SIMPLE_SIGNING.to_owned(),
                bytes: Bytes::new(),
                annotations: annotations([mark]),
                form: Form::Tagged { suffix: "sig" },
                same: Same::Annotations(&[KEY, IDENTITY]),
            },
        };
        [bundle, tagged]
    }
}

/// What stands beside a signature under a tag, so that it can be verified.
fn proof_beside(proof: &Proof) -> Vec<(&'static str, String)> {
    match proof {
        Proof::Key(_) => Vec::new(),
        Proof::Job { certificate, entry } => vec![
            (COSIGN_CERTIFICATE, certificate.pem.clone()),
            (COSIGN_CHAIN, certificate.chain_pem.clone()),
            (COSIGN_LOG_ENTRY, entry.annotation.clone()),
        ],
    }
}

fn annotations(
    pairs: impl IntoIterator<Item = (&'static str, String)>,
) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
