//! The log: a Merkle tree (RFC 6962), promises that are signed, and checkpoints.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::PublicKeyData as _;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
    },
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::issuer::now;

/// Entries are counted over all trees that a log had; this one is not the first.
const BEFORE: usize = 1000;
const TREE: &str = "108e9186e8c5677a";
const ORIGIN: &str = "rekor.test - 1193050959916656506";

type Hash = [u8; 32];

pub(super) struct Log {
    key: EcdsaKeyPair,
    /// SubjectPublicKeyInfo.
    public: Vec<u8>,
    random: SystemRandom,
    entries: Vec<Entry>,
}

struct Entry {
    body: String,
    time: u64,
}

/// What became of a proposal.
pub(super) enum Entered {
    New(Value),
    /// It is there, under this id.
    Known(String),
    Refused(String),
}

impl Log {
    pub(super) fn new() -> Self {
        let pair = rcgen::KeyPair::generate().expect("a key");
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, &pair.serialize_der(), &random);
        Self {
            key: key.expect("the key"),
            public: pair.subject_public_key_info(),
            random,
            entries: Vec::new(),
        }
    }

    /// Answers Rekor's `POST /api/v1/log/entries`.
    pub(super) fn enter(&mut self, proposal: &Value) -> Entered {
        let body = match canonical(proposal) {
            Ok(body) => body.to_string(),
            Err(because) => return Entered::Refused(because),
        };
        if let Some(known) = self.entries.iter().find(|entry| entry.body == body) {
            return Entered::Known(known.id());
        }
        self.entries.push(Entry { body, time: now() });
        Entered::New(self.answer(self.entries.len() - 1))
    }

    /// Answers Rekor's `GET /api/v1/log/entries/ID`.
    pub(super) fn find(&self, id: &str) -> Option<Value> {
        let position = self.entries.iter().position(|entry| entry.id() == id)?;
        Some(self.answer(position))
    }

    /// The first entry, whatever was asked for.
    pub(super) fn first(&self) -> Value {
        self.answer(0)
    }

    /// What the entries say, oldest first.
    pub(super) fn bodies(&self) -> Vec<Value> {
        let bodies = self.entries.iter();
        bodies
            .map(|entry| serde_json::from_str(&entry.body).expect("JSON"))
            .collect()
    }

    fn answer(&self, position: usize) -> Value {
        let entry = &self.entries[position];
        let leaves: Vec<Hash> = self.entries.iter().map(Entry::leaf).collect();
        let root = root(&leaves);
        let body = STANDARD.encode(&entry.body);
        let promised = json!({
            "body": body,
            "integratedTime": entry.time,
            "logID": hex(&Sha256::digest(&self.public)),
            "logIndex": BEFORE + position,
        });
        let hashes: Vec<String> = path(position, &leaves)
            .iter()
            .map(|hash| hex(hash))
            .collect();
        let mut answer = promised.clone();
        answer["verification"] = json!({
            "inclusionProof": {
                "checkpoint": self.checkpoint(leaves.len(), &root),
                "hashes": hashes,
                "logIndex": position,
                "rootHash": hex(&root),
                "treeSize": leaves.len(),
            },
            "signedEntryTimestamp": STANDARD.encode(self.sign(promised.to_string().as_bytes())),
        });
        json!({ entry.id(): answer })
    }

    fn checkpoint(&self, size: usize, root: &Hash) -> String {
        let note = format!("{ORIGIN}\n{size}\n{}\n", STANDARD.encode(root));
        let hint = &Sha256::digest(&self.public)[..4];
        let signature = [hint, &self.sign(note.as_bytes())].concat();
        format!(
            "{note}\n\u{2014} rekor.test {}\n",
            STANDARD.encode(signature)
        )
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature = self.key.sign(&self.random, bytes);
        signature.expect("the key signs").as_ref().to_vec()
    }

    pub(super) fn trusted(&self) -> Value {
        json!({
            "baseUrl": "http://127.0.0.1",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": STANDARD.encode(&self.public),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": { "start": "2020-01-01T00:00:00Z" },
            },
            "logId": { "keyId": STANDARD.encode(Sha256::digest(&self.public)) },
        })
    }
}

impl Entry {
    fn leaf(&self) -> Hash {
        hashed(&[&[0], self.body.as_bytes()])
    }

