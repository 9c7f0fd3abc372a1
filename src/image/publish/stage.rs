//! Everything but the tags: looking, blobs, manifests by digest.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};

use super::{AT_ONCE, MovedTag, PublishTarget, Traffic, parcel::Parcel, tags::ended};
use crate::{
    digest::Digest,
    image::{
        Access, ImageError, Layout, Lookup, ManifestName, RegistryClient, Repository,
        RepositoryName, Standing, Tag,
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
    let mut standing = Standing::default();
    let brought = bring(client, &parcel, targets, root, &mut traffic, &mut standing).await;
    let deliveries = brought.map_err(|source| ended(targets, standing, source))?;
    Ok(Staged {
        parcel,
        targets,
        deliveries,
        traffic,
        requests_before,
    })
}

async fn bring<'c>(
    client: &'c RegistryClient,
    parcel: &Parcel<'c>,
    targets: &'c [PublishTarget],
    root: RootManifest,
    traffic: &mut Traffic,
    standing: &mut Standing,
) -> Result<Vec<Delivery<'c>>, ImageError> {
    let looks = targets
        .iter()
        .map(|target| look(client, parcel, target, targets));
    let mut deliveries = Vec::new();
    let mut failed = None;
    // Each look is heard to its end: what one of them saw is true whatever became of another.
    for (seen, looked) in future::join_all(looks).await {
        standing.add(seen);
        match looked {
            Ok(delivery) => deliveries.push(delivery),
            Err(problem) => {
                failed.get_or_insert(problem);
            }
        }
    }
    if let Some(problem) = failed {
        return Err(problem);
    }
    if let [only] = deliveries.as_mut_slice() {
        only.root_is_due = !only.present && !only.moves.is_empty() && root == RootManifest::MayWait;
    }
    send_blobs(parcel, &deliveries, traffic).await?;
    let documents = deliveries
        .iter()
        .filter(|delivery| !delivery.present)
        .map(|delivery| send_documents(parcel, delivery));
    future::try_join_all(documents).await?;
    Ok(deliveries)
}

/// Asks what each tag names, before anything is sent. What was seen of the tags is told also where something else failed.
async fn look<'c>(
    client: &'c RegistryClient,
    parcel: &Parcel<'_>,
    target: &PublishTarget,
    targets: &[PublishTarget],
) -> (Standing, Result<Delivery<'c>, ImageError>) {
    let mut standing = Standing::default();
    let looked = look_into(client, parcel, target, targets, &mut standing).await;
    (standing, looked)
}

async fn look_into<'c>(
    client: &'c RegistryClient,
    parcel: &Parcel<'_>,
    target: &PublishTarget,
    targets: &[PublishTarget],
    standing: &mut Standing,
) -> Result<Delivery<'c>, ImageError> {
    let sources = sources(client, parcel, target, targets)?;
    let access = match sources.is_empty() {
        true => Access::Push,
        false => Access::PushWithMount(sources.clone()),
    };
    let repository = client.repository(&target.repository, access)?;
    let (mut unchanged, mut moves, mut failed) = (Vec::new(), Vec::new(), None);
    for (tag, named) in name_all(&repository, &target.tags).await {
        let reference = target.repository.tagged(tag.clone());
        match named {
            Ok(Some(digest)) if digest == parcel.root.digest => {
                standing.moved.push(reference);
                unchanged.push(tag);
            }
            Ok(previous) => moves.push(MovedTag { tag, previous }),
            Err(problem) => {
                standing.unknown.push(reference);
                failed.get_or_insert(problem);
            }
        }
    }
    if let Some(problem) = failed {
        return Err(problem);
    }
    let present = !unchanged.is_empty() || is_present(&repository, parcel, &moves).await?;
    Ok(Delivery {
        repository,
        sources,
        present,
        root_is_due: false,
        moves,
        unchanged,
    })
}

/// Asks what every tag names, each once.
async fn name_all(
    repository: &Repository<'_>,
    tags: &[Tag],
) -> Vec<(Tag, Result<Option<Digest>, ImageError>)> {
    let mut asked: Vec<Tag> = Vec::new();
    for tag in tags {
        if !asked.contains(tag) {
            asked.push(tag.clone());
        }
    }
    stream::iter(asked)
        .map(|tag| async move {
            let name = ManifestName::Tag(tag.clone());
            let head = repository.head_manifest(&name).await;
            (tag, head.map(|head| head.map(|head| head.digest)))
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// Asks for the image by its digest where that may spare looking at each blob. A repository in which no tag was there
/// most likely has nothing of it, unless an earlier push says otherwise.
async fn is_present(
    repository: &Repository<'_>,
    parcel: &Parcel<'_>,
    moves: &[MovedTag],
) -> Result<bool, ImageError> {
    let digest = parcel.root.digest;
    let known = repository
        .client
        .blobs
        .holds(repository.key(), digest, repository.name().path());
    let is_new = !moves.is_empty() && moves.iter().all(|moved| moved.previous.is_none());
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
