//! Archives as old and new engines write them, and broken ones.

use std::{io::Write as _, path::PathBuf};

use super::*;
use crate::image::{Depth, inspect_layout};

/// Name, content or target, and type of an entry.
type Made<'m> = (&'m str, &'m [u8], tar::EntryType);

fn write_tar(path: &Path, entries: &[Made<'_>]) {
    let mut builder = tar::Builder::new(File::create(path).expect("a file"));
    for (name, content, kind) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        if *kind == tar::EntryType::Regular {
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, name, *content)
        } else {
            header.set_size(0);
            let target = std::str::from_utf8(content).expect("a path");
            builder.append_link(&mut header, name, target)
        }
        .expect("an entry");
    }
    builder.finish().expect("a tar");
}

fn layer(name: &str, content: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(content.len() as u64);
    builder
        .append_data(&mut header, name, content.as_bytes())
        .expect("an entry");
    builder.into_inner().expect("a tar")
}

fn config(layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<_> = layers
        .iter()
        .map(|layer| format!("\"{}\"", Digest::of(layer)))
        .collect();
    format!(
        r#"{{"architecture":"amd64","os":"linux","docker_version":"20.10","config":{{"User":"65532","Volumes":{{"/data":{{}}}}}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        diff_ids.join(",")
    )
    .into_bytes()
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes all bytes");
    encoder.finish().expect("memory takes all bytes")
}

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn convert(&self, entries: &[Made<'_>], cache: &LayerCache) -> Result<Layout, ImageError> {
        write_tar(&self.path("saved.tar"), entries);
        from_docker_archive(self.path("saved.tar"), self.path("layout"), cache)
    }
}

const FILE: tar::EntryType = tar::EntryType::Regular;

#[test]
fn the_old_form_with_links_between_layers_becomes_a_layout() {
    let world = World::new();
    let (one, two) = (layer("bin/one", "first"), layer("two", "second"));
    let config = config(&[&one, &two, &one]);
    let name = format!("{}.json", Digest::of(&config).hex());
    let manifest = format!(
        r#"[{{"Config":"{name}","RepoTags":null,"Layers":["aa/layer.tar","bb/layer.tar","cc/layer.tar"]}}]"#
    );
    let layout = world
        .convert(
            &[
                ("aa/layer.tar", &one, FILE),
                ("bb/layer.tar", &two, FILE),
                ("cc/layer.tar", b"../aa/layer.tar", tar::EntryType::Symlink),
                (&name, &config, FILE),
                ("manifest.json", manifest.as_bytes(), FILE),
            ],
            &LayerCache::none(),
        )
        .expect("a layout");
    assert_eq!(layout.verify().expect("it is whole").blobs, 3);
    let facts = inspect_layout(&layout, Depth::Files).expect("an image");
    assert_eq!(facts.user, "65532");
    let files: Vec<_> = facts
        .files
        .expect("its files")
        .into_iter()
        .map(|file| (file.path, file.size))
        .collect();
    assert_eq!(files, [("/bin/one".to_owned(), 5), ("/two".to_owned(), 6)]);
    // Every key of the configuration is kept, those that we know nothing of among them.
    let kept = std::fs::read(layout.blob_path(Digest::of(&config))).expect("the configuration");
    assert_eq!(kept, config);
}

#[test]
fn the_new_form_with_compressed_layers_keeps_their_bytes() {
    let world = World::new();
    let plain = layer("bin/one", "first");
    let packed = compressed(&plain);
    let config = config(&[&plain]);
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
    let manifest = format!(
        r#"[{{"Config":"{}","RepoTags":["x:1"],"Layers":["{}"]}}]"#,
        blob(&config),
        blob(&packed)
    );
    let layout = world
        .convert(
            &[
                ("manifest.json", manifest.as_bytes(), FILE),
                (&blob(&config), &config, FILE),
                (&blob(&packed), &packed, FILE),
            ],
            &LayerCache::none(),
        )
        .expect("a layout");
    assert!(layout.blob_path(Digest::of(&packed)).exists());
    layout.verify().expect("it is whole");
}

#[test]
fn a_layer_that_is_kept_is_not_compressed_again() {
    let world = World::new();
    let plain = layer("bin/one", "first");
    let config = config(&[&plain]);
    let name = format!("{}.json", Digest::of(&config).hex());
    let manifest = format!(r#"[{{"Config":"{name}","Layers":["aa/layer.tar"]}}]"#);
    let entries: [Made<'_>; 3] = [
        ("aa/layer.tar", &plain, FILE),
        (&name, &config, FILE),
        ("manifest.json", manifest.as_bytes(), FILE),
    ];
    let cache = LayerCache::at(world.path("cache"));
    let first = world.convert(&entries, &cache).expect("a layout");
    let digest = first.root().expect("an image").digest;
    // Compressed differently, and kept under its own digest: it is taken, so nothing was compressed.
    let other = compressed(&plain);
    let kept = world
        .path("cache")
        .join(gzip::SCHEME)
        .join(Digest::of(&plain).hex());
    std::fs::remove_dir_all(&kept).expect("it was kept");
    std::fs::create_dir(&kept).expect("a folder");
    std::fs::write(kept.join(Digest::of(&other).hex()), &other).expect("a file");
    let second = world.convert(&entries, &cache).expect("a layout");
    assert_ne!(second.root().expect("an image").digest, digest);
    assert!(second.blob_path(Digest::of(&other)).exists());
}

#[test]
fn an_archive_that_does_not_hold_what_it_says_is_refused() {
    let plain = layer("bin/one", "first");
    let config = config(&[&plain]);
    let name = format!("{}.json", Digest::of(&config).hex());
    let one = format!(r#"[{{"Config":"{name}","Layers":["aa/layer.tar"]}}]"#);
    let other_layer = layer("bin/one", "other");
    let whole: [Made<'_>; 3] = [
        ("aa/layer.tar", &plain, FILE),
        (&name, &config, FILE),
        ("manifest.json", one.as_bytes(), FILE),
    ];
    let changed = |at: usize, entry| {
        let mut entries = whole;
        entries[at] = entry;
        entries
    };
    let none = format!(r#"[{{"Config":"{name}","Layers":[]}}]"#);
    let two = format!("[{0},{0}]", one.trim_matches(['[', ']']));
    for (entries, because) in [
        (
            changed(0, ("aa/layer.tar", &other_layer, FILE)),
            "a layer in the archive of `docker save` has digest",
        ),
        (
            changed(0, ("aa/layer.tar", b"layer.tar", tar::EntryType::Symlink)),
            "`aa/layer.tar` is not in it",
        ),
        (
            changed(1, (&name, b"{}", FILE)),
            "the configuration in the archive of `docker save` has digest",
        ),
        (
            changed(2, ("manifest.json", none.as_bytes(), FILE)),
            "it has 0 layers, and its configuration names 1",
        ),
        (
            changed(2, ("manifest.json", two.as_bytes(), FILE)),
            "it holds 2 images",
        ),
        (
            changed(2, ("manifest.json", b"[]", FILE)),
            "it holds 0 images",
        ),
        (
            changed(2, ("other.json", b"[]", FILE)),
            "`manifest.json` is not in it",
        ),
    ] {
        let problem = World::new()
            .convert(&entries, &LayerCache::none())
            .expect_err(because)
            .to_string();
        assert!(problem.contains(because), "{problem}");
    }
}
