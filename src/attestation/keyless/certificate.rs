//! A key for minutes, and the certificate that says whose it is.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rustls::{pki_types::CertificateDer, server::ParsedCertificate};
use serde::{Deserialize, Serialize};

use super::{KeylessError, Sigstore, error::Service, token::Token};
use crate::{
    attestation::{AttestationError, SigningKey, key::armoured},
    secret::Secret,
};

/// A certificate, in the forms in which it is handed on.
#[derive(Debug, Clone)]
pub(in crate::attestation) struct Certificate {
    pub(in crate::attestation) der: Vec<u8>,
    pub(in crate::attestation) pem: String,
    /// Who signed it, up to the root.
    pub(in crate::attestation) chain_pem: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    public_key_request: PublicKeyRequest,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicKeyRequest {
    public_key: PublicKey,
    proof_of_possession: String,
}

#[derive(Serialize)]
struct PublicKey {
    algorithm: &'static str,
    content: String,
}

/// Whether the authority's own log is told of in the certificate or beside it, which is nothing to us.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    signed_certificate_embedded_sct: Option<Signed>,
    signed_certificate_detached_sct: Option<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    chain: Chain,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<String>,
}

impl Sigstore {
    /// Has a key certified as that of the job whose token this is.
    pub(super) async fn certify(
        &self,
        key: &SigningKey,
        token: &Token,
    ) -> Result<Certificate, AttestationError> {
        let proof = key.sign(token.subject.as_bytes())?;
        let request = Request {
            public_key_request: PublicKeyRequest {
                public_key: PublicKey {
                    algorithm: "ECDSA",
                    content: key.public_pem(),
                },
                proof_of_possession: BASE64_STANDARD.encode(proof),
            },
        };
        let url = format!("{}/api/v2/signingCert", self.address(Service::Authority));
        let ask = || {
            let bearer = token.secret.expose();
            self.http.post(&url).bearer_auth(bearer).json(&request)
        };
        let answer = self.ask(Service::Authority, ask).await;
        let answer = answer.map_err(|problem| without(problem, &token.secret))?;
        let nonsense = |because: String| self.nonsense(Service::Authority, because);
        let given: Given = serde_json::from_slice(&answer.body).map_err(|_| {
            nonsense("its answer is no JSON with a chain of certificates".to_owned())
        })?;
        let given = given
            .signed_certificate_embedded_sct
            .or(given.signed_certificate_detached_sct);
        let chain = given
            .map(|given| given.chain.certificates)
            .unwrap_or_default();
        Ok(read(&chain, key).map_err(nonsense)?)
    }
}

/// The same problem without the token, should the authority have quoted it, whole or in part.
fn without(problem: KeylessError, token: &Secret) -> KeylessError {
    match problem {
        KeylessError::Refused {
            service,
            address,
            status,
            said,
        } => KeylessError::Refused {
            service,
            address,
            status,
            said: match token.expose().split('.').any(|part| said.contains(part)) {
                true => "its words quote the token".to_owned(),
                false => said,
            },
        },
        other => other,
    }
}

fn read(chain: &[String], key: &SigningKey) -> Result<Certificate, String> {
    let Some((leaf, above)) = chain.split_first() else {
        return Err("its answer holds no certificate".to_owned());
    };
    let der = match armoured(leaf) {
        Ok((label, der)) if label == "CERTIFICATE" => der.to_vec(),
        Ok((label, _)) => return Err(format!("it gave a `{label}`, expected `CERTIFICATE`")),
        Err(_) => return Err("it gave a certificate that is no PEM".to_owned()),
    };
    let certificate = CertificateDer::from(der.as_slice());
    let parsed = ParsedCertificate::try_from(&certificate)
        .map_err(|problem| format!("it gave a certificate that cannot be read: {problem}"))?;
    if parsed.subject_public_key_info().as_ref() != key.public_der() {
        return Err("it gave a certificate for another key than ours".to_owned());
    }
    let lines = |pem: &String| format!("{}\n", pem.trim());
    Ok(Certificate {
        der,
        pem: lines(leaf),
        chain_pem: above.iter().map(lines).collect(),
    })
}
