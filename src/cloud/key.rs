//! A service account's key: a file that somebody could lose, read because it exists.

use std::sync::atomic::{AtomicI64, Ordering};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use serde::Deserialize;
use serde_json::json;

use super::{
    AccessToken, CloudError, Refusal, Services,
    external::{Read, SCOPE},
    services::Refused,
};

/// Who takes signed claims.
const OAUTH: &str = "Google's OAuth service";

/// The longest that Google takes.
const LIFETIME: i64 = 3600;

/// A key, as its file holds it.
#[derive(Deserialize)]
pub(super) struct KeyFile {
    client_email: String,
    private_key: Read,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

/// A key that is ready to sign.
#[derive(Debug)]
pub(super) struct Key {
    email: String,
    id: Option<String>,
    pair: KeyPair,
    token_uri: String,
}

/// What an OAuth service answers.
#[derive(Deserialize)]
pub(super) struct Given {
    pub(super) access_token: Read,
    pub(super) expires_in: i64,
}

impl Key {
    /// Reads a key.
    ///
    /// # Errors
    ///
    /// Says why it is none.
    pub(super) fn new(file: KeyFile, oauth: &str) -> Result<Self, String> {
        let none = |why: &str| format!("its `private_key` is {why}, expected an RSA key in PEM");
        let key = PrivateKeyDer::from_pem_slice(file.private_key.0.expose().as_bytes())
            .map_err(|_| none("no PEM"))?;
        let pair = match &key {
            PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(none("of another kind")),
        };
        Ok(Self {
            email: file.client_email,
            id: file.private_key_id,
            pair: pair.map_err(|rejected| none(&format!("not usable ({rejected})")))?,
            token_uri: file.token_uri.unwrap_or_else(|| format!("{oauth}/token")),
        })
    }

    /// Fetches a token for signed claims. Where the clocks do not agree, the claims are signed once more by Google's.
    pub(super) async fn fetch(&self, services: &Services) -> Result<AccessToken, CloudError> {
        let ahead = AtomicI64::new(0);
        let asked = services.clock.now();
        let ask = || {
            let now = services.clock.now().as_second() - ahead.load(Ordering::Relaxed);
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", &self.assertion(now)),
            ];
            services.http.post(&self.token_uri).form(&form)
        };
        let meaning = |refused: &Refused| match refused.skew {
            Some(seconds) => {
                ahead.store(seconds, Ordering::Relaxed);
                Refusal::ClockSkew {
                    seconds: Some(seconds),
                }
            }
            None if refused.said.contains("Invalid JWT Signature") => Refusal::Expired,
            None => Refusal::Other,
        };
        let answer = services.ask(OAUTH, ask, meaning).await?;
        let given: Given = answer.read(OAUTH, "an `access_token` and `expires_in`")?;
        let lifetime = SignedDuration::from_secs(given.expires_in);
        Ok(AccessToken::new(given.access_token.0, asked, lifetime))
    }

    /// Signs who we are (RFC 7523). A signature that fails leaves an empty one, which Google refuses in words.
    fn assertion(&self, now: i64) -> String {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.id });
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": now,
            "exp": now + LIFETIME,
        });
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let done = self.pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        );
        if done.is_err() {
            signature.clear();
        }
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
