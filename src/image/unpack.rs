//! Laying an image's files out in a folder, and never outside of it.
//!
//! Owners are not set, devices and pipes are not made: both need rights that a program of the image rarely needs here.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use crate::{
    image::{
        Descriptor, ImageError, Layout, Platform,
        inspect::{default_child, nested},
        rootfs::{Change, broken, change, clean, finish_layer, open_layer},
        spec::{Manifest, ManifestBody},
    },
    portable,
};

/// More links than this, one to another, are a circle.
const MOST_LINKS: usize = 40;

/// What was laid out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files, other names of files and symbolic links that were made, over all layers.
    pub files: usize,
    /// Devices and pipes that were left out, as absolute paths in the image.
    pub left_out: Vec<String>,
}

/// Lays out the files of a layout's one image in `root`, a folder that is new or empty. Of several platforms, `platform` is taken.
///
/// # Errors
/// If `root` holds something; if a layer is damaged or malformed; if it would write outside of `root`.
pub fn unpack(
    layout: &Layout,
    root: impl AsRef<Path>,
    platform: Option<&Platform>,
) -> Result<Unpacked, ImageError> {
    let root = root.as_ref();
    fs::create_dir_all(root).map_err(ImageError::io("create", root))?;
    if fs::read_dir(root)
        .map_err(ImageError::io("read", root))?
        .next()
        .is_some()
    {
        return Err(ImageError::io("lay out an image in", root)(
            io::ErrorKind::DirectoryNotEmpty.into(),
        ));
    }
    let root = fs::canonicalize(root).map_err(ImageError::io("read", root))?;
    let manifest = find_manifest(layout, platform)?;
    let mut unpacked = Unpacked::default();
    let mut modes = Vec::new();
    for (number, layer) in manifest.layers.iter().enumerate() {
        let mut ground = Ground {
            root: &root,
            layer,
            modes: &mut modes,
            unpacked: &mut unpacked,
        };
        if number > 0 {
            ground.remove_hidden(layout)?;
        }
        ground.put_all(layout)?;
    }
    // Last and innermost first: a folder without write permission takes no more files.
    modes.sort();
    for (path, mode) in modes.iter().rev() {
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            portable::set_mode(path, *mode).map_err(ImageError::io("write", path))?;
        }
    }
    Ok(unpacked)
}

fn find_manifest(layout: &Layout, platform: Option<&Platform>) -> Result<Manifest, ImageError> {
    let root = layout.root()?;
    let index = match layout.manifest(root)? {
        ManifestBody::Image(manifest) => return Ok(*manifest),
        ManifestBody::Index(index) => index,
    };
    let child = match platform {
        None => default_child(&layout.folder().display().to_string(), &index)?,
        Some(platform) => index
            .for_platform(platform)
            .ok_or_else(|| ImageError::NotALayout {
                path: layout.folder().to_owned(),
                because: format!("it has no image for `{platform}`"),
            })?,
    };
    match layout.manifest(child)? {
        ManifestBody::Image(manifest) => Ok(*manifest),
        ManifestBody::Index(_) => Err(nested(child)),
    }
}

/// One layer on its way into the folder.
struct Ground<'g> {
    root: &'g Path,
    layer: &'g Descriptor,
    /// Modes of folders, set at the end; of two of one folder the later counts.
    modes: &'g mut Vec<(PathBuf, u32)>,
    unpacked: &'g mut Unpacked,
}

