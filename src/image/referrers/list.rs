//! Asking what is attached, from the registry or from the tag in its place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::tagged::companion_tag;
use crate::{
    digest::Digest,
    image::{
        Descriptor, FetchedManifest, ImageError, ManifestName, Repository,
        spec::{INDEX, ManifestBody},
    },
};

/// A manifest that names another as its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    /// Its type: that of a manifest.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its number of bytes.
    pub size: u64,
    /// What it holds; some registries leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What it says of itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Who keeps the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// The registry.
    Registry,
    /// Clients, in the index under the tag `sha256-HEX`.
    Clients,
}

/// What is attached to a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrers {
    /// Who keeps the list.
    pub keeper: Keeper,
    /// The list.
    pub list: Vec<Referrer>,
}

/// The list as a document; what it names by another algorithm than ours, or oddly, is nothing that we could fetch.
#[derive(Deserialize)]
struct List {
    #[serde(default)]
    manifests: Vec<serde_json::Value>,
}

/// Lists what is attached to `subject`.
///
/// # Errors
/// If the registry refuses, cannot be reached, or holds something else than an index under the tag for the list.
pub async fn referrers(
    repository: &Repository<'_>,
    subject: Digest,
) -> Result<Referrers, ImageError> {
    if let Some(pages) = repository.ask_referrers(subject).await? {
        let mut list = Vec::new();
        for page in pages {
            let what = format!("the list of what is attached to {subject}");
            list.extend(read(&what, &page)?);
        }
        return Ok(Referrers {
            keeper: Keeper::Registry,
            list,
        });
    }
    let list = match fallback(repository, subject).await? {
        Some(index) => read(&fallback_words(subject)?, &index.bytes)?,
        None => Vec::new(),
    };
    Ok(Referrers {
        keeper: Keeper::Clients,
        list,
    })
}

fn read(what: &str, bytes: &[u8]) -> Result<Vec<Referrer>, ImageError> {
    match serde_json::from_slice::<List>(bytes) {
        Ok(List { manifests }) => {
            let entries = manifests.into_iter();
            let referrers = entries.map(serde_json::from_value);
            Ok(referrers.filter_map(Result::ok).collect())
        }
        Err(problem) => Err(ImageError::Malformed {
            what: what.to_owned(),
            because: problem.to_string(),
        }),
    }
}

/// Fetches the index under the tag for the list; `None` where there is none.
pub(super) async fn fallback(
    repository: &Repository<'_>,
    subject: Digest,
) -> Result<Option<FetchedManifest>, ImageError> {
    let tag = companion_tag(subject, "")?;
    let Some(found) = repository.get_manifest(&ManifestName::Tag(tag)).await? else {
        return Ok(None);
    };
    if found.media_type != INDEX {
        return Err(ImageError::Malformed {
            what: fallback_words(subject)?,
            because: format!(
                "its type is `{}`, expected an index of what is attached",
                found.media_type
            ),
        });
    }
    Ok(Some(found))
}

fn fallback_words(subject: Digest) -> Result<String, ImageError> {
    Ok(format!("the tag `{}`", companion_tag(subject, "")?))
}

/// Fetches the document of something that is attached: the first layer of its manifest.
///
/// # Errors
/// If the manifest or its document is missing or damaged, larger than `limit`, or the registry refuses or cannot be reached.
pub async fn attached_bytes(
    repository: &Repository<'_>,
    manifest: Digest,
    limit: u64,
) -> Result<(Descriptor, Vec<u8>), ImageError> {
    let missing = |what: String| ImageError::Missing {
        registry: repository.name().registry().to_owned(),
        what,
    };
    let found = repository
        .get_manifest(&ManifestName::Digest(manifest))
        .await?
        .ok_or_else(|| missing(format!("the manifest {manifest}")))?;
    let what = format!("manifest {manifest}");
    let layer = match ManifestBody::parse(&what, &found.media_type, &found.bytes)? {
        ManifestBody::Image(manifest) => manifest.layers.into_iter().next(),
        ManifestBody::Index(_) => None,
    };
    let layer = layer.ok_or_else(|| missing(format!("a document in the manifest {manifest}")))?;
    if layer.size > limit {
        return Err(ImageError::Malformed {
            what,
            because: format!("its document has {} bytes, more than {limit}", layer.size),
        });
    }
    let folder =
        tempfile::tempdir().map_err(ImageError::io("create a folder in", std::env::temp_dir()))?;
    let file = folder.path().join("document");
    repository.get_blob(&layer, &file).await?;
    let bytes = tokio::fs::read(&file)
        .await
        .map_err(ImageError::io("read", &file))?;
    Ok((layer, bytes))
}
