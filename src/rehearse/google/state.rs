//! What the stand-in trusts, and the tokens that it has given.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::jwt::SigningKey;
use crate::{
    cloud::{Clock, Provider},
    rehearse::loopback::ServerError,
    secret::Secret,
};

/// The stand-in could not be started.
#[derive(Debug, thiserror::Error)]
pub enum GoogleError {
    /// No key could be made.
    #[error("the stand-in for Google's identity services has no key to sign with")]
    Key,
    /// The server cannot be started.
    #[error("the stand-in for Google's identity services cannot be started")]
    Server(#[from] ServerError),
}

/// What is set up on the side of Google and GitHub.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The providers that are there and enabled; `None`: any of the right form.
    pub providers: Option<BTreeSet<Provider>>,
    /// The only audiences that the providers accept; `None`: their own names.
    pub audiences: Option<BTreeSet<String>>,
    /// The service accounts that the job may take on; `None`: any.
    pub accounts: Option<BTreeSet<String>>,
    /// The claim `sub` of GitHub's tokens.
    pub subject: String,
    /// The issuer that GitHub's tokens name; the one that the providers trust is GitHub's.
    pub issuer: Option<String>,
    /// Whether the job meets the condition of the providers; `None`: there is none.
    pub condition: Option<bool>,
    /// The public keys (RSA, as PKCS#1 DER) of service accounts that have one.
    pub keys: BTreeMap<String, Vec<u8>>,
    /// Refresh tokens of people.
    pub refresh_tokens: BTreeSet<String>,
}

/// The issuer whose tokens the providers trust.
pub(super) const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A token that was given.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) identity: String,
    pub(super) expires: Timestamp,
    pub(super) kind: Kind,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Federated,
    Account,
}

/// What changes.
#[derive(Debug, Default)]
pub(super) struct Changing {
    pub(super) given: BTreeMap<String, Given>,
    /// A token that was taken back is never given again.
    n_given: u64,
    pub(super) requests: Vec<String>,
    /// How many of the next impersonations are denied, as while a grant is not yet known everywhere.
    pub(super) denials: u32,
    pub(super) job_is_over: bool,
}

/// What all requests share.
pub(super) struct Shared {
    pub(super) clock: Clock,
    /// GitHub's own.
    pub(super) issuer_clock: Clock,
    pub(super) trust: Trust,
    pub(super) request_token: Secret,
    pub(super) key: SigningKey,
    pub(super) changing: Mutex<Changing>,
}

impl Shared {
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Changing) -> T) -> T {
        change(&mut self.changing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives a new token.
    pub(super) fn give(
        &self,
        identity: &str,
        kind: Kind,
        lifetime: SignedDuration,
    ) -> (String, Timestamp) {
        let now = self.clock.now();
        let expires = now.saturating_add(lifetime).unwrap_or(now);
        let token = self.change(|changing| {
            changing.n_given += 1;
            let token = format!("stand-in-token-{}-{}", changing.n_given, self.key.mark());
            let given = Given {
                identity: identity.to_owned(),
                expires,
                kind,
            };
            changing.given.insert(token.clone(), given);
            token
        });
        (token, expires)
    }

    /// Looks a token up that has not run out.
    pub(super) fn find(&self, token: &str) -> Option<Given> {
        let now = self.clock.now();
        self.change(|changing| changing.given.get(token).cloned())
            .filter(|given| given.expires > now)
    }
}

/// Status and body.
pub(super) type Reply = (u16, Value);

/// An error in the form of OAuth.
pub(super) fn oauth_error(code: &str, description: &str) -> Reply {
    (
        400,
        json!({ "error": code, "error_description": description }),
    )
}

/// An error in the form of Google's APIs.
pub(super) fn api_error(status: u16, name: &str, message: &str) -> Reply {
    (
        status,
        json!({ "error": { "code": status, "message": message, "status": name } }),
    )
}
