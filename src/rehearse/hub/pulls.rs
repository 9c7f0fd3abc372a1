//! The pull request.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{
    answer::Answer,
    api::{Call, is_sha},
    page,
    repository::repository,
    users::{node_id, stable_id, user},
};

/// The pull request of the repository. It is given at the start and never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number, which is also that of the issue that comments stand on.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub state: PullRequestState,
    /// Who opened it.
    pub author: String,
    /// The branch it comes from.
    pub head_branch: String,
    /// The commit it ends with.
    pub head_sha: String,
    /// The branch it goes to.
    pub base_branch: String,
    /// The commit that it became on the base branch; `None` where that is the head itself.
    pub merge_commit_sha: Option<String>,
}

/// Where a pull request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullRequestState {
    /// Open, ready for review.
    Open,
    /// Closed by a merge.
    Merged,
    /// Closed without a merge.
    Closed,
}

impl PullRequest {
    /// Returns the commit that stands on the base branch once merged.
    pub(super) fn landed_sha(&self) -> &String {
        self.merge_commit_sha.as_ref().unwrap_or(&self.head_sha)
    }

    fn is_of_commit(&self, sha: &str) -> bool {
        let is_merged = self.state == PullRequestState::Merged;
        sha == self.head_sha || (is_merged && sha == self.landed_sha())
    }

    fn state_word(&self) -> &'static str {
        match self.state {
            PullRequestState::Open => "open",
            PullRequestState::Merged | PullRequestState::Closed => "closed",
        }
    }
}

/// Answers `GET /repos/…/commits/{sha}/pulls`.
pub(super) fn of_commit(call: &Call, sha: &str) -> Answer {
    if !is_sha(sha) {
        let message = format!("No commit found for SHA: {sha}");
        let page = "/commits/commits#list-pull-requests-associated-with-a-commit";
        return Answer::refused(StatusCode::UNPROCESSABLE_ENTITY, &message, page);
    }
    let pulls = call.hub.pull_request.iter();
    let of_commit = pulls.filter(|pull| pull.is_of_commit(sha));
    let written = of_commit.map(|pull| brief(call, pull)).collect();
    page::list(call, written, Value::Array)
}

/// Answers `GET /repos/…/pulls`, by default the open ones.
pub(super) fn list(call: &Call) -> Answer {
    let state = call.parameter("state").unwrap_or("open");
    let pulls = call.hub.pull_request.iter();
    let wanted = pulls.filter(|pull| state == "all" || state == pull.state_word());
    let written = wanted.map(|pull| brief(call, pull)).collect();
    page::list(call, written, Value::Array)
}

/// Answers `GET /repos/…/pulls/{number}`.
pub(super) fn read(call: &Call, number: &str) -> Answer {
    let pull = call.hub.pull_request.as_ref();
    match pull.filter(|pull| pull.number.to_string() == number) {
        Some(pull) => Answer::ok(full(call, pull)),
        None => Answer::not_found("/pulls/pulls#get-a-pull-request"),
    }
}

/// Writes a pull request with what only its own address shows.
fn full(call: &Call, pull: &PullRequest) -> Value {
    let merged = pull.state == PullRequestState::Merged;
    let mut written = brief(call, pull);
    let more = json!({
        "merged": merged,
        "merged_by": merged.then(|| user(&call.base, &pull.author)),
        "mergeable": if merged { Value::Null } else { json!(true) },
        "mergeable_state": if merged { "unknown" } else { "clean" },
        "rebaseable": null,
        "comments": 0,
        "review_comments": 0,
        "maintainer_can_modify": false,
        "commits": 1,
        "additions": 0,
        "deletions": 0,
        "changed_files": 0,
    });
    if let (Value::Object(written), Value::Object(more)) = (&mut written, more) {
        written.extend(more);
    }
    written
}

/// Writes a pull request as lists show it.
fn brief(call: &Call, pull: &PullRequest) -> Value {
    let address = call.repository_address();
    let number = pull.number;
    let id = stable_id(&format!("{}#{number}", call.hub.repository));
    let html = format!("https://github.com/{}/pull/{number}", call.hub.repository);
    let is_closed = pull.state != PullRequestState::Open;
    let is_merged = pull.state == PullRequestState::Merged;
    let landed = is_merged.then(|| pull.landed_sha().clone());
    json!({
        "id": id,
        "node_id": node_id("PR", id),
        "number": number,
        "url": format!("{address}/pulls/{number}"),
        "html_url": html,
        "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"),
        "issue_url": format!("{address}/issues/{number}"),
        "commits_url": format!("{address}/pulls/{number}/commits"),
        "review_comments_url": format!("{address}/pulls/{number}/comments"),
        "review_comment_url": format!("{address}/pulls/comments{{/number}}"),
        "comments_url": format!("{address}/issues/{number}/comments"),
        "statuses_url": format!("{address}/statuses/{}", pull.head_sha),
        "state": pull.state_word(),
        "locked": false,
        "active_lock_reason": null,
        "title": pull.title,
        "body": null,
        "user": user(&call.base, &pull.author),
        "author_association": "CONTRIBUTOR",
        "labels": [],
        "milestone": null,
        "assignee": null,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "draft": false,
        "auto_merge": null,
        "created_at": call.hub.started(),
        "updated_at": call.hub.started(),
        "closed_at": is_closed.then(|| call.hub.started()),
        "merged_at": is_merged.then(|| call.hub.started()),
        "merge_commit_sha": landed,
        "head": branch(call, &pull.head_branch, &pull.head_sha),
        "base": branch(call, &pull.base_branch, pull.landed_sha()),
        "_links": links(&address, &html, pull),
    })
}

fn branch(call: &Call, name: &str, sha: &str) -> Value {
    let repository = repository(call);
    let owner = repository["owner"].clone();
    let label = format!("{}:{name}", owner["login"].as_str().unwrap_or_default());
    json!({"label": label, "ref": name, "sha": sha, "user": owner, "repo": repository})
}

fn links(address: &str, html: &str, pull: &PullRequest) -> Value {
    let number = pull.number;
    let link = |href: String| json!({ "href": href });
    json!({
        "self": link(format!("{address}/pulls/{number}")),
        "html": link(html.to_owned()),
        "issue": link(format!("{address}/issues/{number}")),
        "comments": link(format!("{address}/issues/{number}/comments")),
        "review_comments": link(format!("{address}/pulls/{number}/comments")),
        "review_comment": link(format!("{address}/pulls/comments{{/number}}")),
        "commits": link(format!("{address}/pulls/{number}/commits")),
        "statuses": link(format!("{address}/statuses/{}", pull.head_sha)),
    })
}
