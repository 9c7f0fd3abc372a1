//! The certificate authority: a root, one below it, and certificates for ten minutes.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SanType, SignatureAlgorithm,
};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::{Value, json};

use super::issuer::{Claimed, now};

/// What stands before the point of a public key on the curve P-256.
const PREFIX: usize = 26;
/// Where Fulcio names the issuer of the token: as bytes, and since its version 1.0 as a text of ASN.1.
const ISSUER: [&[u64]; 2] = [
    &[1, 3, 6, 1, 4, 1, 57264, 1, 1],
    &[1, 3, 6, 1, 4, 1, 57264, 1, 8],
];

pub(super) struct Authority {
    root: Certificate,
    below: Certificate,
    issuer: rcgen::Issuer<'static, KeyPair>,
}

struct Point(Vec<u8>);

impl PublicKeyData for Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl Authority {
    pub(super) fn new() -> Self {
        let (root_params, root_key) = (named("sigstore of the tests"), key());
        let root = root_params.self_signed(&root_key).expect("a certificate");
        let above = rcgen::Issuer::new(root_params, root_key);
        let (params, key) = (named("sigstore of the tests, below"), key());
        let below = params.signed_by(&key, &above).expect("a certificate");
        Self {
            root,
            below,
            issuer: rcgen::Issuer::new(params, key),
        }
    }

    /// Certifies the key of a request, as Fulcio's `POST /api/v2/signingCert` does.
    pub(super) fn certify(&self, claimed: &Claimed, request: &Value) -> Result<Value, String> {
        let request = &request["publicKeyRequest"];
        let asked = &request["publicKey"];
        if asked["algorithm"] != "ECDSA" {
            return Err("The public key supplied in the request could not be parsed".to_owned());
        }
        let point = point(asked["content"].as_str().unwrap_or_default())
            .ok_or("The public key supplied in the request could not be parsed")?;
        let proof = STANDARD.decode(request["proofOfPossession"].as_str().unwrap_or_default());
        let proof = proof.map_err(|_| "invalid value for bytes field proofOfPossession")?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point)
            .verify(claimed.subject.as_bytes(), &proof)
            .map_err(|_| {
                "The signature supplied in the request could not be verified".to_owned()
            })?;
        Ok(self.chain(claimed, point))
    }

    /// Certifies a key that nobody has.
    pub(super) fn certify_another(&self, claimed: &Claimed) -> Value {
        self.chain(claimed, key().public_key_raw().to_vec())
    }

    fn chain(&self, claimed: &Claimed, point: Vec<u8>) -> Value {
        let leaf = leaf(claimed).signed_by(&Point(point), &self.issuer);
        let leaf = leaf.expect("a certificate");
        let pems = [&leaf, &self.below, &self.root].map(Certificate::pem);
        json!({ "signedCertificateEmbeddedSct": { "chain": { "certificates": pems } } })
    }

    pub(super) fn trusted(&self) -> Value {
        let certificates = [&self.below, &self.root]
            .map(|certificate| json!({ "rawBytes": STANDARD.encode(certificate.der()) }));
        json!({
            "subject": { "organization": "tests", "commonName": "sigstore of the tests" },
            "uri": "http://127.0.0.1",
            "certChain": { "certificates": certificates },
            "validFor": { "start": "2020-01-01T00:00:00Z" },
        })
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf(claimed: &Claimed) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name = DistinguishedName::new();
    let name = claimed.identity.as_str().try_into().expect("an address");
    params.subject_alt_names = vec![SanType::URI(name)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    let start = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(now());
    params.not_before = start;
    params.not_after = start + Duration::from_secs(600);
    let bytes = claimed.issuer.as_bytes().to_vec();
    let length = u8::try_from(bytes.len()).expect("a short address");
    let text = [&[0x0c, length], bytes.as_slice()].concat();
    let contents = [bytes, text];
    params.custom_extensions = ISSUER
        .iter()
        .zip(contents)
        .map(|(oid, content)| CustomExtension::from_oid_content(oid, content))
        .collect();
    params
}

/// The point of a key in PEM.
fn point(pem: &str) -> Option<Vec<u8>> {
    let body = pem
        .trim()
        .strip_prefix("-----BEGIN PUBLIC KEY-----")?
        .strip_suffix("-----END PUBLIC KEY-----")?;
    let body: String = body.split_whitespace().collect();
    let der = STANDARD.decode(body).ok()?;
    (der.len() == PREFIX + 65).then(|| der[PREFIX..].to_vec())
}
