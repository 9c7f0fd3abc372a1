//! Entries of the log: that a signature was there when its certificate was good.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Certificate, KeylessError, Sigstore, error::Service};
use crate::{attestation::AttestationError, digest::Digest};

/// What the log is told of.
pub(in crate::attestation) enum LoggedIn<'s> {
    /// A signature over bytes of this digest.
    Signature {
        digest: Digest,
        /// In base64.
        signature: &'s str,
    },
    /// A signed envelope; the log keeps digests of it, and its signature.
    Envelope {
        json: &'s str,
        /// In base64.
        signature: &'s str,
    },
}

/// An entry, in the forms in which it is handed on.
#[derive(Debug, Clone)]
pub(in crate::attestation) struct LogEntry {
    /// As it stands beside a signature under a tag.
    pub(in crate::attestation) annotation: String,
    /// As it stands in a bundle.
    pub(in crate::attestation) bundled: BundledEntry,
}

/// An entry as the log gives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    /// In base64.
    body: String,
    integrated_time: i64,
    /// In hexadecimal digits, as all digests here.
    #[serde(rename = "logID")]
    log_id: String,
    log_index: u64,
    verification: Verification,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    inclusion_proof: InclusionProof,
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InclusionProof {
    checkpoint: String,
    hashes: Vec<String>,
    log_index: u64,
    root_hash: String,
    tree_size: u64,
}

/// An entry as bundles carry it (sigstore's `TransparencyLogEntry`, numbers of 64 bits as texts).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::attestation) struct BundledEntry {
    log_index: String,
    log_id: Value,
    kind_version: Value,
    integrated_time: String,
    inclusion_promise: Value,
    inclusion_proof: Value,
    canonicalized_body: String,
}

impl LoggedIn<'_> {
    fn proposal(&self, certificate: &Certificate) -> Value {
        let verifier = BASE64_STANDARD.encode(&certificate.pem);
        match self {
            Self::Signature { digest, signature } => json!({
                "apiVersion": "0.0.1",
                "kind": "hashedrekord",
                "spec": {
                    "data": { "hash": { "algorithm": "sha256", "value": digest.hex() } },
                    "signature": { "content": signature, "publicKey": { "content": verifier } },
                },
            }),
            Self::Envelope { json, .. } => json!({
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": { "proposedContent": { "envelope": json, "verifiers": [verifier] } },
            }),
        }
    }

    /// Whether an entry's body is about this.
    fn is_in(&self, body: &Value) -> bool {
        let spec = &body["spec"];
        match self {
            Self::Signature { digest, signature } => {
                spec["signature"]["content"] == *signature
                    && spec["data"]["hash"]["value"] == digest.hex()
            }
            Self::Envelope { signature, .. } => spec["signatures"][0]["signature"] == *signature,
        }
    }
}

impl Sigstore {
    /// Enters something into the log. What is there already, because an answer was lost, is taken as it is.
    pub(super) async fn enter(
        &self,
        logged: &LoggedIn<'_>,
        certificate: &Certificate,
    ) -> Result<LogEntry, AttestationError> {
        let url = format!("{}/api/v1/log/entries", self.address(Service::Log));
        let proposal = logged.proposal(certificate);
        let ask = || self.http.post(&url).json(&proposal);
        let mut answer = self.ask(Service::Log, ask).await?;
        if answer.is_conflict {
            let there = answer
                .location
                .as_deref()
                .and_then(entry_id)
                .ok_or_else(|| {
                    self.nonsense(
                        Service::Log,
                        "it has the entry already, and does not say where",
                    )
                })?;
            let url = format!("{url}/{there}");
            answer = self.ask(Service::Log, || self.http.get(&url)).await?;
        }
        Ok(self.read(logged, &answer.body)?)
    }

    fn read(&self, logged: &LoggedIn<'_>, answer: &[u8]) -> Result<LogEntry, KeylessError> {
        let nonsense = |because: &str| self.nonsense(Service::Log, because);
        let entries: BTreeMap<String, Given> = serde_json::from_slice(answer)
            .map_err(|_| nonsense("its answer is no JSON of an entry with a proof of inclusion"))?;
        let mut entries = entries.into_values();
        let (Some(entry), None) = (entries.next(), entries.next()) else {
            return Err(nonsense("its answer holds not exactly one entry"));
        };
        let body = BASE64_STANDARD.decode(&entry.body).ok();
        let body = body.and_then(|body| serde_json::from_slice::<Value>(&body).ok());
        let body = body.ok_or_else(|| nonsense("the body of its entry is no JSON"))?;
        if !logged.is_in(&body) {
            return Err(nonsense(
                "its entry is about something else than our signature",
            ));
        }
        let bundled = entry.bundled(&body);
        Ok(LogEntry {
            annotation: entry.annotation(),
            bundled: bundled.ok_or_else(|| nonsense("a digest of its entry is no digest"))?,
        })
    }
}

/// The id behind the last slash, where it is one: an entry is asked for at the address that we know, whatever the answer says.
fn entry_id(location: &str) -> Option<&str> {
    let id = location.rsplit('/').next()?;
    let is_id = (64..=80).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(id)
}

impl Given {
    fn annotation(&self) -> String {
        json!({
            "SignedEntryTimestamp": self.verification.signed_entry_timestamp,
            "Payload": {
                "body": self.body,
                "integratedTime": self.integrated_time,
                "logIndex": self.log_index,
                "logID": self.log_id,
            },
        })
        .to_string()
    }

    /// `None` where a digest is none.
    fn bundled(&self, body: &Value) -> Option<BundledEntry> {
        let base64 = |text: &str| Some(BASE64_STANDARD.encode(hex::decode(text).ok()?));
        let proof = &self.verification.inclusion_proof;
        let hashes = proof.hashes.iter().map(|hash| base64(hash));
        let hashes: Vec<String> = hashes.collect::<Option<_>>()?;
        Some(BundledEntry {
            log_index: self.log_index.to_string(),
            log_id: json!({ "keyId": base64(&self.log_id)? }),
            kind_version: json!({ "kind": body["kind"], "version": body["apiVersion"] }),
            integrated_time: self.integrated_time.to_string(),
            inclusion_promise: json!({
                "signedEntryTimestamp": self.verification.signed_entry_timestamp,
            }),
            inclusion_proof: json!({
                "logIndex": proof.log_index.to_string(),
                "rootHash": base64(&proof.root_hash)?,
                "treeSize": proof.tree_size.to_string(),
                "hashes": hashes,
                "checkpoint": { "envelope": proof.checkpoint },
            }),
            canonicalized_body: self.body.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::entry_id;

    #[test]
    fn an_entry_that_is_there_is_asked_for_by_its_id_alone() {
        let id = "108e9186e8c5677a".to_owned() + &"0f".repeat(32);
        for location in [
            format!("/api/v1/log/entries/{id}"),
            format!("https://elsewhere.example/api/v1/log/entries/{id}"),
        ] {
            assert_eq!(entry_id(&location), Some(id.as_str()));
        }
        for location in ["", "/api/v1/log/entries/", "/api/v1/log/entries/..", "/0f"] {
            assert_eq!(entry_id(location), None, "{location}");
        }
    }
}
