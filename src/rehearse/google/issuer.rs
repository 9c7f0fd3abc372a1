//! GitHub's side: OIDC tokens for a job.

use jiff::SignedDuration;
use serde_json::json;

use super::state::{ISSUER, Reply, Shared};

/// How long GitHub's tokens live.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// Answers `GET …&audience=A`.
pub(super) fn answer(shared: &Shared, bearer: Option<&str>, audience: Option<&str>) -> Reply {
    if bearer != Some(shared.request_token.expose()) {
        return (
            401,
            json!({ "message": "the request token is not this job's" }),
        );
    }
    if shared.change(|changing| changing.job_is_over) {
        let message = "Can't issue ID_TOKEN for job in 'Completed' state";
        return (403, json!({ "message": message }));
    }
    let now = shared.issuer_clock.now();
    let claims = json!({
        "iss": shared.trust.issuer.as_deref().unwrap_or(ISSUER),
        "sub": shared.trust.subject,
        "aud": audience.unwrap_or("https://github.com/rehearsal"),
        "iat": now.as_second(),
        "nbf": now.as_second(),
        "exp": (now + LIFETIME).as_second(),
    });
    match shared.key.sign(&claims) {
        Ok(token) => (200, json!({ "count": 1, "value": token })),
        Err(error) => (500, json!({ "message": error.to_string() })),
    }
}
