//! An image from files, without a daemon.
//!
//! The same files give the same digest for another order, owner, umask, time, locale, number of cores or processor.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    num::NonZero,
    path::{Path, PathBuf},
};

use indexmap::IndexMap;

use crate::{
    digest::{Digest, Hasher},
    image::{
        ImageError, ImageReference, gzip,
        layer::LayerPlan,
        layout::{Layout, LayoutWriter, to_json},
        spec::{
            CONFIG, ConfigFile, Descriptor, Empty, History, LAYER_GZIP, MANIFEST, Manifest,
            ManifestBody, Platform, RootFs, RunConfig,
        },
    },
};

const CREATED: &str = "1970-01-01T00:00:00Z";
const CREATED_BY: &str = "deploy-action assemble";

/// What an image is made of.
#[derive(Debug, Clone, Default)]
pub struct Assembly {
    /// Path in the image to the file or folder that lies there; a folder is taken whole, its symbolic links as links.
    pub files: BTreeMap<String, PathBuf>,
    /// Image below the files. Only images from nothing are assembled, so this must be absent.
    pub base: Option<ImageReference>,
    /// Program and first arguments.
    pub entrypoint: Vec<String>,
    /// Arguments that a container may replace.
    pub cmd: Vec<String>,
    /// Environment, in this order.
    pub env: IndexMap<String, String>,
    /// TCP ports on which the program listens.
    pub ports: Vec<u16>,
    /// User, as name or number, with group after a colon.
    pub user: Option<String>,
    /// Folder in which the program starts.
    pub workdir: Option<String>,
    /// Labels of the configuration.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// Operating system and processor.
    pub platform: Platform,
}

/// An image that was assembled.
#[derive(Debug, Clone)]
pub struct Assembled {
    /// Digest of the manifest: the image's name by content.
    pub digest: Digest,
    /// Where it lies.
    pub layout: Layout,
    /// Whether the layer was taken from the layout that the folder held before.
    pub layer_reused: bool,
    /// Bytes of manifest, configuration and layer.
    pub size: u64,
}

/// Assembles an image into the folder `into`, as an OCI image layout that holds nothing else.
///
/// A layer that the folder already has, compressed in the same way from the same bytes, is not compressed again.
///
/// # Errors
/// If a file cannot be read, changes while it is read, or would lie outside the image; if a value cannot stand in a
/// configuration; if `base` is given.
pub fn assemble(assembly: &Assembly, into: impl AsRef<Path>) -> Result<Assembled, ImageError> {
    let into = into.as_ref();
    let config = run_config(assembly)?;
    let plan = LayerPlan::collect(&assembly.files)?;
    let known = KnownLayers::read(into);
    let writer = LayoutWriter::create(into)?;
    let (layer, diff_id, layer_reused) = match known.find(&plan)? {
        Some((layer, diff_id)) => (layer, diff_id, true),
        None => {
            let (layer, diff_id) = write_layer(&plan, &writer)?;
            (layer, diff_id, false)
        }
    };
    let config = ConfigFile {
        created: Some(CREATED.to_owned()),
        architecture: assembly.platform.architecture.clone(),
        os: assembly.platform.os.clone(),
        variant: assembly.platform.variant.clone(),
        config,
        rootfs: RootFs {
            kind: "layers".to_owned(),
            diff_ids: vec![diff_id],
        },
        history: vec![own_history()],
    };
    let config = writer.put(CONFIG, &to_json(&config)?)?;
    let size = config.size + layer.size;
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        config,
        layers: vec![layer],
        annotations: assembly.annotations.clone(),
    };
    let mut manifest = writer.put(MANIFEST, &to_json(&manifest)?)?;
    manifest.platform = Some(assembly.platform.clone());
    let (digest, size) = (manifest.digest, size + manifest.size);
    let layout = writer.finish(vec![manifest])?;
    layout.prune()?;
    Ok(Assembled {
        digest,
        layout,
        layer_reused,
        size,
    })
}

fn own_history() -> History {
    History {
        created: Some(CREATED.to_owned()),
        created_by: Some(CREATED_BY.to_owned()),
        // Names the way to compress: a layer is taken over only from the same one.
        comment: Some(gzip::SCHEME.to_owned()),
        empty_layer: false,
    }
}

