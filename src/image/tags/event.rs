//! What rules ask about the event and the commit.

use jiff::Timestamp;

use super::{dialect::Dialect, rule::number_of_javascript};
use crate::expression::Value;

/// What the rules ask about the event and the commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// Name of the event: `push`, `pull_request`, `schedule`.
    pub event_name: String,
    /// The ref that the event is about: `refs/heads/main`, `refs/tags/v1.2.3`, `refs/pull/15/merge`.
    pub git_ref: String,
    /// The commit.
    pub sha: String,
    /// Default branch of the repository, as the event tells it.
    pub default_branch: String,
    /// Default branch for `type=edge`, where GitHub's API told it; else that of the event.
    pub edge_branch: Option<String>,
    /// Branch from which a tag was pushed, or into which a pull request goes; with or without `refs/heads/`.
    pub base_ref: Option<String>,
    /// Number of the pull request.
    pub pull_request: Option<u64>,
    /// When the commit was made, where it is known.
    pub commit_date: Option<Timestamp>,
    /// Characters of a short commit; 7.
    pub short_sha: Option<usize>,
    /// The branches of the repository that are known here, to see two of them become one tag.
    pub branches: Vec<String>,
}

/// An event as a runner tells it.
#[derive(Debug, Clone, Copy)]
pub struct ToldEvent<'e> {
    /// `GITHUB_EVENT_NAME`.
    pub name: &'e str,
    /// `GITHUB_REF`.
    pub git_ref: &'e str,
    /// `GITHUB_SHA`.
    pub sha: &'e str,
    /// `GITHUB_BASE_REF`.
    pub base_ref: Option<&'e str>,
    /// The file that `GITHUB_EVENT_PATH` names.
    pub payload: &'e Value,
    /// Which commit of a pull request is meant.
    pub commit: PullRequestCommit,
}

/// The commits of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PullRequestCommit {
    /// The merge that was made to check it.
    #[default]
    Merge,
    /// The newest of its branch, as `DOCKER_METADATA_PR_HEAD_SHA=true` wants it.
    Head,
}

impl GitFacts {
    /// Reads an event.
    pub fn of_event(event: &ToldEvent<'_>) -> Self {
        let payload = event.payload;
        let base = text(payload, &["pull_request", "base", "ref"]);
        let is_pull_request = event.name.contains("pull_request");
        let base_ref = match event.git_ref.starts_with("refs/tags/") {
            true => text(payload, &["base_ref"]),
            false if is_pull_request => base.or_else(|| event.base_ref.map(str::to_owned)),
            false => None,
        };
        let head = text(payload, &["pull_request", "head", "sha"])
            .filter(|_| event.commit == PullRequestCommit::Head && is_pull_request);
        let sha = head.unwrap_or_else(|| event.sha.to_owned());
        let number =
            number(payload, &["number"]).or_else(|| number(payload, &["pull_request", "number"]));
        Self {
            event_name: event.name.to_owned(),
            git_ref: event.git_ref.to_owned(),
            default_branch: text(payload, &["repository", "default_branch"]).unwrap_or_default(),
            base_ref,
            pull_request: number.filter(|_| is_pull_request),
            commit_date: commit_date(payload, &sha),
            sha,
            ..Self::default()
        }
    }
}

/// Reads `DOCKER_METADATA_SHORT_SHA_LENGTH`.
///
/// # Errors
/// If it is no number; in ours also where it is none of characters.
pub fn short_sha_length(dialect: Dialect, text: &str) -> Result<usize, String> {
    let number = number_of_javascript(text);
    let is_count = number >= 1.0 && number.fract() == 0.0 && number <= 64.0;
    match (dialect, is_count) {
        // A negative one leaves no character there.
        (Dialect::Docker, _) if !number.is_nan() => Ok(number.clamp(0.0, 64.0) as usize),
        (Dialect::Ours, true) => Ok(number as usize),
        _ => Err(format!(
            "`{text}` is no length of a short commit; expected a number from 1 to 64"
        )),
    }
}

