//! GitHub's issuer: tokens of one job.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        UnparsedPublicKey,
    },
};
use serde_json::{Value, json};

/// Who issues the tokens.
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";
/// Whom certificates name.
pub const IDENTITY: &str = "https://github.com/acme/app/.github/workflows/ship.yml@refs/heads/main";

const SUBJECT: &str = "repo:acme/app:ref:refs/heads/main";
const LIFETIME: u64 = 300;

pub(super) struct Issuer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

/// Who a token is about.
pub(super) struct Claimed {
    pub(super) subject: String,
    pub(super) identity: String,
    pub(super) issuer: String,
}

impl Issuer {
    pub(super) fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("the key");
        Self { key, random }
    }

    /// Gives a token for an audience.
    pub(super) fn token(&self, audience: &str) -> String {
        let claims = json!({
            "iss": ISSUER,
            "sub": SUBJECT,
            "aud": audience,
            "exp": now() + LIFETIME,
            "iat": now(),
            "job_workflow_ref": IDENTITY.trim_start_matches("https://github.com/"),
        });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({ "alg": "ES256", "typ": "JWT" });
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.key.sign(&self.random, signed.as_bytes());
        let signature = signature.expect("the key signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Reads a token as Fulcio does: by signature, audience and time.
    pub(super) fn read(&self, token: &str) -> Option<Claimed> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref());
        key.verify(signed.as_bytes(), &signature).ok()?;
        let (_, claims) = signed.split_once('.')?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        if claims["aud"] != "sigstore" || claims["exp"].as_u64()? <= now() {
            return None;
        }
        let text = |name: &str| claims[name].as_str().map(str::to_owned);
        Some(Claimed {
            subject: text("sub")?,
            identity: format!("https://github.com/{}", text("job_workflow_ref")?),
            issuer: text("iss")?,
        })
    }
}

pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is later than 1970").as_secs()
}
