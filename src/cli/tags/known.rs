//! Which tags are there already, in registries and in git, and which of ours therefore stay where they are.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::in_words;
use crate::{
    cli::{CliError, Environment, Exit, registries::registry_client},
    image::{
        Access, ImageError, KnownTags, LeftTag, RegistryTags, RepositoryName, RetryPolicy,
        TagImages, TagNames,
    },
};

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
            registry: ask(&repository, environment).await?,
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

/// Asks one registry, and git.
pub(super) async fn of_repository(
    repository: &RepositoryName,
    environment: &Environment,
) -> Result<KnownTags, CliError> {
    let listed = ["tag", "--list"];
    Ok(KnownTags {
        git: super::event::git_lines(environment, Utf8Path::new("."), &listed).await?,
        registry: ask(repository, environment).await?,
    })
}

async fn ask(
    repository: &RepositoryName,
    environment: &Environment,
) -> Result<RegistryTags, CliError> {
    let pace = RetryPolicy {
        attempts: TRIES,
        ..RetryPolicy::default()
    };
    let client = registry_client([repository.registry()], environment, pace)?;
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
