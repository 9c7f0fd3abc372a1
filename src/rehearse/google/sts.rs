//! The Security Token Service: GitHub's token for one of Google's.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::state::{ISSUER, Kind, Reply, Shared, oauth_error};
use crate::cloud::{InvalidProvider, Provider};

/// The longest value that a claim may be mapped to.
const LONGEST_CLAIM: usize = 127;
/// By how much the clocks of issuers may differ.
const LEEWAY: i64 = 10;

const TYPES: [(&str, &str); 3] = [
    (
        "grantType",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ),
    (
        "requestedTokenType",
        "urn:ietf:params:oauth:token-type:access_token",
    ),
    ("subjectTokenType", "urn:ietf:params:oauth:token-type:jwt"),
];

/// Answers `POST /v1/token`. Google's libraries spell the fields with underscores, its REST API does not; both are taken.
pub(super) fn answer(shared: &Shared, request: &Value) -> Reply {
    let field = |name: &str| {
        let spelled: String = name.chars().fold(String::new(), |mut text, c| {
            if c.is_ascii_uppercase() {
                text.push('_');
            }
            text.push(c.to_ascii_lowercase());
            text
        });
        request[name]
            .as_str()
            .or(request[spelled.as_str()].as_str())
            .unwrap_or_default()
    };
    for (name, expected) in TYPES {
        if field(name) != expected {
            return oauth_error("invalid_request", &format!("Invalid value for \"{name}\""));
        }
    }
    if field("scope").is_empty() {
        return oauth_error("invalid_scope", "OAuth scopes must be provided.");
    }
    let provider = match provider(shared, field("audience")) {
        Ok(provider) => provider,
        Err(reply) => return *reply,
    };
    match federated(shared, &provider, field("subjectToken")) {
        Ok((identity, lifetime)) => {
            let (token, _) = shared.give(&identity, Kind::Federated, lifetime);
            (
                200,
                json!({
                    "access_token": token,
                    "issued_token_type": TYPES[1].1,
                    "token_type": "Bearer",
                    "expires_in": lifetime.as_secs(),
                }),
            )
        }
        Err(reply) => *reply,
    }
}

fn provider(shared: &Shared, audience: &str) -> Result<Provider, Box<Reply>> {
    let name = audience
        .strip_prefix("//iam.googleapis.com/")
        .unwrap_or_default();
    let provider: Provider = name.parse().map_err(|_: InvalidProvider| {
        Box::new(oauth_error(
            "invalid_request",
            "Invalid value for \"audience\". This value should be the full resource name of the Identity Provider.",
        ))
    })?;
    let is_known = |known: &std::collections::BTreeSet<Provider>| known.contains(&provider);
    if shared.trust.providers.as_ref().is_none_or(is_known) {
        return Ok(provider);
    }
    Err(Box::new(oauth_error(
        "invalid_target",
        "The target service indicated by the \"audience\" parameters is invalid. This might either be because the pool or \
         provider is disabled or deleted or because it doesn't exist.",
    )))
}

/// Checks GitHub's token, and returns whom it names and for how long.
fn federated(
    shared: &Shared,
    provider: &Provider,
    token: &str,
) -> Result<(String, SignedDuration), Box<Reply>> {
    let refuse = |code: &str, words: &str| Err(Box::new(oauth_error(code, words)));
    let Some(claims) = shared.key.verify(token) else {
        return refuse("invalid_grant", "Invalid signature of the ID Token.");
    };
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    let time = |name: &str| claims[name].as_i64().unwrap_or_default();
    if text("iss") != ISSUER {
        let words = format!(
            "The issuer in ID Token {} does not match the expected ones: [{ISSUER}].",
            text("iss")
        );
        return refuse("invalid_grant", &words);
    }
    let audience = text("aud");
    let own = format!("https://iam.googleapis.com/{provider}");
    let is_accepted = match &shared.trust.audiences {
        Some(audiences) => audiences.contains(audience),
        None => audience == own,
    };
    if !is_accepted {
        let words = format!(
            "The audience in ID Token [{audience}] does not match the expected audience {own}."
        );
        return refuse("invalid_grant", &words);
    }
    let now = shared.clock.now().as_second();
    if time("exp") <= now {
        let words = format!("ID Token issued at {} is stale to sign-in.", time("iat"));
        return refuse("invalid_grant", &words);
    }
    if time("iat") > now + LEEWAY {
        let words = format!("ID Token was issued in the future, at {}.", time("iat"));
        return refuse("invalid_grant", &words);
    }
    if text("sub").len() > LONGEST_CLAIM {
        return refuse(
            "invalid_request",
            "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute mapping or \
             the incoming assertion to produce a mapped attribute that is less than 127 bytes.",
        );
    }
    if shared.trust.condition == Some(false) {
        return refuse(
            "unauthorized_client",
            "The given credential is rejected by the attribute condition.",
        );
    }
    // What was bought with a token lives no longer than the token.
    Ok((
        text("sub").to_owned(),
        SignedDuration::from_secs(time("exp") - now),
    ))
}
