//! Settings of a repository that a deployment hangs on: environments, secrets by name, the token's rights.

use serde::Deserialize;

use super::{Client, ClientError, client::segment};

/// An environment as it is set up on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentSettings {
    /// How many people and teams may approve.
    pub reviewers: usize,
    /// Whether only some branches and tags may deploy to it.
    pub has_branch_rule: bool,
}

/// What the token may do in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Rights {
    /// Push, and so run workflows.
    #[serde(default)]
    pub push: bool,
    /// Administer, and so set up environments and secrets.
    #[serde(default)]
    pub admin: bool,
}

#[derive(Deserialize)]
struct EnvironmentAnswer {
    #[serde(default)]
    protection_rules: Vec<ProtectionRule>,
    deployment_branch_policy: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct ProtectionRule {
    #[serde(default)]
    reviewers: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct RepositoryAnswer {
    #[serde(default)]
    permissions: Rights,
}

#[derive(Deserialize)]
struct SecretsAnswer {
    #[serde(default)]
    secrets: Vec<SecretAnswer>,
}

#[derive(Deserialize)]
struct SecretAnswer {
    name: String,
}

impl Client {
    /// Returns how an environment is set up; `None` where there is none of that name.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does.
    pub async fn environment(
        &self,
        name: &str,
    ) -> Result<Option<EnvironmentSettings>, ClientError> {
        let what = format!("look at environment `{name}`");
        let route = self.in_repository(&format!("environments/{}", segment(name)));
        match self.get::<EnvironmentAnswer>(&what, &route).await {
            Ok(answer) => Ok(Some(EnvironmentSettings {
                reviewers: answer
                    .protection_rules
                    .iter()
                    .map(|rule| rule.reviewers.len())
                    .sum(),
                has_branch_rule: answer.deployment_branch_policy.is_some(),
            })),
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the names of the secrets of an environment, or of the repository itself. Nobody can read their values.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does; listing them takes a token that may administer.
    pub async fn secret_names(
        &self,
        environment: Option<&str>,
    ) -> Result<Vec<String>, ClientError> {
        let (what, route) = match environment {
            Some(name) => (
                format!("list the secrets of environment `{name}`"),
                format!("environments/{}/secrets?per_page=100", segment(name)),
            ),
            None => (
                "list the secrets of the repository".to_owned(),
                "actions/secrets?per_page=100".to_owned(),
            ),
        };
        let answer: SecretsAnswer = self.get(&what, &self.in_repository(&route)).await?;
        Ok(answer
            .secrets
            .into_iter()
            .map(|secret| secret.name)
            .collect())
    }

    /// Returns what the token may do in the repository.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does.
    pub async fn rights(&self) -> Result<Rights, ClientError> {
        let route = format!("/repos/{}", self.repository());
        let answer: RepositoryAnswer = self.get("look at the repository", &route).await?;
        Ok(answer.permissions)
    }
}
