//! One layer from files of a tree: which entries it has, and their bytes as a tar.
//!
//! Owner, time, umask, locale and the order of a folder's listing never reach the bytes.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
};

use crate::{image::ImageError, portable::is_executable};

/// What lies at a path of the layer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Folder,
    File {
        source: PathBuf,
        size: u64,
        executable: bool,
    },
    Link {
        target: String,
    },
}

/// The entries of a layer by their path, without slash at either end, in the order of their bytes.
#[derive(Debug, Default)]
pub(super) struct LayerPlan {
    entries: BTreeMap<String, Entry>,
}

impl LayerPlan {
    /// Finds every file; a path that is named itself goes before what a folder brings.
    pub(super) fn collect(files: &BTreeMap<String, PathBuf>) -> Result<Self, ImageError> {
        let mut named = BTreeMap::new();
        for (path, source) in files {
            let clean = clean_path(path)?;
            if let Some((other, _)) = named.insert(clean.clone(), (path, source)) {
                return Err(refuse(format!(
                    "`{other}` and `{path}` are the same path `/{clean}`"
                )));
            }
        }
        let mut plan = Self::default();
        for (clean, (path, source)) in named {
            let metadata = fs::symlink_metadata(source).map_err(ImageError::io("read", source))?;
            if metadata.is_symlink() {
                return Err(refuse(format!(
                    "`{}` is a symbolic link; name the file or folder that it leads to",
                    source.display()
                )));
            }
            if metadata.is_file() && (clean.is_empty() || path.ends_with('/')) {
                return Err(refuse(format!(
                    "`{}` is a file, but `{path}` names a folder; write the file's whole path in the image",
                    source.display()
                )));
            }
            plan.add(&clean, source, &metadata)?;
        }
        Ok(plan)
    }

    fn add(
        &mut self,
        path: &str,
        source: &Path,
        metadata: &fs::Metadata,
    ) -> Result<(), ImageError> {
        let kind = metadata.file_type();
        if kind.is_dir() {
            self.insert(path, Entry::Folder)?;
            return self.add_children(path, source);
        }
        let entry = if kind.is_symlink() {
            let target = fs::read_link(source).map_err(ImageError::io("read", source))?;
            Entry::Link {
                target: utf8(&target, source)?.to_owned(),
            }
        } else if kind.is_file() {
            Entry::File {
                source: source.to_owned(),
                size: metadata.len(),
                executable: is_executable(metadata),
            }
        } else {
            return Err(refuse(format!(
                "`{}` is neither a file, a folder nor a symbolic link",
                source.display()
            )));
        };
        self.insert(path, entry)
    }

    fn add_children(&mut self, path: &str, folder: &Path) -> Result<(), ImageError> {
        for child in fs::read_dir(folder).map_err(ImageError::io("read", folder))? {
            let child = child.map_err(ImageError::io("read", folder))?;
            let source = child.path();
            let name = child.file_name();
            let name = utf8(Path::new(&name), &source)?.to_owned();
            let metadata =
                fs::symlink_metadata(&source).map_err(ImageError::io("read", &source))?;
            let below = if path.is_empty() {
                name
            } else {
                format!("{path}/{name}")
            };
            self.add(&below, &source, &metadata)?;
        }
        Ok(())
    }

    fn insert(&mut self, path: &str, entry: Entry) -> Result<(), ImageError> {
        for (slash, _) in path.match_indices('/') {
            let parent = &path[..slash];
            if !matches!(
                self.entries
                    .entry(parent.to_owned())
                    .or_insert(Entry::Folder),
                Entry::Folder
            ) {
                return Err(refuse(format!(
                    "`/{path}` needs a folder at `/{parent}`, where something else lies"
                )));
            }
        }
        if path.is_empty() {
            return Ok(());
        }
        match (self.entries.get(path), &entry) {
            (Some(Entry::Folder), Entry::Folder) => return Ok(()),
            (Some(Entry::Folder), _) | (Some(_), Entry::Folder) => {
                return Err(refuse(format!(
                    "`/{path}` would be a folder and something else"
                )));
            }
            _ => {}
        }
        self.entries.insert(path.to_owned(), entry);
        Ok(())
    }

