//! Which files a check names.

use std::io;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use glob::{MatchOptions, Pattern};
use ignore::WalkBuilder;

use crate::probe::ProbeError;

/// How many entries of folders are looked at for a pattern.
const MAX_ENTRIES: usize = 200_000;

/// How many files a check may name.
const MAX_FILES: usize = 20_000;

/// As a shell with `globstar`: `*` stays inside a folder.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Whether one path was given that is no pattern.
    pub single: bool,
    /// What is there, relative to the root, each once: paths in their order, matches of a pattern by name.
    pub files: Vec<Utf8PathBuf>,
    /// Paths at which nothing is.
    pub missing: Vec<Utf8PathBuf>,
    /// Patterns that match nothing.
    pub unmatched: Vec<String>,
}

/// Finds the files that `paths` name below `root`.
pub(super) fn find(paths: &[String], root: &Utf8Path) -> Result<Found, ProbeError> {
    let mut found = Found {
        single: matches!(paths, [path] if !is_pattern(path)),
        ..Found::default()
    };
    for path in paths {
        check_inside(path)?;
        if is_pattern(path) {
            let matches = matches(path, root)?;
            if matches.is_empty() {
                found.unmatched.push(path.clone());
            }
            for file in matches {
                add(&mut found.files, file);
            }
        } else {
            let relative = normalised(path);
            match inside(root, &relative)? {
                true => add(&mut found.files, relative),
                false => add(&mut found.missing, relative),
            }
        }
        if found.files.len() > MAX_FILES {
            return Err(ProbeError::TooMuch {
                path: path.clone(),
                limit: "20,000 files",
            });
        }
    }
    Ok(found)
}

fn add(files: &mut Vec<Utf8PathBuf>, file: Utf8PathBuf) {
    if !files.contains(&file) {
        files.push(file);
    }
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

fn check_inside(path: &str) -> Result<(), ProbeError> {
    let reason = |reason: &str| ProbeError::Path {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    for component in Utf8Path::new(path).components() {
        match component {
            Utf8Component::Normal(_) | Utf8Component::CurDir => {}
            Utf8Component::ParentDir => return Err(reason("leads out of the plan's folder")),
            Utf8Component::RootDir | Utf8Component::Prefix(_) => {
                return Err(reason("is absolute; expected a path in the plan's folder"));
            }
        }
    }
    if path.is_empty() {
        return Err(reason("is empty"));
    }
    Ok(())
}

fn normalised(path: &str) -> Utf8PathBuf {
    Utf8Path::new(path)
        .components()
        .filter(|component| matches!(component, Utf8Component::Normal(_)))
        .collect()
}

/// Whether something is at `path`; an error when a link on the way leads out of the root.
fn inside(root: &Utf8Path, path: &Utf8Path) -> Result<bool, ProbeError> {
    let unreadable = |source: io::Error| ProbeError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let target = match root.join(path).canonicalize() {
        Ok(target) => target,
        Err(error) if is_absence(&error) => return Ok(false),
        Err(error) => return Err(unreadable(error)),
    };
    let root = root.canonicalize().map_err(unreadable)?;
    if target.starts_with(root) {
        Ok(true)
    } else {
        Err(ProbeError::Path {
            path: path.to_string(),
            reason: "is a link that leads out of the plan's folder".to_owned(),
        })
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn matches(text: &str, root: &Utf8Path) -> Result<Vec<Utf8PathBuf>, ProbeError> {
    let pattern_text = normalised(text);
    let pattern = Pattern::new(pattern_text.as_str()).map_err(|error| ProbeError::Path {
        path: text.to_owned(),
        reason: format!("is no pattern: {}", error.msg),
    })?;
    let start = root.join(literal_start(&pattern_text));
    let mut files = Vec::new();
    // No ignore files: what a build has made may be what is asked for.
    let walk = WalkBuilder::new(&start)
        .standard_filters(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    for (number, entry) in walk.enumerate() {
        if number >= MAX_ENTRIES {
            return Err(ProbeError::TooMuch {
                path: text.to_owned(),
                limit: "200,000 entries of folders",
            });
        }
        // A folder that is not there has no matches; one that goes away while it is read neither.
        let Ok(entry) = entry else { continue };
        let Ok(path) = Utf8PathBuf::from_path_buf(entry.into_path()) else {
            continue;
        };
        let Ok(relative) = path.strip_prefix(root) else {
            continue;
        };
        if pattern.matches_with(relative.as_str(), MATCHING)
            && path.is_file()
            && inside(root, relative)?
        {
            files.push(relative.to_owned());
        }
    }
    files.sort();
    Ok(files)
}

/// Returns the folders before the first one with a pattern in it, so that only those below are walked.
fn literal_start(pattern: &Utf8Path) -> Utf8PathBuf {
    let folders = pattern.parent().unwrap_or(Utf8Path::new(""));
    folders
        .components()
        .take_while(|component| !is_pattern(component.as_str()))
        .collect()
}
