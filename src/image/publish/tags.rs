//! Moving the tags, last of all, and reading each of them back.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    AT_ONCE, MovedTag, PublishTarget, Published, PublishedTarget,
    stage::{Delivery, Staged, saw_root},
};
use crate::{
    digest::Digest,
    image::{ImageError, ManifestName, Repository, RepositoryName, Tag, error::Standing},
};

impl Staged<'_> {
    /// Returns the image's digest.
    pub fn digest(&self) -> Digest {
        self.parcel.root.digest
    }

    /// Returns the tags that will be moved, with what each names until then.
    pub fn moves(&self) -> Vec<(RepositoryName, Vec<MovedTag>)> {
        self.deliveries
            .iter()
            .map(|delivery| (delivery.repository.name().clone(), delivery.moves.clone()))
            .collect()
    }

    /// Moves every tag everywhere, and reads each back.
    ///
    /// # Errors
    /// [`ImageError::Unfinished`], which names the tags that were moved, those that were not, and those of which nobody knows.
    pub async fn move_tags(mut self) -> Result<Published, ImageError> {
        let mut standing = Standing::default();
        for delivery in &self.deliveries {
            for tag in &delivery.unchanged {
                standing
                    .moved
                    .push(delivery.repository.name().tagged(tag.clone()));
            }
        }
        if let Err(source) = self.put_tags(&mut standing).await {
            self.find_out(&mut standing).await;
            return Err(ended(self.targets, standing, source));
        }
        let digest = self.digest();
        for delivery in &self.deliveries {
            if let Err(source) = read_back(delivery, digest).await {
                return Err(ended(self.targets, standing, source));
            }
        }
        if let Some(client) = self
            .deliveries
            .first()
            .map(|delivery| delivery.repository.client)
        {
            self.traffic.requests = client.requests() - self.requests_before;
        }
        Ok(Published {
            digest,
            media_type: self.parcel.root.media_type,
            traffic: self.traffic,
            targets: self
                .deliveries
                .into_iter()
                .map(|delivery| PublishedTarget {
                    reference: delivery.repository.name().pinned(digest),
                    tags_set: delivery.moves,
                    tags_unchanged: delivery.unchanged,
                })
                .collect(),
        })
    }

    /// One repository after the other, so that what ends it leaves the fewest tags moved; `latest` stands last.
    async fn put_tags(&self, standing: &mut Standing) -> Result<(), ImageError> {
        for delivery in &self.deliveries {
            let repository = &delivery.repository;
            let mut left: Vec<Tag> = delivery
                .moves
                .iter()
                .map(|moved| moved.tag.clone())
                .collect();
            // A registry that moves one tag a request stores the manifest by its digest instead: no loss where that is still to be
            // done, and one request more where it is.
            let worth_trying = left.len() > if delivery.root_is_due { 1 } else { 2 };
            if worth_trying {
                let taken = self.put_several(repository, &left).await?;
                left.retain(|tag| !taken.contains(tag));
                standing
                    .moved
                    .extend(taken.into_iter().map(|tag| repository.name().tagged(tag)));
            }
            for tag in left {
                self.put_tag(repository, &tag).await?;
                standing.moved.push(repository.name().tagged(tag));
            }
            saw_root(&self.parcel, delivery);
        }
        Ok(())
    }

    /// Has a registry that can do it move several tags in one request; returns those that it says it moved.
    async fn put_several(
        &self,
        repository: &Repository<'_>,
        tags: &[Tag],
    ) -> Result<Vec<Tag>, ImageError> {
        if !repository.takes_several_tags() {
            return Ok(Vec::new());
        }
        let root = &self.parcel.root;
        repository
            .put_manifest_with_tags(&root.media_type, self.parcel.root_bytes(), tags)
            .await
    }

    async fn put_tag(&self, repository: &Repository<'_>, tag: &Tag) -> Result<(), ImageError> {
        let name = ManifestName::Tag(tag.clone());
        let put = repository
            .put_manifest(
                &name,
                &self.parcel.root.media_type,
                self.parcel.root_bytes(),
            )
            .await;
        let Err(problem) = put else { return Ok(()) };
        // A tag that may not be moved is no failure where somebody else has made it name this image meanwhile.
        match repository.head_manifest(&name).await {
            Ok(Some(head)) if head.digest == self.digest() => Ok(()),
            _ => Err(problem),
        }
    }

    /// After a failure: asks of each tag that is not known to be moved whether it was, because an answer may have been lost.
    async fn find_out(&self, standing: &mut Standing) {
        for delivery in &self.deliveries {
            for MovedTag { tag, .. } in &delivery.moves {
                let reference = delivery.repository.name().tagged(tag.clone());
                if standing.moved.contains(&reference) {
                    continue;
                }
                match delivery
                    .repository
                    .head_manifest(&ManifestName::Tag(tag.clone()))
                    .await
                {
                    Ok(Some(head)) if head.digest == self.digest() => {
                        standing.moved.push(reference)
                    }
                    Ok(_) => {}
                    Err(_) => standing.unknown.push(reference),
                }
            }
        }
    }
}

/// Says what was not brought to its end. Every tag of which nothing is known to the contrary was not moved.
pub(super) fn ended(
    targets: &[PublishTarget],
    mut standing: Standing,
    source: ImageError,
) -> ImageError {
    let wanted = targets.iter().flat_map(|target| {
        target
            .tags
            .iter()
            .map(|tag| target.repository.tagged(tag.clone()))
    });
    for tag in wanted {
        let is_known = [&standing.moved, &standing.unknown, &standing.not_moved]
            .iter()
            .any(|tags| tags.contains(&tag));
        if !is_known {
            standing.not_moved.push(tag);
        }
    }
    ImageError::Unfinished {
        repositories: targets
            .iter()
            .map(|target| target.repository.clone())
            .collect(),
        standing: Box::new(standing),
        source: Box::new(source),
    }
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
    stream::iter(names)
        .map(|name| async move { expect(&delivery.repository, &name, digest).await })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Fetches a manifest, and takes only the one expected for an answer.
pub(super) async fn expect(
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
