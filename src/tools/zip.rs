//! One file of a zip archive, as terraform and tofu are released.
//!
//! Of the format (PKWARE's APPNOTE, 4.3) what such archives have: files that are stored or deflated, below 4 GiB. What is encrypted, split
//! or in the 64-bit form is refused. The archive was held against its digest before, so the checks here are for mistakes.

use std::io::{self, Read, Seek, SeekFrom, Write};

use flate2::{Crc, read::DeflateDecoder};

/// The end of the directory, with the longest comment that may follow it.
const END: u64 = 22;
const LONGEST_COMMENT: u64 = 65_535;
/// The most of a directory that is read, in bytes.
const MOST_DIRECTORY: u32 = 16 * 1024 * 1024;

const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const ENTRY_SIGNATURE: &[u8] = b"PK\x01\x02";
const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// An entry of the directory.
struct Entry {
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    size: u32,
    offset: u32,
}

/// Writes the file of this name, in whichever folder of the archive it lies, and says whether there is one.
pub(super) fn extract(
    archive: &mut (impl Read + Seek),
    name: &str,
    most: u64,
    out: &mut impl Write,
) -> io::Result<bool> {
    let directory = directory(archive)?;
    let Some(entry) = entry_of(&directory, name)? else {
        return Ok(false);
    };
    if entry.flags & 1 != 0 {
        return Err(bad("it is encrypted"));
    }
    if u64::from(entry.size) > most {
        return Err(bad("the program in it is larger than a program may be"));
    }
    let mut header = [0; 30];
    archive.seek(SeekFrom::Start(entry.offset.into()))?;
    archive.read_exact(&mut header)?;
    if !header.starts_with(LOCAL_SIGNATURE) {
        return Err(bad("its directory leads nowhere"));
    }
    let skipped = i64::from(short(&header, 26)?) + i64::from(short(&header, 28)?);
    archive.seek(SeekFrom::Current(skipped))?;
    let packed = archive.take(entry.packed.into());
    let (size, crc) = match entry.method {
        STORED => copy(packed, most, out)?,
        DEFLATED => copy(DeflateDecoder::new(packed), most, out)?,
        _ => return Err(bad("it is packed in a way that is not known here")),
    };
    if size != u64::from(entry.size) || crc != entry.crc {
        return Err(bad("the program in it is damaged"));
    }
    Ok(true)
}

/// Reads the directory, which stands at the end.
fn directory(archive: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
    let length = archive.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(END + LONGEST_COMMENT);
    archive.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    archive.take(END + LONGEST_COMMENT).read_to_end(&mut tail)?;
    let at = tail
        .windows(END_SIGNATURE.len())
        .rposition(|window| window == END_SIGNATURE)
        .ok_or_else(|| bad("it is no zip archive"))?;
    let end = &tail[at..];
    let (size, offset) = (long(end, 12)?, long(end, 16)?);
    if size > MOST_DIRECTORY || offset == u32::MAX {
        return Err(bad("it is a zip archive of more than this program reads"));
    }
    archive.seek(SeekFrom::Start(offset.into()))?;
    let mut directory = Vec::new();
    archive.take(size.into()).read_to_end(&mut directory)?;
    Ok(directory)
}

/// Finds the program: a file of this name that may be executed, as far as the archive says.
fn entry_of(mut directory: &[u8], name: &str) -> io::Result<Option<Entry>> {
    while directory.starts_with(ENTRY_SIGNATURE) {
        let length = |at| short(directory, at).map(usize::from);
        let (of_name, of_extra, of_comment) = (length(28)?, length(30)?, length(32)?);
        let rest = directory
            .get(46..)
            .filter(|rest| rest.len() >= of_name + of_extra + of_comment)
            .ok_or_else(|| bad("its directory ends too early"))?;
        let mode = long(directory, 38)? >> 16;
        let path = String::from_utf8_lossy(&rest[..of_name]);
        let is_it = path.rsplit('/').next() == Some(name);
        if is_it && (mode == 0 || mode & 0o111 != 0) {
            return Ok(Some(Entry {
                flags: short(directory, 8)?,
                method: short(directory, 10)?,
                crc: long(directory, 16)?,
                packed: long(directory, 20)?,
                size: long(directory, 24)?,
                offset: long(directory, 42)?,
            }));
        }
        directory = &rest[of_name + of_extra + of_comment..];
    }
    Ok(None)
}

fn copy(from: impl Read, most: u64, out: &mut impl Write) -> io::Result<(u64, u32)> {
    let mut from = from.take(most + 1);
    let mut crc = Crc::new();
    let mut size = 0;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok((size, crc.sum()));
        }
        size += length as u64;
        crc.update(&buffer[..length]);
        out.write_all(&buffer[..length])?;
    }
}

