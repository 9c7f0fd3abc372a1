//! The registry, and GitHub's list of its packages.

use camino::Utf8Path;

use crate::{
    cli::{CliError, Environment, Exit},
    digest::Digest,
    event::FailureKind,
    execute::{StandIns, stand_in},
    github::{Client, ClientError, ImageVersions, RunnerContext},
    image::{
        Credentials, Endpoints, ImageError, Listed, RegistryClient, RepositoryName, http_client,
    },
};

const GHCR: &str = "ghcr.io";

/// Returns a client that knows where stand-ins are, and on ghcr.io the job's token.
pub(super) fn registry_client(
    name: &RepositoryName,
    runner: &RunnerContext,
    environment: &Environment,
) -> Result<RegistryClient, CliError> {
    let stand_ins = match environment.get(stand_in::VARIABLE) {
        Some(path) => StandIns::read(Utf8Path::new(path))
            .map_err(|error| CliError::from_error(Exit::Usage, &error))?,
        None => StandIns::default(),
    };
    let mut endpoints = Endpoints::default();
    for (host, server) in &stand_ins.registries {
        let url = server
            .url
            .parse()
            .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
        endpoints = endpoints.lead(host, url);
    }
    let http = http_client(concat!("deploy-action/", env!("CARGO_PKG_VERSION")))
        .map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    let client = RegistryClient::new(http).with_endpoints(endpoints);
    let token = runner.token.clone().filter(|_| name.registry() == GHCR);
    Ok(match token {
        Some(password) => {
            let username = runner.event.actor.clone();
            let username = username.unwrap_or_else(|| "token".to_owned());
            client.with_credentials(GHCR, Credentials { username, password })
        }
        None => client,
    })
}

/// What a failure of a registry ends the program with.
pub(super) fn image_error(error: &ImageError) -> CliError {
    let failed = CliError::from_error(of_kind(error.kind()), error);
    match error.hint() {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

fn of_kind(kind: FailureKind) -> Exit {
    match kind {
        FailureKind::Unavailable | FailureKind::Timeout | FailureKind::Quota => Exit::Unavailable,
        FailureKind::Internal => Exit::Bug,
        _ => Exit::Failed,
    }
}

/// A package of GitHub's registry, which deletes by its own API and no other.
pub(super) struct Package {
    client: Client,
    versions: ImageVersions,
}

impl Package {
    pub(super) async fn of(
        name: &RepositoryName,
        runner: &RunnerContext,
    ) -> Result<Option<Self>, CliError> {
        if name.registry() != GHCR {
            return Ok(None);
        }
        let needed = |what: &str, hint: &str| CliError::new(Exit::Usage, what).hint(hint);
        let Some(token) = &runner.token else {
            return Err(needed(
                "the versions of a package are listed with a token, and there is none",
                "set GITHUB_TOKEN; in a workflow `permissions: packages: read`, to delete `packages: write`",
            ));
        };
        let Some((owner, package)) = name.path().split_once('/') else {
            return Err(needed(
                "a package on ghcr.io belongs to somebody",
                "such as `--repository ghcr.io/acme/api`",
            ));
        };
        let repository = format!("{owner}/{}", package.replace('/', "-"))
            .parse()
            .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
        let failed = |error| client_error(&error);
        let client = Client::new(&runner.servers.api_url, repository, token).map_err(failed)?;
        let versions = client
            .image_versions(owner, package)
            .await
            .map_err(failed)?;
        Ok(Some(Self { client, versions }))
    }

    /// Versions that are no manifests by the digests that we know are left out.
    pub(super) fn listed(&self) -> Vec<Listed> {
        let versions = self.versions.versions.iter();
        versions
            .filter_map(|version| {
                let tags = version.tags().iter();
                Some(Listed {
                    digest: version.name.parse().ok()?,
                    tags: tags.filter_map(|tag| tag.parse().ok()).collect(),
                    created: Some(version.created_at),
                })
            })
            .collect()
    }

    pub(super) async fn delete(&self, digest: Digest) -> Result<bool, CliError> {
        let name = digest.to_string();
        let mut versions = self.versions.versions.iter();
        match versions.find(|version| version.name == name) {
            Some(version) => self
                .client
                .delete_image_version(&self.versions, version)
                .await
                .map_err(|error| client_error(&error)),
            None => Ok(false),
        }
    }
}

fn client_error(error: &ClientError) -> CliError {
    let exit = of_kind(error.kind());
    let failed = CliError::from_error(exit, error);
    match error.hint() {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}
