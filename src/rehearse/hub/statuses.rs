//! Statuses of commits.

use std::io;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    answer::Answer,
    api::{Call, is_sha, written_at},
    page,
    repository::repository,
    users::{ACTIONS_BOT, node_id, user},
};

/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 140;
const STATES: [&str; 4] = ["error", "failure", "pending", "success"];

/// A status as the hub keeps it; a commit keeps all that were ever set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitStatus {
    /// Its id.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// `error`, `failure`, `pending` or `success`.
    pub state: String,
    /// What tells statuses of one commit apart.
    pub context: String,
    /// What is shown beside it.
    pub description: Option<String>,
    /// Where it leads to.
    pub target_url: Option<String>,
    /// When it was set.
    pub created_at: Timestamp,
}

/// Answers `POST /repos/…/statuses/{sha}`.
pub(super) fn create(call: &Call, sha: &str) -> io::Result<Answer> {
    let page = "/commits/statuses#create-a-commit-status";
    if !is_sha(sha) {
        let message = format!("No commit found for SHA: {sha}");
        return Ok(Answer::refused(
            StatusCode::UNPROCESSABLE_ENTITY,
            &message,
            page,
        ));
    }
    let mut status = match read_status(call, sha, page) {
        Ok(status) => status,
        Err(refused) => return Ok(refused),
    };
    let status = call.hub.state.change(|state| {
        status.id = state.next_id();
        state.statuses.push(status.clone());
        status
    })?;
    Ok(Answer::json(StatusCode::CREATED, write(call, &status)))
}

fn read_status(call: &Call, sha: &str, page: &str) -> Result<CommitStatus, Answer> {
    let refuse = |field: &str, message: &str| {
        let error =
            json!({"resource": "Status", "code": "custom", "field": field, "message": message});
        Answer::invalid(error, page)
    };
    let state = call.text_field("state", page)?.unwrap_or_default();
    if !STATES.contains(&state.as_str()) {
        return Err(refuse("state", "state is not included in the list"));
    }
    let description = call.text_field("description", page)?;
    let is_too_long = |text: &String| text.chars().count() > LONGEST_DESCRIPTION;
    if description.as_ref().is_some_and(is_too_long) {
        let message =
            format!("description is too long (maximum is {LONGEST_DESCRIPTION} characters)");
        return Err(refuse("description", &message));
    }
    let context = call.text_field("context", page)?;
    Ok(CommitStatus {
        id: 0,
        sha: sha.to_owned(),
        state,
        context: context.unwrap_or_else(|| "default".to_owned()),
        description,
        target_url: call.text_field("target_url", page)?,
        created_at: call.now,
    })
}

/// Answers `GET /repos/…/commits/{sha}/statuses`, newest first.
pub(super) fn list(call: &Call, sha: &str) -> io::Result<Answer> {
    let state = call.hub.state.read()?;
    let of_commit = state
        .statuses
        .iter()
        .rev()
        .filter(|status| status.sha == sha);
    let written = of_commit.map(|status| write(call, status)).collect();
    Ok(page::list(call, written, Value::Array))
}

/// Answers `GET /repos/…/commits/{sha}/status`: the newest of each context, and what they amount to.
pub(super) fn combined(call: &Call, sha: &str) -> io::Result<Answer> {
    let state = call.hub.state.read()?;
    let mut newest: Vec<&CommitStatus> = Vec::new();
    for status in state.statuses.iter().rev() {
        let is_known = newest.iter().any(|found| found.context == status.context);
        if status.sha == sha && !is_known {
            newest.push(status);
        }
    }
    let any = |states: &[&str]| {
        let is_one = |status: &&CommitStatus| states.contains(&status.state.as_str());
        newest.iter().any(is_one)
    };
    let total = if any(&["error", "failure"]) {
        "failure"
    } else if newest.is_empty() || any(&["pending"]) {
        "pending"
    } else {
        "success"
    };
    let address = call.repository_address();
    let written = newest.iter().map(|status| write(call, status)).collect();
    Ok(page::list(call, written, |statuses| {
        json!({
            "state": total,
            "sha": sha,
            "total_count": newest.len(),
            "statuses": statuses,
            "repository": repository(call),
            "commit_url": format!("{address}/commits/{sha}"),
            "url": format!("{address}/commits/{sha}/status"),
        })
    }))
}

fn write(call: &Call, status: &CommitStatus) -> Value {
    let creator = user(&call.base, ACTIONS_BOT);
    json!({
        "id": status.id,
        "node_id": node_id("SC", status.id),
        "url": format!("{}/statuses/{}", call.repository_address(), status.sha),
        "avatar_url": creator["avatar_url"],
        "state": status.state,
        "context": status.context,
        "description": status.description,
        "target_url": status.target_url,
        "creator": creator,
        "created_at": written_at(status.created_at),
        "updated_at": written_at(status.created_at),
    })
}