    /// Lists what may be started, by path in the image and source.
    pub(super) fn programs(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.entries.iter().filter_map(|(path, entry)| match entry {
            Entry::File {
                source,
                executable: true,
                ..
            } => Some((path.as_str(), source.as_path())),
            Entry::File { .. } | Entry::Folder | Entry::Link { .. } => None,
        })
    }

    /// Writes the tar: ustar, and pax records where ustar has no room.
    pub(super) fn write(&self, sink: &mut dyn Write) -> io::Result<()> {
        for (path, entry) in &self.entries {
            match entry {
                Entry::Folder => write_header(
                    sink,
                    tar::EntryType::Directory,
                    &format!("{path}/"),
                    0o755,
                    0,
                    None,
                )?,
                Entry::Link { target } => {
                    write_header(sink, tar::EntryType::Symlink, path, 0o777, 0, Some(target))?
                }
                Entry::File {
                    source,
                    size,
                    executable,
                } => {
                    let mode = if *executable { 0o755 } else { 0o644 };
                    write_header(sink, tar::EntryType::Regular, path, mode, *size, None)?;
                    copy_exactly(source, *size, sink).map_err(|problem| {
                        io::Error::new(problem.kind(), format!("`{}`: {problem}", source.display()))
                    })?;
                }
            }
        }
        sink.write_all(&[0; 1024])
    }
}

fn refuse(because: String) -> ImageError {
    ImageError::Assembly { because }
}

fn utf8<'p>(path: &'p Path, source: &Path) -> Result<&'p str, ImageError> {
    path.to_str().ok_or_else(|| {
        refuse(format!(
            "the name or target of `{}` is not UTF-8",
            source.display()
        ))
    })
}

/// Returns the path without `.` and slashes at either end; one that leaves the image is refused.
fn clean_path(path: &str) -> Result<String, ImageError> {
    let parts: Vec<_> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if parts.contains(&"..") {
        return Err(refuse(format!(
            "`{path}` would leave the image; expected a path without `..`"
        )));
    }
    if path.contains('\0') {
        return Err(refuse(format!(
            "`{}` holds a NUL byte",
            path.escape_default()
        )));
    }
    if path.is_empty() {
        return Err(refuse(
            "a path in the image is empty; expected one such as `/app`".to_owned(),
        ));
    }
    Ok(parts.join("/"))
}

fn copy_exactly(source: &Path, size: u64, sink: &mut dyn Write) -> io::Result<()> {
    let mut file = File::open(source)?;
    let copied = io::copy(&mut (&mut file).take(size), sink)?;
    if copied != size || file.read(&mut [0])? != 0 {
        return Err(io::Error::other(format!(
            "changed while it was read, expected {size} bytes"
        )));
    }
    pad(size, sink)
}

fn pad(size: u64, sink: &mut dyn Write) -> io::Result<()> {
    let over = (size % 512) as usize;
    match over {
        0 => Ok(()),
        over => sink.write_all(&[0; 512][over..]),
    }
}

fn write_header(
    sink: &mut dyn Write,
    kind: tar::EntryType,
    path: &str,
    mode: u32,
    size: u64,
    target: Option<&str>,
) -> io::Result<()> {
    let mut records = String::new();
    let mut header = plain_header(kind, mode, size);
    if !path.is_ascii() || header.set_path(path).is_err() {
        push_record(&mut records, "path", path);
        // Readers take the record; the field is only for tools that know none.
        header.as_mut_bytes()[..100].fill(0);
        let short: String = path.chars().filter(char::is_ascii).take(99).collect();
        header.as_mut_bytes()[..short.len()].copy_from_slice(short.as_bytes());
    }
    if let Some(target) = target {
        // Byte for byte: `set_link_name` would change the text of some targets.
        if !target.is_ascii() || header.set_link_name_literal(target).is_err() {
            push_record(&mut records, "linkpath", target);
        }
    }
    if size > 0o77_777_777_777 {
        push_record(&mut records, "size", &size.to_string());
    }
    if !records.is_empty() {
        let mut pax = plain_header(tar::EntryType::XHeader, 0o644, records.len() as u64);
        pax.set_path("PaxHeaders.0/pax")?;
        pax.set_cksum();
        sink.write_all(pax.as_bytes())?;
        sink.write_all(records.as_bytes())?;
        pad(records.len() as u64, sink)?;
    }
    header.set_cksum();
    sink.write_all(header.as_bytes())
}

