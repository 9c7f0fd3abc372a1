//! What GitHub says of a job to others than Google.

use std::collections::BTreeMap;

use super::{
    CloudError, Services,
    external::{REQUEST_TOKEN, Subject},
};
use crate::secret::Secret;

/// Where a job gets its OIDC tokens for one audience.
#[derive(Debug, Clone)]
pub struct IdTokens {
    subject: Subject,
    services: Services,
}

impl IdTokens {
    /// Reads from the runner's variables where tokens come from; nobody is asked.
    ///
    /// # Errors
    ///
    /// The job may not have any.
    pub fn new(
        audience: &str,
        variables: &BTreeMap<String, String>,
        services: Services,
    ) -> Result<Self, CloudError> {
        Ok(Self {
            subject: Subject::of_job(audience, variables)?,
            services,
        })
    }

    /// Asks for a token. It lives for minutes.
    ///
    /// # Errors
    ///
    /// None is to be had.
    pub async fn ask(&self) -> Result<Secret, CloudError> {
        self.subject.token(&self.services).await
    }

    /// Returns what must not be seen of a job's identity: the token that asks GitHub for others.
    pub fn secrets(variables: &BTreeMap<String, String>) -> Vec<(String, Secret)> {
        let token = variables
            .get(REQUEST_TOKEN)
            .filter(|token| !token.is_empty());
        token
            .map(|token| (REQUEST_TOKEN.to_owned(), Secret::new(token)))
            .into_iter()
            .collect()
    }

    /// Returns the time, as whoever asks has it.
    pub fn now(&self) -> jiff::Timestamp {
        self.services.clock.now()
    }
}
