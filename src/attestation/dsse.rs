//! Signed envelopes (DSSE), and the bundle in which sigstore's programs look for one.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Serialize;

use super::{AttestationError, SigningKey, Statement, statement::MEDIA_TYPE as IN_TOTO};

/// Type of an envelope.
pub(super) const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// Type of a bundle.
pub(super) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A statement with its signature.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope {
    payload_type: &'static str,
    payload: String,
    signatures: [Signature; 1],
}

#[derive(Debug, Clone, Serialize)]
struct Signature {
    sig: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle<'e> {
    media_type: &'static str,
    verification_material: VerificationMaterial,
    dsse_envelope: &'e Envelope,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerificationMaterial {
    public_key: PublicKeyHint,
}

#[derive(Serialize)]
struct PublicKeyHint {
    hint: String,
}

impl Envelope {
    /// Signs a statement.
    pub(super) fn sign(statement: &Statement, key: &SigningKey) -> Result<Self, AttestationError> {
        let signature = key.sign(&encoded(IN_TOTO, &statement.bytes))?;
        Ok(Self {
            payload_type: IN_TOTO,
            payload: BASE64_STANDARD.encode(&statement.bytes),
            signatures: [Signature {
                sig: BASE64_STANDARD.encode(signature),
            }],
        })
    }

    pub(super) fn write(&self) -> Result<Bytes, AttestationError> {
        Ok(serde_json::to_vec(self)
            .map_err(AttestationError::Document)?
            .into())
    }

    /// Writes the envelope as a bundle. The hint is what cosign gives: the digest of the public key.
    pub(super) fn bundle(&self, key: &SigningKey) -> Result<Bytes, AttestationError> {
        let fingerprint = hex::decode(key.fingerprint().hex()).unwrap_or_default();
        let bundle = Bundle {
            media_type: BUNDLE,
            verification_material: VerificationMaterial {
                public_key: PublicKeyHint {
                    hint: BASE64_STANDARD.encode(fingerprint),
                },
            },
            dsse_envelope: self,
        };
        Ok(serde_json::to_vec(&bundle)
            .map_err(AttestationError::Document)?
            .into())
    }
}

/// What is signed: type and body, each behind its length, so that neither can pass for the other.
fn encoded(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {kind} {} ", kind.len(), body.len()).into_bytes();
    encoded.extend_from_slice(body);
    encoded
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn what_is_signed_is_as_the_specification_shows_it() {
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(
            encoded("http://example.com/HelloWorld", b"hello world"),
            expected
        );
    }
}
