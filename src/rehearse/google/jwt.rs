//! Signed claims (RFC 7519), as far as the stand-in makes and reads them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    },
};
use serde_json::{Value, json};

use super::GoogleError;

/// The key of one stand-in, made anew for each.
pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl SigningKey {
    pub(super) fn generate() -> Result<Self, GoogleError> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| GoogleError::Key)?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random)
            .map_err(|_| GoogleError::Key)?;
        Ok(Self { pair, random })
    }

    /// A word that no other stand-in has.
    pub(super) fn mark(&self) -> String {
        hex::encode(&self.pair.public_key().as_ref()[1..17])
    }

    pub(super) fn sign(&self, claims: &Value) -> Result<String, GoogleError> {
        let header = json!({ "alg": "ES256", "typ": "JWT" });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self
            .pair
            .sign(&self.random, signed.as_bytes())
            .map_err(|_| GoogleError::Key)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Returns the claims of a token that this key signed.
    pub(super) fn verify(&self, token: &str) -> Option<Value> {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref());
        verify(token, "ES256", |signed, signature| {
            key.verify(signed, signature).is_ok()
        })
    }
}

/// Returns the claims of a token that an RSA key signed.
pub(super) fn verify_rsa(token: &str, public_key: &[u8]) -> Option<Value> {
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key);
    verify(token, "RS256", |signed, signature| {
        key.verify(signed, signature).is_ok()
    })
}

/// Returns the claims without looking at the signature.
pub(super) fn claims(token: &str) -> Option<Value> {
    let part = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn verify(token: &str, algorithm: &str, is_good: impl Fn(&[u8], &[u8]) -> bool) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, _) = signed.split_once('.')?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    // A token that chooses its own algorithm chooses none.
    if header["alg"] != algorithm {
        return None;
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    is_good(signed.as_bytes(), &signature)
        .then(|| claims(token))
        .flatten()
}
