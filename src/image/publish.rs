//! Publishing: blobs, then manifests by digest, then all tags everywhere, then reading back.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    digest::Digest,
    image::{
        Access, Descriptor, ImageError, ImageReference, Layout, ManifestName, RegistryClient,
        Repository, RepositoryName, Tag, Upload, spec::ManifestBody,
    },
};

/// Uploads and look-ups at one time.
const AT_ONCE: usize = 4;

/// Where an image is published, and which tags name it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishTarget {
    /// The repository.
    pub repository: RepositoryName,
    /// Its tags; without any, the image is there by its digest only.
    pub tags: Vec<Tag>,
}

/// An image that was published: every word of it was read back from the registries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Digest of the manifest or index.
    pub digest: Digest,
    /// Type of the manifest or index.
    pub media_type: String,
    /// What happened in each repository, in the order of the targets.
    pub targets: Vec<PublishedTarget>,
    /// Number of requests, those for tokens among them.
    pub requests: u64,
    /// Blobs that were sent.
    pub uploaded: usize,
    /// Bytes of the blobs that were sent.
    pub uploaded_bytes: u64,
    /// Blobs that a registry took over from another repository.
    pub mounted: usize,
    /// Blobs that were there.
    pub existing: usize,
}

/// An image in one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedTarget {
    /// The image by its content: `ghcr.io/acme/api@sha256:…`.
    pub reference: ImageReference,
    /// Tags that were moved, or are new.
    pub tags_set: Vec<MovedTag>,
    /// Tags that named the image before.
    pub tags_unchanged: Vec<Tag>,
}

/// A tag that was moved to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedTag {
    /// The tag.
    pub tag: Tag,
    /// What it named before; nothing if it is new.
    pub previous: Option<Digest>,
}

/// An image with all documents in memory: children before the index that names them.
struct Parcel<'l> {
    layout: &'l Layout,
    root: Descriptor,
    documents: Vec<(Descriptor, Bytes)>,
    blobs: Vec<Descriptor>,
}

impl<'l> Parcel<'l> {
    fn pack(layout: &'l Layout) -> Result<Self, ImageError> {
        let root = layout.root()?.clone();
        let mut documents = Vec::new();
        let mut blobs: Vec<Descriptor> = Vec::new();
        for descriptor in layout.documents()? {
            let bytes = layout.blob(&descriptor)?;
            if let ManifestBody::Image(manifest) = layout.manifest(&descriptor)? {
                for blob in std::iter::once(manifest.config).chain(manifest.layers) {
                    // Layers with addresses of their own may often not be distributed; whoever pulls fetches them there.
                    if blob.urls.is_empty() && blobs.iter().all(|known| known.digest != blob.digest)
                    {
                        blobs.push(blob);
                    }
                }
            }
            documents.push((descriptor, bytes.into()));
        }
        Ok(Self {
            layout,
            root,
            documents,
            blobs,
        })
    }

    fn root_bytes(&self) -> &Bytes {
        let (_, bytes) = self
            .documents
            .last()
            .expect("`pack` read the root's document last");
        bytes
    }
}

/// One target on its way.
struct Delivery<'c> {
    repository: Repository<'c>,
    /// Whether the image is there by its digest.
    present: bool,
    moves: Vec<MovedTag>,
    unchanged: Vec<Tag>,
}

/// Publishes the one image of a layout: a tag that names it already costs one request and nothing else.
///
/// Tags are moved last, after the image is whole in every repository. Each is then read back, and the bytes hashed.
///
/// # Errors
/// If the layout is damaged, or a registry refuses, cannot be reached or sends back something else. What ended it stands inside
/// [`ImageError::Unfinished`], which names the tags that were moved and those that were not.
pub async fn publish(
    client: &RegistryClient,
    layout: &Layout,
    targets: &[PublishTarget],
) -> Result<Published, ImageError> {
    let parcel = Parcel::pack(layout)?;
    let before = client.requests();
    let mut counts = Published {
        digest: parcel.root.digest,
        media_type: parcel.root.media_type.clone(),
        targets: Vec::new(),
        requests: 0,
        uploaded: 0,
        uploaded_bytes: 0,
        mounted: 0,
        existing: 0,
    };
    let mut moved = Vec::new();
    match deliver(client, &parcel, targets, &mut counts, &mut moved).await {
        Ok(deliveries) => {
            counts.targets = deliveries
                .into_iter()
                .map(|delivery| done(delivery, parcel.root.digest))
                .collect();
            counts.requests = client.requests() - before;
            Ok(counts)
        }
        Err(source) => Err(unfinished(targets, moved, source)),
    }
}

fn done(delivery: Delivery<'_>, digest: Digest) -> PublishedTarget {
    PublishedTarget {
        reference: delivery.repository.name().pinned(digest),
        tags_set: delivery.moves,
        tags_unchanged: delivery.unchanged,
    }
}

/// `moved` holds the tags that name the image: those that a registry took, and those that named it before.
fn unfinished(
    targets: &[PublishTarget],
    moved: Vec<ImageReference>,
    source: ImageError,
) -> ImageError {
    let wanted = targets.iter().flat_map(|target| {
        target
            .tags
            .iter()
            .map(|tag| target.repository.tagged(tag.clone()))
    });
    let mut not_moved = Vec::new();
    for tag in wanted {
        if !moved.contains(&tag) && !not_moved.contains(&tag) {
            not_moved.push(tag);
        }
    }
    ImageError::Unfinished {
        repositories: targets
            .iter()
            .map(|target| target.repository.clone())
            .collect(),
        moved,
        not_moved,
        source: Box::new(source),
    }
}

