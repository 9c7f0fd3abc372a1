//! Attaching documents to an image that is in a repository by its digest.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::{
    Keeper, Referrer, Referrers,
    list::{fallback, referrers},
    tagged::{attach_tagged, companion_tag, is_tagged},
};
use crate::{
    digest::Digest,
    image::{
        Descriptor, ImageError, Lookup, ManifestName, Repository,
        client::SubjectKept,
        layout::to_json,
        spec::{INDEX, MANIFEST},
    },
};

/// Type of the configuration of a manifest that needs none (image-spec, "Guidance for an Empty Descriptor").
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// Another client may write the list between our reading and our writing.
const MOST_ROUNDS: usize = 4;

/// A document that belongs to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What it is, as a list of what is attached shows it.
    pub artifact_type: String,
    /// Type of the bytes.
    pub media_type: String,
    /// The document.
    pub bytes: Bytes,
    /// What lists show of it besides.
    pub annotations: BTreeMap<String, String>,
    /// How it is kept.
    pub form: Form,
    /// When it is there already.
    pub same: Same,
}

/// How a document is kept beside its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// In a manifest that names the image as its subject.
    Referrer,
    /// As a layer of the manifest under the tag `sha256-HEX.SUFFIX`, where programs look that are older than subjects.
    Tagged {
        /// Behind the point.
        suffix: &'static str,
    },
}

/// Which document that is there counts as this one, so that another run adds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Same {
    /// One of the same bytes.
    Bytes,
    /// One of the same type with the same values of these annotations: a signature is another one each time it is made.
    Annotations(&'static [&'static str]),
}

/// What attaching came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attached {
    /// Manifests that were added.
    pub added: Vec<Digest>,
    /// How many of the documents were there.
    pub present: usize,
    /// What does not hold, for people.
    pub warnings: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact<'a> {
    schema_version: u32,
    media_type: &'static str,
    artifact_type: &'a str,
    config: Descriptor,
    layers: [Descriptor; 1],
    subject: Descriptor,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

/// Attaches documents to `subject`, which has to be in the repository by its digest; what is there is not sent again.
///
/// It is called before any tag moves: whoever follows a tag finds the documents.
///
/// # Errors
/// If the registry refuses, cannot be reached, or holds something else under a tag that lists are kept at. A tag of a list that
/// the registry will not move is a warning: the document is there by its digest.
pub async fn attach(
    repository: &Repository<'_>,
    subject: &Descriptor,
    attachments: &[Attachment],
) -> Result<Attached, ImageError> {
    let mut attached = Attached::default();
    let (kept, tagged): (Vec<_>, Vec<_>) = attachments
        .iter()
        .partition(|attachment| attachment.form == Form::Referrer);
    if !kept.is_empty() {
        attach_referrers(repository, subject, &kept, &mut attached).await?;
    }
    for attachment in tagged {
        attach_tagged(repository, subject.digest, attachment, &mut attached).await?;
    }
    Ok(attached)
}

