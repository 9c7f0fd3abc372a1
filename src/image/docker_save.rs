//! The archive that `docker save` writes, made a layout (moby, `image/tarexport`; docker-archive in containers-transports(5)).
//!
//! An engine without a content store keeps layers unpacked and hands them out as plain tars, under names that have changed
//! over the years; only `manifest.json` says which file is what. Each layer is checked against the digest that the image's
//! configuration has for it, and compressed as our own are: the same layers give the same bytes, whoever built them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
    path::Path,
};

use serde::Deserialize;

use crate::{
    digest::{Digest, Hasher},
    image::{
        Descriptor, ImageError, Layout, gzip,
        inspect::read_config,
        layer_cache::LayerCache,
        layout::{LayoutWriter, to_json},
        spec::{CONFIG, LARGEST_MANIFEST, LAYER_GZIP, MANIFEST, Manifest},
    },
};

/// More links than this, one to another, are a circle.
const MOST_LINKS: usize = 8;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

/// Makes a layout in the folder `into` of an archive of `docker save` that holds one image.
///
/// # Errors
/// If the archive cannot be read, is none, or holds several images; if its bytes are not those that its configuration names;
/// if the folder cannot be written.
pub fn from_docker_archive(
    archive: impl AsRef<Path>,
    into: impl AsRef<Path>,
    cache: &LayerCache,
) -> Result<Layout, ImageError> {
    let archive = Archive::open(archive.as_ref())?;
    let saved = archive.saved()?;
    let config = archive.small(&saved.config)?;
    check_name(&saved.config, &config)?;
    let diff_ids = read_config(&config)?.rootfs.diff_ids;
    if diff_ids.len() != saved.layers.len() {
        return Err(malformed(format!(
            "it has {} layers, and its configuration names {}",
            saved.layers.len(),
            diff_ids.len()
        )));
    }
    let writer = LayoutWriter::create(into.as_ref())?;
    let mut layers = Vec::new();
    for (name, diff_id) in saved.layers.iter().zip(diff_ids) {
        layers.push(archive.put_layer(name, diff_id, &writer, cache)?);
    }
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        config: writer.put(CONFIG, &config)?,
        layers,
        annotations: BTreeMap::new(),
    };
    let manifest = writer.put(MANIFEST, &to_json(&manifest)?)?;
    let layout = writer.finish(vec![manifest])?;
    layout.prune()?;
    Ok(layout)
}

fn malformed(because: String) -> ImageError {
    ImageError::Malformed {
        what: "the archive of `docker save`".to_owned(),
        because,
    }
}

/// A configuration is named by its digest: `HEX.json`, later `blobs/sha256/HEX`.
fn check_name(name: &str, config: &[u8]) -> Result<(), ImageError> {
    let stem = name.rsplit('/').next().unwrap_or(name);
    let named = format!("sha256:{}", stem.trim_end_matches(".json"));
    match named.parse::<Digest>() {
        Ok(expected) if expected != Digest::of(config) => Err(ImageError::WrongDigest {
            what: "the configuration in the archive of `docker save`".to_owned(),
            expected,
            found: Digest::of(config),
        }),
        Ok(_) => Ok(()),
        Err(_) => Err(malformed(format!(
            "its configuration is called `{name}`, expected a digest"
        ))),
    }
}

#[derive(Debug, Clone)]
enum Place {
    Bytes { from: u64, length: u64 },
    Link(String),
}

/// A tar whose files are read where they lie.
struct Archive<'p> {
    path: &'p Path,
    places: BTreeMap<String, Place>,
}

impl<'p> Archive<'p> {
    fn open(path: &'p Path) -> Result<Self, ImageError> {
        let file = File::open(path).map_err(ImageError::io("read", path))?;
        let places = places(file).map_err(|problem| malformed(problem.to_string()))?;
        Ok(Self { path, places })
    }

    fn saved(&self) -> Result<Saved, ImageError> {
        let bytes = self.small("manifest.json")?;
        let mut saved: Vec<Saved> = serde_json::from_slice(&bytes)
            .map_err(|problem| malformed(format!("`manifest.json`: {problem}")))?;
        match (saved.pop(), saved.len()) {
            (Some(only), 0) => Ok(only),
            (_, others) => Err(malformed(format!(
                "it holds {} images, expected one",
                if others == 0 { 0 } else { others + 1 }
            ))),
        }
    }

