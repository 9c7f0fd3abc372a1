//! Everything but the tags: looking, blobs, manifests by digest.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};

use super::{AT_ONCE, MovedTag, PublishTarget, Traffic, parcel::Parcel, tags::unfinished};
use crate::{
    digest::Digest,
    image::{
        Access, ImageError, Layout, Lookup, ManifestName, RegistryClient, Repository,
        RepositoryName, Tag,
    },
};

/// Repositories that a token for taking blobs over names at most: each makes the request for it longer.
const MOST_SOURCES: usize = 4;

/// An image that is whole in every repository, before its tags are moved.
pub struct Staged<'c> {
    pub(super) parcel: Parcel<'c>,
    pub(super) targets: &'c [PublishTarget],
    pub(super) deliveries: Vec<Delivery<'c>>,
    pub(super) traffic: Traffic,
    pub(super) requests_before: u64,
}

/// One target on its way.
pub(super) struct Delivery<'c> {
    pub(super) repository: Repository<'c>,
    /// Repositories of the registry from which blobs may be taken over.
    sources: Vec<String>,
    /// Whether the image is there by its digest.
    present: bool,
    /// Whether its manifest goes with its tags.
    pub(super) root_is_due: bool,
    pub(super) moves: Vec<MovedTag>,
    pub(super) unchanged: Vec<Tag>,
}

/// When the image's own manifest reaches a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootManifest {
    /// With its tags, where it goes to no other repository: a request less.
    MayWait,
    /// Before any tag, because something that names it by its digest has to be there first.
    First,
}

/// Brings the one image of a layout into every repository, by its digest and without a tag.
///
/// # Errors
/// If the layout is damaged, or a registry refuses or cannot be reached. What ended it stands inside
/// [`ImageError::Unfinished`]: no tag was moved.
pub async fn stage<'c>(
    client: &'c RegistryClient,
    layout: &'c Layout,
    targets: &'c [PublishTarget],
    root: RootManifest,
) -> Result<Staged<'c>, ImageError> {
    let parcel = Parcel::pack(layout)?;
    let requests_before = client.requests();
    let mut traffic = Traffic::default();
    let staged = bring(client, &parcel, targets, root, &mut traffic).await;
    let deliveries = staged.map_err(|(standing, source)| unfinished(targets, &standing, source))?;
    Ok(Staged {
        parcel,
        targets,
        deliveries,
        traffic,
        requests_before,
    })
}

/// What ended it, and the tags that name the image all the same.
type Ended = (Vec<crate::image::ImageReference>, ImageError);

async fn bring<'c>(
    client: &'c RegistryClient,
    parcel: &Parcel<'c>,
    targets: &'c [PublishTarget],
    root: RootManifest,
    traffic: &mut Traffic,
) -> Result<Vec<Delivery<'c>>, Ended> {
    let looks = targets
        .iter()
        .map(|target| look(client, parcel, target, targets));
    let mut deliveries = future::try_join_all(looks)
        .await
        .map_err(|problem| (Vec::new(), problem))?;
    if let [only] = deliveries.as_mut_slice() {
        only.root_is_due = !only.present && !only.moves.is_empty() && root == RootManifest::MayWait;
    }
    let sent = async {
        send_blobs(parcel, &deliveries, traffic).await?;
        let documents = deliveries
            .iter()
            .filter(|delivery| !delivery.present)
            .map(|delivery| send_documents(parcel, delivery));
        future::try_join_all(documents).await
    };
    match sent.await {
        Ok(_) => Ok(deliveries),
        Err(problem) => {
            let standing = deliveries.iter().flat_map(|delivery| {
                let name = delivery.repository.name();
                delivery
                    .unchanged
                    .iter()
                    .map(|tag| name.tagged(tag.clone()))
            });
            Err((standing.collect(), problem))
        }
    }
}

/// Asks what each tag names, before anything is sent.
async fn look<'c>(
    client: &'c RegistryClient,
    parcel: &Parcel<'_>,
    target: &PublishTarget,
    targets: &[PublishTarget],
) -> Result<Delivery<'c>, ImageError> {
    let sources = sources(client, parcel, target, targets)?;
    let access = match sources.is_empty() {
        true => Access::Push,
        false => Access::PushWithMount(sources.clone()),
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
    let present = !unchanged.is_empty() || is_present(&repository, parcel, &others).await?;
    Ok(Delivery {
        repository,
        sources,
        present,
        root_is_due: false,
        moves: others
            .into_iter()
            .map(|(tag, previous)| MovedTag { tag, previous })
            .collect(),
        unchanged: unchanged.into_iter().map(|(tag, _)| tag).collect(),
    })
}

