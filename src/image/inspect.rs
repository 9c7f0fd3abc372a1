//! What an image says of itself, and what is in it.

use std::{collections::BTreeMap, fmt};

use crate::{
    digest::Digest,
    image::{
        Access, Descriptor, FetchedManifest, FileFact, ImageError, ImageReference, Layout,
        ManifestName, Platform, Platforms, RegistryClient, Repository, Tag, pull,
        rootfs::list_files,
        spec::{ConfigFile, Index, LARGEST_MANIFEST, Manifest, ManifestBody},
    },
};

/// How much of an image is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Manifests and configuration: a few requests.
    Config,
    /// The files too, for which every layer is fetched.
    Files,
}

/// What is known of an image. Where it is for several platforms, all but the list of them is that of `linux/amd64`, or of the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// Digest by which it is named: that of the index where there is one.
    pub digest: Digest,
    /// Platforms for which it is made.
    pub platforms: Vec<Platform>,
    /// Ports that it names, by number and protocol.
    pub ports: Vec<ExposedPort>,
    /// User, as written; empty for root.
    pub user: String,
    /// Environment, in its order.
    pub env: Vec<(String, String)>,
    /// Program and first arguments.
    pub entrypoint: Vec<String>,
    /// Arguments that a container may replace.
    pub cmd: Vec<String>,
    /// Folder in which the program starts; empty where none is named.
    pub workdir: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Bytes of the configuration and all layers, as they are stored and sent.
    pub size: u64,
    /// Its files, by path, where they were asked for.
    pub files: Option<Vec<FileFact>>,
}

/// A port that an image names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExposedPort {
    /// The port.
    pub number: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

impl fmt::Display for ExposedPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.protocol)
    }
}

/// Looks at an image on a registry; a reference without tag and digest means `latest`.
///
/// # Errors
/// If there is none ([`ImageError::Missing`]), if the registry refuses, cannot be reached or sends something else than it names,
/// or if a document is malformed.
pub async fn inspect(
    client: &RegistryClient,
    reference: &ImageReference,
    depth: Depth,
) -> Result<ImageFacts, ImageError> {
    let repository = client.repository(reference.repository(), Access::Pull)?;
    let root = resolve(&repository, reference).await?;
    let body = ManifestBody::parse(
        &format!("manifest `{reference}`"),
        &root.media_type,
        &root.bytes,
    )?;
    let (manifest, platforms) = match body {
        ManifestBody::Image(manifest) => (*manifest, None),
        ManifestBody::Index(index) => {
            let child = default_child(&reference.to_string(), &index)?;
            let fetched = child_manifest(&repository, child).await?;
            (fetched, Some(platforms(&index)))
        }
    };
    let config = fetch_small(&repository, &manifest.config).await?;
    let mut facts = facts(root.digest, platforms, &manifest, &config)?;
    if depth == Depth::Files {
        let folder = tempfile::tempdir()
            .map_err(ImageError::io("create a folder in", std::env::temp_dir()))?;
        let platform = facts_platform(&config)?;
        let pinned = repository.name().pinned(root.digest);
        let layout = pull(client, &pinned, folder.path(), &Platforms::One(platform)).await?;
        facts.files = Some(list_files(&layout, &manifest)?);
    }
    Ok(facts)
}

/// Looks at the one image of a layout.
///
/// # Errors
/// If the layout holds none or several, or a blob that is looked at is damaged or malformed.
pub fn inspect_layout(layout: &Layout, depth: Depth) -> Result<ImageFacts, ImageError> {
    let root = layout.root()?;
    let (manifest, platforms) = match layout.manifest(root)? {
        ManifestBody::Image(manifest) => (*manifest, None),
        ManifestBody::Index(index) => {
            let child = default_child(&layout.folder().display().to_string(), &index)?;
            match layout.manifest(child)? {
                ManifestBody::Image(manifest) => (*manifest, Some(platforms(&index))),
                ManifestBody::Index(_) => return Err(nested(child)),
            }
        }
    };
    let config = layout.blob(&manifest.config)?;
    let mut facts = facts(root.digest, platforms, &manifest, &config)?;
    if depth == Depth::Files {
        facts.files = Some(list_files(layout, &manifest)?);
    }
    Ok(facts)
}

