//! Approvals of a run, as people gave them for its environments.

use serde::Deserialize;

use super::{Client, ClientError};

/// One review of a waiting job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Whether it may go on.
    pub state: ApprovalState,
    /// Who said so.
    pub by: String,
    /// The environments it was said for.
    pub environments: Vec<String>,
    /// What was added in words; may be empty.
    pub comment: String,
}

/// The verdict of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApprovalState {
    /// The job may run.
    Approved,
    /// It may not.
    Rejected,
    /// Nobody has said anything yet.
    Pending,
}

#[derive(Deserialize)]
struct Told {
    state: State,
    #[serde(default)]
    comment: Option<String>,
    #[serde(default)]
    environments: Vec<Named>,
    user: Option<User>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Approved,
    Rejected,
    Pending,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

impl Client {
    /// Returns the reviews of a run's environments.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does. The job needs `permissions: actions: read`.
    pub async fn approvals(&self, run_id: u64) -> Result<Vec<Approval>, ClientError> {
        let what = format!("read the approvals of run {run_id}");
        let route = self.in_repository(&format!("actions/runs/{run_id}/approvals"));
        let told: Vec<Told> = self.get(&what, &route).await?;
        Ok(told.into_iter().map(Approval::from).collect())
    }
}

impl From<Told> for Approval {
    fn from(told: Told) -> Self {
        Self {
            state: match told.state {
                State::Approved => ApprovalState::Approved,
                State::Rejected => ApprovalState::Rejected,
                State::Pending => ApprovalState::Pending,
            },
            // GitHub shows the name `ghost` for an account that is gone.
            by: told
                .user
                .map_or_else(|| "ghost".to_owned(), |user| user.login),
            environments: told
                .environments
                .into_iter()
                .map(|named| named.name)
                .collect(),
            comment: told.comment.unwrap_or_default(),
        }
    }
}
