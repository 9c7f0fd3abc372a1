//! What GitHub says of a repository and of a commit, as labels and dates of images want it.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Client, ClientError, client::segment};
use crate::expression::Value;

/// A repository as people know it: the answer of `GET /repos/{owner}/{repo}`, as far as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RepositoryAbout {
    /// Its name, without the owner.
    pub name: Option<String>,
    /// In one sentence.
    pub description: Option<String>,
    /// Its page.
    pub html_url: Option<String>,
    /// Its default branch.
    pub default_branch: Option<String>,
    /// Its licence, where GitHub recognises one.
    pub license: Option<License>,
}

/// A licence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct License {
    /// Its name by SPDX.
    pub spdx_id: Option<String>,
}

impl RepositoryAbout {
    /// Reads what the payload of an event says of its repository.
    pub fn of_payload(payload: &Value) -> Self {
        let repository = payload.get("repository");
        let text = |value: Option<&Value>, name: &str| match value?.get(name)? {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        };
        let license = repository.and_then(|repository| repository.get("license"));
        Self {
            name: text(repository, "name"),
            description: text(repository, "description"),
            html_url: text(repository, "html_url"),
            default_branch: text(repository, "default_branch"),
            license: text(license, "spdx_id").map(|spdx_id| License {
                spdx_id: Some(spdx_id),
            }),
        }
    }
}

#[derive(Deserialize)]
struct CommitAnswer {
    commit: Commit,
}

#[derive(Deserialize)]
struct Commit {
    committer: Option<Committer>,
}

#[derive(Deserialize)]
struct Committer {
    date: Option<Timestamp>,
}

impl Client {
    /// Returns what people know of the repository.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does.
    pub async fn about(&self) -> Result<RepositoryAbout, ClientError> {
        let route = format!("/repos/{}", self.repository());
        self.get("look at the repository", &route).await
    }

    /// Returns when a commit was made; `None` where it tells no time.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does. The job needs `permissions: contents: read`.
    pub async fn commit_date(&self, sha: &str) -> Result<Option<Timestamp>, ClientError> {
        let route = self.in_repository(&format!("commits/{}", segment(sha)));
        let answer: CommitAnswer = self.get("look at the commit", &route).await?;
        Ok(answer.commit.committer.and_then(|committer| committer.date))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_and_a_payload_say_the_same_of_a_repository() {
        let repository = json!({
            "name": "web", "description": null, "html_url": "https://github.com/acme/web",
            "default_branch": "main", "license": { "key": "mit", "spdx_id": "MIT" },
        });
        let answer: RepositoryAbout =
            serde_json::from_value(repository.clone()).expect("it is one");
        let payload = Value::from(json!({ "repository": repository }));
        assert_eq!(RepositoryAbout::of_payload(&payload), answer);
        assert_eq!(answer.description, None);
        for payload in [
            json!(null),
            json!({ "repository": [1] }),
            json!({ "repository": { "license": 1 } }),
        ] {
            assert_eq!(
                RepositoryAbout::of_payload(&Value::from(payload)),
                RepositoryAbout::default()
            );
        }
    }
}
