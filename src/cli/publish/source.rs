//! The image that is published: a layout that is there, or one that is made of parts which are in registries.

use std::path::Path;

use super::{to::Destinations, wrong_layout};
use crate::{
    cli::{CliError, Exit, registries::image_error},
    image::{
        ImageError, ImageReference, Layout, Platforms, RegistryClient, join, join_layouts, pull,
    },
};

/// Where the image comes from.
pub(super) enum Source<'a> {
    Layout(&'a Path),
    Parts(Vec<ImageReference>),
}

/// Reads `--part`.
///
/// # Errors
///
/// All that name no image by its digest, together.
pub(super) fn parts(texts: &[String]) -> Result<Vec<ImageReference>, CliError> {
    let mut parts = Vec::new();
    let mut problems = Vec::new();
    for text in texts {
        match text.parse::<ImageReference>() {
            Ok(part) if part.digest().is_some() => parts.push(part),
            Ok(_) => problems.push(format!("`{text}` names a tag, which can move")),
            Err(problem) => problems.push(problem.to_string()),
        }
    }
    match problems.split_first() {
        None => Ok(parts),
        Some((first, others)) => {
            let mut error = CliError::new(Exit::Usage, format!("--part: {first}"));
            error.causes = others.to_vec();
            Err(error.hint("such as `--part ghcr.io/acme/api@sha256:…`, as `publish` printed it"))
        }
    }
}

impl Source<'_> {
    /// Opens the layout, or makes it in `folder`.
    ///
    /// # Errors
    ///
    /// It is none, or a part cannot be had or does not fit the others.
    pub(super) async fn open(
        &self,
        client: &RegistryClient,
        to: &Destinations,
        folder: &Path,
    ) -> Result<Layout, CliError> {
        match self {
            Self::Layout(path) => Layout::open(path).map_err(|error| wrong_layout(&error)),
            Self::Parts(parts) => put_together(client, parts, to, folder)
                .await
                .map_err(|error| image_error(&error)),
        }
    }
}

/// Where the parts are already, only what says how they belong together is fetched; elsewhere all of it is.
async fn put_together(
    client: &RegistryClient,
    parts: &[ImageReference],
    to: &Destinations,
    folder: &Path,
) -> Result<Layout, ImageError> {
    let is_home = |part: &ImageReference| {
        let targets = to.targets().iter();
        targets
            .map(|target| &target.repository)
            .all(|repository| repository == part.repository())
    };
    if parts.iter().all(is_home) {
        return join(client, parts, folder.join("index")).await;
    }
    let mut layouts = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let into = folder.join(format!("part-{number}"));
        layouts.push(pull(client, part, into, &Platforms::All).await?);
    }
    join_layouts(&layouts, folder.join("index"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn every_part_that_can_move_or_is_none_is_named() {
        let good = format!("ghcr.io/acme/api@{}", Digest::of("amd64"));
        let texts = [
            good,
            "ghcr.io/acme/api:1".to_owned(),
            "ghcr.io/A".to_owned(),
        ];
        let error = parts(&texts).expect_err("two are wrong");
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.message.contains("`ghcr.io/acme/api:1` names a tag"));
        assert_eq!(error.causes.len(), 1);
        assert_eq!(parts(&texts[..1]).map(|parts| parts.len()).ok(), Some(1));
    }
}
