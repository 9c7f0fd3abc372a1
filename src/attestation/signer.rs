//! Who signs: somebody who keeps a key, or the job itself.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    AttestationError, JobSigner, SigningKey, Statement,
    dsse::{Envelope, signed_bytes},
    keyless::{Certificate, LogEntry},
};
use crate::digest::Digest;

/// Our own: the digest of the public key, by which a signature of the same key is known again.
pub(super) const KEY: &str = "com.github.org.deploy-action.key";
/// Our own: the job, by which its signature is known again where no key is kept.
pub(super) const IDENTITY: &str = "com.github.org.deploy-action.identity";

/// Who vouches for an image.
#[derive(Debug)]
pub enum Signer {
    /// A key that somebody keeps.
    Key(Box<SigningKey>),
    /// The job, by a key that is kept for minutes.
    Job(Box<JobSigner>),
}

/// By what a signature is verified.
#[derive(Debug, Clone)]
pub(super) enum Proof {
    /// A key of this digest, which whoever verifies has.
    Key(Digest),
    /// A certificate, and the log's word that it was good then.
    Job {
        certificate: Arc<Certificate>,
        entry: Box<LogEntry>,
    },
}

impl Signer {
    /// The annotation by which a signature is known again, because it is another one each time it is made.
    pub(super) async fn mark(&self) -> Result<(&'static str, String), AttestationError> {
        Ok(match self {
            Self::Key(key) => (KEY, key.fingerprint().to_string()),
            Self::Job(job) => (IDENTITY, job.identity().await?),
        })
    }

    pub(super) async fn sign_statement(
        &self,
        statement: &Statement,
    ) -> Result<(Envelope, Proof), AttestationError> {
        match self {
            Self::Key(key) => {
                let signature = BASE64_STANDARD.encode(key.sign(&signed_bytes(statement))?);
                let proof = Proof::Key(key.fingerprint());
                Ok((Envelope::new(statement, signature), proof))
            }
            Self::Job(job) => {
                let (envelope, logged) = job.sign_statement(statement).await?;
                Ok((envelope, logged.into()))
            }
        }
    }

    /// Signs bytes; the signature is in base64.
    pub(super) async fn sign_payload(
        &self,
        payload: &[u8],
    ) -> Result<(String, Proof), AttestationError> {
        match self {
            Self::Key(key) => {
                let signature = BASE64_STANDARD.encode(key.sign(payload)?);
                Ok((signature, Proof::Key(key.fingerprint())))
            }
            Self::Job(job) => {
                let (signature, logged) = job.sign_payload(payload).await?;
                Ok((signature, logged.into()))
            }
        }
    }
}

impl From<SigningKey> for Signer {
    fn from(key: SigningKey) -> Self {
        Self::Key(Box::new(key))
    }
}

impl From<JobSigner> for Signer {
    fn from(job: JobSigner) -> Self {
        Self::Job(Box::new(job))
    }
}

impl From<(Arc<Certificate>, LogEntry)> for Proof {
    fn from((certificate, entry): (Arc<Certificate>, LogEntry)) -> Self {
        Self::Job {
            certificate,
            entry: Box::new(entry),
        }
    }
}