/// When the commit was made, where the event lists it.
fn commit_date(payload: &Value, sha: &str) -> Option<Timestamp> {
    let listed = match payload.get("commits") {
        Some(Value::List(commits)) => commits.as_slice(),
        _ => &[],
    };
    let mut told = listed.iter().chain(payload.get("head_commit"));
    let commit = told.find(|commit| text(commit, &["id"]).as_deref() == Some(sha))?;
    text(commit, &["timestamp"])?.parse().ok()
}

fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

fn text(value: &Value, path: &[&str]) -> Option<String> {
    match at(value, path)? {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn number(value: &Value, path: &[&str]) -> Option<u64> {
    match at(value, path)? {
        // Numbers of pull requests are far below 2^53, up to which a double is exact.
        Value::Number(number) if *number >= 1.0 && number.fract() == 0.0 => Some(*number as u64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(
        name: &str,
        git_ref: &str,
        commit: PullRequestCommit,
        payload: serde_json::Value,
    ) -> GitFacts {
        GitFacts::of_event(&ToldEvent {
            name,
            git_ref,
            sha: "aa",
            base_ref: None,
            payload: &Value::from(payload),
            commit,
        })
    }

    #[test]
    fn an_event_tells_its_branch_its_number_and_its_commits_date() {
        let push = facts(
            "push",
            "refs/tags/v1",
            PullRequestCommit::Head,
            json!({
                "base_ref": "refs/heads/main", "repository": { "default_branch": "main" },
                "commits": [{ "id": "bb", "timestamp": "2020-01-01T00:00:00Z" }],
                "head_commit": { "id": "aa", "timestamp": "2022-04-19T11:39:35+02:00" },
            }),
        );
        assert_eq!(push.base_ref.as_deref(), Some("refs/heads/main"));
        assert_eq!(push.default_branch, "main");
        assert_eq!(push.commit_date, "2022-04-19T09:39:35Z".parse().ok());
        let payload = json!({ "number": 15, "pull_request": { "base": { "ref": "main" }, "head": { "sha": "cc" } } });
        for (commit, sha) in [
            (PullRequestCommit::Merge, "aa"),
            (PullRequestCommit::Head, "cc"),
        ] {
            let pull = facts(
                "pull_request",
                "refs/pull/15/merge",
                commit,
                payload.clone(),
            );
            assert_eq!(pull.sha, sha);
            assert_eq!(
                (pull.pull_request, pull.base_ref.as_deref()),
                (Some(15), Some("main"))
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_payload_breaks_it(
            names in proptest::collection::vec("(number|commits|head_commit|id|timestamp|pull_request|base|ref|head|sha|repository|default_branch|base_ref)", 1..6),
            leaf in "\\PC{0,12}",
            number in proptest::num::f64::ANY,
        ) {
            let mut payload = json!([leaf, number, null]);
            for name in names {
                payload = json!({ name: payload, "number": number, "commits": [payload], "base_ref": leaf });
            }
            facts("pull_request", &leaf, PullRequestCommit::Head, payload);
        }
    }

    #[test]
    fn a_length_is_a_number_of_characters() {
        for (text, ours, docker) in [
            ("9", Ok(9), Ok(9)),
            ("64", Ok(64), Ok(64)),
            ("0", Err(()), Ok(0)),
            ("-3", Err(()), Ok(0)),
            ("2.5", Err(()), Ok(2)),
            ("nine", Err(()), Err(())),
        ] {
            let length = |dialect| short_sha_length(dialect, text).map_err(|_| ());
            assert_eq!(
                (length(Dialect::Ours), length(Dialect::Docker)),
                (ours, docker),
                "{text}"
            );
        }
    }

    #[test]
    fn an_event_of_any_shape_is_read() {
        for payload in [
            json!(null),
            json!([1]),
            json!({ "number": -1.5, "commits": [null, 1, { "id": "aa" }], "head_commit": "x", "pull_request": [], "repository": 7 }),
            json!({ "head_commit": { "id": "aa", "timestamp": "yesterday" } }),
        ] {
            let found = facts(
                "pull_request_target",
                "refs/heads/main",
                PullRequestCommit::Head,
                payload,
            );
            assert_eq!((found.sha.as_str(), found.commit_date), ("aa", None));
        }
    }
}