impl Ground<'_> {
    /// Removes what this layer hides of lower ones, before anything of its own is there.
    fn remove_hidden(&mut self, layout: &Layout) -> Result<(), ImageError> {
        let mut archive = open_layer(layout, self.layer)?;
        for entry in archive
            .entries()
            .map_err(|problem| broken(self.layer, &problem))?
        {
            let entry = entry.map_err(|problem| broken(self.layer, &problem))?;
            match change(&entry)? {
                Change::Put(_) | Change::Nothing => {}
                Change::Remove(path) => {
                    if let Some(place) = self.place(&path, Parents::MustExist)? {
                        remove(&place)?;
                    }
                }
                Change::Empty(path) => self.empty(&path)?,
            }
        }
        Ok(())
    }

    fn empty(&self, path: &str) -> Result<(), ImageError> {
        let Some(folder) = self.folder(path, Parents::MustExist)? else {
            return Ok(());
        };
        for child in fs::read_dir(&folder).map_err(ImageError::io("read", &folder))? {
            remove(&child.map_err(ImageError::io("read", &folder))?.path())?;
        }
        Ok(())
    }

    fn put_all(&mut self, layout: &Layout) -> Result<(), ImageError> {
        let mut archive = open_layer(layout, self.layer)?;
        for entry in archive
            .entries()
            .map_err(|problem| broken(self.layer, &problem))?
        {
            let mut entry = entry.map_err(|problem| broken(self.layer, &problem))?;
            if let Change::Put(path) = change(&entry)? {
                self.put(&path, &mut entry)?;
            }
        }
        finish_layer(self.layer, archive)
    }

    fn put<R: Read>(
        &mut self,
        path: &str,
        entry: &mut tar::Entry<'_, R>,
    ) -> Result<(), ImageError> {
        let mode = entry
            .header()
            .mode()
            .map_err(|problem| broken(self.layer, &problem))?
            & 0o7777;
        let kind = entry.header().entry_type();
        if path.is_empty() {
            return Ok(());
        }
        let place = self
            .place(path, Parents::Make)?
            .expect("`Parents::Make` makes what is missing");
        match kind {
            tar::EntryType::Directory => return self.put_folder(place, mode),
            tar::EntryType::Symlink => {
                remove(&place)?;
                portable::symlink(&link_target(entry), &place)
                    .map_err(ImageError::io("create", &place))?;
            }
            tar::EntryType::Link => {
                let target = link_target(entry);
                let target = clean(&String::from_utf8_lossy(&target))?;
                let target = self.place(&target, Parents::MustExist)?.ok_or_else(|| {
                    ImageError::Malformed {
                        what: format!("layer {}", self.layer.digest),
                        because: format!(
                            "`{path}` is another name of `{target}`, which is not there"
                        ),
                    }
                })?;
                if target != place {
                    remove(&place)?;
                    fs::hard_link(&target, &place).map_err(ImageError::io("create", &place))?;
                }
            }
            tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => {
                remove(&place)?;
                let mut file =
                    File::create_new(&place).map_err(ImageError::io("create", &place))?;
                io::copy(entry, &mut file).map_err(ImageError::io("write", &place))?;
                portable::set_mode_of(&file, mode).map_err(ImageError::io("write", &place))?;
            }
            _ => {
                self.unpacked.left_out.push(format!("/{path}"));
                return Ok(());
            }
        }
        self.unpacked.files += 1;
        Ok(())
    }

    fn put_folder(&mut self, place: PathBuf, mode: u32) -> Result<(), ImageError> {
        if !fs::symlink_metadata(&place).is_ok_and(|metadata| metadata.is_dir()) {
            remove(&place)?;
            fs::create_dir(&place).map_err(ImageError::io("create", &place))?;
        }
        self.modes.retain(|(known, _)| *known != place);
        self.modes.push((place, mode));
        Ok(())
    }

    /// Finds where a path lies: its folder with links followed inside the root, its last part as it is.
    fn place(&self, path: &str, parents: Parents) -> Result<Option<PathBuf>, ImageError> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok(self
            .folder(folder, parents)?
            .map(|folder| folder.join(name)))
    }

    /// Walks to a folder. A link in between is followed as a container would: `/` is the root, and nothing is above it.
    fn folder(&self, path: &str, parents: Parents) -> Result<Option<PathBuf>, ImageError> {
        let mut place = self.root.to_owned();
        let mut links = 0;
        let mut waiting: Vec<PathBuf> = parts(Path::new(path));
        while let Some(part) = waiting.pop() {
            if part == Path::new("..") {
                if place != self.root {
                    place.pop();
                }
                continue;
            }
            let next = place.join(&part);
            match fs::symlink_metadata(&next) {
                Ok(metadata) if metadata.is_dir() => place = next,
                Ok(metadata) if metadata.is_symlink() => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(ImageError::Escape {
                            path: path.to_owned(),
                        });
                    }
                    let target = fs::read_link(&next).map_err(ImageError::io("read", &next))?;
                    if target.is_absolute() {
                        place = self.root.to_owned();
                    }
                    waiting.extend(parts(&target));
                }
                Ok(_) if parents == Parents::Make => {
                    remove(&next)?;
                    fs::create_dir(&next).map_err(ImageError::io("create", &next))?;
                    place = next;
                }
                Err(problem)
                    if problem.kind() == io::ErrorKind::NotFound && parents == Parents::Make =>
                {
                    fs::create_dir(&next).map_err(ImageError::io("create", &next))?;
                    place = next;
                }
                Ok(_) => return Ok(None),
                Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(problem) => return Err(ImageError::io("read", &next)(problem)),
            }
        }
        Ok(Some(place))
    }
}

