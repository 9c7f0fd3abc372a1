//! Statuses of commits.

use serde::Serialize;

use super::{
    Client, ClientError,
    client::{Call, Method, Repeat, segment},
};

/// Longest description that GitHub takes, in characters.
const LONGEST_DESCRIPTION: usize = 140;

/// What a commit's list of checks shows of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// How it stands.
    pub state: CommitState,
    /// The name of the status; a later one of the same name replaces it.
    pub context: String,
    /// One line; cut after 140 characters.
    pub description: String,
    /// The page that tells more.
    pub url: Option<String>,
}

/// How a commit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitState {
    /// It is not decided.
    Pending,
    /// It is good.
    Success,
    /// It is not.
    Failure,
    /// It could not be found out.
    Error,
}

#[derive(Serialize)]
struct NewStatus<'s> {
    state: CommitState,
    context: &'s str,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_url: Option<&'s str>,
}

impl Client {
    /// Sets a status of a commit: see [`super::RunnerContext::visible_sha`] for the one that people look at.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does. The job needs `permissions: statuses: write`.
    pub async fn set_status(&self, sha: &str, status: &CommitStatus) -> Result<(), ClientError> {
        let what = format!("set the status of commit {sha}");
        let call = Call {
            what: &what,
            method: Method::Post,
            route: &self.in_repository(&format!("statuses/{}", segment(sha))),
            // The same status twice is shown once.
            repeat: Repeat::Always,
        };
        let body = NewStatus {
            state: status.state,
            context: &status.context,
            description: status
                .description
                .chars()
                .take(LONGEST_DESCRIPTION)
                .collect(),
            target_url: status.url.as_deref(),
        };
        self.send(&call, Some(&body)).await?;
        Ok(())
    }
}
