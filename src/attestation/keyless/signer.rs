//! A job that signs.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::{Certificate, LogEntry, Sigstore, log::LoggedIn, token::Token};
use crate::{
    attestation::{
        AttestationError, SigningKey, Statement,
        dsse::{Envelope, signed_bytes},
    },
    cloud::IdTokens,
    digest::Digest,
};

/// A token of GitHub's lives for five minutes, and has to be good when the authority sees it.
const TOKEN_SERVES: SignedDuration = SignedDuration::from_mins(3);
/// A certificate of the public authority lives for ten minutes, and has to be good when the log sees the signature.
const CERTIFICATE_SERVES: SignedDuration = SignedDuration::from_mins(5);

/// Signs as the job that it runs in. Nobody is asked before the first signature.
pub struct JobSigner {
    sigstore: Sigstore,
    tokens: IdTokens,
    token: Mutex<Option<(Timestamp, Token)>>,
    certified: Mutex<Option<(Timestamp, Arc<Certified>)>>,
    /// What was signed, by the digest of the statement: an image has the same statements in several registries, and the log forgets
    /// nothing.
    envelopes: Mutex<BTreeMap<Digest, (Envelope, Logged)>>,
}

struct Certified {
    key: SigningKey,
    certificate: Arc<Certificate>,
}

/// By which certificate something was signed, and what the log says of it.
pub(in crate::attestation) type Logged = (Arc<Certificate>, LogEntry);

impl std::fmt::Debug for JobSigner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "JobSigner({:?})", self.sigstore)
    }
}

impl JobSigner {
    /// Signs by what vouches for the job, at these services.
    pub fn new(tokens: IdTokens, sigstore: Sigstore) -> Self {
        Self {
            sigstore,
            tokens,
            token: Mutex::default(),
            certified: Mutex::default(),
            envelopes: Mutex::default(),
        }
    }

    /// Returns the services.
    pub fn sigstore(&self) -> &Sigstore {
        &self.sigstore
    }

    /// Returns who signs: on GitHub the workflow with its ref.
    ///
    /// # Errors
    /// If nobody vouches for the job.
    pub async fn identity(&self) -> Result<String, AttestationError> {
        Ok(self.token().await?.identity)
    }

    pub(in crate::attestation) async fn sign_statement(
        &self,
        statement: &Statement,
    ) -> Result<(Envelope, Logged), AttestationError> {
        let digest = Digest::of(&statement.bytes);
        let mut envelopes = self.envelopes.lock().await;
        if let Some(signed) = envelopes.get(&digest) {
            return Ok(signed.clone());
        }
        let certified = self.certified().await?;
        let signature = certified.key.sign(&signed_bytes(statement))?;
        let envelope = Envelope::new(statement, BASE64_STANDARD.encode(signature));
        let logged = LoggedIn::Envelope {
            json: &envelope.write()?,
            signature: envelope.signature(),
        };
        let entry = self.sigstore.enter(&logged, &certified.certificate);
        let entry = entry.await?;
        let signed = (envelope, (Arc::clone(&certified.certificate), entry));
        envelopes.insert(digest, signed.clone());
        Ok(signed)
    }

    pub(in crate::attestation) async fn sign_payload(
        &self,
        payload: &[u8],
    ) -> Result<(String, Logged), AttestationError> {
        let certified = self.certified().await?;
        let signature = BASE64_STANDARD.encode(certified.key.sign(payload)?);
        let logged = LoggedIn::Signature {
            digest: Digest::of(payload),
            signature: &signature,
        };
        let entry = self.sigstore.enter(&logged, &certified.certificate).await?;
        Ok((signature, (Arc::clone(&certified.certificate), entry)))
    }

    async fn token(&self) -> Result<Token, AttestationError> {
        let mut held = self.token.lock().await;
        let now = self.tokens.now();
        if let Some((since, token)) = held.as_ref()
            && now.duration_since(*since) < TOKEN_SERVES
        {
            return Ok(token.clone());
        }
        let asked = self.tokens.ask().await;
        let token = Token::read(asked.map_err(super::KeylessError::Token)?)?;
        *held = Some((now, token.clone()));
        Ok(token)
    }

    async fn certified(&self) -> Result<Arc<Certified>, AttestationError> {
        let mut held = self.certified.lock().await;
        let now = self.tokens.now();
        if let Some((since, certified)) = held.as_ref()
            && now.duration_since(*since) < CERTIFICATE_SERVES
        {
            return Ok(Arc::clone(certified));
        }
        let key = SigningKey::ephemeral()?;
        let certificate = self.sigstore.certify(&key, &self.token().await?).await?;
        let certified = Arc::new(Certified {
            key,
            certificate: Arc::new(certificate),
        });
        *held = Some((now, Arc::clone(&certified)));
        Ok(certified)
    }
}