/// Asks for the image by its digest where that may spare looking at each blob. A repository in which no tag was there
/// most likely has nothing of it, unless an earlier push says otherwise.
async fn is_present(
    repository: &Repository<'_>,
    parcel: &Parcel<'_>,
    tags: &[(Tag, Option<Digest>)],
) -> Result<bool, ImageError> {
    let digest = parcel.root.digest;
    let known = repository
        .client
        .blobs
        .holds(repository.key(), digest, repository.name().path());
    let is_new = !tags.is_empty() && tags.iter().all(|(_, named)| named.is_none());
    if is_new && !known {
        return Ok(false);
    }
    let name = ManifestName::Digest(digest);
    Ok(repository.head_manifest(&name).await?.is_some())
}

/// Chooses repositories from which a registry may take blobs over: the other targets, and those that earlier pushes saw to have
/// the most of them.
fn sources(
    client: &RegistryClient,
    parcel: &Parcel<'_>,
    target: &PublishTarget,
    targets: &[PublishTarget],
) -> Result<Vec<String>, ImageError> {
    let name = &target.repository;
    let key = client.repository(name, Access::Push)?.key().to_owned();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for blob in &parcel.blobs {
        for place in client.blobs.places(&key, blob.digest) {
            *counts.entry(place).or_default() += 1;
        }
    }
    for other in targets {
        if other.repository.registry() == name.registry() {
            let count = counts
                .entry(other.repository.path().to_owned())
                .or_default();
            *count += parcel.blobs.len();
        }
    }
    counts.remove(name.path());
    let mut sources: Vec<(String, usize)> = counts.into_iter().collect();
    sources.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sources.truncate(MOST_SOURCES);
    Ok(sources.into_iter().map(|(path, _)| path).collect())
}

/// Sends every blob to every repository that lacks it, a number of them at a time whatever their registry. Of several
/// repositories of one registry the later ones take over what the first one got.
async fn send_blobs(
    parcel: &Parcel<'_>,
    deliveries: &[Delivery<'_>],
    traffic: &mut Traffic,
) -> Result<(), ImageError> {
    let missing = deliveries.iter().filter(|delivery| !delivery.present);
    let uploads = missing.flat_map(|delivery| {
        // Where a tag names another version, most blobs are there; where none does, most are not.
        let has_some = delivery.moves.iter().any(|moved| moved.previous.is_some());
        let lookup = match has_some && delivery.sources.is_empty() {
            true => Lookup::Head,
            false => Lookup::Mount(&delivery.sources),
        };
        parcel.blobs.iter().map(move |blob| async move {
            let path = parcel.layout.blob_path(blob.digest);
            let upload = delivery.repository.upload_blob(blob, &path, lookup).await?;
            Ok::<_, ImageError>((upload, blob.size))
        })
    });
    let mut uploads = stream::iter(uploads).buffer_unordered(AT_ONCE);
    while let Some((upload, size)) = uploads.try_next().await? {
        traffic.add(upload, size);
    }
    Ok(())
}

async fn send_documents(parcel: &Parcel<'_>, delivery: &Delivery<'_>) -> Result<(), ImageError> {
    for (descriptor, bytes) in parcel.children() {
        let name = ManifestName::Digest(descriptor.digest);
        delivery
            .repository
            .put_manifest(&name, &descriptor.media_type, bytes)
            .await?;
    }
    if delivery.root_is_due {
        return Ok(());
    }
    let name = ManifestName::Digest(parcel.root.digest);
    delivery
        .repository
        .put_manifest(&name, &parcel.root.media_type, parcel.root_bytes())
        .await?;
    saw_root(parcel, delivery);
    Ok(())
}

/// Writes down that a repository has the image by its digest.
pub(super) fn saw_root(parcel: &Parcel<'_>, delivery: &Delivery<'_>) {
    let Repository { client, .. } = &delivery.repository;
    client.blobs.saw(
        delivery.repository.key(),
        parcel.root.digest,
        delivery.repository.name().path(),
    );
}

/// Proves that a repository may be written to, before anything is built for it: an upload is begun, and given up.
///
/// # Errors
/// If the registry refuses, with what has to be granted, or cannot be reached.
pub async fn preflight(
    client: &RegistryClient,
    repository: &RepositoryName,
) -> Result<(), ImageError> {
    let repository = client.repository(repository, Access::Push)?;
    repository.try_to_write().await
}
