//! The key that signs: ECDSA on the curve P-256, as cosign makes it, encrypted or not.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crypto_secretbox::{
    XSalsa20Poly1305,
    aead::{Aead as _, KeyInit as _, generic_array::GenericArray},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::AttestationError;
use crate::{digest::Digest, secret::Secret};

/// A public key of the curve P-256 stands behind these bytes (RFC 5480, SubjectPublicKeyInfo).
const PUBLIC_KEY_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// More rounds than this take minutes, and memory that nobody has.
const MOST_SCRYPT_ROUNDS: u32 = 1 << 20;

/// A key that signs. It does not show itself.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SigningKey({})", self.fingerprint())
    }
}

/// What cosign writes into the armour of an encrypted key.
#[derive(Deserialize)]
struct Encrypted {
    kdf: Derivation,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Derivation {
    name: String,
    params: Rounds,
    salt: String,
}

#[derive(Deserialize)]
struct Rounds {
    #[serde(rename = "N")]
    n: u32,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

impl SigningKey {
    /// Reads a private key: PKCS #8 in PEM, or cosign's form that a password opens.
    ///
    /// # Errors
    /// If it is another kind of key, damaged, or the password is wrong.
    pub fn from_pem(pem: &Secret, password: Option<&Secret>) -> Result<Self, AttestationError> {
        let (label, body) = armoured(pem.expose())?;
        let der = match label.as_str() {
            "PRIVATE KEY" => body,
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                let empty = Secret::new("");
                decrypt(&body, password.unwrap_or(&empty))?
            }
            other => {
                return Err(AttestationError::key(format!(
                    "it is a `{other}`, expected `PRIVATE KEY` (PKCS #8) or `ENCRYPTED SIGSTORE PRIVATE KEY`"
                )));
            }
        };
        let random = SystemRandom::new();
        match EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der, &random) {
            Ok(pair) => Ok(Self { pair, random }),
            Err(problem) => Err(AttestationError::key(format!(
                "it is no ECDSA key on the curve P-256 ({problem})"
            ))),
        }
    }

    /// Makes a key that nobody keeps.
    pub(super) fn ephemeral() -> Result<Self, AttestationError> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random);
        let made = made.map_err(|_| AttestationError::Signing)?;
        match EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random) {
            Ok(pair) => Ok(Self { pair, random }),
            Err(_) => Err(AttestationError::Signing),
        }
    }

    /// Returns the public key in PEM, for `cosign verify --key`.
    pub fn public_pem(&self) -> String {
        let text = BASE64_STANDARD.encode(self.public_der());
        let (first, second) = text.split_at(64.min(text.len()));
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }

    /// Returns the digest of the public key, by which signatures of this key are known again.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.public_der())
    }

    pub(super) fn public_der(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        [&PUBLIC_KEY_PREFIX, point].concat()
    }

    /// Signs the SHA-256 of a message; the signature is in ASN.1, and another one each time.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AttestationError> {
        match self.pair.sign(&self.random, message) {
            Ok(signature) => Ok(signature.as_ref().to_vec()),
            Err(_) => Err(AttestationError::Signing),
        }
    }
}

/// Takes the armour off: what kind of thing it says it is, and the bytes.
pub(super) fn armoured(pem: &str) -> Result<(String, Zeroizing<Vec<u8>>), AttestationError> {
    let mut lines = pem.lines().map(str::trim).filter(|line| !line.is_empty());
    let label = lines
        .find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
        .ok_or_else(|| AttestationError::key("it has no line `-----BEGIN …-----`"))?;
    let end = format!("-----END {label}-----");
    let mut body = Zeroizing::new(String::new());
    for line in lines {
        if line == end {
            return match BASE64_STANDARD.decode(body.as_bytes()) {
                Ok(bytes) => Ok((label.to_owned(), Zeroizing::new(bytes))),
                Err(_) => Err(AttestationError::key("what it holds is not base64")),
            };
        }
        body.push_str(line);
    }
    Err(AttestationError::key(format!("it ends without `{end}`")))
}

fn decrypt(body: &[u8], password: &Secret) -> Result<Zeroizing<Vec<u8>>, AttestationError> {
    let damaged = || AttestationError::key("its encrypted form is damaged");
    let encrypted: Encrypted = serde_json::from_slice(body).map_err(|_| damaged())?;
    if (encrypted.kdf.name.as_str(), encrypted.cipher.name.as_str()) != ("scrypt", "nacl/secretbox")
    {
        return Err(AttestationError::key(format!(
            "it is encrypted by `{}` and `{}`, expected `scrypt` and `nacl/secretbox`",
            encrypted.kdf.name, encrypted.cipher.name
        )));
    }
    let decode = |text: &str| BASE64_STANDARD.decode(text).map_err(|_| damaged());
    let (salt, nonce) = (
        decode(&encrypted.kdf.salt)?,
        decode(&encrypted.cipher.nonce)?,
    );
    let Rounds { n, r, p } = encrypted.kdf.params;
    if !n.is_power_of_two() || n > MOST_SCRYPT_ROUNDS || nonce.len() != 24 {
        return Err(damaged());
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| damaged())?;
    let params = scrypt::Params::new(log_n, r, p, 32).map_err(|_| damaged())?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password.expose().as_bytes(), &salt, &params, &mut *key)
        .map_err(|_| damaged())?;
    let cipher = XSalsa20Poly1305::new(GenericArray::from_slice(&*key));
    let ciphertext = decode(&encrypted.ciphertext)?;
    match cipher.decrypt(GenericArray::from_slice(&nonce), ciphertext.as_slice()) {
        Ok(der) => Ok(Zeroizing::new(der)),
        Err(_) => Err(AttestationError::key(
            "its password is wrong; expected that of COSIGN_PASSWORD",
        )),
    }
}
