//! What is in an image: its files with their digests, and the packages that they say they are of.

use std::{
    collections::BTreeSet,
    io::{self, Read, Write as _},
};

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

use super::{
    AttestationError, binary,
    package::{self, Distribution, Package},
};
use crate::{
    digest::{Digest, Hasher},
    image::{Descriptor, FileFact, FileKind, Layout},
};

/// Lists of packages, and what names a distribution, are not this long.
const LONGEST_LIST: u64 = 64 << 20;
const CHUNK: usize = 64 << 10;

/// What is in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Its files, by path; folders, links and devices are none.
    pub files: Vec<FoundFile>,
    /// Its packages, by kind, name and version.
    pub packages: Vec<Package>,
}

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Absolute path in the image.
    pub path: String,
    /// The digest of its bytes.
    pub sha256: Digest,
    /// The digest that SPDX 2.3 asks for, in hexadecimal characters.
    pub sha1: String,
    /// The packages that were compiled into it, the one that it is the program of first.
    pub built_from: Vec<Package>,
}

/// What is kept of a file's bytes.
#[derive(Debug, Clone)]
struct Seen {
    sha256: Digest,
    sha1: String,
    built_from: Vec<Package>,
    /// The bytes of a list of packages.
    text: Option<String>,
}

/// Lists what is in one image of a layout.
///
/// Packages are those of dpkg and apk by their own lists, and those that Rust and Go compiled into programs, where the programs
/// say so. The lists of rpm are databases, which are not read.
///
/// # Errors
/// If a layer is missing, damaged or malformed.
pub fn contents(layout: &Layout, image: &Descriptor) -> Result<Contents, AttestationError> {
    let read = layout.read_files(image, |fact, bytes| look(fact, bytes))?;
    let mut files = Vec::new();
    let mut lists = Vec::new();
    for (fact, seen) in read {
        let Some(seen) = seen.filter(|_| fact.kind == FileKind::File) else {
            continue;
        };
        if let Some(text) = seen.text {
            lists.push((fact.path.clone(), text));
        }
        files.push(FoundFile {
            path: fact.path,
            sha256: seen.sha256,
            sha1: seen.sha1,
            built_from: seen.built_from,
        });
    }
    let distribution = Distribution::of(&lists);
    let mut packages: BTreeSet<Package> = BTreeSet::new();
    for (path, text) in &lists {
        packages.extend(package::listed(path, text, &distribution));
    }
    packages.extend(
        files
            .iter()
            .flat_map(|file| file.built_from.iter().cloned()),
    );
    Ok(Contents {
        files,
        packages: packages.into_iter().collect(),
    })
}

/// Reads a file once: its digests, its text if it is a list, and what a program says of its making.
fn look(fact: &FileFact, bytes: &mut dyn Read) -> io::Result<Seen> {
    let mut text = (package::is_list(&fact.path) && fact.size <= LONGEST_LIST).then(Vec::new);
    let mut program = None;
    let mut sha256 = Hasher::new();
    let mut sha1 = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    let mut buffer = vec![0; CHUNK];
    let mut is_first = true;
    loop {
        let length = fill(bytes, &mut buffer)?;
        let chunk = &buffer[..length];
        if is_first && fact.mode & 0o111 != 0 && binary::is_program(chunk) {
            program = Some(tempfile::tempfile()?);
        }
        is_first = false;
        if chunk.is_empty() {
            break;
        }
        sha256.update(chunk);
        sha1.update(chunk);
        if let Some(text) = &mut text {
            text.extend_from_slice(chunk);
        }
        if let Some(program) = &mut program {
            program.write_all(chunk)?;
        }
    }
    Ok(Seen {
        sha256: sha256.finish(),
        sha1: hex::encode(sha1.finish()),
        built_from: program.map(binary::built_from).unwrap_or_default(),
        text: text.map(|text| String::from_utf8_lossy(&text).into_owned()),
    })
}

/// Fills the buffer as far as bytes come.
fn fill(bytes: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match bytes.read(&mut buffer[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}
