//! The files that a Dockerfile can take: its context less what `.dockerignore` leaves out.
//!
//! The rules are docker's (docs.docker.com, "Build context"): patterns of shells with `**`, against the path or any folder above
//! it; `!` takes back; the last pattern that fits decides. A Dockerfile may have a list of its own, `NAME.dockerignore`.

use std::{collections::BTreeMap, fs, io};

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;

use super::{
    ExecuteError,
    files::{Listing, Mark},
};

/// Returns the Dockerfile of a build, relative to the plan's folder.
pub fn dockerfile(context: &str, file: Option<&str>) -> Utf8PathBuf {
    match file {
        Some(file) => Utf8PathBuf::from(file),
        None => Utf8Path::new(context).join("Dockerfile"),
    }
}

/// Returns the list of what is left out that belongs to a Dockerfile alone, if there is one.
pub fn own_ignore_file(dockerfile: &Utf8Path) -> Option<Utf8PathBuf> {
    let own = Utf8PathBuf::from(format!("{dockerfile}.dockerignore"));
    own.is_file().then_some(own)
}

/// Returns the marks of a build's Dockerfile and of all that is not left out of its context, relative to the plan's folder.
///
/// # Errors
///
/// A file or folder cannot be read, or a pattern is none.
pub fn marks(
    listing: &Listing,
    context: &str,
    file: Option<&str>,
) -> Result<BTreeMap<String, Mark>, ExecuteError> {
    let root = listing.folder();
    let dockerfile = dockerfile(context, file);
    let folder = root.join(context);
    let list =
        own_ignore_file(&root.join(&dockerfile)).unwrap_or_else(|| folder.join(".dockerignore"));
    let ignored = Ignored::read(&list)?;
    let mut names = Vec::new();
    walk(&folder, Utf8Path::new(""), &ignored, &mut names)?;
    let names = names
        .into_iter()
        .map(|name| clean(&Utf8Path::new(context).join(name)))
        .chain([clean(&dockerfile)]);
    listing.marks_now(names)
}

/// A path without `.`, as git lists it.
fn clean(path: &Utf8Path) -> String {
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_str())
        .filter(|part| *part != ".")
        .collect();
    parts.join("/")
}

/// Lists the files below a folder that are not left out, relative to the context; what git keeps for itself never counts.
fn walk(
    context: &Utf8Path,
    below: &Utf8Path,
    ignored: &Ignored,
    found: &mut Vec<Utf8PathBuf>,
) -> Result<(), ExecuteError> {
    let folder = context.join(below);
    let failed = |source| ExecuteError::file("read", folder.clone(), source);
    for entry in folder.read_dir_utf8().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = below.join(entry.file_name());
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        if entry.file_name() == ".git" {
            continue;
        }
        let left_out = ignored.leaves_out(&path);
        if is_folder {
            if !left_out || ignored.takes_back {
                walk(context, &path, ignored, found)?;
            }
        } else if !left_out {
            found.push(path);
        }
    }
    Ok(())
}

/// The patterns of a `.dockerignore`.
#[derive(Debug, Default)]
struct Ignored {
    patterns: Vec<(Regex, Leaves)>,
    /// Whether a pattern takes something back, so that a folder that is left out may hold something that is not.
    takes_back: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Out,
    In,
}

