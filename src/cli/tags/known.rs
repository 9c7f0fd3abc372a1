//! Which tags are there already, in registries and in git, and which of ours therefore stay where they are.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::{Asked, in_words};
use crate::{
    cli::{CliError, Environment, Exit},
    image::{
        Access, Credentials, ImageError, KnownTags, LeftTag, RegistryClient, RegistryTags,
        RepositoryName, RetryPolicy, TagImages, TagNames, http_client,
    },
};

const USER_AGENT: &str = concat!("deploy-action/", env!("CARGO_PKG_VERSION"));
/// A registry that is silent this often stays so for as long as anybody wants to wait for names of tags.
const TRIES: u32 = 2;

/// Tags that stay where they are, by image.
#[derive(Debug, Default)]
pub(super) struct Left {
    by_image: BTreeMap<String, Vec<LeftTag>>,
    pub(super) warnings: Vec<String>,
}

impl Left {
    /// Whether a tag of an image stays where it is.
    pub(super) fn holds(&self, image: &str, tag: &str) -> bool {
        let left = self.by_image.get(image).map_or(&[][..], Vec::as_slice);
        left.iter().any(|left| left.tag == tag)
    }
}

/// Asks the registry of each image, and git, where a tag of these moves from version to version.
pub(super) async fn left(
    asked: &Asked,
    environment: &Environment,
    images: &TagImages,
    names: &TagNames,
) -> Result<Left, CliError> {
    let mut left = Left::default();
    if !names.floats() {
        return Ok(left);
    }
    let git = super::event::git_lines(environment, Utf8Path::new("."), &["tag", "--list"]).await?;
    for image in images.names() {
        let repository: RepositoryName = image
            .parse()
            .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
        let known = KnownTags {
            git: git.clone(),
            registry: ask(asked, &repository).await?,
        };
        let of_image = names.left(&known);
        for tag in &of_image {
            left.warnings.push(format!(
                "`{image}:{}` stays where it is: {}",
                tag.tag, tag.because
            ));
        }
        left.by_image.insert(image.clone(), of_image);
    }
    Ok(left)
}

async fn ask(asked: &Asked, repository: &RepositoryName) -> Result<RegistryTags, CliError> {
    let http = http_client(USER_AGENT).map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    let mut client = RegistryClient::new(http).with_retries(RetryPolicy {
        attempts: TRIES,
        ..RetryPolicy::default()
    });
    if let Some(token) = asked.runner.token.clone()
        && repository.registry() == "ghcr.io"
    {
        let actor = asked.runner.event.actor.clone();
        client = client.with_credentials(
            "ghcr.io",
            Credentials {
                username: actor.unwrap_or_else(|| "token".to_owned()),
                password: token,
            },
        );
    }
    let listed = match client.repository(repository, Access::Pull) {
        Ok(repository) => repository.tags().await,
        Err(error) => Err(error),
    };
    Ok(match listed {
        Ok(tags) => RegistryTags::Listed(tags),
        // Nothing was pushed there yet.
        Err(ImageError::Missing { .. }) => RegistryTags::Listed(Vec::new()),
        Err(error) => RegistryTags::Silent {
            because: in_words(&error),
        },
    })
}