/// Fetches what a reference names: by digest, else by tag, else `latest`.
pub(super) async fn resolve(
    repository: &Repository<'_>,
    reference: &ImageReference,
) -> Result<FetchedManifest, ImageError> {
    let name = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => ManifestName::Digest(digest),
        (None, Some(tag)) => ManifestName::Tag(tag.clone()),
        (None, None) => ManifestName::Tag(Tag::latest()),
    };
    match repository.get_manifest(&name).await? {
        Some(manifest) => Ok(manifest),
        None => Err(ImageError::Missing {
            registry: repository.name().registry().to_owned(),
            what: format!("`{reference}`"),
        }),
    }
}

pub(super) fn default_child<'i>(
    what: &str,
    index: &'i Index,
) -> Result<&'i Descriptor, ImageError> {
    index
        .for_platform(&Platform::default())
        .or_else(|| index.images().next().map(|(child, _)| child))
        .or(index.manifests.first())
        .ok_or_else(|| ImageError::Malformed {
            what: format!("index of `{what}`"),
            because: "it names no image".to_owned(),
        })
}

pub(super) fn nested(child: &Descriptor) -> ImageError {
    ImageError::Malformed {
        what: format!("manifest {}", child.digest),
        because: "it is an index inside an index, expected an image".to_owned(),
    }
}

pub(super) async fn child_manifest(
    repository: &Repository<'_>,
    child: &Descriptor,
) -> Result<Manifest, ImageError> {
    let fetched = repository
        .get_manifest(&ManifestName::Digest(child.digest))
        .await?;
    let fetched = fetched.ok_or_else(|| ImageError::Missing {
        registry: repository.name().registry().to_owned(),
        what: format!("the manifest {} for a platform", child.digest),
    })?;
    match ManifestBody::parse(
        &format!("manifest {}", child.digest),
        &child.media_type,
        &fetched.bytes,
    )? {
        ManifestBody::Image(manifest) => Ok(*manifest),
        ManifestBody::Index(_) => Err(nested(child)),
    }
}

pub(super) async fn fetch_small(
    repository: &Repository<'_>,
    blob: &Descriptor,
) -> Result<Vec<u8>, ImageError> {
    if blob.size > LARGEST_MANIFEST {
        return Err(ImageError::Malformed {
            what: format!("configuration {}", blob.digest),
            because: format!(
                "it has {} bytes, expected at most {LARGEST_MANIFEST}",
                blob.size
            ),
        });
    }
    let folder =
        tempfile::tempdir().map_err(ImageError::io("create a folder in", std::env::temp_dir()))?;
    let file = folder.path().join("blob");
    repository.get_blob(blob, &file).await?;
    tokio::fs::read(&file)
        .await
        .map_err(ImageError::io("read", &file))
}

fn platforms(index: &Index) -> Vec<Platform> {
    index
        .images()
        .map(|(_, platform)| platform.clone())
        .collect()
}

pub(super) fn read_config(bytes: &[u8]) -> Result<ConfigFile, ImageError> {
    serde_json::from_slice(bytes).map_err(|problem| ImageError::Malformed {
        what: "the image's configuration".to_owned(),
        because: problem.to_string(),
    })
}

fn facts_platform(config: &[u8]) -> Result<Platform, ImageError> {
    Ok(read_config(config)?.platform())
}

fn facts(
    digest: Digest,
    platforms: Option<Vec<Platform>>,
    manifest: &Manifest,
    config: &[u8],
) -> Result<ImageFacts, ImageError> {
    let file = read_config(config)?;
    let platforms = platforms.unwrap_or_else(|| vec![file.platform()]);
    let config = file.config;
    let mut ports = Vec::new();
    for port in config.exposed_ports.unwrap_or_default().keys() {
        ports.push(read_port(port)?);
    }
    ports.sort();
    let env = config
        .env
        .unwrap_or_default()
        .into_iter()
        .map(|line| match line.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (line, String::new()),
        });
    Ok(ImageFacts {
        digest,
        platforms,
        ports,
        user: config.user.unwrap_or_default(),
        env: env.collect(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        cmd: config.cmd.unwrap_or_default(),
        workdir: config.working_dir.unwrap_or_default(),
        labels: config.labels.unwrap_or_default(),
        size: manifest
            .layers
            .iter()
            .map(|layer| layer.size)
            .fold(manifest.config.size, u64::saturating_add),
        files: None,
    })
}

/// Reads `8088/tcp`, or `8088`, which means the same.
fn read_port(text: &str) -> Result<ExposedPort, ImageError> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    match number.parse() {
        Ok(number) => Ok(ExposedPort {
            number,
            protocol: protocol.to_owned(),
        }),
        Err(_) => Err(ImageError::Malformed {
            what: "the image's configuration".to_owned(),
            because: format!("`{text}` is no port, expected one such as `8088/tcp`"),
        }),
    }
}