impl Ignored {
    fn read(list: &Utf8Path) -> Result<Self, ExecuteError> {
        match fs::read_to_string(list) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ExecuteError::file("read", list, error)),
        }
    }

    fn parse(text: &str) -> Result<Self, ExecuteError> {
        let mut ignored = Self::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let line = line.trim();
            let (pattern, leaves) = match line.strip_prefix('!') {
                Some(pattern) => (pattern.trim(), Leaves::In),
                None => (line, Leaves::Out),
            };
            let pattern = clean(Utf8Path::new(pattern.trim_start_matches('/')));
            if pattern.is_empty() {
                continue;
            }
            let pattern = Regex::new(&expression(&pattern)).map_err(|_| ExecuteError::Pattern {
                pattern: line.to_owned(),
                reason: "`.dockerignore` takes `*`, `**`, `?` and `[…]`",
            })?;
            ignored.takes_back |= leaves == Leaves::In;
            ignored.patterns.push((pattern, leaves));
        }
        Ok(ignored)
    }

    fn leaves_out(&self, path: &Utf8Path) -> bool {
        let fits = |pattern: &Regex| {
            path.ancestors()
                .filter(|path| !path.as_str().is_empty())
                .any(|path| pattern.is_match(path.as_str()))
        };
        let last = self
            .patterns
            .iter()
            .rev()
            .find(|(pattern, _)| fits(pattern));
        last.is_some_and(|(_, leaves)| *leaves == Leaves::Out)
    }
}

/// A pattern as docker reads it (moby/patternmatcher), as a regular expression.
fn expression(pattern: &str) -> String {
    let mut expression = "^".to_owned();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**") {
            rest = after.strip_prefix('/').unwrap_or(after);
            expression.push_str(if rest.is_empty() { ".*" } else { "(.*/)?" });
            continue;
        }
        rest = &rest[first.len_utf8()..];
        match first {
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '[' | ']' => expression.push(first),
            '\\' => {
                let escaped = rest.chars().next().unwrap_or(first);
                rest = rest.strip_prefix(escaped).unwrap_or(rest);
                expression.push_str(&regex::escape(&escaped.to_string()));
            }
            // Inside of brackets it is a range, outside of them itself.
            '-' | '^' => expression.push(first),
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
    }
    expression.push('$');
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(list: &str, paths: &[&str]) -> Vec<String> {
        let ignored = Ignored::parse(list).expect("a list");
        let out = paths
            .iter()
            .filter(|path| ignored.leaves_out(Utf8Path::new(path)));
        out.map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn what_docker_leaves_out_is_left_out() {
        let paths = [
            "a.log",
            "src/a.log",
            "src/main.rs",
            "target/debug/app",
            "README.md",
            "docs/README.md",
            "docs/guide.md",
            "#odd",
        ];
        for (list, expected) in [
            ("*.log", vec!["a.log"]),
            ("**/*.log\n", vec!["a.log", "src/a.log"]),
            ("# a comment\n\n  /target/  \n", vec!["target/debug/app"]),
            ("./target/./debug", vec!["target/debug/app"]),
            (
                "*.md\ndocs\n!README.md\n!docs/guide.md",
                vec!["docs/README.md"],
            ),
            ("!a.log\n*.log", vec!["a.log"]),
            ("src/*", vec!["src/a.log", "src/main.rs"]),
            ("sr?/main.[r]s", vec!["src/main.rs"]),
            ("**rs", vec![]),
            ("**main.rs", vec!["src/main.rs"]),
            ("**/debug", vec!["target/debug/app"]),
            ("src/**", vec!["src/a.log", "src/main.rs"]),
            ("\\#odd", vec!["#odd"]),
            ("[a-b].log", vec!["a.log"]),
            ("SRC", vec![]),
        ] {
            assert_eq!(left_out(list, &paths), expected, "{list:?}");
        }
    }

    #[test]
    fn a_folder_that_is_left_out_is_read_only_for_what_is_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Utf8Path::from_path(folder.path()).expect("UTF-8");
        for file in ["app/a", "big/one", "big/two", ".git/HEAD", "Dockerfile"] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, file).expect("a file");
        }
        for (list, expected) in [
            ("big", vec!["Dockerfile", "app/a"]),
            ("big\n!big/two", vec!["Dockerfile", "app/a", "big/two"]),
            ("*\n!app", vec!["app/a"]),
        ] {
            let mut found = Vec::new();
            let ignored = Ignored::parse(list).expect("a list");
            walk(root, Utf8Path::new(""), &ignored, &mut found).expect("it is read");
            found.sort();
            assert_eq!(found, expected, "{list:?}");
        }
    }
}
