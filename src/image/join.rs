//! One index of images that were made apart: for several platforms, by one builder after the other, or on different runners.
//!
//! Each part says by its own configuration for which platform it is. What it names stays as it is, byte for byte; attestations
//! of a builder, which stand in an index as images for `unknown/unknown`, are left out.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::image::{
    Access, Descriptor, ImageError, ImageReference, Layout, ManifestName, Platform, RegistryClient,
    Repository,
    inspect::{fetch_small, nested, read_config, resolve},
    layout::{LayoutWriter, to_json},
    spec::{CONFIG, DOCKER_CONFIG, INDEX, Index, Manifest, ManifestBody},
};

/// Joins images that a registry has, each named by its digest, into the layout `into`: the index, the manifests and the
/// configurations. Layers are not fetched: they are in the repository of the part already.
///
/// The same parts in another order give the same index.
///
/// # Errors
/// If a part is named without its digest, is missing, or is no image; if two are for one platform, or one says none; if the
/// registry refuses, cannot be reached or sends something else than it names; if the folder cannot be written.
pub async fn join(
    client: &RegistryClient,
    parts: &[ImageReference],
    into: impl AsRef<Path>,
) -> Result<Layout, ImageError> {
    let mut joined = Joined::new(into.as_ref())?;
    for part in parts {
        if part.digest().is_none() {
            return Err(refuse(format!(
                "`{part}` names a tag, which can move; expected `{}@sha256:…`",
                part.repository()
            )));
        }
        let repository = client.repository(part.repository(), Access::Pull)?;
        let root = resolve(&repository, part).await?;
        let body =
            ManifestBody::parse(&format!("manifest `{part}`"), &root.media_type, &root.bytes)?;
        let descriptor = joined.writer.put(&root.media_type, &root.bytes)?;
        match body {
            ManifestBody::Image(manifest) => {
                joined.take(&repository, descriptor, &manifest).await?;
            }
            ManifestBody::Index(index) => {
                for child in images(&index) {
                    joined.fetch_and_take(&repository, child).await?;
                }
                joined.keep_annotations(index.annotations);
            }
        }
    }
    joined.finish()
}

/// Joins the images of layouts into the layout `into`, with all their blobs.
///
/// # Errors
/// As [`join`], and if a part holds none or several images.
pub fn join_layouts(parts: &[Layout], into: impl AsRef<Path>) -> Result<Layout, ImageError> {
    let mut joined = Joined::new(into.as_ref())?;
    for part in parts {
        let root = part.root()?;
        match part.manifest(root)? {
            ManifestBody::Image(manifest) => joined.copy(part, root, &manifest)?,
            ManifestBody::Index(index) => {
                for child in images(&index) {
                    match part.manifest(child)? {
                        ManifestBody::Image(manifest) => joined.copy(part, child, &manifest)?,
                        ManifestBody::Index(_) => return Err(nested(child)),
                    }
                }
                joined.keep_annotations(index.annotations);
            }
        }
    }
    joined.finish()
}

fn refuse(because: String) -> ImageError {
    ImageError::Join { because }
}

/// The children of an index that are images. Builders list their attestations beside them.
pub(super) fn images(index: &Index) -> impl Iterator<Item = &Descriptor> {
    index.manifests.iter().filter(|child| {
        let unknown = child
            .platform
            .as_ref()
            .is_some_and(|platform| platform.os == "unknown");
        !unknown && !child.annotations.contains_key("vnd.docker.reference.type")
    })
}

/// An index that grows.
struct Joined {
    writer: LayoutWriter,
    folder: PathBuf,
    children: BTreeMap<Platform, Descriptor>,
    annotations: BTreeMap<String, Option<String>>,
}

impl Joined {
    fn new(into: &Path) -> Result<Self, ImageError> {
        Ok(Self {
            writer: LayoutWriter::create(into)?,
            folder: into.to_owned(),
            children: BTreeMap::new(),
            annotations: BTreeMap::new(),
        })
    }

