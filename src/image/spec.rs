//! The documents of the OCI image specification 1.1 as far as they are read and written here, and docker's spelling of them.
//!
//! Unknown keys are left alone: documents of others are kept as their bytes and never written again.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{digest::Digest, image::ImageError};

/// Media type of a manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an index of manifests.
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of an image's configuration.
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a layer that is compressed with gzip.
pub(super) const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Media type of a layer that is not compressed.
pub(super) const LAYER_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's media type of an image's configuration.
pub(super) const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// What is accepted when a manifest is asked for.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";
/// Registries should take manifests of four MiB; a larger one is refused unread.
pub(super) const LARGEST_MANIFEST: u64 = 4 << 20;

/// Names bytes by type, digest and size (image-spec, descriptor.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Type of the bytes.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
    /// For which platform they are, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Free data.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Places from which a foreign layer may be fetched; such a layer is not pushed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
}

/// An operating system and a processor: `linux/amd64`, `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// As `GOARCH` says it.
    pub architecture: String,
    /// As `GOOS` says it.
    pub os: String,
    /// Of the processor: `v7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            architecture: "amd64".to_owned(),
            os: "linux".to_owned(),
            variant: None,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(formatter, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// A text that is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a platform: expected `OS/ARCHITECTURE` or `OS/ARCHITECTURE/VARIANT`, such as `linux/amd64`"
)]
pub struct InvalidPlatform(String);

impl FromStr for Platform {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let parts: Vec<_> = text.split('/').collect();
        let good = |part: &&str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        };
        match parts.as_slice() {
            [os, architecture, variant @ ..] if variant.len() < 2 && parts.iter().all(good) => {
                Ok(Self {
                    architecture: (*architecture).to_owned(),
                    os: (*os).to_owned(),
                    variant: variant.first().map(|variant| (*variant).to_owned()),
                })
            }
            _ => Err(InvalidPlatform(text.to_owned())),
        }
    }
}

/// A manifest: one image for one platform (image-spec, manifest.md).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<String>,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// An index: manifests for several platforms (image-spec, image-index.md).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub(super) schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<String>,
    pub(super) manifests: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// A manifest or an index.
#[derive(Debug, Clone)]
pub(super) enum ManifestBody {
    Image(Box<Manifest>),
    Index(Index),
}

impl ManifestBody {
    /// Reads by the media type, which the document itself must not contradict.
    pub(super) fn parse(what: &str, media_type: &str, bytes: &[u8]) -> Result<Self, ImageError> {
        let malformed = |because: String| ImageError::Malformed {
            what: what.to_owned(),
            because,
        };
        let (body, version, own_type) = match media_type {
            MANIFEST | DOCKER_MANIFEST => {
                let manifest: Manifest = serde_json::from_slice(bytes)
                    .map_err(|problem| malformed(problem.to_string()))?;
                let (version, own_type) = (manifest.schema_version, manifest.media_type.clone());
                (Self::Image(Box::new(manifest)), version, own_type)
            }
            INDEX | DOCKER_INDEX => {
                let index: Index = serde_json::from_slice(bytes)
                    .map_err(|problem| malformed(problem.to_string()))?;
                let (version, own_type) = (index.schema_version, index.media_type.clone());
                (Self::Index(index), version, own_type)
            }
            other => {
                return Err(malformed(format!(
                    "its type `{other}` is none of a manifest or an index"
                )));
            }
        };
        if version != 2 {
            return Err(malformed(format!(
                "its schemaVersion is {version}, expected 2"
            )));
        }
        match own_type {
            Some(own_type) if own_type != media_type => Err(malformed(format!(
                "it calls itself `{own_type}`, but was named as `{media_type}`"
            ))),
            _ => Ok(body),
        }
    }
}

impl Index {
    /// Lists the children that are images; attestations stand for a platform `unknown/unknown`.
    pub(super) fn images(&self) -> impl Iterator<Item = (&Descriptor, &Platform)> {
        let named = self
            .manifests
            .iter()
            .filter_map(|child| Some((child, child.platform.as_ref()?)));
        named.filter(|(_, platform)| platform.os != "unknown")
    }

    /// Finds the child for a platform; a variant counts where it is asked for.
    pub(super) fn for_platform(&self, wanted: &Platform) -> Option<&Descriptor> {
        let fits = |platform: &Platform| {
            platform.os == wanted.os
                && platform.architecture == wanted.architecture
                && (wanted.variant.is_none() || platform.variant == wanted.variant)
        };
        self.images()
            .find(|(_, platform)| fits(platform))
            .map(|(child, _)| child)
    }
}

/// How the bytes of a layer are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LayerFormat {
    Tar,
    Gzip,
}

impl LayerFormat {
    pub(super) fn of(layer: &Descriptor) -> Result<Self, ImageError> {
        match layer.media_type.as_str() {
            LAYER_GZIP | DOCKER_LAYER => Ok(Self::Gzip),
            LAYER_TAR => Ok(Self::Tar),
            other => Err(ImageError::Malformed {
                what: format!("layer {}", layer.digest),
                because: format!(
                    "its type `{other}` is not known; expected a tar or a tar with gzip"
                ),
            }),
        }
    }
}

/// An image's configuration (image-spec, config.md). Maps are sorted, so that the same image has the same bytes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct ConfigFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<String>,
    pub(super) architecture: String,
    pub(super) os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<String>,
    #[serde(default)]
    pub(super) config: RunConfig,
    pub(super) rootfs: RootFs,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) history: Vec<History>,
}

impl ConfigFile {
    pub(super) fn platform(&self) -> Platform {
        Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            variant: self.variant.clone(),
        }
    }
}

/// How a container of the image starts. Other tools write `null` where they mean nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RunConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) exposed_ports: Option<BTreeMap<String, Empty>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) env: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) entrypoint: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cmd: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) working_dir: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) labels: Option<BTreeMap<String, String>>,
}

/// The `{}` that stands for presence.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Empty {}

/// The layers by the digests of their uncompressed bytes, lowest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct RootFs {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) diff_ids: Vec<Digest>,
}

/// How a layer came about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct History {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) empty_layer: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}
