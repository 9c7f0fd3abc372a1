//! Comments on the pull request.

use std::io;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    answer::Answer,
    api::{Call, written_at},
    page,
    users::{ACTIONS_BOT, node_id, user},
};

/// The longest body of a comment, in characters.
const LONGEST_BODY: usize = 65_536;

/// A comment as the hub keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// Its id, which is never given again.
    pub id: u64,
    /// The number of the issue or pull request it stands on.
    pub issue: u64,
    /// Who wrote it.
    pub author: String,
    /// Its Markdown.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
}

/// Whether a comment is new or edited: GitHub words its refusals differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    New,
    Edited,
}

/// Answers `GET /repos/…/issues/{number}/comments`, oldest first.
pub(super) fn list(call: &Call, number: &str) -> io::Result<Answer> {
    let page = "/issues/comments#list-issue-comments";
    let Some(issue) = existing_issue(call, number) else {
        return Ok(Answer::not_found(page));
    };
    let since: Option<Timestamp> = call.parameter("since").and_then(|text| text.parse().ok());
    let state = call.hub.state.read()?;
    let comments = state
        .comments
        .iter()
        .filter(|comment| comment.issue == issue)
        .filter(|comment| since.is_none_or(|since| comment.updated_at >= since))
        .map(|comment| write(call, comment))
        .collect();
    Ok(page::list(call, comments, Value::Array))
}

/// Answers `POST /repos/…/issues/{number}/comments`.
pub(super) fn create(call: &Call, number: &str) -> io::Result<Answer> {
    let page = "/issues/comments#create-an-issue-comment";
    let Some(issue) = existing_issue(call, number) else {
        return Ok(Answer::not_found(page));
    };
    let body = match checked_body(call, Writing::New, page) {
        Ok(body) => body,
        Err(refused) => return Ok(refused),
    };
    let comment = call.hub.state.change(|state| {
        let comment = Comment {
            id: state.next_id(),
            issue,
            author: ACTIONS_BOT.to_owned(),
            body,
            created_at: call.now,
            updated_at: call.now,
        };
        state.comments.push(comment.clone());
        comment
    })?;
    let written = write(call, &comment);
    Ok(Answer::json(StatusCode::CREATED, written))
}

/// Answers `GET /repos/…/issues/comments/{id}`.
pub(super) fn read(call: &Call, id: &str) -> io::Result<Answer> {
    let state = call.hub.state.read()?;
    let found = state
        .comments
        .iter()
        .find(|comment| comment.id.to_string() == id);
    Ok(match found {
        Some(comment) => Answer::ok(write(call, comment)),
        None => Answer::not_found("/issues/comments#get-an-issue-comment"),
    })
}

/// Answers `PATCH /repos/…/issues/comments/{id}`.
pub(super) fn update(call: &Call, id: &str) -> io::Result<Answer> {
    let page = "/issues/comments#update-an-issue-comment";
    let body = checked_body(call, Writing::Edited, page);
    call.hub.state.change(|state| {
        let found = state
            .comments
            .iter_mut()
            .find(|comment| comment.id.to_string() == id);
        match (found, body) {
            (None, _) => Answer::not_found(page),
            (Some(_), Err(refused)) => refused,
            (Some(comment), Ok(body)) => {
                comment.body = body;
                comment.updated_at = call.now;
                Answer::ok(write(call, comment))
            }
        }
    })
}

/// Answers `DELETE /repos/…/issues/comments/{id}`.
pub(super) fn delete(call: &Call, id: &str) -> io::Result<Answer> {
    call.hub.state.change(|state| {
        let before = state.comments.len();
        state
            .comments
            .retain(|comment| comment.id.to_string() != id);
        if state.comments.len() < before {
            Answer::empty(StatusCode::NO_CONTENT)
        } else {
            Answer::not_found("/issues/comments#delete-an-issue-comment")
        }
    })
}

/// Returns the number, if the pull request has it: there are no other issues.
fn existing_issue(call: &Call, number: &str) -> Option<u64> {
    let number = number.parse().ok()?;
    let pull_request = call.hub.pull_request.as_ref()?;
    (pull_request.number == number).then_some(number)
}

fn checked_body(call: &Call, writing: Writing, page: &str) -> Result<String, Answer> {
    let body = call.text_field("body", page)?.unwrap_or_default();
    let refuse = |message: &str| {
        let error = match writing {
            Writing::New => {
                json!({"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": format!("Body {message}")})
            }
            Writing::Edited => {
                json!({"resource": "IssueComment", "code": "custom", "field": "body", "message": format!("body {message}")})
            }
        };
        Err(Answer::invalid(error, page))
    };
    if body.trim().is_empty() {
        refuse("cannot be blank")
    } else if body.chars().count() > LONGEST_BODY {
        refuse(&format!(
            "is too long (maximum is {LONGEST_BODY} characters)"
        ))
    } else {
        Ok(body)
    }
}

fn write(call: &Call, comment: &Comment) -> Value {
    let (id, issue) = (comment.id, comment.issue);
    let address = call.repository_address();
    let html = format!("https://github.com/{}", call.hub.repository);
    json!({
        "id": id,
        "node_id": node_id("IC", id),
        "url": format!("{address}/issues/comments/{id}"),
        "html_url": format!("{html}/pull/{issue}#issuecomment-{id}"),
        "issue_url": format!("{address}/issues/{issue}"),
        "user": user(&call.base, &comment.author),
        "author_association": "NONE",
        "body": comment.body,
        "created_at": written_at(comment.created_at),
        "updated_at": written_at(comment.updated_at),
        "performed_via_github_app": null,
        "reactions": {
            "url": format!("{address}/issues/comments/{id}/reactions"),
            "total_count": 0, "+1": 0, "-1": 0, "laugh": 0, "hooray": 0, "confused": 0, "heart": 0, "rocket": 0, "eyes": 0,
        },
    })
}