async fn deliver<'c>(
    client: &'c RegistryClient,
    parcel: &Parcel<'_>,
    targets: &[PublishTarget],
    counts: &mut Published,
    moved: &mut Vec<ImageReference>,
) -> Result<Vec<Delivery<'c>>, ImageError> {
    let mut deliveries: Vec<Delivery<'c>> = Vec::new();
    for target in targets {
        let mount_from = deliveries
            .iter()
            .map(|other| other.repository.name())
            .find(|name| {
                name.registry() == target.repository.registry() && **name != target.repository
            })
            .cloned();
        let mut delivery = look(client, parcel, target, mount_from.as_ref()).await?;
        for tag in &delivery.unchanged {
            moved.push(target.repository.tagged(tag.clone()));
        }
        if !delivery.present {
            send(&delivery.repository, parcel, mount_from.as_ref(), counts).await?;
            delivery.present = true;
        }
        deliveries.push(delivery);
    }
    for delivery in &deliveries {
        for MovedTag { tag, .. } in &delivery.moves {
            let name = ManifestName::Tag(tag.clone());
            delivery
                .repository
                .put_manifest(&name, &parcel.root.media_type, parcel.root_bytes())
                .await?;
            moved.push(delivery.repository.name().tagged(tag.clone()));
        }
    }
    for delivery in &deliveries {
        read_back(delivery, parcel.root.digest).await?;
    }
    Ok(deliveries)
}

/// Asks what each tag names, before anything is sent.
async fn look<'c>(
    client: &'c RegistryClient,
    parcel: &Parcel<'_>,
    target: &PublishTarget,
    mount_from: Option<&RepositoryName>,
) -> Result<Delivery<'c>, ImageError> {
    let access = match mount_from {
        Some(from) => Access::PushWithMount(from.clone()),
        None => Access::Push,
    };
    let repository = client.repository(&target.repository, access)?;
    let mut tags: Vec<Tag> = Vec::new();
    for tag in &target.tags {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    let named: Vec<(Tag, Option<Digest>)> = stream::iter(tags)
        .map(|tag| {
            let repository = &repository;
            async move {
                let head = repository
                    .head_manifest(&ManifestName::Tag(tag.clone()))
                    .await?;
                Ok::<_, ImageError>((tag, head.map(|head| head.digest)))
            }
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let (unchanged, others): (Vec<_>, Vec<_>) = named
        .into_iter()
        .partition(|(_, digest)| *digest == Some(parcel.root.digest));
    let present = !unchanged.is_empty()
        || repository
            .head_manifest(&ManifestName::Digest(parcel.root.digest))
            .await?
            .is_some();
    Ok(Delivery {
        repository,
        present,
        moves: others
            .into_iter()
            .map(|(tag, previous)| MovedTag { tag, previous })
            .collect(),
        unchanged: unchanged.into_iter().map(|(tag, _)| tag).collect(),
    })
}

async fn send(
    repository: &Repository<'_>,
    parcel: &Parcel<'_>,
    mount_from: Option<&RepositoryName>,
    counts: &mut Published,
) -> Result<(), ImageError> {
    let uploads: Vec<(Upload, u64)> = stream::iter(&parcel.blobs)
        .map(|blob| async move {
            let path = parcel.layout.blob_path(blob.digest);
            let upload = repository.upload_blob(blob, &path, mount_from).await?;
            Ok::<_, ImageError>((upload, blob.size))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for (upload, size) in uploads {
        match upload {
            Upload::Existing => counts.existing += 1,
            Upload::Mounted => counts.mounted += 1,
            Upload::Sent => {
                counts.uploaded += 1;
                counts.uploaded_bytes += size;
            }
        }
    }
    for (descriptor, bytes) in &parcel.documents {
        let name = ManifestName::Digest(descriptor.digest);
        repository
            .put_manifest(&name, &descriptor.media_type, bytes)
            .await?;
    }
    Ok(())
}

/// Fetches every tag that was moved and hashes its bytes. Unchanged tags said their digest already.
async fn read_back(delivery: &Delivery<'_>, digest: Digest) -> Result<(), ImageError> {
    let mut names: Vec<_> = delivery
        .moves
        .iter()
        .map(|moved| ManifestName::Tag(moved.tag.clone()))
        .collect();
    if names.is_empty() && delivery.unchanged.is_empty() {
        names.push(ManifestName::Digest(digest));
    }
    for name in names {
        expect(&delivery.repository, &name, digest).await?;
    }
    Ok(())
}

async fn expect(
    repository: &Repository<'_>,
    name: &ManifestName,
    digest: Digest,
) -> Result<(), ImageError> {
    let pace = repository.client.pace;
    pace.run(async |_| {
        let found = repository.get_manifest(name).await?;
        match found.map(|manifest| manifest.digest) {
            Some(found) if found == digest => Ok(()),
            found => Err(ImageError::ReadBack {
                reference: Box::new(match name {
                    ManifestName::Tag(tag) => {
                        repository.name().tagged(tag.clone()).with_digest(digest)
                    }
                    ManifestName::Digest(digest) => repository.name().pinned(*digest),
                }),
                found: found.map_or_else(|| "nothing".to_owned(), |found| found.to_string()),
            }),
        }
    })
    .await
}

/// Moves a tag to an image that the repository has, and reads it back: the way back after [`publish`].
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

#[cfg(test)]
mod tests;
