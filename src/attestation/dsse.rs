//! Signed envelopes (DSSE), and the bundle in which sigstore's programs look for one.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Serialize;

use super::{
    AttestationError, Statement, keyless::BundledEntry, signer::Proof,
    statement::MEDIA_TYPE as IN_TOTO,
};

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
    verification_material: VerificationMaterial<'e>,
    dsse_envelope: &'e Envelope,
}

/// By what a signature is verified: exactly one of key and certificate, the latter with what the log says.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct VerificationMaterial<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<PublicKeyHint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<RawBytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tlog_entries: Option<[&'e BundledEntry; 1]>,
}

#[derive(Serialize)]
struct PublicKeyHint {
    hint: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: String,
}

impl Envelope {
    /// Puts a statement and the signature of its [`signed_bytes`] into an envelope.
    pub(super) fn new(statement: &Statement, signature: String) -> Self {
        Self {
            payload_type: IN_TOTO,
            payload: BASE64_STANDARD.encode(&statement.bytes),
            signatures: [Signature { sig: signature }],
        }
    }

    /// The signature, in base64.
    pub(super) fn signature(&self) -> &str {
        let [signature] = &self.signatures;
        &signature.sig
    }

    pub(super) fn write(&self) -> Result<String, AttestationError> {
        serde_json::to_string(self).map_err(AttestationError::Document)
    }

    /// Writes the envelope as a bundle. The hint at a key is what cosign gives: the digest of the public key.
    pub(super) fn bundle(&self, proof: &Proof) -> Result<Bytes, AttestationError> {
        let verification_material = match proof {
            Proof::Key(fingerprint) => VerificationMaterial {
                public_key: Some(PublicKeyHint {
                    hint: BASE64_STANDARD.encode(fingerprint.bytes()),
                }),
                ..VerificationMaterial::default()
            },
            Proof::Job { certificate, entry } => VerificationMaterial {
                certificate: Some(RawBytes {
                    raw_bytes: BASE64_STANDARD.encode(&certificate.der),
                }),
                tlog_entries: Some([&entry.bundled]),
                ..VerificationMaterial::default()
            },
        };
        let bundle = Bundle {
            media_type: BUNDLE,
            verification_material,
            dsse_envelope: self,
        };
        Ok(serde_json::to_vec(&bundle)
            .map_err(AttestationError::Document)?
            .into())
    }
}

/// What is signed of a statement.
pub(super) fn signed_bytes(statement: &Statement) -> Vec<u8> {
    encoded(IN_TOTO, &statement.bytes)
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
