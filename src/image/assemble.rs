//! An image from files, without a daemon.
//!
//! The same files give the same digest for another order, owner, umask, time, locale, number of cores or processor.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use indexmap::IndexMap;

use crate::{
    digest::{Digest, Hasher},
    image::{
        ImageError, ImageReference, gzip,
        layer::LayerPlan,
        layer_cache::LayerCache,
        layout::{Layout, LayoutWriter, to_json},
        machine,
        spec::{
            CONFIG, ConfigFile, Descriptor, Empty, History, INDEX, Index, MANIFEST, Manifest,
            Platform, RootFs, RunConfig,
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
    /// Operating systems and processors; none means `linux/amd64`.
    pub platforms: Vec<Platform>,
}

/// An image that was assembled.
#[derive(Debug, Clone)]
pub struct Assembled {
    /// Digest of the manifest or index: the image's name by content.
    pub digest: Digest,
    /// Where it lies.
    pub layout: Layout,
    /// Whether the layer was taken from the cache.
    pub layer_reused: bool,
    /// Bytes of manifests, configurations and layer.
    pub size: u64,
}

/// Assembles an image into the folder `into`, as an OCI image layout that holds nothing else; for several platforms, an
/// index whose images share everything but the name of the platform.
///
/// # Errors
/// If a file cannot be read, changes while it is read, or would lie outside the image; if a value cannot stand in a
/// configuration; if `base` is given; if a program among the files is for one of several platforms only.
pub fn assemble(assembly: &Assembly, into: impl AsRef<Path>) -> Result<Assembled, ImageError> {
    assemble_cached(assembly, into, &LayerCache::none())
}

/// As [`assemble`]; a layer that the cache has is not compressed again, and one that it has not is kept there.
///
/// # Errors
/// As [`assemble`].
pub fn assemble_cached(
    assembly: &Assembly,
    into: impl AsRef<Path>,
    cache: &LayerCache,
) -> Result<Assembled, ImageError> {
    let config = run_config(assembly)?;
    let plan = LayerPlan::collect(&assembly.files)?;
    let platforms = match assembly.platforms.as_slice() {
        [] => vec![Platform::default()],
        several => several.to_vec(),
    };
    check_platforms(&plan, &platforms)?;
    let writer = LayoutWriter::create(into.as_ref())?;
    let layer = put_layer(&plan, &writer, cache)?;
    let mut size = layer.descriptor.size;
    let mut images = Vec::new();
    for platform in platforms {
        let (image, added) = put_image(assembly, &config, &layer, platform, &writer)?;
        size += added;
        images.push(image);
    }
    let root = match images.as_slice() {
        [only] => only.clone(),
        _ => {
            let index = Index {
                schema_version: 2,
                media_type: Some(INDEX.to_owned()),
                manifests: images,
                annotations: BTreeMap::new(),
            };
            writer.put(INDEX, &to_json(&index)?)?
        }
    };
    let digest = root.digest;
    let layout = writer.finish(vec![root])?;
    layout.prune()?;
    Ok(Assembled {
        digest,
        layout,
        layer_reused: layer.reused,
        size,
    })
}

/// Writes configuration and manifest for one platform, and returns how many bytes they have.
fn put_image(
    assembly: &Assembly,
    config: &RunConfig,
    layer: &PutLayer,
    platform: Platform,
    writer: &LayoutWriter,
) -> Result<(Descriptor, u64), ImageError> {
    let config = ConfigFile {
        created: Some(CREATED.to_owned()),
        architecture: platform.architecture.clone(),
        os: platform.os.clone(),
        variant: platform.variant.clone(),
        config: config.clone(),
        rootfs: RootFs {
            kind: "layers".to_owned(),
            diff_ids: vec![layer.diff_id],
        },
        history: vec![own_history()],
    };
    let config = writer.put(CONFIG, &to_json(&config)?)?;
    let size = config.size;
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        config,
        layers: vec![layer.descriptor.clone()],
        annotations: assembly.annotations.clone(),
    };
    let mut manifest = writer.put(MANIFEST, &to_json(&manifest)?)?;
    let size = size + manifest.size;
    manifest.platform = Some(platform);
    Ok((manifest, size))
}

/// Refuses a platform that stands twice, and files that cannot be right for all of several platforms.
fn check_platforms(plan: &LayerPlan, platforms: &[Platform]) -> Result<(), ImageError> {
    let refuse = |because: String| Err(ImageError::Assembly { because });
    if platforms.len() < 2 {
        return Ok(());
    }
    for (number, platform) in platforms.iter().enumerate() {
        if platforms[..number].contains(platform) {
            return refuse(format!("the platform `{platform}` stands twice"));
        }
    }
    for (path, source) in plan.programs() {
        let machine = machine::of(source).map_err(ImageError::io("read", source))?;
        let Some(machine) = machine else {
            continue;
        };
        if let Some(other) = platforms
            .iter()
            .find(|platform| platform.architecture != machine)
        {
            return refuse(format!(
                "`/{path}` is a program for {machine}, and the image is also for `{other}`; the images of several platforms hold \
                 the same files, so assemble one for each, and join them by `publish --part`"
            ));
        }
    }
    Ok(())
}

fn own_history() -> History {
    History {
        created: Some(CREATED.to_owned()),
        created_by: Some(CREATED_BY.to_owned()),
        // Names the way to compress.
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

/// A layer that lies in the layout.
struct PutLayer {
    descriptor: Descriptor,
    diff_id: Digest,
    reused: bool,
}

fn put_layer(
    plan: &LayerPlan,
    writer: &LayoutWriter,
    cache: &LayerCache,
) -> Result<PutLayer, ImageError> {
    if cache.is_there() {
        let mut hasher = Hasher::new();
        plan.write(&mut hasher)
            .map_err(ImageError::io("read the files of", writer.folder()))?;
        let diff_id = hasher.finish();
        if let Some(descriptor) = cache.take(diff_id, writer) {
            return Ok(PutLayer {
                descriptor,
                diff_id,
                reused: true,
            });
        }
    }
    let (descriptor, diff_id) = gzip::put(writer, |sink| plan.write(sink))?;
    cache.keep(diff_id, &descriptor, &writer.blob_path(descriptor.digest));
    Ok(PutLayer {
        descriptor,
        diff_id,
        reused: false,
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
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
    fn an_unchanged_layer_is_taken_from_the_cache_and_a_damaged_one_is_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut assembly = sample(&dir.path().join("tree"), &["bin/server"]);
        let cache = LayerCache::at(dir.path().join("cache"));
        let mut out = 0;
        let mut assembled = |assembly: &Assembly| {
            out += 1;
            assemble_cached(assembly, dir.path().join(format!("out-{out}")), &cache)
                .expect("an image")
        };
        let first = assembled(&assembly);
        assert!(!first.layer_reused);
        assembly.cmd = vec!["--verbose".to_owned()];
        let second = assembled(&assembly);
        assert!(second.layer_reused);
        assert_ne!(first.digest, second.digest);
        second.layout.verify().expect("a sound layout");
        let fresh = assemble(&assembly, dir.path().join("fresh")).expect("an image");
        assert_eq!(second.digest, fresh.digest);

        for layer in walk(&dir.path().join("cache")) {
            fs::write(layer, "damaged").expect("a file");
        }
        let third = assembled(&assembly);
        assert!(!third.layer_reused);
        assert_eq!(third.digest, second.digest);
        third.layout.verify().expect("a sound layout");
        assert!(assembled(&assembly).layer_reused);
    }

    /// The files below a folder.
    fn walk(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => found.extend(walk(&path)),
                false => found.push(path),
            }
        }
        found
    }

    #[test]
    fn images_for_several_platforms_share_what_is_in_them() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut assembly = sample(&dir.path().join("tree"), &["bin/server"]);
        let platforms = ["linux/amd64", "linux/arm64"];
        assembly.platforms = platforms
            .iter()
            .map(|platform| platform.parse().expect("a platform"))
            .collect();
        let several = assemble(&assembly, dir.path().join("several")).expect("an index");
        let facts = crate::image::inspect_layout(&several.layout, crate::image::Depth::Config)
            .expect("an index");
        assert_eq!(
            facts
                .platforms
                .iter()
                .map(Platform::to_string)
                .collect::<Vec<_>>(),
            platforms
        );
        let contents = several.layout.verify().expect("a sound layout");
        // Two configurations and one layer.
        assert_eq!((contents.manifests, contents.blobs), (3, 3));
        // The image of one platform is the one that is made for it alone.
        assembly.platforms.truncate(1);
        let alone = assemble(&assembly, dir.path().join("alone")).expect("an image");
        assert!(several.layout.blob_path(alone.digest).exists());

        assembly.platforms.push(assembly.platforms[0].clone());
        let problem = assemble(&assembly, dir.path().join("twice")).expect_err("it is refused");
        assert!(
            problem.to_string().contains("`linux/amd64` stands twice"),
            "{problem}"
        );
    }

    #[test]
    fn a_program_for_one_processor_is_refused_in_an_image_for_two() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut assembly = sample(&dir.path().join("tree"), &["bin/server"]);
        let mut program = b"\x7fELF\x02\x01".to_vec();
        program.resize(18, 0);
        program.extend([183, 0]);
        fs::write(dir.path().join("tree/bin/server"), program).expect("a file");
        assembly.platforms = vec!["linux/arm64".parse().expect("a platform")];
        assemble(&assembly, dir.path().join("one")).expect("an image");
        assembly.platforms.push(Platform::default());
        let problem = assemble(&assembly, dir.path().join("two")).expect_err("it is refused");
        assert!(
            problem.to_string().contains(
                "`/app/bin/server` is a program for arm64, and the image is also for `linux/amd64`"
            ),
            "{problem}"
        );
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