/// Tells whether all of these are there, as [`Same`] has it of each.
///
/// # Errors
/// If the registry refuses, cannot be reached, or holds something else under a tag that lists are kept at.
pub async fn are_attached(
    repository: &Repository<'_>,
    subject: &Descriptor,
    attachments: &[Attachment],
) -> Result<bool, ImageError> {
    let there = referrers(repository, subject.digest).await?;
    for attachment in attachments {
        let is_there = match attachment.form {
            Form::Referrer => {
                let (referrer, _) = artifact(subject, attachment)?;
                let mut others = there.list.iter();
                others.any(|other| attachment.is(&referrer, other))
            }
            Form::Tagged { suffix } => {
                is_tagged(repository, subject.digest, suffix, attachment).await?
            }
        };
        if !is_there {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn attach_referrers(
    repository: &Repository<'_>,
    subject: &Descriptor,
    attachments: &[&Attachment],
    attached: &mut Attached,
) -> Result<(), ImageError> {
    let there = referrers(repository, subject.digest).await?;
    let mut unlisted = Vec::new();
    let mut has_empty = false;
    for attachment in attachments {
        let (referrer, bytes) = artifact(subject, attachment)?;
        if there
            .list
            .iter()
            .any(|other| attachment.is(&referrer, other))
        {
            attached.present += 1;
            continue;
        }
        if !has_empty {
            put_blob(repository, &empty(), b"{}").await?;
            has_empty = true;
        }
        put_blob(repository, &document(attachment), &attachment.bytes).await?;
        if repository.put_referrer(&bytes).await? == SubjectKept::No {
            unlisted.push(referrer.clone());
        }
        attached.added.push(referrer.digest);
    }
    if unlisted.is_empty() {
        return Ok(());
    }
    list(repository, subject.digest, &there, &unlisted, attached).await
}

impl Attachment {
    fn is(&self, made: &Referrer, other: &Referrer) -> bool {
        match self.same {
            Same::Bytes => made.digest == other.digest,
            Same::Annotations(names) => {
                let is_type = other.artifact_type.as_ref() == Some(&self.artifact_type);
                is_type && self.says_the_same(names, &other.annotations)
            }
        }
    }

    pub(super) fn says_the_same(&self, names: &[&str], others: &BTreeMap<String, String>) -> bool {
        names
            .iter()
            .all(|name| self.annotations.get(*name) == others.get(*name))
    }
}

fn artifact(
    subject: &Descriptor,
    attachment: &Attachment,
) -> Result<(Referrer, Bytes), ImageError> {
    let manifest = Artifact {
        schema_version: 2,
        media_type: MANIFEST,
        artifact_type: &attachment.artifact_type,
        config: empty(),
        layers: [document(attachment)],
        subject: plain(&subject.media_type, subject.digest, subject.size),
        annotations: &attachment.annotations,
    };
    let bytes: Bytes = to_json(&manifest)?.into();
    let referrer = Referrer {
        media_type: MANIFEST.to_owned(),
        digest: Digest::of(&bytes),
        size: bytes.len() as u64,
        artifact_type: Some(attachment.artifact_type.clone()),
        annotations: attachment.annotations.clone(),
    };
    Ok((referrer, bytes))
}

fn empty() -> Descriptor {
    plain(EMPTY, Digest::of("{}"), 2)
}

pub(super) fn document(attachment: &Attachment) -> Descriptor {
    plain(
        &attachment.media_type,
        Digest::of(&attachment.bytes),
        attachment.bytes.len() as u64,
    )
}

pub(super) fn plain(media_type: &str, digest: Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest,
        size,
        platform: None,
        annotations: BTreeMap::new(),
        urls: Vec::new(),
    }
}

pub(super) async fn put_blob(
    repository: &Repository<'_>,
    blob: &Descriptor,
    bytes: &[u8],
) -> Result<(), ImageError> {
    let file = tempfile::NamedTempFile::new()
        .map_err(ImageError::io("create a file in", std::env::temp_dir()))?;
    tokio::fs::write(file.path(), bytes)
        .await
        .map_err(ImageError::io("write", file.path()))?;
    repository
        .upload_blob(blob, file.path(), Lookup::Mount(&[]))
        .await?;
    Ok(())
}

/// Adds to the list that clients keep, and looks whether it stayed there.
async fn list(
    repository: &Repository<'_>,
    subject: Digest,
    there: &Referrers,
    unlisted: &[Referrer],
    attached: &mut Attached,
) -> Result<(), ImageError> {
    let name = ManifestName::Tag(companion_tag(subject, "")?);
    for _ in 0..MOST_ROUNDS {
        let found = fallback(repository, subject).await?;
        let Some(index) = with(&name, found.as_ref().map(|found| &found.bytes), unlisted)? else {
            return Ok(());
        };
        match repository.put_manifest(&name, INDEX, &index).await {
            Ok(_) => {}
            // A registry whose tags do not move takes the first list and no other.
            Err(problem @ ImageError::Refused { .. }) if found.is_some() => {
                attached.warnings.push(format!(
                    "{problem}: what is attached to {subject} is there by its digest, and not in the list `{name}`"
                ));
                return Ok(());
            }
            Err(problem) => return Err(problem),
        }
        // Where the registry says that it keeps the list, the tag is for others, and nobody races for it.
        if there.keeper == Keeper::Registry {
            return Ok(());
        }
    }
    Err(ImageError::ReadBack {
        reference: Box::new(repository.name().tagged(companion_tag(subject, "")?)),
        found: "a list without what was attached".to_owned(),
    })
}

/// The index with what it lacks; `None` if it lacks nothing. Entries and keys of others stay as they are.
fn with(
    name: &ManifestName,
    index: Option<&Bytes>,
    unlisted: &[Referrer],
) -> Result<Option<Bytes>, ImageError> {
    let malformed = |because: String| ImageError::Malformed {
        what: format!("the tag `{name}`"),
        because,
    };
    let mut index: serde_json::Value = match index {
        Some(bytes) => {
            serde_json::from_slice(bytes).map_err(|problem| malformed(problem.to_string()))?
        }
        None => serde_json::json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }),
    };
    let manifests = index
        .get_mut("manifests")
        .and_then(serde_json::Value::as_array_mut)
        .ok_or_else(|| malformed("it lists no manifests".to_owned()))?;
    let known: Vec<String> = manifests
        .iter()
        .filter_map(|entry| Some(entry.get("digest")?.as_str()?.to_owned()))
        .collect();
    let before = manifests.len();
    for referrer in unlisted {
        if !known.contains(&referrer.digest.to_string()) {
            manifests.push(
                serde_json::to_value(referrer).map_err(|problem| malformed(problem.to_string()))?,
            );
        }
    }
    if manifests.len() == before {
        return Ok(None);
    }
    Ok(Some(to_json(&index)?.into()))
}
