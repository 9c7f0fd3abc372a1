//! An identity, and the token that it has at the moment.

use std::{collections::BTreeMap, path::Path};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::{
    CloudError, CredentialFile, Federation, Services,
    default_credentials::{self, Found},
    external::External,
    key::Key,
    metadata::Metadata,
    refresh::Refresh,
};
use crate::secret::Secret;

/// A new token is fetched when the last one has no more than a fifth of its life left, and no more than this: a federated one of five
/// minutes is replaced after four, one of an hour five minutes before its end.
const LONGEST_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// Who a job is on Google Cloud. One identity is shared by all who need it.
#[derive(Debug)]
pub struct GoogleIdentity {
    source: Source,
    services: Services,
    /// Held while a new one is fetched: who else needs one waits for the same.
    held: Mutex<Option<AccessToken>>,
}

/// Where tokens come from.
#[derive(Debug)]
pub(super) enum Source {
    External(External),
    Key(Key),
    Refresh(Refresh),
    Metadata(Metadata),
}

/// A token that opens Google's services for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    secret: Secret,
    expires: Timestamp,
    margin: SignedDuration,
}

impl AccessToken {
    /// Takes a token that was asked for at a time and lives so long from there.
    pub(super) fn new(secret: Secret, asked: Timestamp, lifetime: SignedDuration) -> Self {
        let lifetime = lifetime.max(SignedDuration::ZERO);
        Self {
            secret,
            expires: asked.saturating_add(lifetime).unwrap_or(asked),
            margin: (lifetime / 5).min(LONGEST_MARGIN),
        }
    }

    /// Returns the token.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Returns when it ends.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.expires.duration_since(now) > self.margin
    }
}

impl GoogleIdentity {
    /// A job of GitHub that a provider knows. The runner's variables say where its OIDC tokens come from.
    ///
    /// # Errors
    ///
    /// The job may not have any.
    pub fn federated(
        federation: &Federation,
        variables: &BTreeMap<String, String>,
        services: Services,
    ) -> Result<Self, CloudError> {
        let external = federation.external(variables, &services.addresses)?;
        Ok(Self::of(Source::External(external), services))
    }

    /// Application default credentials: the file that GOOGLE_APPLICATION_CREDENTIALS names, the one that gcloud keeps, or the machine's
    /// own on Google Cloud.
    ///
    /// # Errors
    ///
    /// There are none, or a file of them cannot be used.
    pub fn by_default(
        variables: &BTreeMap<String, String>,
        services: Services,
    ) -> Result<Self, CloudError> {
        let Found { source, universe } = default_credentials::find(variables, &services)?;
        let mut services = services;
        if let Some(universe) = universe
            && services.addresses == super::Addresses::default()
        {
            services.addresses = super::Addresses::of_universe(&universe);
        }
        Ok(Self::of(source, services))
    }

    fn of(source: Source, services: Services) -> Self {
        Self {
            source,
            services,
            held: Mutex::new(None),
        }
    }

    /// Returns a token that is good for a while yet.
    ///
    /// # Errors
    ///
    /// None is to be had.
    pub async fn token(&self) -> Result<AccessToken, CloudError> {
        self.token_besides(None).await
    }

    /// Returns another token than one that was not accepted, whatever our clock says of that.
    ///
    /// # Errors
    ///
    /// None is to be had.
    pub async fn token_in_place_of(&self, refused: &Secret) -> Result<AccessToken, CloudError> {
        self.token_besides(Some(refused)).await
    }

    async fn token_besides(&self, refused: Option<&Secret>) -> Result<AccessToken, CloudError> {
        let mut held = self.held.lock().await;
        let now = self.services.clock.now();
        if let Some(token) = held.as_ref()
            && token.is_fresh(now)
            && refused != Some(&token.secret)
        {
            return Ok(token.clone());
        }
        let token = match &self.source {
            Source::External(external) => external.fetch(&self.services).await,
            Source::Key(key) => key.fetch(&self.services).await,
            Source::Refresh(refresh) => refresh.fetch(&self.services).await,
            Source::Metadata(metadata) => metadata.fetch(&self.services).await,
        }?;
        *held = Some(token.clone());
        Ok(token)
    }

    /// Writes a file by which Google's own libraries are this identity too, in a folder. `None` where they find the same
    /// by themselves: application default credentials.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn credential_file(&self, folder: &Path) -> Result<Option<CredentialFile>, CloudError> {
        match &self.source {
            Source::External(external) if external.asked_audience.is_some() => {
                CredentialFile::create(folder, external).map(Some)
            }
            Source::External(_) | Source::Key(_) | Source::Refresh(_) | Source::Metadata(_) => {
                Ok(None)
            }
        }
    }
}
