//! What GitHub says of a job, as far as it is read here: whoever is asked for a certificate looks whether it is true.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::KeylessError;
use crate::secret::Secret;

/// For whom tokens are made.
pub const AUDIENCE: &str = "sigstore";

/// A token, and what it claims.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) secret: Secret,
    /// What is signed to prove that the key is ours.
    pub(super) subject: String,
    /// By which a signature of the same job is known again: the workflow with its ref, which its certificate will name.
    pub(super) identity: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    job_workflow_ref: Option<String>,
}

impl Token {
    pub(super) fn read(secret: Secret) -> Result<Self, KeylessError> {
        let unusable = |because| KeylessError::Claims { because };
        let claims = secret.expose().split('.').nth(1);
        let claims = claims.ok_or_else(|| unusable("it has no part of claims"))?;
        let claims = URL_SAFE_NO_PAD
            .decode(claims)
            .map_err(|_| unusable("its claims are not base64"))?;
        // The reader's words may quote the token.
        let claims: Claims = serde_json::from_slice(&claims)
            .map_err(|_| unusable("its claims are no JSON with a text `sub`"))?;
        Ok(Self {
            identity: claims
                .job_workflow_ref
                .unwrap_or_else(|| claims.sub.clone()),
            subject: claims.sub,
            secret,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> Secret {
        Secret::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)))
    }

    #[test]
    fn a_token_is_known_by_its_workflow_and_else_by_its_subject() {
        let of_job = r#"{"sub":"repo:acme/app:ref:refs/heads/main","job_workflow_ref":"acme/app/.github/workflows/ship.yml@refs/heads/main"}"#;
        let read = Token::read(token(of_job)).expect("a token");
        assert_eq!(read.subject, "repo:acme/app:ref:refs/heads/main");
        assert_eq!(
            read.identity,
            "acme/app/.github/workflows/ship.yml@refs/heads/main"
        );
        let of_another = Token::read(token(r#"{"sub":"ada"}"#)).expect("a token");
        assert_eq!(of_another.identity, "ada");
    }

    #[test]
    fn a_token_that_cannot_be_read_is_not_shown() {
        for bad in ["hunter2", "hunter2.hunter2!", "e30.e30.e30"] {
            let refused = Token::read(Secret::new(bad)).expect_err(bad);
            assert!(
                !format!("{refused:?} {refused}").contains("hunter2"),
                "{refused}"
            );
        }
    }
}