fn run_config(assembly: &Assembly) -> Result<RunConfig, ImageError> {
    let refuse = |because: String| Err(ImageError::Assembly { because });
    if let Some(base) = &assembly.base {
        return refuse(format!(
            "`base: {base}` is not supported; expected only `files`, or a Dockerfile with `FROM {base}` as `context`"
        ));
    }
    if let Some(workdir) = assembly
        .workdir
        .as_deref()
        .filter(|workdir| !workdir.starts_with('/'))
    {
        return refuse(format!(
            "the workdir `{workdir}` is not absolute; expected one such as `/{workdir}`"
        ));
    }
    if let Some(name) = assembly
        .env
        .keys()
        .find(|name| name.is_empty() || name.contains(['=', '\0']))
    {
        return refuse(format!(
            "`{}` is no name of an environment variable",
            name.escape_default()
        ));
    }
    if assembly.ports.contains(&0) {
        return refuse("0 is no port; expected 1 to 65535".to_owned());
    }
    let list = |items: &[String]| (!items.is_empty()).then(|| items.to_vec());
    let ports: BTreeMap<_, _> = assembly
        .ports
        .iter()
        .map(|port| (format!("{port}/tcp"), Empty {}))
        .collect();
    let env: Vec<_> = assembly
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(RunConfig {
        user: assembly.user.clone(),
        exposed_ports: (!ports.is_empty()).then_some(ports),
        env: list(&env),
        entrypoint: list(&assembly.entrypoint),
        cmd: list(&assembly.cmd),
        working_dir: assembly.workdir.clone(),
        labels: (!assembly.labels.is_empty()).then(|| assembly.labels.clone()),
    })
}

/// Writes bytes on, counting and hashing them.
struct Tee<W> {
    inner: W,
    hasher: Hasher,
    written: u64,
}

impl<W: io::Write> io::Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W> Tee<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Hasher::new(),
            written: 0,
        }
    }
}

fn write_layer(
    plan: &LayerPlan,
    writer: &LayoutWriter,
) -> Result<(Descriptor, Digest), ImageError> {
    let mut file = writer.scratch()?;
    let (diff_id, digest, size) = compress_into(file.as_file_mut(), plan)
        .map_err(ImageError::io("write the layer", file.path()))?;
    writer.keep(file, digest)?;
    let layer = Descriptor {
        media_type: LAYER_GZIP.to_owned(),
        digest,
        size,
        platform: None,
        annotations: BTreeMap::new(),
        urls: Vec::new(),
    };
    Ok((layer, diff_id))
}

fn compress_into(file: &mut fs::File, plan: &LayerPlan) -> io::Result<(Digest, Digest, u64)> {
    let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let mut compressed = Tee::new(io::BufWriter::new(file));
    let diff_id = gzip::compress(threads, &mut compressed, |sink| {
        let mut tar = Tee::new(sink);
        plan.write(&mut tar)?;
        Ok(tar.hasher.finish())
    })?;
    compressed.flush()?;
    Ok((diff_id, compressed.hasher.finish(), compressed.written))
}

/// Layers of the layout that the folder held before, by the digest of their uncompressed bytes.
struct KnownLayers {
    layout: Option<Layout>,
    layers: BTreeMap<Digest, Descriptor>,
}

impl KnownLayers {
    /// Reads what is there. A folder that holds no layout, or a damaged one, knows no layers; it is written anew anyway.
    fn read(folder: &Path) -> Self {
        let mut layers = BTreeMap::new();
        let layout = Layout::open(folder).ok();
        for manifest in layout.iter().flat_map(Layout::manifests) {
            let found = layout
                .as_ref()
                .and_then(|layout| own_layers(layout, manifest));
            layers.extend(found.into_iter().flatten());
        }
        Self { layout, layers }
    }

    fn find(&self, plan: &LayerPlan) -> Result<Option<(Descriptor, Digest)>, ImageError> {
        let Some(layout) = self.layout.as_ref().filter(|_| !self.layers.is_empty()) else {
            return Ok(None);
        };
        let mut hasher = Hasher::new();
        plan.write(&mut hasher)
            .map_err(ImageError::io("read the files of", layout.folder()))?;
        let diff_id = hasher.finish();
        let Some(layer) = self.layers.get(&diff_id) else {
            return Ok(None);
        };
        // A damaged blob is compressed again, not handed on.
        let intact = layout
            .open_blob(layer)
            .is_ok_and(|mut blob| io::copy(&mut blob, &mut io::sink()).is_ok());
        Ok(intact.then(|| (layer.clone(), diff_id)))
    }
}

