//! Documents under tags that are made of their image's digest, where programs look that are older than subjects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attach::{Attached, Attachment, Form, Same, document, plain, put_blob};
use crate::{
    digest::Digest,
    image::{
        Descriptor, FetchedManifest, ImageError, ManifestName, Repository, Tag,
        layout::to_json,
        spec::{CONFIG, MANIFEST},
    },
};

/// Returns the tag that is made of a digest: `sha256-HEX`, or `sha256-HEX.SUFFIX`.
///
/// # Errors
/// If the suffix makes no tag.
pub fn companion_tag(digest: Digest, suffix: &str) -> Result<Tag, ImageError> {
    let point = if suffix.is_empty() { "" } else { "." };
    Ok(format!("sha256-{}{point}{suffix}", digest.hex()).parse()?)
}

/// Returns the digest that a tag is made of, where it is made of one.
pub fn companion_subject(tag: &Tag) -> Option<Digest> {
    let rest = tag.as_str().strip_prefix("sha256-")?;
    let hex = rest.split_once('.').map_or(rest, |(hex, _)| hex);
    format!("sha256:{hex}").parse().ok()
}

/// The manifest under such a tag. Its layers are documents; what else others wrote into it is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Documents {
    schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// Configuration of such a manifest: that of an image whose layers are the documents.
#[derive(Serialize)]
struct Configuration<'l> {
    architecture: &'static str,
    created: &'static str,
    os: &'static str,
    rootfs: Layers<'l>,
    config: BTreeMap<(), ()>,
}

#[derive(Serialize)]
struct Layers<'l> {
    r#type: &'static str,
    diff_ids: Vec<&'l Digest>,
}

pub(super) async fn attach_tagged(
    repository: &Repository<'_>,
    subject: Digest,
    attachment: &Attachment,
    attached: &mut Attached,
) -> Result<(), ImageError> {
    let Form::Tagged { suffix } = attachment.form else {
        return Ok(());
    };
    let name = ManifestName::Tag(companion_tag(subject, suffix)?);
    let found = repository.get_manifest(&name).await?;
    let mut layers = layers(&name, found.as_ref())?;
    let layer = layer(attachment);
    if layers
        .iter()
        .any(|other| attachment.is_layer(&layer, other))
    {
        attached.present += 1;
        return Ok(());
    }
    put_blob(repository, &layer, &attachment.bytes).await?;
    layers.push(layer);
    let config = to_json(&Configuration {
        architecture: "",
        created: "0001-01-01T00:00:00Z",
        os: "",
        rootfs: Layers {
            r#type: "layers",
            diff_ids: layers.iter().map(|layer| &layer.digest).collect(),
        },
        config: BTreeMap::new(),
    })?;
    let config_blob = plain(CONFIG, Digest::of(&config), config.len() as u64);
    put_blob(repository, &config_blob, &config).await?;
    let manifest = to_json(&Documents {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        config: config_blob,
        layers,
        annotations: BTreeMap::new(),
    })?;
    match repository
        .put_manifest(&name, MANIFEST, &manifest.into())
        .await
    {
        Ok(digest) => attached.added.push(digest),
        Err(problem @ ImageError::Refused { .. }) if found.is_some() => {
            attached.warnings.push(format!(
                "{problem}: the tag `{name}` keeps what it had, and `{}` is not under it",
                attachment.artifact_type
            ));
        }
        Err(problem) => return Err(problem),
    }
    Ok(())
}

/// Tells whether a document is under such a tag.
pub(super) async fn is_tagged(
    repository: &Repository<'_>,
    subject: Digest,
    suffix: &str,
    attachment: &Attachment,
) -> Result<bool, ImageError> {
    let name = ManifestName::Tag(companion_tag(subject, suffix)?);
    let found = repository.get_manifest(&name).await?;
    let layer = layer(attachment);
    let layers = layers(&name, found.as_ref())?;
    Ok(layers
        .iter()
        .any(|other| attachment.is_layer(&layer, other)))
}

fn layer(attachment: &Attachment) -> Descriptor {
    Descriptor {
        annotations: attachment.annotations.clone(),
        ..document(attachment)
    }
}

fn layers(
    name: &ManifestName,
    found: Option<&FetchedManifest>,
) -> Result<Vec<Descriptor>, ImageError> {
    match found {
        Some(found) => read(name, &found.media_type, &found.bytes),
        None => Ok(Vec::new()),
    }
}

impl Attachment {
    fn is_layer(&self, made: &Descriptor, other: &Descriptor) -> bool {
        match self.same {
            Same::Bytes => made.digest == other.digest && made.annotations == other.annotations,
            Same::Annotations(names) => {
                other.media_type == self.media_type && self.says_the_same(names, &other.annotations)
            }
        }
    }
}

fn read(
    name: &ManifestName,
    media_type: &str,
    bytes: &[u8],
) -> Result<Vec<Descriptor>, ImageError> {
    let malformed = |because: String| ImageError::Malformed {
        what: format!("the tag `{name}`"),
        because,
    };
    if media_type != MANIFEST {
        return Err(malformed(format!(
            "its type is `{media_type}`, expected a manifest of what is attached"
        )));
    }
    match serde_json::from_slice::<Documents>(bytes) {
        Ok(documents) => Ok(documents.layers),
        Err(problem) => Err(malformed(problem.to_string())),
    }
}
