//! What the layers of an image come to: whiteouts applied, upper files over lower ones (image-spec, layer.md).

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use crate::image::{
    Descriptor, ImageError, Layout,
    spec::{LayerFormat, Manifest},
};

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFact {
    /// Absolute path in the image.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes of a file; 0 for all others.
    pub size: u64,
    /// Permissions.
    pub mode: u32,
    /// Owner: user and group, by number.
    pub owner: (u64, u64),
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A file, or another name of one.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link {
        /// Where it leads, as written.
        target: String,
    },
    /// A device or pipe.
    Other,
}

/// What an entry of a layer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Removes what lower layers have at a path.
    Remove(String),
    /// Removes what lower layers have in a folder.
    Empty(String),
    /// Puts something at a path.
    Put(String),
    /// Does nothing.
    Nothing,
}

/// Reads an entry's path: without slash at either end, and never outside the image.
pub(super) fn change<R: Read>(entry: &tar::Entry<'_, R>) -> Result<Change, ImageError> {
    let bytes = entry.path_bytes();
    let text = String::from_utf8_lossy(&bytes);
    let path = clean(&text)?;
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    if name == OPAQUE {
        return Ok(Change::Empty(folder.to_owned()));
    }
    match name.strip_prefix(WHITEOUT) {
        // Other names with two marks belong to a file system's bookkeeping, and hide nothing.
        Some(hidden) if hidden.starts_with(WHITEOUT) => Ok(Change::Nothing),
        Some("" | "." | "..") => Err(ImageError::Escape {
            path: text.into_owned(),
        }),
        Some(hidden) if folder.is_empty() => Ok(Change::Remove(hidden.to_owned())),
        Some(hidden) => Ok(Change::Remove(format!("{folder}/{hidden}"))),
        None => Ok(Change::Put(path)),
    }
}

pub(super) fn clean(path: &str) -> Result<String, ImageError> {
    let parts: Vec<_> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if parts.contains(&"..") || path.contains('\0') {
        return Err(ImageError::Escape {
            path: path.escape_default().to_string(),
        });
    }
    Ok(parts.join("/"))
}

/// Opens a layer's tar; reading to its end checks the blob.
pub(super) fn open_layer(
    layout: &Layout,
    layer: &Descriptor,
) -> Result<tar::Archive<Box<dyn Read>>, ImageError> {
    let blob = layout.open_blob(layer)?;
    let buffered = io::BufReader::with_capacity(256 << 10, blob);
    Ok(tar::Archive::new(match LayerFormat::of(layer)? {
        LayerFormat::Tar => Box::new(buffered),
        LayerFormat::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)),
    }))
}

/// Reads on to the end of the blob, behind the end of the tar, where its digest is checked.
pub(super) fn finish_layer(
    layer: &Descriptor,
    archive: tar::Archive<Box<dyn Read>>,
) -> Result<(), ImageError> {
    io::copy(&mut archive.into_inner(), &mut io::sink())
        .map(drop)
        .map_err(|problem| broken(layer, &problem))
}

pub(super) fn broken(layer: &Descriptor, problem: &io::Error) -> ImageError {
    ImageError::Malformed {
        what: format!("layer {}", layer.digest),
        because: problem.to_string(),
    }
}

/// Lists the files of an image, by path.
pub(super) fn list_files(
    layout: &Layout,
    manifest: &Manifest,
) -> Result<Vec<FileFact>, ImageError> {
    let files = read_files(layout, manifest, &mut |_, _| Ok(()))?;
    Ok(files.into_iter().map(|(fact, _)| fact).collect())
}

/// Reads the files of an image, by path, each with what `look` makes of its bytes. A file that an upper layer hides is looked
/// at all the same: what hides it comes later.
pub(super) fn read_files<T: Clone>(
    layout: &Layout,
    manifest: &Manifest,
    look: &mut Look<'_, T>,
) -> Result<Vec<(FileFact, Option<T>)>, ImageError> {
    let mut files = BTreeMap::new();
    for layer in &manifest.layers {
        apply(layout, layer, look, &mut files)?;
    }
    Ok(files.into_values().collect())
}