fn own_layers(layout: &Layout, manifest: &Descriptor) -> Option<Vec<(Digest, Descriptor)>> {
    // What cannot be read is no layer to take over; the assembly then makes its own.
    let ManifestBody::Image(manifest) = layout.manifest(manifest).ok()? else {
        return None;
    };
    let config: ConfigFile = serde_json::from_slice(&layout.blob(&manifest.config).ok()?).ok()?;
    let ours = config.history == [own_history()];
    ours.then(|| {
        config
            .rootfs
            .diff_ids
            .into_iter()
            .zip(manifest.layers)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::PermissionsExt as _,
        time::{Duration, SystemTime},
    };

    use super::*;

    fn sample(tree: &Path, names: &[&str]) -> Assembly {
        fs::create_dir_all(tree.join("bin")).expect("a folder");
        for name in names {
            fs::write(tree.join(name), format!("content of {name}")).expect("a file");
        }
        fs::set_permissions(tree.join("bin/server"), fs::Permissions::from_mode(0o755))
            .expect("a mode");
        Assembly {
            files: [("/app".to_owned(), tree.to_owned())].into(),
            entrypoint: vec!["/app/bin/server".to_owned()],
            env: [
                ("B".to_owned(), "2".to_owned()),
                ("A".to_owned(), "1".to_owned()),
            ]
            .into_iter()
            .collect(),
            ports: vec![9418, 8088],
            user: Some("1000:1000".to_owned()),
            workdir: Some("/app".to_owned()),
            labels: [("org.opencontainers.image.title".to_owned(), "x".to_owned())].into(),
            ..Assembly::default()
        }
    }

    #[test]
    fn the_digest_depends_on_nothing_but_content() {
        let dir = tempfile::tempdir().expect("a folder");
        let names = ["bin/server", "b", "a", "ö"];
        let mut reversed = names;
        reversed.reverse();
        let one = assemble(
            &sample(&dir.path().join("one"), &names),
            dir.path().join("out-1"),
        )
        .expect("an image");
        let tree = dir.path().join("two");
        let other = sample(&tree, &reversed);
        fs::set_permissions(tree.join("a"), fs::Permissions::from_mode(0o600)).expect("a mode");
        fs::set_permissions(tree.join("bin"), fs::Permissions::from_mode(0o700)).expect("a mode");
        let early = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
        fs::File::open(tree.join("b"))
            .and_then(|file| file.set_modified(early))
            .expect("a time");
        let two = assemble(&other, dir.path().join("out-2")).expect("an image");
        assert_eq!(one.digest, two.digest);
        // A change of what is written must be meant: it gives every image a new name.
        assert_eq!(one.digest.short(), "6acb06eef6b0");
        assert_eq!(one.layout.verify().expect("a sound layout").blobs, 2);

        fs::set_permissions(tree.join("a"), fs::Permissions::from_mode(0o700)).expect("a mode");
        let executable = assemble(&other, dir.path().join("out-2")).expect("an image");
        assert_ne!(one.digest, executable.digest);
    }

    #[test]
    fn an_unchanged_layer_is_taken_over_and_a_damaged_one_is_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut assembly = sample(&dir.path().join("tree"), &["bin/server"]);
        let out = dir.path().join("out");
        let first = assemble(&assembly, &out).expect("an image");
        assert!(!first.layer_reused);
        assembly.cmd = vec!["--verbose".to_owned()];
        let second = assemble(&assembly, &out).expect("an image");
        assert!(second.layer_reused);
        assert_ne!(first.digest, second.digest);
        let fresh = assemble(&assembly, dir.path().join("fresh")).expect("an image");
        assert_eq!(second.digest, fresh.digest);
        // The first image's manifest and configuration are gone, its layer is not.
        assert_eq!(
            fs::read_dir(out.join("blobs/sha256"))
                .expect("blobs")
                .count(),
            3
        );

        let ManifestBody::Image(manifest) = second
            .layout
            .manifest(&second.layout.manifests()[0])
            .expect("a manifest")
        else {
            panic!("an assembled image is no index");
        };
        fs::write(
            second.layout.blob_path(manifest.layers[0].digest),
            "damaged",
        )
        .expect("a file");
        assert!(second.layout.verify().is_err());
        let third = assemble(&assembly, &out).expect("an image");
        assert!(!third.layer_reused);
        assert_eq!(third.digest, second.digest);
        third.layout.verify().expect("a sound layout");
    }

    #[test]
    fn values_that_cannot_stand_in_an_image_are_refused() {
        let out = tempfile::tempdir().expect("a folder");
        let refused = |change: fn(&mut Assembly)| {
            let mut assembly = Assembly::default();
            change(&mut assembly);
            let problem = assemble(&assembly, out.path().join("x")).expect_err("it is refused");
            assert_eq!(problem.kind(), crate::event::FailureKind::Invalid);
            problem.to_string()
        };
        assert!(
            refused(|a| a.base = "alpine:3".parse().ok()).contains("docker.io/library/alpine:3")
        );
        assert!(refused(|a| a.workdir = Some("app".to_owned())).contains("not absolute"));
        assert!(refused(|a| a.ports = vec![0]).contains("no port"));
        assert!(refused(|a| drop(a.env.insert("A=B".to_owned(), String::new()))).contains("`A=B`"));
    }
}
