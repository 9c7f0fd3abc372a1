//! The event that started a workflow.

use std::collections::BTreeMap;

use crate::expression::Value;

/// The event that started the workflow, from `GITHUB_EVENT_NAME` and the file that `GITHUB_EVENT_PATH` names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TriggerEvent {
    /// `push`, `pull_request`, `workflow_dispatch` and so on; `None` outside of a workflow.
    pub name: Option<String>,
    /// `GITHUB_ACTOR`: who caused it.
    pub actor: Option<String>,
    /// The pull request that the event is about, if it is about one.
    pub pull_request: Option<EventPullRequest>,
    /// Inputs of a manual start, as text.
    pub inputs: BTreeMap<String, String>,
    /// The whole payload, `github.event` of expressions.
    pub payload: Value,
}

/// A pull request as events tell it. Events tell more or less of it: only the number is always there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPullRequest {
    /// Its number.
    pub number: u64,
    /// Whether its commits come from another repository, so that secrets are withheld and the token only reads; `None` where
    /// the event does not tell.
    pub is_fork: Option<bool>,
    /// Whether it was merged.
    pub merged: bool,
    /// Whether it is a draft.
    pub draft: bool,
    /// The newest commit of its branch. `GITHUB_SHA` is the merge commit that was made for the check.
    pub head_sha: Option<String>,
}

impl TriggerEvent {
    /// Reads an event from its name and its payload; who caused it is not told by all payloads, and is left open.
    pub fn new(name: impl Into<String>, payload: Value) -> Self {
        let name = name.into();
        Self {
            pull_request: pull_request(&name, &payload),
            inputs: inputs(&payload),
            name: Some(name),
            actor: None,
            payload,
        }
    }
}

fn pull_request(event: &str, payload: &Value) -> Option<EventPullRequest> {
    if let Some(pull_request) = at(payload, "pull_request").filter(|value| is_map(value)) {
        return from_pull_request(pull_request);
    }
    // A comment on a pull request is told as one on an issue, without its commits.
    if let Some(issue) = at(payload, "issue").filter(|issue| issue.get("pull_request").is_some()) {
        return number_of(issue).map(bare);
    }
    if let Some(run) = at(payload, "workflow_run") {
        return from_workflow_run(run);
    }
    if event == "merge_group" {
        let head = at(payload, "merge_group").and_then(|group| text(group, "head_ref"))?;
        return merge_queue_number(head).map(bare);
    }
    None
}

fn from_pull_request(pull_request: &Value) -> Option<EventPullRequest> {
    let repository = |side| {
        let repository = pull_request.get(side)?.get("repo")?;
        text(repository, "full_name").map(str::to_owned)
    };
    let base = repository("base");
    Some(EventPullRequest {
        number: number_of(pull_request)?,
        // The repository of a deleted fork is null: what is not known to be ours is a fork.
        is_fork: base.is_some().then(|| repository("head") != base),
        merged: flag(pull_request, "merged"),
        draft: flag(pull_request, "draft"),
        head_sha: pull_request
            .get("head")
            .and_then(|head| text(head, "sha"))
            .map(str::to_owned),
    })
}

/// A run of another workflow names its pull requests, but none of a fork.
fn from_workflow_run(run: &Value) -> Option<EventPullRequest> {
    let Some(Value::List(pull_requests)) = run.get("pull_requests") else {
        return None;
    };
    let first = pull_requests.first()?;
    Some(EventPullRequest {
        number: number_of(first)?,
        is_fork: Some(false),
        merged: false,
        draft: false,
        head_sha: text(run, "head_sha").map(str::to_owned),
    })
}

/// The branch of a merge queue is named `refs/heads/gh-readonly-queue/BASE/pr-NUMBER-SHA`.
fn merge_queue_number(head: &str) -> Option<u64> {
    let (_, last) = head
        .strip_prefix("refs/heads/gh-readonly-queue/")?
        .rsplit_once("/pr-")?;
    last.split('-').next()?.parse().ok()
}

fn bare(number: u64) -> EventPullRequest {
    EventPullRequest {
        number,
        is_fork: None,
        merged: false,
        draft: false,
        head_sha: None,
    }
}

fn inputs(payload: &Value) -> BTreeMap<String, String> {
    let Some(Value::Map(inputs)) = payload.get("inputs") else {
        return BTreeMap::new();
    };
    inputs
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_plain_text()?)))
        .collect()
}

fn at<'v>(payload: &'v Value, name: &str) -> Option<&'v Value> {
    payload.get(name)
}

fn is_map(value: &Value) -> bool {
    matches!(value, Value::Map(_))
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    match value.get(name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name) == Some(&Value::Boolean(true))
}

fn number_of(value: &Value) -> Option<u64> {
    match value.get("number") {
        // Numbers of pull requests are far below 2^53, up to which a double is exact.
        Some(Value::Number(number)) if *number >= 1.0 && number.fract() == 0.0 => {
            Some(*number as u64)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(name: &str, payload: serde_json::Value) -> Option<EventPullRequest> {
        TriggerEvent::new(name, Value::from(payload)).pull_request
    }

    #[test]
    fn a_pull_request_tells_its_branch_and_whether_it_comes_from_a_fork() {
        let event = |head: serde_json::Value| {
            json!({ "pull_request": {
                "number": 7, "draft": true, "merged": false,
                "head": { "sha": "abc", "repo": head },
                "base": { "repo": { "full_name": "acme/web" } },
            }})
        };
        let own = read("pull_request", event(json!({ "full_name": "acme/web" })));
        assert_eq!(
            own,
            Some(EventPullRequest {
                number: 7,
                is_fork: Some(false),
                merged: false,
                draft: true,
                head_sha: Some("abc".to_owned()),
            })
        );
        for head in [json!({ "full_name": "eve/web" }), json!(null)] {
            let fork = read("pull_request_target", event(head)).expect("it is one");
            assert_eq!(fork.is_fork, Some(true));
        }
    }

    #[test]
    fn other_events_tell_at_least_the_number() {
        let number = |name, payload| read(name, payload).map(|found| found.number);
        let comment = json!({ "issue": { "number": 8, "pull_request": { "url": "u" } } });
        assert_eq!(number("issue_comment", comment), Some(8));
        assert_eq!(
            number("issue_comment", json!({ "issue": { "number": 8 } })),
            None
        );
        let run =
            json!({ "workflow_run": { "head_sha": "d", "pull_requests": [{ "number": 9 }] } });
        assert_eq!(number("workflow_run", run), Some(9));
        assert_eq!(
            number(
                "workflow_run",
                json!({ "workflow_run": { "pull_requests": [] } })
            ),
            None
        );
        let queue = json!({ "merge_group": { "head_ref": "refs/heads/gh-readonly-queue/main/pr-12-0a1b" } });
        assert_eq!(number("merge_group", queue), Some(12));
        assert_eq!(number("push", json!({ "ref": "refs/heads/main" })), None);
    }

    #[test]
    fn inputs_of_a_manual_start_are_text() {
        let payload = json!({ "inputs": { "confirm": "app", "dry": true, "none": null } });
        let event = TriggerEvent::new("workflow_dispatch", Value::from(payload));
        let inputs: Vec<_> = event.inputs.into_iter().collect();
        let expected = [("confirm", "app"), ("dry", "true")];
        assert_eq!(
            inputs,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
