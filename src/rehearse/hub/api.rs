//! Which resource answers a request.

use std::io;

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    answer::Answer, comments, packages, pulls, rate_limit::Window, repository, runs,
    server::Shared, statuses,
};

/// A request whose token was right.
pub(super) struct Call<'h> {
    pub(super) hub: &'h Shared,
    pub(super) method: Method,
    /// The address of the API as this client uses it, without a slash at its end.
    pub(super) base: String,
    /// The path below the base, as it came.
    pub(super) path: String,
    /// The path's segments, decoded.
    pub(super) segments: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) now: Timestamp,
    pub(super) window: Window,
}

impl Call<'_> {
    /// Returns a parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the address of the repository.
    pub(super) fn repository_address(&self) -> String {
        format!("{}/repos/{}", self.base, self.hub.repository)
    }

    /// Returns a field of the body that is a text; `null` counts as absent.
    pub(super) fn text_field(&self, name: &str, page: &str) -> Result<Option<String>, Answer> {
        let Ok(body) = serde_json::from_str::<Value>(&self.body) else {
            return Err(Answer::refused(
                StatusCode::BAD_REQUEST,
                "Problems parsing JSON",
                page,
            ));
        };
        match &body[name] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            other => {
                let error = json!({
                    "code": "invalid",
                    "field": name,
                    "message": format!("For 'properties/{name}', {other} is not a string."),
                });
                Err(Answer::invalid(error, page))
            }
        }
    }
}

/// Answers a call.
pub(super) fn answer(call: &Call) -> io::Result<Answer> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), segments.as_slice()) {
        ("GET", ["rate_limit"]) => Ok(call.window.answer()),
        // A workflow's token is an installation's: it is nobody.
        ("GET", ["user"]) => Ok(Answer::refused(
            StatusCode::FORBIDDEN,
            "Resource not accessible by integration",
            "/users/users#get-the-authenticated-user",
        )),
        ("GET", ["user", "packages", rest @ ..]) => {
            Ok(packages::answer(call, call.hub.owner(), rest))
        }
        ("GET", ["users" | "orgs", owner, "packages", rest @ ..]) => {
            Ok(packages::answer(call, owner, rest))
        }
        (_, ["repos", owner, name, rest @ ..]) if call.hub.is_repository(owner, name) => {
            of_repository(call, rest)
        }
        _ => Ok(Answer::not_found("")),
    }
}

fn of_repository(call: &Call, rest: &[&str]) -> io::Result<Answer> {
    match (call.method.as_str(), rest) {
        ("GET", []) => Ok(repository::read(call)),
        ("GET", ["issues", number, "comments"]) => comments::list(call, number),
        ("POST", ["issues", number, "comments"]) => comments::create(call, number),
        ("GET", ["issues", "comments", id]) => comments::read(call, id),
        // GitHub takes POST for PATCH, for clients that cannot send PATCH; octocrab's `update_comment` is one.
        ("PATCH" | "POST", ["issues", "comments", id]) => comments::update(call, id),
        ("DELETE", ["issues", "comments", id]) => comments::delete(call, id),
        ("POST", ["statuses", sha]) => statuses::create(call, sha),
        ("GET", ["commits", sha, "statuses"]) => statuses::list(call, sha),
        ("GET", ["commits", sha, "status"]) => statuses::combined(call, sha),
        ("GET", ["commits", sha, "pulls"]) => Ok(pulls::of_commit(call, sha)),
        ("GET", ["pulls"]) => Ok(pulls::list(call)),
        ("GET", ["pulls", number]) => Ok(pulls::read(call, number)),
        ("GET", ["git", "ref", name @ ..]) => Ok(repository::git_ref(call, &name.join("/"))),
        ("GET", ["actions", "runs"]) => runs::list(call),
        ("GET", ["actions", "runs", id]) => runs::read(call, id),
        ("GET", ["actions", "runs", id, "jobs"]) => runs::jobs(call, id, None),
        ("GET", ["actions", "runs", id, "attempts", attempt, "jobs"]) => {
            runs::jobs(call, id, Some(attempt))
        }
        ("GET", ["actions", "runs", id, "approvals"]) => runs::approvals(call, id),
        _ => Ok(Answer::not_found("")),
    }
}

/// Writes a time as GitHub does, to the second.
pub(super) fn written_at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Tells whether a text is a whole SHA-1 of a commit.
pub(super) fn is_sha(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