    fn id(&self) -> String {
        format!("{TREE}{}", hex(&self.leaf()))
    }
}

/// An entry as the log keeps it: keys in order, and nothing that could be large.
fn canonical(proposal: &Value) -> Result<Value, String> {
    let spec = &proposal["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if proposal["apiVersion"] != "0.0.1" {
        return Err("unsupported version".to_owned());
    }
    match proposal["kind"].as_str() {
        Some("hashedrekord") => {
            let key = certificate(&spec["signature"]["publicKey"]["content"])?;
            let hash = &spec["data"]["hash"];
            if hash["algorithm"] != "sha256" || text(&hash["value"]).len() != 64 {
                return Err("invalid value for hash".to_owned());
            }
            Ok(json!({
                "apiVersion": "0.0.1",
                "kind": "hashedrekord",
                "spec": {
                    "data": { "hash": { "algorithm": "sha256", "value": hash["value"] } },
                    "signature": {
                        "content": spec["signature"]["content"],
                        "publicKey": { "content": key },
                    },
                },
            }))
        }
        Some("dsse") => envelope(&spec["proposedContent"]),
        _ => Err("unknown kind".to_owned()),
    }
}

fn envelope(proposed: &Value) -> Result<Value, String> {
    let text = proposed["envelope"].as_str().unwrap_or_default();
    let envelope: Value = serde_json::from_str(text).map_err(|problem| problem.to_string())?;
    let decoded = |value: &Value| STANDARD.decode(value.as_str().unwrap_or_default());
    let payload = decoded(&envelope["payload"]).map_err(|problem| problem.to_string())?;
    let kind = envelope["payloadType"].as_str().unwrap_or_default();
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    let signed = [head.as_bytes(), &payload].concat();
    let key = certificate(&proposed["verifiers"][0])?;
    let signature = &envelope["signatures"][0]["sig"];
    let bytes = decoded(signature).map_err(|problem| problem.to_string())?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point(&key)?)
        .verify(&signed, &bytes)
        .map_err(|_| "could not verify envelope".to_owned())?;
    let hash =
        |bytes: &[u8]| json!({ "algorithm": "sha256", "value": hex(&Sha256::digest(bytes)) });
    Ok(json!({
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": hash(text.as_bytes()),
            "payloadHash": hash(&payload),
            "signatures": [{ "signature": signature, "verifier": key }],
        },
    }))
}

/// A certificate in PEM, in base64, as it came.
fn certificate(value: &Value) -> Result<String, String> {
    let text = value.as_str().unwrap_or_default();
    let pem = STANDARD.decode(text).unwrap_or_default();
    match pem.starts_with(b"-----BEGIN CERTIFICATE-----\n") {
        true => Ok(text.to_owned()),
        false => Err("invalid public key: failure decoding PEM".to_owned()),
    }
}

/// The point of the key of such a certificate: behind what stands before every key on the curve P-256.
fn point(certificate: &str) -> Result<Vec<u8>, String> {
    const BEFORE_POINT: [u8; 8] = [0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04];
    let pem = STANDARD.decode(certificate).unwrap_or_default();
    let pem = String::from_utf8(pem).unwrap_or_default();
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    let der = STANDARD
        .decode(lines.collect::<String>())
        .unwrap_or_default();
    let mut windows = der.windows(BEFORE_POINT.len());
    let at = windows.position(|window| window == BEFORE_POINT);
    at.and_then(|at| der.get(at + 7..at + 72))
        .map(<[u8]>::to_vec)
        .ok_or_else(|| "invalid public key".to_owned())
}

fn hashed(parts: &[&[u8]]) -> Hash {
    Sha256::digest(parts.concat()).into()
}

fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hashed(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(half(leaves.len()));
            hashed(&[&[1], &root(left), &root(right)])
        }
    }
}

/// The hashes by which a leaf leads to the root, from below.
fn path(position: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(half(leaves.len()));
    let (mut path, other) = match position.checked_sub(left.len()) {
        None => (path(position, left), right),
        Some(position) => (path(position, right), left),
    };
    path.push(root(other));
    path
}

/// The largest power of two below a number.
fn half(n: usize) -> usize {
    n.next_power_of_two() / 2
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