fn short(bytes: &[u8], at: usize) -> io::Result<u16> {
    let found = bytes.get(at..at + 2).and_then(|two| two.try_into().ok());
    found.map(u16::from_le_bytes).ok_or_else(early)
}

fn long(bytes: &[u8], at: usize) -> io::Result<u32> {
    let found = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    found.map(u32::from_le_bytes).ok_or_else(early)
}

fn early() -> io::Error {
    bad("it ends too early")
}

pub(super) fn bad(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Cursor;

    use flate2::{Compression, write::DeflateEncoder};

    use super::*;

    /// An archive of files, as Info-ZIP writes it; the method is that of all.
    pub(in crate::tools) fn archive(files: &[(&str, u32, &[u8])], method: u16) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, mode, content) in files {
            let packed = match method {
                DEFLATED => {
                    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                    encoder.write_all(content).expect("memory");
                    encoder.finish().expect("memory")
                }
                _ => content.to_vec(),
            };
            let mut crc = Crc::new();
            crc.update(content);
            let mut common = Vec::new();
            for number in [20, 0, method, 0, 0] {
                common.extend(u16::to_le_bytes(number));
            }
            for number in [crc.sum(), packed.len() as u32, content.len() as u32] {
                common.extend(u32::to_le_bytes(number));
            }
            common.extend(u16::to_le_bytes(name.len() as u16));
            common.extend(u16::to_le_bytes(0));
            let offset = bytes.len() as u32;
            bytes.extend(LOCAL_SIGNATURE);
            bytes.extend(&common);
            bytes.extend(name.as_bytes());
            bytes.extend(packed);
            directory.extend(ENTRY_SIGNATURE);
            directory.extend(u16::to_le_bytes(0x031e));
            directory.extend(&common);
            for number in [0_u16, 0, 0] {
                directory.extend(number.to_le_bytes());
            }
            directory.extend((mode << 16).to_le_bytes());
            directory.extend(offset.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let (offset, size) = (bytes.len() as u32, directory.len() as u32);
        bytes.extend(directory);
        bytes.extend(END_SIGNATURE);
        for number in [0, 0, files.len() as u16, files.len() as u16] {
            bytes.extend(u16::to_le_bytes(number));
        }
        bytes.extend(size.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.extend(u16::to_le_bytes(0));
        bytes
    }

    fn extracted(bytes: &[u8], name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut out = Vec::new();
        let found = extract(&mut Cursor::new(bytes), name, 1 << 20, &mut out)?;
        Ok(found.then_some(out))
    }

    #[test]
    fn a_program_is_found_stored_or_deflated_and_told_from_what_is_named_like_it() {
        let content = b"#!/bin/sh\n".repeat(5000);
        let files: [(&str, u32, &[u8]); 3] = [
            ("share/completions/tool", 0o100_644, b"no program"),
            ("LICENSE", 0o100_644, b"words"),
            ("bin/tool", 0o100_755, &content),
        ];
        for method in [STORED, DEFLATED] {
            let bytes = archive(&files, method);
            let found = extracted(&bytes, "tool").expect("it is well formed");
            assert_eq!(found.as_deref(), Some(&content[..]));
            assert!(
                extracted(&bytes, "other")
                    .expect("it is well formed")
                    .is_none()
            );
        }
    }

    #[test]
    fn what_is_cut_or_damaged_is_refused_wherever_it_is() {
        let content: Vec<u8> = (0..2000_u32).flat_map(u32::to_le_bytes).collect();
        for method in [STORED, DEFLATED] {
            let whole = archive(&[("tool", 0o100_755, &content)], method);
            for length in (0..whole.len()).step_by(97) {
                let cut = extracted(&whole[..length], "tool");
                assert!(!matches!(cut, Ok(Some(_))), "{length}");
            }
            let mut damaged = whole.clone();
            damaged[300] ^= 0x40;
            assert!(extracted(&damaged, "tool").is_err());
        }
        assert!(extracted(b"no zip at all", "tool").is_err());
    }

    #[test]
    fn what_is_encrypted_packed_unknown_or_too_large_is_refused() {
        let mut encrypted = archive(&[("tool", 0o100_755, b"x")], STORED);
        let entry = encrypted
            .windows(4)
            .position(|window| window == ENTRY_SIGNATURE);
        encrypted[entry.expect("a directory") + 8] = 1;
        let refused = |bytes: &[u8]| extracted(bytes, "tool").expect_err("refused").to_string();
        assert_eq!(refused(&encrypted), "it is encrypted");
        let unknown = archive(&[("tool", 0o100_755, b"x")], 12);
        assert!(refused(&unknown).contains("not known here"));
        let large = archive(&[("tool", 0o100_755, &vec![0; (1 << 20) + 1])], DEFLATED);
        assert!(refused(&large).contains("larger"));
    }
}
