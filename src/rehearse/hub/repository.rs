//! The repository and its refs.

use serde_json::{Value, json};

use super::{
    answer::Answer,
    api::Call,
    pulls::PullRequestState,
    users::{node_id, stable_id, user},
};

/// The name of the branch that is deployed from.
pub(super) const DEFAULT_BRANCH: &str = "main";

/// Addresses below the repository's own: the field and what follows.
const ADDRESSES: [(&str, &str); 37] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    (
        "notifications_url",
        "/notifications{?since,all,participating}",
    ),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
];

/// Answers `GET /repos/…` with what only its own address shows, too.
pub(super) fn read(call: &Call) -> Answer {
    let mut written = repository(call);
    written["network_count"] = json!(0);
    written["subscribers_count"] = json!(0);
    Answer::ok(written)
}

/// Writes the repository as other objects show it.
pub(super) fn repository(call: &Call) -> Value {
    let full_name = &call.hub.repository;
    let (owner, name) = full_name.split_once('/').unwrap_or((full_name, full_name));
    let id = stable_id(full_name);
    let html = format!("https://github.com/{full_name}");
    let mut repository = json!({
        "id": id,
        "node_id": node_id("R", id),
        "name": name,
        "full_name": full_name,
        "owner": user(&call.base, owner),
        "private": false,
        "visibility": "public",
        "html_url": html,
        "git_url": format!("git://github.com/{full_name}.git"),
        "ssh_url": format!("git@github.com:{full_name}.git"),
        "clone_url": format!("{html}.git"),
        "svn_url": html,
        "mirror_url": null,
        "description": null,
        "homepage": null,
        "language": null,
        "license": null,
        "fork": false,
        "archived": false,
        "disabled": false,
        "is_template": false,
        "default_branch": DEFAULT_BRANCH,
        "topics": [],
        "size": 0,
        "forks": 0,
        "forks_count": 0,
        "stargazers_count": 0,
        "watchers": 0,
        "watchers_count": 0,
        "open_issues": 0,
        "open_issues_count": 0,
        "has_issues": true,
        "has_projects": true,
        "has_wiki": false,
        "has_pages": false,
        "has_downloads": true,
        "has_discussions": false,
        "pushed_at": call.hub.started(),
        "created_at": call.hub.started(),
        "updated_at": call.hub.started(),
    });
    for (field, behind) in ADDRESSES {
        repository[field] = json!(format!("{}{behind}", call.repository_address()));
    }
    repository
}

/// Answers `GET /repos/…/git/ref/…`: the branches that the pull request names, and its head.
pub(super) fn git_ref(call: &Call, name: &str) -> Answer {
    let pull = call.hub.pull_request.as_ref();
    let sha = pull.and_then(|pull| {
        let is_open = pull.state == PullRequestState::Open;
        if name == format!("pull/{}/head", pull.number)
            || (is_open && name == format!("heads/{}", pull.head_branch))
        {
            Some(&pull.head_sha)
        } else if !is_open && name == format!("heads/{}", pull.base_branch) {
            Some(pull.landed_sha())
        } else {
            None
        }
    });
    let Some(sha) = sha else {
        return Answer::not_found("/git/refs#get-a-reference");
    };
    let address = call.repository_address();
    Answer::ok(json!({
        "ref": format!("refs/{name}"),
        "node_id": node_id("REF", stable_id(name)),
        "url": format!("{address}/git/refs/{name}"),
        "object": {
            "type": "commit",
            "sha": sha,
            "url": format!("{address}/git/commits/{sha}"),
        },
    }))
}
