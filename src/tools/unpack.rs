//! Takes a program out of its release: an archive in one of two forms, or the program as it is.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
};

use camino::Utf8Path;
use flate2::read::GzDecoder;

use super::zip;

/// The largest program, in bytes.
pub(super) const MOST_PROGRAM: u64 = 1 << 30;

/// Endings of releases that this program cannot read.
const UNKNOWN: [&str; 10] = [
    ".xz", ".bz2", ".zst", ".7z", ".gz", ".deb", ".rpm", ".apk", ".dmg", ".pkg",
];

/// Writes the program of this name, which a release holds whose address ends in `path`.
///
/// # Errors
///
/// In words: it is in no form that is known, it is damaged, or it holds no such program.
pub(super) fn unpack(release: &Utf8Path, path: &str, name: &str, to: &mut File) -> io::Result<()> {
    let mut archive = File::open(release)?;
    let is_there = if path.ends_with(".zip") {
        zip::extract(&mut archive, name, MOST_PROGRAM, to)?
    } else if path.ends_with(".tar.gz") || path.ends_with(".tgz") {
        from_tar(BufReader::new(archive), name, to)?
    } else if let Some(ending) = UNKNOWN.iter().find(|ending| path.ends_with(**ending)) {
        let reason = format!(
            "a release that ends in `{ending}` is not read here; `.zip`, `.tar.gz` and plain programs are"
        );
        return Err(io::Error::other(reason));
    } else {
        copy(archive, to)?;
        true
    };
    match is_there {
        true => to.flush(),
        false => Err(io::Error::other(format!("it holds no program `{name}`"))),
    }
}

fn from_tar(archive: impl Read, name: &str, to: &mut File) -> io::Result<bool> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    for entry in archive.entries()? {
        let entry = entry?;
        let header = entry.header();
        let is_program = header.entry_type().is_file() && header.mode()? & 0o111 != 0;
        let is_named = entry.path()?.file_name().is_some_and(|found| found == name);
        if is_program && is_named {
            copy(entry, to)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn copy(from: impl Read, to: &mut File) -> io::Result<()> {
    let copied = io::copy(&mut from.take(MOST_PROGRAM + 1), to)?;
    match copied {
        0 => Err(zip::bad("the program in it is empty")),
        length if length > MOST_PROGRAM => Err(zip::bad(
            "the program in it is larger than a program may be",
        )),
        _ => Ok(()),
    }
}