    fn small(&self, name: &str) -> Result<Vec<u8>, ImageError> {
        let mut bytes = Vec::new();
        self.file(name)?
            .take(LARGEST_MANIFEST + 1)
            .read_to_end(&mut bytes)
            .map_err(ImageError::io("read", self.path))?;
        if bytes.len() as u64 > LARGEST_MANIFEST {
            return Err(malformed(format!(
                "`{name}` has more than {LARGEST_MANIFEST} bytes"
            )));
        }
        Ok(bytes)
    }

    fn file(&self, name: &str) -> Result<io::Take<File>, ImageError> {
        let mut at = tidy(name);
        for _ in 0..MOST_LINKS {
            match self.places.get(&at) {
                Some(Place::Link(target)) => at = target.clone(),
                Some(Place::Bytes { from, length }) => {
                    let mut file =
                        File::open(self.path).map_err(ImageError::io("read", self.path))?;
                    file.seek(SeekFrom::Start(*from))
                        .map_err(ImageError::io("read", self.path))?;
                    return Ok(file.take(*length));
                }
                None => break,
            }
        }
        Err(malformed(format!("`{name}` is not in it")))
    }

    fn put_layer(
        &self,
        name: &str,
        diff_id: Digest,
        writer: &LayoutWriter,
        cache: &LayerCache,
    ) -> Result<Descriptor, ImageError> {
        let mut head = Vec::new();
        self.file(name)?
            .take(4)
            .read_to_end(&mut head)
            .map_err(ImageError::io("read", self.path))?;
        if head.starts_with(&[0x1f, 0x8b]) {
            return self.put_compressed(name, diff_id, writer);
        }
        if let Some(layer) = cache.take(diff_id, writer) {
            return Ok(layer);
        }
        let mut file = self.file(name)?;
        let (layer, found) = gzip::put(writer, |sink| io::copy(&mut file, sink).map(drop))?;
        check_layer(diff_id, found)?;
        cache.keep(diff_id, &layer, &writer.blob_path(layer.digest));
        Ok(layer)
    }

    /// A store that keeps what it once fetched hands out that.
    fn put_compressed(
        &self,
        name: &str,
        diff_id: Digest,
        writer: &LayoutWriter,
    ) -> Result<Descriptor, ImageError> {
        let mut plain = Hasher::new();
        let buffered = io::BufReader::with_capacity(256 << 10, self.file(name)?);
        io::copy(
            &mut flate2::bufread::MultiGzDecoder::new(buffered),
            &mut plain,
        )
        .map_err(|problem| malformed(format!("`{name}`: {problem}")))?;
        check_layer(diff_id, plain.finish())?;
        writer.put_from(LAYER_GZIP, &mut self.file(name)?)
    }
}

fn check_layer(expected: Digest, found: Digest) -> Result<(), ImageError> {
    if expected == found {
        return Ok(());
    }
    Err(ImageError::WrongDigest {
        what: "a layer in the archive of `docker save`".to_owned(),
        expected,
        found,
    })
}

fn places(file: File) -> io::Result<BTreeMap<String, Place>> {
    let mut places = BTreeMap::new();
    for entry in tar::Archive::new(file).entries_with_seek()? {
        let entry = entry?;
        let name = tidy(&String::from_utf8_lossy(&entry.path_bytes()));
        let target = entry.link_name_bytes();
        let target = target.map(|target| String::from_utf8_lossy(&target).into_owned());
        let place = match (entry.header().entry_type(), target) {
            (tar::EntryType::Symlink, Some(target)) => {
                let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                Place::Link(tidy(&format!("{folder}/{target}")))
            }
            (tar::EntryType::Link, Some(target)) => Place::Link(tidy(&target)),
            (tar::EntryType::Regular | tar::EntryType::Continuous, _) => Place::Bytes {
                from: entry.raw_file_position(),
                length: entry.size(),
            },
            _ => continue,
        };
        places.insert(name, place);
    }
    Ok(places)
}

/// A path without `.`, `..` and slashes at either end; nothing is opened by it.
fn tidy(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests;
