//! GitHub's list of the versions of a package.

use crate::{
    cli::{CliError, Exit, registries::exit_of},
    digest::Digest,
    github::{Client, ClientError, ImageVersions, RunnerContext},
    image::{Listed, RepositoryName},
};

const GHCR: &str = "ghcr.io";

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
    let exit = exit_of(error.kind());
    let failed = CliError::from_error(exit, error);
    match error.hint() {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}
