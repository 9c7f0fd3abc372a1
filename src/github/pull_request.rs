//! Pull requests, as the API tells them.

use serde::Deserialize;

use super::{Client, ClientError, client::segment};

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its page.
    pub url: String,
    /// Whether it is open, closed or merged.
    pub state: PullRequestState,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether its commits come from another repository, also where that one is gone.
    pub is_fork: bool,
    /// The branch with its commits.
    pub head_ref: String,
    /// The newest of its commits.
    pub head_sha: String,
    /// The branch that it is to be merged into.
    pub base_ref: String,
}

/// Where a pull request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PullRequestState {
    /// It is merged.
    Merged,
    /// It can be merged.
    Open,
    /// It was given up.
    Closed,
}

#[derive(Deserialize)]
struct Told {
    number: u64,
    #[serde(default)]
    title: String,
    html_url: String,
    state: String,
    #[serde(default)]
    draft: bool,
    merged_at: Option<String>,
    head: Side,
    base: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    repo: Option<SideRepository>,
}

#[derive(Deserialize, PartialEq)]
struct SideRepository {
    full_name: String,
}

impl Client {
    /// Returns the pull requests that brought a commit, merged ones first, then open ones, each by number.
    ///
    /// A squash merge makes a commit that is in no branch of the pull request; GitHub knows it all the same.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does, also where it does not know the commit.
    pub async fn pull_requests_of_commit(
        &self,
        sha: &str,
    ) -> Result<Vec<PullRequest>, ClientError> {
        let what = format!("find the pull request of commit {sha}");
        let route = self.in_repository(&format!("commits/{}/pulls", segment(sha)));
        let told: Vec<Told> = self.all_pages(&what, &route).await?;
        let mut pull_requests: Vec<_> = told.into_iter().map(PullRequest::from).collect();
        pull_requests.sort_by_key(|pull_request| (pull_request.state, pull_request.number));
        Ok(pull_requests)
    }

    /// Returns one pull request.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does.
    pub async fn pull_request(&self, number: u64) -> Result<PullRequest, ClientError> {
        let what = format!("read pull request {number}");
        let route = self.in_repository(&format!("pulls/{number}"));
        let told: Told = self.get(&what, &route).await?;
        Ok(PullRequest::from(told))
    }
}

impl From<Told> for PullRequest {
    fn from(told: Told) -> Self {
        let state = match told.state.as_str() {
            _ if told.merged_at.is_some() => PullRequestState::Merged,
            "open" => PullRequestState::Open,
            _ => PullRequestState::Closed,
        };
        Self {
            number: told.number,
            title: told.title,
            url: told.html_url,
            state,
            draft: told.draft,
            is_fork: told.head.repo.is_none() || told.head.repo != told.base.repo,
            head_ref: told.head.name,
            head_sha: told.head.sha,
            base_ref: told.base.name,
        }
    }
}
