//! The identity of a machine on Google Cloud, from its metadata server.

use jiff::SignedDuration;

use super::{AccessToken, CloudError, Refusal, Services, key::Given};

/// Who knows a machine's identity.
const SERVER: &str = "the metadata server";

/// The name under which machines on Google Cloud find it.
pub(super) const USUAL_HOST: &str = "metadata.google.internal";

/// A machine's own identity.
#[derive(Debug)]
pub(super) struct Metadata {
    url: String,
    /// No proxy leads to it.
    http: reqwest::Client,
}

impl Metadata {
    pub(super) fn at(host: &str, services: &Services) -> Self {
        let direct = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Self {
            url: format!(
                "http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
            ),
            http: direct.unwrap_or_else(|_| services.http.clone()),
        }
    }

    pub(super) async fn fetch(&self, services: &Services) -> Result<AccessToken, CloudError> {
        let asked = services.clock.now();
        let ask = || self.http.get(&self.url).header("Metadata-Flavor", "Google");
        let answer = services.ask(SERVER, ask, |_| Refusal::Other).await?;
        let given: Given = answer.read(SERVER, "an `access_token` and `expires_in`")?;
        let lifetime = SignedDuration::from_secs(given.expires_in);
        Ok(AccessToken::new(given.access_token.0, asked, lifetime))
    }
}

/// Whether this is a machine on Google Cloud, by what its firmware says; nothing is sent.
pub(super) fn is_google_machine() -> bool {
    std::fs::read_to_string("/sys/class/dmi/id/product_name")
        .is_ok_and(|name| matches!(name.trim(), "Google" | "Google Compute Engine"))
}
