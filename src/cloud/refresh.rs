//! A person's login: a refresh token, as `gcloud auth application-default login` leaves it.

use jiff::SignedDuration;
use serde::Deserialize;

use super::{AccessToken, CloudError, Refusal, Services, external::Read, key::Given};

/// Who takes refresh tokens.
const OAUTH: &str = "Google's OAuth service";

/// A person's login, as its file holds it.
#[derive(Deserialize)]
pub(super) struct RefreshFile {
    client_id: String,
    client_secret: Read,
    refresh_token: Read,
}

/// A person's login.
pub(super) struct Refresh {
    file: RefreshFile,
    token_uri: String,
}

impl std::fmt::Debug for Refresh {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Refresh")
            .field("token_uri", &self.token_uri)
            .finish_non_exhaustive()
    }
}

impl Refresh {
    pub(super) fn new(file: RefreshFile, oauth: &str) -> Self {
        Self {
            file,
            token_uri: format!("{oauth}/token"),
        }
    }

    pub(super) async fn fetch(&self, services: &Services) -> Result<AccessToken, CloudError> {
        let asked = services.clock.now();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", self.file.client_id.as_str()),
            ("client_secret", self.file.client_secret.0.expose()),
            ("refresh_token", self.file.refresh_token.0.expose()),
        ];
        let ask = || services.http.post(&self.token_uri).form(&form);
        let answer = services
            .ask(OAUTH, ask, |refused| match refused.said.as_str() {
                said if said.starts_with("invalid_grant") => Refusal::Expired,
                said if said.contains("invalid_rapt") => Refusal::Expired,
                _ => Refusal::Other,
            })
            .await?;
        let given: Given = answer.read(OAUTH, "an `access_token` and `expires_in`")?;
        let lifetime = SignedDuration::from_secs(given.expires_in);
        Ok(AccessToken::new(given.access_token.0, asked, lifetime))
    }
}