/// What happens where a path's folder is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parents {
    Make,
    MustExist,
}

/// Returns the parts of a path, the first one last.
fn parts(path: &Path) -> Vec<PathBuf> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    let mut parts: Vec<_> = parts.collect();
    parts.reverse();
    parts
}

fn link_target<R: Read>(entry: &tar::Entry<'_, R>) -> Vec<u8> {
    entry.link_name_bytes().unwrap_or_default().into_owned()
}

/// Removes whatever is there, if anything; a link itself, never what it leads to.
fn remove(place: &Path) -> Result<(), ImageError> {
    let removed = match fs::symlink_metadata(place) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(problem) => Err(problem),
    };
    match removed {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => {
            Err(ImageError::io("remove", place)(problem))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tar::EntryType::{Directory, Fifo, Link, Regular, Symlink};

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::image::{
        Depth,
        fixture::{Made, layout_of},
        inspect_layout,
    };

    /// Lays out hand-made layers; beside the root lies a folder that nothing may touch.
    fn lay_out(layers: &[&[Made<'_>]]) -> (tempfile::TempDir, Result<Unpacked, ImageError>) {
        let folder = tempfile::tempdir().expect("a folder");
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).expect("a folder");
        fs::write(outside.join("kept"), "kept").expect("a file");
        let layout = layout_of(&folder.path().join("layout"), layers);
        let unpacked = unpack(&layout, folder.path().join("root"), None);
        let untouched: Vec<_> = fs::read_dir(&outside).expect("a folder").collect();
        assert_eq!(untouched.len(), 1);
        assert_eq!(fs::read(outside.join("kept")).expect("a file"), b"kept");
        (folder, unpacked)
    }

    fn paths(layers: &[&[Made<'_>]]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = layout_of(folder.path(), layers);
        let files = inspect_layout(&layout, Depth::Files)
            .expect("facts")
            .files
            .expect("files");
        files.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn a_path_that_leaves_the_image_is_refused() {
        for wicked in [
            ("../outside/new", Regular, "x", 0o644),
            ("a/../../outside/new", Regular, "x", 0o644),
            ("a/../../outside/.wh.kept", Regular, "", 0o644),
            ("a/.wh...", Regular, "", 0o644),
            ("hard", Link, "../outside/kept", 0o644),
        ] {
            let (_folder, result) = lay_out(&[&[("a", Directory, "", 0o755)], &[wicked]]);
            let problem = result.expect_err(wicked.0);
            assert!(matches!(problem, ImageError::Escape { .. }), "{problem:?}");
        }
    }

    #[test]
    fn links_lead_nowhere_but_inside() {
        let (folder, result) = lay_out(&[
            &[
                ("up", Symlink, "../outside", 0o777),
                ("abs", Symlink, "/outside", 0o777),
                ("lib", Symlink, "usr/lib", 0o777),
                ("usr/lib", Directory, "", 0o755),
            ],
            &[
                ("up/new", Regular, "x", 0o644),
                ("abs/new", Regular, "x", 0o644),
                ("lib/libx.so", Regular, "x", 0o644),
                ("up/.wh.kept", Regular, "", 0o644),
            ],
        ]);
        result.expect("a layout");
        let root = folder.path().join("root");
        assert!(root.join("usr/lib/libx.so").is_file());
        assert!(root.join("outside/new").is_file());
        assert_eq!(
            fs::read_link(root.join("up")).expect("a link"),
            Path::new("../outside")
        );
        let (_folder, circle) = lay_out(&[&[
            ("a", Symlink, "b", 0o777),
            ("b", Symlink, "a", 0o777),
            ("a/x", Regular, "x", 0o644),
        ]]);
        assert!(
            matches!(circle, Err(ImageError::Escape { .. })),
            "{circle:?}"
        );
    }

    #[test]
    fn a_file_over_a_link_replaces_the_link() {
        let (folder, result) = lay_out(&[&[
            ("x", Symlink, "../outside/kept", 0o777),
            ("x", Regular, "mine", 0o644),
            ("y", Symlink, "../outside/kept", 0o777),
            ("z", Link, "y", 0o644),
            ("z", Regular, "mine", 0o644),
        ]]);
        result.expect("a layout");
        let root = folder.path().join("root");
        assert_eq!(fs::read(root.join("x")).expect("a file"), b"mine");
        assert_eq!(fs::read(root.join("z")).expect("a file"), b"mine");
    }

    #[test]
    fn upper_layers_hide_and_replace_what_is_below() {
        let layers: &[&[Made<'_>]] = &[
            &[
                ("a/", Directory, "", 0o755),
                ("a/old", Regular, "x", 0o644),
                ("a/gone", Regular, "x", 0o644),
                ("b/c/deep", Regular, "x", 0o644),
                ("d/low", Regular, "x", 0o644),
                ("e/low", Regular, "x", 0o644),
                ("ab", Regular, "x", 0o644),
            ],
            &[
                // What a layer puts is not hidden by its own marks, whatever their order.
                ("d/new", Regular, "x", 0o644),
                ("d/.wh..wh..opq", Regular, "", 0o644),
                ("a/.wh.gone", Regular, "", 0o644),
                ("b/.wh.c", Regular, "", 0o644),
                ("e", Regular, "now a file", 0o600),
                ("./f/run", Regular, "x", 0o755),
                ("f/also", Link, "f/run", 0o755),
                ("pipe", Fifo, "", 0o644),
            ],
        ];
        let expected = [
            "/a", "/a/old", "/ab", "/d/new", "/e", "/f/also", "/f/run", "/pipe",
        ];
        assert_eq!(paths(layers), expected);
        let (folder, result) = lay_out(layers);
        assert_eq!(result.expect("a layout").left_out, ["/pipe"]);
        let root = folder.path().join("root");
        for path in &expected[..7] {
            assert!(root.join(&path[1..]).exists(), "{path}");
        }
        for path in ["a/gone", "b/c", "d/low"] {
            assert!(!root.join(path).exists(), "{path}");
        }
        let mode = |path: &str| {
            fs::metadata(root.join(path))
                .expect("a file")
                .permissions()
                .mode()
                & 0o7777
        };
        assert_eq!((mode("f/also"), mode("e")), (0o755, 0o600));
    }

    #[test]
    fn a_folder_that_may_not_be_written_is_filled_first() {
        let (folder, result) =
            lay_out(&[&[("ro", Directory, "", 0o555), ("ro/x", Regular, "x", 0o444)]]);
        result.expect("a layout");
        let root = folder.path().join("root");
        let mode = fs::metadata(root.join("ro"))
            .expect("a folder")
            .permissions()
            .mode()
            & 0o7777;
        assert_eq!(mode, 0o555);
        let again = layout_of(
            &folder.path().join("again"),
            &[&[("x", Regular, "x", 0o644)]],
        );
        assert!(unpack(&again, &root, None).is_err());
        // The test's folder must be removable by whoever runs the test.
        fs::set_permissions(root.join("ro"), fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    #[test]
    fn a_damaged_or_malformed_layer_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = layout_of(folder.path(), &[&[("x", Regular, "content", 0o644)]]);
        let ManifestBody::Image(manifest) =
            layout.manifest(&layout.manifests()[0]).expect("a manifest")
        else {
            panic!("the fixture makes no index");
        };
        let blob = layout.blob_path(manifest.layers[0].digest);
        let mut bytes = fs::read(&blob).expect("a blob");
        let last = bytes.len() - 1;
        bytes[last] = 1;
        fs::write(&blob, &bytes).expect("a blob");
        // The damage lies behind the end of the tar, where no reader of tars looks.
        assert!(unpack(&layout, folder.path().join("root"), None).is_err());
        assert!(inspect_layout(&layout, Depth::Files).is_err());
        assert_eq!(
            inspect_layout(&layout, Depth::Config).expect("facts").files,
            None
        );
        fs::write(&blob, &bytes[..700]).expect("a blob");
        assert!(unpack(&layout, folder.path().join("root-2"), None).is_err());
    }
}