    async fn fetch_and_take(
        &mut self,
        repository: &Repository<'_>,
        child: &Descriptor,
    ) -> Result<(), ImageError> {
        let name = ManifestName::Digest(child.digest);
        let fetched = repository.get_manifest(&name).await?;
        let fetched = fetched.ok_or_else(|| ImageError::Missing {
            registry: repository.name().registry().to_owned(),
            what: format!("the manifest {} that its index names", child.digest),
        })?;
        let what = format!("manifest {}", child.digest);
        match ManifestBody::parse(&what, &child.media_type, &fetched.bytes)? {
            ManifestBody::Index(_) => Err(nested(child)),
            ManifestBody::Image(manifest) => {
                self.writer.put(&child.media_type, &fetched.bytes)?;
                self.take(repository, child.clone(), &manifest).await
            }
        }
    }

    async fn take(
        &mut self,
        repository: &Repository<'_>,
        child: Descriptor,
        manifest: &Manifest,
    ) -> Result<(), ImageError> {
        check_is_image(&child, manifest)?;
        let config = fetch_small(repository, &manifest.config).await?;
        self.writer.put(&manifest.config.media_type, &config)?;
        self.add(child, &config)
    }

    fn copy(
        &mut self,
        part: &Layout,
        child: &Descriptor,
        manifest: &Manifest,
    ) -> Result<(), ImageError> {
        check_is_image(child, manifest)?;
        let config = part.blob(&manifest.config)?;
        self.writer.put(&child.media_type, &part.blob(child)?)?;
        self.writer.put(&manifest.config.media_type, &config)?;
        for layer in manifest.layers.iter().filter(|layer| layer.urls.is_empty()) {
            let (from, to) = (
                part.blob_path(layer.digest),
                self.writer.blob_path(layer.digest),
            );
            // Parts often share their lower layers; whoever reads a blob checks it.
            if !to.exists() {
                fs::hard_link(&from, &to)
                    .or_else(|_| fs::copy(&from, &to).map(drop))
                    .map_err(ImageError::io("copy", &from))?;
            }
        }
        self.add(child.clone(), &config)
    }

    fn add(&mut self, mut child: Descriptor, config: &[u8]) -> Result<(), ImageError> {
        let platform = read_config(config)?.platform();
        let unknown = |part: &str| part.is_empty() || part == "unknown";
        if unknown(&platform.os) || unknown(&platform.architecture) {
            return Err(refuse(format!(
                "the configuration of {} says no platform",
                child.digest
            )));
        }
        child.platform = Some(platform.clone());
        if let Some(other) = self.children.get(&platform) {
            return Err(refuse(format!(
                "{} and {} are both for `{platform}`",
                other.digest, child.digest
            )));
        }
        self.children.insert(platform, child);
        Ok(())
    }

    /// Annotations of a part's own index stay where no other part says something else.
    fn keep_annotations(&mut self, annotations: BTreeMap<String, String>) {
        for (name, value) in annotations {
            self.annotations
                .entry(name)
                .and_modify(|known| {
                    if known.as_ref() != Some(&value) {
                        *known = None;
                    }
                })
                .or_insert_with(|| Some(value.clone()));
        }
    }

    fn finish(self) -> Result<Layout, ImageError> {
        if self.children.is_empty() {
            return Err(refuse(format!(
                "there is no part to put into `{}`",
                self.folder.display()
            )));
        }
        let index = Index {
            schema_version: 2,
            media_type: Some(INDEX.to_owned()),
            manifests: self.children.into_values().collect(),
            annotations: self
                .annotations
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
        };
        let index = self.writer.put(INDEX, &to_json(&index)?)?;
        let layout = self.writer.finish(vec![index])?;
        layout.prune()?;
        Ok(layout)
    }
}

fn check_is_image(child: &Descriptor, manifest: &Manifest) -> Result<(), ImageError> {
    match manifest.config.media_type.as_str() {
        CONFIG | DOCKER_CONFIG => Ok(()),
        other => Err(refuse(format!(
            "{} is no image: its configuration is of type `{other}`",
            child.digest
        ))),
    }
}

#[cfg(test)]
mod tests;
