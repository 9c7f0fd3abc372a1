//! Fetching an image from a registry into a layout.

use std::path::Path;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::image::{
    Access, Descriptor, ImageError, ImageReference, Layout, ManifestName, Platform, RegistryClient,
    Repository,
    client::check_file,
    inspect::{nested, resolve},
    layout::LayoutWriter,
    spec::{Index, ManifestBody},
};

/// Downloads at one time.
const AT_ONCE: usize = 4;

/// For which platforms an image is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platforms {
    /// All; the layout then names what the reference names.
    All,
    /// One; of an index, only the image for it.
    One(Platform),
}

/// Fetches an image into the folder `into`, which becomes a layout that lists it alone. Blobs that are there are kept.
///
/// # Errors
/// If there is no such image, or none for the platform; if the registry refuses, cannot be reached, or sends something else than it
/// names; if the folder cannot be written.
pub async fn pull(
    client: &RegistryClient,
    reference: &ImageReference,
    into: impl AsRef<Path>,
    platforms: &Platforms,
) -> Result<Layout, ImageError> {
    let repository = client.repository(reference.repository(), Access::Pull)?;
    let writer = LayoutWriter::create(into.as_ref())?;
    let root = resolve(&repository, reference).await?;
    let what = format!("manifest `{reference}`");
    let descriptor = writer.put(&root.media_type, &root.bytes)?;
    let listed = match (
        ManifestBody::parse(&what, &root.media_type, &root.bytes)?,
        platforms,
    ) {
        (ManifestBody::Index(index), Platforms::One(platform)) => {
            let child = choose(reference, &index, platform)?;
            fetch_child(&repository, &writer, child).await?;
            child.clone()
        }
        (ManifestBody::Index(index), Platforms::All) => {
            for child in &index.manifests {
                fetch_child(&repository, &writer, child).await?;
            }
            descriptor
        }
        (body @ ManifestBody::Image(_), Platforms::All | Platforms::One(_)) => {
            fetch_blobs(&repository, &writer, body, &descriptor).await?;
            descriptor
        }
    };
    let layout = writer.finish(vec![listed])?;
    layout.prune()?;
    Ok(layout)
}

fn choose<'i>(
    reference: &ImageReference,
    index: &'i Index,
    platform: &Platform,
) -> Result<&'i Descriptor, ImageError> {
    index.for_platform(platform).ok_or_else(|| {
        let there: Vec<_> = index
            .images()
            .map(|(_, platform)| format!("`{platform}`"))
            .collect();
        ImageError::Missing {
            registry: reference.repository().registry().to_owned(),
            what: format!(
                "`{reference}` for `{platform}`, only for {}",
                there.join(", ")
            ),
        }
    })
}

async fn fetch_child(
    repository: &Repository<'_>,
    writer: &LayoutWriter,
    child: &Descriptor,
) -> Result<(), ImageError> {
    let fetched = repository
        .get_manifest(&ManifestName::Digest(child.digest))
        .await?;
    let fetched = fetched.ok_or_else(|| ImageError::Missing {
        registry: repository.name().registry().to_owned(),
        what: format!("the manifest {} that its index names", child.digest),
    })?;
    writer.put(&child.media_type, &fetched.bytes)?;
    let body = ManifestBody::parse(
        &format!("manifest {}", child.digest),
        &child.media_type,
        &fetched.bytes,
    )?;
    fetch_blobs(repository, writer, body, child).await
}

async fn fetch_blobs(
    repository: &Repository<'_>,
    writer: &LayoutWriter,
    body: ManifestBody,
    descriptor: &Descriptor,
) -> Result<(), ImageError> {
    let ManifestBody::Image(manifest) = body else {
        return Err(nested(descriptor));
    };
    stream::iter(std::iter::once(&manifest.config).chain(&manifest.layers))
        .map(Ok::<_, ImageError>)
        .try_for_each_concurrent(AT_ONCE, async |blob| {
            let path = writer.blob_path(blob.digest);
            match check_file(blob, &path).await {
                Ok(()) => Ok(()),
                // Missing or damaged: either way it is fetched.
                Err(_) => repository.get_blob(blob, &path).await,
            }
        })
        .await
}
