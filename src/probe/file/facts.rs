//! What is to be known of a file from its bytes.

use std::{
    fs::{self, File},
    io::{self, Read as _},
};

use camino::{Utf8Path, Utf8PathBuf};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use crate::{digest::Hasher, portable, probe::ProbeError};

/// Up to this size the text of a file is an observation. Beyond there is none: half a text would make `!~` hold
/// where it does not.
const MAX_CONTENT: u64 = 1024 * 1024;

/// Up to this size a file is counted in lines, words and headings.
const MAX_COUNTED: u64 = 16 * 1024 * 1024;

/// How much text all files of a check may give together.
const MAX_TOTAL: u64 = 64 * 1024 * 1024;

/// What a file shows. All but the mode is missing of a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FileFacts {
    pub mode: u32,
    pub lines: Option<u64>,
    pub words: Option<u64>,
    pub headings: Option<u64>,
    pub fences: Option<u64>,
    pub size: Option<u64>,
    pub sha256: Option<String>,
    pub content: Option<String>,
}

type Count = fn(&FileFacts) -> Option<u64>;

impl FileFacts {
    /// The counts by name.
    pub(super) const COUNTS: [(&'static str, Count); 4] = [
        ("lines", |file| file.lines),
        ("words", |file| file.words),
        ("headings", |file| file.headings),
        ("fences", |file| file.fences),
    ];
}

/// Reads files, which are relative to `root`.
pub(super) fn read_facts(
    files: &[Utf8PathBuf],
    root: &Utf8Path,
) -> Result<Vec<FileFacts>, ProbeError> {
    let mut facts = Vec::with_capacity(files.len());
    let mut total: u64 = 0;
    for path in files {
        let file = read(&root.join(path), path).map_err(|source| ProbeError::Unreadable {
            path: path.clone(),
            source,
        })?;
        total += file.content.as_ref().map_or(0, |text| text.len() as u64);
        if total > MAX_TOTAL {
            return Err(ProbeError::TooMuch {
                path: path.to_string(),
                limit: "64 MiB of text",
            });
        }
        facts.push(file);
    }
    Ok(facts)
}

fn read(file: &Utf8Path, name: &Utf8Path) -> io::Result<FileFacts> {
    let metadata = fs::metadata(file)?;
    let mut facts = FileFacts {
        mode: portable::mode(&metadata),
        ..FileFacts::default()
    };
    // Not a pipe or a device either: reading one may take for ever.
    if !metadata.is_file() {
        return Ok(facts);
    }
    let mut stream = File::open(file)?;
    let mut bytes = Vec::new();
    stream
        .by_ref()
        .take(MAX_COUNTED + 1)
        .read_to_end(&mut bytes)?;
    let mut hasher = Hasher::new();
    hasher.update(&bytes);
    let size = bytes.len() as u64 + io::copy(&mut stream, &mut hasher)?;
    facts.size = Some(size);
    facts.sha256 = Some(hasher.finish().hex());
    if size <= MAX_COUNTED {
        let text = String::from_utf8_lossy(&bytes);
        count(&mut facts, &text, name);
        facts.content = (size <= MAX_CONTENT).then(|| text.into_owned());
    }
    Ok(facts)
}

fn count(facts: &mut FileFacts, text: &str, name: &Utf8Path) {
    facts.lines = Some(text.lines().count() as u64);
    facts.words = Some(text.split_whitespace().count() as u64);
    if matches!(name.extension(), Some("md" | "markdown")) {
        let (mut headings, mut fences) = (0, 0);
        for event in Parser::new(text) {
            match event {
                Event::Start(Tag::Heading { .. }) => headings += 1,
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => fences += 1,
                _ => {}
            }
        }
        facts.headings = Some(headings);
        facts.fences = Some(fences);
    }
}
