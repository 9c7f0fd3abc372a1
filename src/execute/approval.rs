//! Approvals of a run, asked of GitHub: a ledger that any job may write proves nothing (`plan-format.md`, 3.14).

use super::{ExecuteError, Run};
use crate::github::{ApprovalState, Client};

impl Run<'_, '_> {
    /// Returns who approved this run for an environment; `None` where nobody did, or where there is no GitHub run.
    pub(super) async fn approved_on_github(
        &self,
        environment: &str,
    ) -> Result<Option<String>, ExecuteError> {
        let runner = &self.world.runner;
        let (Some(run), Some(client)) = (&runner.run, self.github()?) else {
            return Ok(None);
        };
        let gate = format!("{environment}-approval");
        let approvals = client.approvals(run.id).await?;
        let given = approvals.into_iter().find(|approval| {
            approval.state == ApprovalState::Approved && approval.environments.contains(&gate)
        });
        Ok(given.map(|approval| approval.by))
    }

    /// Returns a client of GitHub where a token and a repository are known.
    pub(super) fn github(&self) -> Result<Option<Client>, ExecuteError> {
        let runner = &self.world.runner;
        let (Some(repository), Some(token)) = (&runner.repository, &runner.token) else {
            return Ok(None);
        };
        Ok(Some(Client::new(
            &runner.servers.api_url,
            repository.clone(),
            token,
        )?))
    }
}
