//! What a registry reads of a manifest: what it refers to, and what the list of referrers says about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    answer::{Code, Refusal},
    content_digest::ContentDigest,
    upload::parse_digest,
};

/// The media type of an image index.
pub(super) const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An image manifest or an index, as far as a registry has to know it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ManifestDocument {
    pub(super) media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Referred>,
    layers: Option<Vec<Referred>>,
    manifests: Option<Vec<Referred>>,
    subject: Option<Referred>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referred {
    media_type: String,
    digest: String,
    #[serde(default)]
    urls: Vec<String>,
}

/// What a manifest cannot do without.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Needed {
    Blob(ContentDigest),
    Manifest(ContentDigest),
}

/// An entry of the list of referrers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

impl ManifestDocument {
    /// Reads the bytes of a manifest.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(bytes).map_err(|error| {
            Refusal::new(
                Code::ManifestInvalid,
                format!("the manifest cannot be read: {error}"),
            )
        })
    }

    /// Lists what has to be in the repository before this manifest.
    pub(super) fn needed(&self) -> Result<Vec<Needed>, Refusal> {
        let blobs = self.config.iter().chain(self.layers.iter().flatten());
        let blobs = blobs
            .filter(|blob| !blob.lies_elsewhere())
            .map(|blob| parse_digest(&blob.digest).map(Needed::Blob));
        let manifests = self.manifests.iter().flatten();
        let manifests =
            manifests.map(|manifest| parse_digest(&manifest.digest).map(Needed::Manifest));
        blobs.chain(manifests).collect()
    }

    /// Returns the digest of the manifest that this one is about.
    pub(super) fn subject(&self) -> Result<Option<ContentDigest>, Refusal> {
        self.subject
            .as_ref()
            .map(|subject| parse_digest(&subject.digest))
            .transpose()
    }

    /// Describes this manifest for the list of referrers.
    pub(super) fn describe(
        self,
        media_type: String,
        digest: &ContentDigest,
        size: u64,
    ) -> Descriptor {
        // An image manifest without a type is of the type of its config; an index without one has none.
        let artifact_type = self
            .artifact_type
            .filter(|artifact_type| !artifact_type.is_empty())
            .or(self.config.map(|config| config.media_type));
        Descriptor {
            media_type,
            digest: digest.to_string(),
            size,
            artifact_type,
            annotations: self.annotations,
        }
    }
}

impl Referred {
    /// Tells whether this is a layer that clients fetch from its own address and never push (image-spec, layer.md).
    fn lies_elsewhere(&self) -> bool {
        let type_says_so =
            self.media_type.contains("nondistributable") || self.media_type.contains(".foreign.");
        type_says_so && !self.urls.is_empty()
    }
}
