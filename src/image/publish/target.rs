//! Where an image goes, and what became of it there.

use crate::{
    digest::Digest,
    image::{ImageReference, RepositoryName, Tag, Upload},
};

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
    /// What it cost.
    pub traffic: Traffic,
}

/// What publishing cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
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

impl Traffic {
    pub(super) fn add(&mut self, upload: Upload, size: u64) {
        match upload {
            Upload::Existing => self.existing += 1,
            Upload::Mounted => self.mounted += 1,
            Upload::Sent => {
                self.uploaded += 1;
                self.uploaded_bytes += size;
            }
        }
    }
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
