//! Tokens of service accounts and people: impersonation, keys, refresh tokens.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    jwt,
    state::{Kind, Reply, Shared, api_error, oauth_error},
};

/// An hour, which no organization's policy has raised.
const LONGEST: i64 = 3600;
/// By how much a signer's clock may differ.
const LEEWAY: i64 = 300;

/// Answers `POST /v1/projects/-/serviceAccounts/ACCOUNT:generateAccessToken`.
pub(super) fn impersonate(
    shared: &Shared,
    bearer: Option<&str>,
    account: &str,
    request: &Value,
) -> Reply {
    let caller = bearer.and_then(|token| shared.find(token));
    if caller.is_none_or(|caller| caller.kind != Kind::Federated) {
        let words =
            "Request had invalid authentication credentials. Expected OAuth 2 access token.";
        return api_error(401, "UNAUTHENTICATED", words);
    }
    let is_denied = shared.change(|changing| {
        let is_denied = changing.denials > 0;
        changing.denials = changing.denials.saturating_sub(1);
        is_denied
    });
    let is_known = |known: &std::collections::BTreeSet<String>| known.contains(account);
    if is_denied || !shared.trust.accounts.as_ref().is_none_or(is_known) {
        let words = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
        return api_error(403, "PERMISSION_DENIED", words);
    }
    let has_scope = request["scope"]
        .as_array()
        .is_some_and(|scopes| !scopes.is_empty());
    let lifetime = request["lifetime"].as_str().unwrap_or("3600s");
    let lifetime = lifetime
        .strip_suffix('s')
        .and_then(|number| number.parse::<i64>().ok());
    let lifetime = lifetime.filter(|seconds| (1..=LONGEST).contains(seconds));
    let (true, Some(lifetime)) = (has_scope, lifetime) else {
        return api_error(
            400,
            "INVALID_ARGUMENT",
            "Request contains an invalid argument: scope or lifetime.",
        );
    };
    let (token, expires) = shared.give(account, Kind::Account, SignedDuration::from_secs(lifetime));
    (
        200,
        json!({ "accessToken": token, "expireTime": expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() }),
    )
}

/// Answers `POST /token`.
pub(super) fn oauth(shared: &Shared, form: &BTreeMap<String, String>, own_address: &str) -> Reply {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let identity = match field("grant_type") {
        "refresh_token" if shared.trust.refresh_tokens.contains(field("refresh_token")) => {
            "a person".to_owned()
        }
        "refresh_token" => {
            return oauth_error("invalid_grant", "Token has been expired or revoked.");
        }
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            match signer(shared, field("assertion"), &format!("{own_address}/token")) {
                Ok(email) => email,
                Err(reply) => return *reply,
            }
        }
        _ => return oauth_error("unsupported_grant_type", "Invalid grant_type"),
    };
    let (token, _) = shared.give(&identity, Kind::Account, SignedDuration::from_secs(LONGEST));
    (
        200,
        json!({ "access_token": token, "expires_in": LONGEST, "token_type": "Bearer" }),
    )
}

fn signer(shared: &Shared, assertion: &str, audience: &str) -> Result<String, Box<Reply>> {
    let refuse = |words: &str| Err(Box::new(oauth_error("invalid_grant", words)));
    let claimed = jwt::claims(assertion).unwrap_or_default();
    let email = claimed["iss"].as_str().unwrap_or_default().to_owned();
    let Some(key) = shared.trust.keys.get(&email) else {
        return refuse("Invalid grant: account not found");
    };
    let Some(claims) = jwt::verify_rsa(assertion, key) else {
        return refuse("Invalid JWT Signature.");
    };
    let time = |name: &str| claims[name].as_i64().unwrap_or_default();
    let now = shared.clock.now().as_second();
    let is_timely = (time("iat") - now).abs() <= LEEWAY
        && time("exp") > now
        && time("exp") - time("iat") <= LONGEST;
    if !is_timely {
        return refuse(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp \
             values in the JWT claim.",
        );
    }
    if claims["aud"] != audience || claims["scope"].as_str().is_none_or(str::is_empty) {
        return refuse("Invalid JWT: aud or scope.");
    }
    Ok(email)
}