fn plain_header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// A record counts its own length, with the digits of that number.
fn push_record(records: &mut String, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    records.push_str(&format!("{length} {key}={value}\n"));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn collect(files: &[(&str, &Path)]) -> Result<LayerPlan, ImageError> {
        LayerPlan::collect(
            &files
                .iter()
                .map(|(path, source)| ((*path).to_owned(), source.to_path_buf()))
                .collect(),
        )
    }

    fn listing(plan: &LayerPlan) -> Vec<String> {
        let mut bytes = Vec::new();
        plan.write(&mut bytes).expect("memory takes all bytes");
        tar::Archive::new(bytes.as_slice())
            .entries()
            .expect("a tar")
            .map(|entry| {
                let entry = entry.expect("an entry");
                let header = entry.header();
                let path = entry.path().expect("a path").display().to_string();
                let link = entry
                    .link_name()
                    .expect("a link")
                    .map(|target| format!(" -> {}", target.display()));
                assert_eq!(
                    (header.uid().ok(), header.gid().ok(), header.mtime().ok()),
                    (Some(0), Some(0), Some(0))
                );
                format!(
                    "{:o} {path}{}",
                    header.mode().expect("a mode"),
                    link.unwrap_or_default()
                )
            })
            .collect()
    }

    #[test]
    fn a_layer_has_parents_fixed_modes_and_the_order_of_bytes() {
        let dir = tempfile::tempdir().expect("a folder");
        let tree = dir.path().join("tree");
        fs::create_dir_all(tree.join("a")).expect("a folder");
        for (name, mode) in [("a/z", 0o600), ("a-b", 0o700), ("B", 0o654)] {
            fs::write(tree.join(name), name).expect("a file");
            fs::set_permissions(tree.join(name), fs::Permissions::from_mode(mode))
                .expect("its mode");
        }
        std::os::unix::fs::symlink("/etc//passwd", tree.join("link")).expect("a link");
        let long = "l".repeat(180);
        let plan = collect(&[
            ("/srv/app/", &tree),
            ("srv/app/a/z", &tree.join("a-b")),
            (&format!("/ü/{long}"), &tree.join("B")),
        ])
        .expect("a layer");
        assert_eq!(
            listing(&plan),
            [
                "755 srv/",
                "755 srv/app/",
                "644 srv/app/B",
                "755 srv/app/a/",
                "755 srv/app/a-b",
                "755 srv/app/a/z",
                "777 srv/app/link -> /etc//passwd",
                "755 ü/",
                &format!("644 ü/{long}"),
            ]
        );
    }

    #[test]
    fn what_does_not_fit_into_a_layer_is_refused_with_words() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("file");
        fs::write(&file, "x").expect("a file");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).expect("a link");
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        for (files, because) in [
            (
                vec![("/a/../../b", file.as_path())],
                "would leave the image",
            ),
            (vec![("", &*file)], "a path in the image is empty"),
            (vec![("/", &*file)], "names a folder"),
            (vec![("/a/", &*file)], "names a folder"),
            (vec![("/a", &*link)], "is a symbolic link"),
            (
                vec![("/a", &*socket)],
                "is neither a file, a folder nor a symbolic link",
            ),
            (
                vec![("/a", &*file), ("a", &*file)],
                "are the same path `/a`",
            ),
            (
                vec![("/a", &*file), ("/a/b", &*file)],
                "needs a folder at `/a`",
            ),
            (vec![("/a", &*dir.path().join("none"))], "could not read"),
        ] {
            let problem = collect(&files).expect_err(because).to_string();
            assert!(problem.contains(because), "{problem}");
        }
    }

    #[test]
    fn a_record_counts_its_own_digits() {
        for length in [1, 86, 87, 88, 89, 90, 984, 985, 986, 987] {
            let mut record = String::new();
            push_record(&mut record, "path", &"x".repeat(length));
            assert_eq!(
                record.split(' ').next().map(str::to_owned),
                Some(record.len().to_string())
            );
        }
    }
}
