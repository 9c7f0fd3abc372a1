//! The bytes of a ledger: one record a line, with length and checksum, behind a line that says the format.
//!
//! This module performs no I/O.
//!
//! ```text
//! {"ledger":"deploy-action","format":1}
//! {"length":97,"sha256":"0123456789abcdef","record":{"seq":1,…}}
//! ```
//!
//! Every line is a JSON object, so that `jq .record` reads the file. `length` counts the bytes of the record's JSON, and
//! `sha256` is the beginning of their digest.

use camino::Utf8Path;
use serde::Deserialize;

use super::error::LedgerError;
use crate::{digest::Digest, event::Record};

/// The format of the file. It is raised when an older program could misread a record, not for new kinds of records.
const FORMAT: u32 = 1;

const HEADER: &str = "{\"ledger\":\"deploy-action\",\"format\":1}\n";

/// Characters of the digest that a line carries: 64 bits find every damage that is no attack.
const CHECKSUM: usize = 16;

/// A place between two records of a ledger; the default is its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// Bytes before it.
    pub(super) offset: u64,
    /// Lines before it.
    pub(super) line: u64,
    /// Number of the last record before it; 0 where there is none.
    pub(super) seq: u64,
}

impl Cursor {
    /// Returns the number of the last record before this place; 0 where there is none.
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

/// What was read behind a cursor.
#[derive(Debug)]
pub(super) struct Lines {
    /// Records, complete and in order.
    pub(super) records: Vec<Record>,
    /// The place behind the last complete line.
    pub(super) end: Cursor,
    /// Bytes behind that place: a line whose writer was cut off.
    pub(super) n_torn: usize,
}

/// What is wrong with one line.
#[derive(Debug)]
enum BadLine {
    /// It is not as it was written.
    Damaged(String),
    /// It is as it was written, and not known here.
    Unknown(serde_json::Error),
}

#[derive(Deserialize)]
struct Header {
    ledger: String,
    format: u32,
}

/// Returns the first line of a new ledger, with its end.
pub(super) fn header() -> &'static str {
    HEADER
}

/// Writes a record as a line, with its end.
pub(super) fn encode(record: &Record) -> Result<String, LedgerError> {
    let json =
        serde_json::to_string(record).map_err(|source| LedgerError::Unwritable { source })?;
    let length = json.len();
    let checksum = checksum(json.as_bytes());
    Ok(format!(
        "{{\"length\":{length},\"sha256\":\"{checksum}\",\"record\":{json}}}\n"
    ))
}

/// Reads the lines of `bytes`, which stand in `path` behind `from`.
///
/// A last line without its end is torn and not read. So is a last line that holds a zero byte: JSON has none, so its
/// page never reached the disk before the machine stopped.
///
/// # Errors
/// Every other line that is not as it was written, a gap in the numbers, and a format that is newer than ours.
pub(super) fn decode(path: &Utf8Path, bytes: &[u8], from: Cursor) -> Result<Lines, LedgerError> {
    let mut lines = Lines {
        records: Vec::new(),
        end: from,
        n_torn: 0,
    };
    let mut rest = bytes;
    while let Some(length) = rest.iter().position(|&byte| byte == b'\n') {
        let (line, behind) = (&rest[..length], &rest[length + 1..]);
        if behind.is_empty() && line.contains(&0) {
            break;
        }
        let number = lines.end.line + 1;
        if number == 1 {
            check_header(path, line)?;
        } else {
            let record = decode_line(line).map_err(|problem| problem.at(path, number))?;
            check_number(path, number, lines.end.seq + 1, record.seq)?;
            lines.end.seq = record.seq;
            lines.records.push(record);
        }
        lines.end.line = number;
        lines.end.offset += length as u64 + 1;
        rest = behind;
    }
    lines.n_torn = rest.len();
    if lines.end.line == 0 && !is_torn_header(rest) {
        return Err(LedgerError::NotALedger { path: path.into() });
    }
    Ok(lines)
}

impl BadLine {
    fn at(self, path: &Utf8Path, line: u64) -> LedgerError {
        let path = path.into();
        match self {
            Self::Damaged(problem) => LedgerError::BadLine {
                path,
                line,
                problem,
            },
            Self::Unknown(source) => LedgerError::UnknownRecord { path, line, source },
        }
    }
}

fn check_header(path: &Utf8Path, line: &[u8]) -> Result<(), LedgerError> {
    // A newer format may have further keys, so they are not refused before its number is known.
    match serde_json::from_slice::<Header>(line) {
        Ok(header) if header.ledger == "deploy-action" && header.format > FORMAT => {
            Err(LedgerError::Newer {
                path: path.into(),
                found: header.format,
                known: FORMAT,
            })
        }
        Ok(header) if header.ledger == "deploy-action" => Ok(()),
        Ok(_) | Err(_) => Err(LedgerError::NotALedger { path: path.into() }),
    }
}

fn check_number(path: &Utf8Path, line: u64, expected: u64, found: u64) -> Result<(), LedgerError> {
    if expected == found {
        return Ok(());
    }
    Err(LedgerError::Gap {
        path: path.into(),
        line,
        expected,
        found,
    })
}

/// Whether `bytes` may be what is left of a header, of which a page may never have reached the disk.
fn is_torn_header(bytes: &[u8]) -> bool {
    let mut pairs = bytes.iter().zip(HEADER.as_bytes());
    bytes.len() <= HEADER.len() && pairs.all(|(found, ours)| found == ours || *found == 0)
}

fn decode_line(line: &[u8]) -> Result<Record, BadLine> {
    let damaged = |problem: &str| BadLine::Damaged(problem.to_owned());
    let (length, checksum_found, json) =
        split(line).ok_or_else(|| damaged("it is not a record with length and checksum"))?;
    if json.len() != length {
        let found = json.len();
        return Err(BadLine::Damaged(format!(
            "the record has {found} bytes in place of {length}"
        )));
    }
    if checksum(json).as_bytes() != checksum_found {
        return Err(damaged("the record does not have its checksum"));
    }
    serde_json::from_slice(json).map_err(BadLine::Unknown)
}

/// Takes a line apart without reading the record as JSON, whose bytes the checksum is of.
fn split(line: &[u8]) -> Option<(usize, &[u8], &[u8])> {
    let rest = line.strip_prefix(b"{\"length\":")?;
    let comma = rest.iter().position(|&byte| byte == b',')?;
    let length = std::str::from_utf8(&rest[..comma]).ok()?.parse().ok()?;
    let rest = rest[comma..].strip_prefix(b",\"sha256\":\"")?;
    let (checksum, rest) = rest.split_at_checked(CHECKSUM)?;
    let json = rest.strip_prefix(b"\",\"record\":")?.strip_suffix(b"}")?;
    Some((length, checksum, json))
}

fn checksum(json: &[u8]) -> String {
    let mut hex = Digest::of(json).hex();
    hex.truncate(CHECKSUM);
    hex
}