/// What is made of the bytes of a file.
type Look<'l, T> = dyn FnMut(&FileFact, &mut dyn Read) -> io::Result<T> + 'l;
/// Files by path, with what was made of their bytes.
type Files<T> = BTreeMap<String, (FileFact, Option<T>)>;

fn apply<T: Clone>(
    layout: &Layout,
    layer: &Descriptor,
    look: &mut Look<'_, T>,
    files: &mut Files<T>,
) -> Result<(), ImageError> {
    let mut archive = open_layer(layout, layer)?;
    let mut added: Vec<(String, (FileFact, Option<T>))> = Vec::new();
    for entry in archive
        .entries()
        .map_err(|problem| broken(layer, &problem))?
    {
        let mut entry = entry.map_err(|problem| broken(layer, &problem))?;
        match change(&entry)? {
            // Whiteouts are for lower layers, wherever in the layer they stand.
            Change::Remove(path) => remove(files, &path, Whole::Yes),
            Change::Empty(path) => remove(files, &path, Whole::No),
            Change::Nothing => {}
            Change::Put(path) if path.is_empty() => {}
            Change::Put(path) => {
                let file = file(&path, &mut entry, look, &added, files)
                    .map_err(|problem| broken(layer, &problem))?;
                added.push((path, file));
            }
        }
    }
    finish_layer(layer, archive)?;
    for (path, file) in added {
        if file.0.kind != FileKind::Folder {
            remove(files, &path, Whole::Yes);
        }
        files.insert(path, file);
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Yes,
    No,
}

fn remove<T>(files: &mut Files<T>, path: &str, whole: Whole) {
    if whole == Whole::Yes {
        files.remove(path);
    }
    let below = match path {
        "" => String::new(),
        path => format!("{path}/"),
    };
    let gone: Vec<_> = files
        .range(below.clone()..)
        .map(|(path, _)| path)
        .take_while(|path| path.starts_with(&below))
        .cloned()
        .collect();
    for path in gone {
        files.remove(&path);
    }
}

fn file<R: Read, T: Clone>(
    path: &str,
    entry: &mut tar::Entry<'_, R>,
    look: &mut Look<'_, T>,
    added: &[(String, (FileFact, Option<T>))],
    lower: &Files<T>,
) -> io::Result<(FileFact, Option<T>)> {
    let header = entry.header();
    let mut fact = FileFact {
        path: format!("/{path}"),
        kind: FileKind::Other,
        size: 0,
        mode: header.mode()? & 0o7777,
        owner: (header.uid()?, header.gid()?),
    };
    let link = |entry: &tar::Entry<'_, R>| {
        let target = entry.link_name_bytes().unwrap_or_default();
        String::from_utf8_lossy(&target).into_owned()
    };
    match header.entry_type() {
        tar::EntryType::Directory => fact.kind = FileKind::Folder,
        tar::EntryType::Symlink => {
            fact.kind = FileKind::Link {
                target: link(entry),
            };
        }
        tar::EntryType::Link => {
            // Another name of a file is as large as the file, and holds the same.
            let target = link(entry);
            let target = target.trim_start_matches("./").trim_matches('/');
            let named = added.iter().rev().find(|(path, _)| path == target);
            let named = named.map(|(_, file)| file).or_else(|| lower.get(target));
            fact.kind = FileKind::File;
            fact.size = named.map_or(0, |(fact, _)| fact.size);
            return Ok((fact, named.and_then(|(_, content)| content.clone())));
        }
        tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => {
            fact.kind = FileKind::File;
            fact.size = entry.size();
            let content = look(&fact, entry)?;
            return Ok((fact, Some(content)));
        }
        _ => {}
    }
    Ok((fact, None))
}
