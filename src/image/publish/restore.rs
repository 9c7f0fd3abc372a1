//! The way back: tags to what they named before.

use super::tags::expect;
use crate::{
    digest::Digest,
    image::{Access, ImageError, ManifestName, RegistryClient, RepositoryName, Tag},
};

/// What became of a tag on the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagBefore {
    /// It names what it named before.
    Restored,
    /// It was new, and is gone.
    Removed,
    /// It names neither the one image nor the other: somebody moved it since, and it stays as it is.
    MovedSince(Digest),
}

/// Moves a tag to an image that the repository has, and reads it back: the way back after a publication.
///
/// # Errors
/// If the image is not there, or the registry refuses, cannot be reached, or sends back something else.
pub async fn move_tag(
    client: &RegistryClient,
    repository: &RepositoryName,
    tag: &Tag,
    to: Digest,
) -> Result<(), ImageError> {
    let repository = client.repository(repository, Access::Push)?;
    let manifest = repository.get_manifest(&ManifestName::Digest(to)).await?;
    let manifest = manifest.ok_or_else(|| ImageError::Missing {
        registry: repository.name().registry().to_owned(),
        what: format!("`{}`", repository.name().pinned(to)),
    })?;
    let name = ManifestName::Tag(tag.clone());
    repository
        .put_manifest(&name, &manifest.media_type, &manifest.bytes)
        .await?;
    expect(&repository, &name, to).await
}

/// Has a tag that a publication moved to `published` name what it named before; a tag that was new is taken away.
///
/// # Errors
/// As [`move_tag`]; and where a registry cannot take a tag away.
pub async fn restore_tag(
    client: &RegistryClient,
    repository: &RepositoryName,
    tag: &Tag,
    published: Digest,
    before: Option<Digest>,
) -> Result<TagBefore, ImageError> {
    let here = client.repository(repository, Access::Push)?;
    let name = ManifestName::Tag(tag.clone());
    let now = here.head_manifest(&name).await?.map(|head| head.digest);
    match (now, before) {
        (now, before) if now == before => Ok(match before {
            Some(_) => TagBefore::Restored,
            None => TagBefore::Removed,
        }),
        (Some(now), _) if now != published => Ok(TagBefore::MovedSince(now)),
        (_, Some(before)) => {
            move_tag(client, repository, tag, before).await?;
            Ok(TagBefore::Restored)
        }
        (_, None) => {
            let here = client.repository(repository, Access::Delete)?;
            here.delete_tag(tag).await?;
            Ok(TagBefore::Removed)
        }
    }
}
