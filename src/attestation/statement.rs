//! Statements about things that are named by their digests (in-toto attestation framework, Statement v1).

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::AttestationError;
use crate::digest::Digest;

const TYPE: &str = "https://in-toto.io/Statement/v1";
/// Type of a statement's bytes.
pub(super) const MEDIA_TYPE: &str = "application/vnd.in-toto+json";

/// Something that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name, such as that of a repository; empty where only the digest counts.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
}

/// A statement, ready to be kept or signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What kind of claim it makes.
    pub predicate_type: &'static str,
    /// The document.
    pub bytes: Bytes,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, P> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: Vec<SubjectEntry<'a>>,
    predicate_type: &'static str,
    predicate: &'a P,
}

#[derive(Serialize)]
struct SubjectEntry<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    digest: BTreeMap<&'static str, String>,
}

impl Statement {
    /// Writes a statement.
    pub(super) fn write(
        subjects: &[Subject],
        predicate_type: &'static str,
        predicate: &impl Serialize,
    ) -> Result<Self, AttestationError> {
        let subject = subjects
            .iter()
            .map(|subject| SubjectEntry {
                name: &subject.name,
                digest: BTreeMap::from([("sha256", subject.digest.hex())]),
            })
            .collect();
        let document = Document {
            kind: TYPE,
            subject,
            predicate_type,
            predicate,
        };
        let bytes = serde_json::to_vec(&document).map_err(AttestationError::Document)?;
        Ok(Self {
            predicate_type,
            bytes: bytes.into(),
        })
    }
}
