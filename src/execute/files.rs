//! The files of a plan: which there are, and what they hold.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    fs, io,
    sync::Arc,
};

use camino::{Utf8Path, Utf8PathBuf};

use super::ExecuteError;
use crate::{
    digest::{Digest, Hasher},
    plan::fingerprint::SharedParts,
    portable::is_executable,
    probe::Git,
};

/// Content and mode of a file, for a fingerprint: `100755 sha256:…`, as git writes modes.
pub type Mark = String;

/// The files of the plan's folder, listed once when a run starts: what its own tasks write later is no input of it.
///
/// Each of them is read once, however many tasks it counts for. The lists are sorted.
#[derive(Debug, Default)]
pub struct Listing {
    folder: Utf8PathBuf,
    tracked: Vec<String>,
    present: Vec<String>,
    /// What was read; `None` for a file that is not there.
    marks: RefCell<HashMap<String, Option<Mark>>>,
    /// What was put together, by patterns; under no pattern at all, what is tracked.
    shared: RefCell<HashMap<Vec<String>, Arc<SharedParts>>>,
}

impl Listing {
    /// Lists what git tracks and what it does not ignore; where there is no git, all files are both.
    ///
    /// # Errors
    ///
    /// Git fails in a way other than not being there, or a folder cannot be read.
    pub async fn read(folder: &Utf8Path, git: &Git<'_>) -> Result<Self, ExecuteError> {
        let folder = folder.to_owned();
        if git.is_repository(&folder).await? {
            let (tracked, present) = (
                git.list_tracked(&folder).await?,
                git.list_not_ignored(&folder).await?,
            );
            return Ok(Self {
                folder,
                tracked,
                present,
                ..Self::default()
            });
        }
        let present = walk(&folder, &folder)?;
        Ok(Self {
            tracked: present.clone(),
            present,
            folder,
            ..Self::default()
        })
    }

    /// Returns the files that git tracks or does not ignore, relative to the folder.
    pub fn present(&self) -> &[String] {
        &self.present
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Returns all tracked files as parts of a fingerprint; one that is not there any more is left out, which changes the set.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn tracked(&self) -> Result<Arc<SharedParts>, ExecuteError> {
        self.shared(&[], || self.marks_of(self.tracked.iter().cloned()))
    }

    /// Returns all files that git does not ignore as parts of a fingerprint.
    ///
    /// # Errors
    ///
    /// As [`Listing::tracked`].
    pub fn all(&self) -> Result<Arc<SharedParts>, ExecuteError> {
        let everything = ["**".to_owned()];
        self.shared(&everything, || self.marks_of(self.present.iter().cloned()))
    }

    /// Returns the files that match patterns as parts of a fingerprint.
    ///
    /// # Errors
    ///
    /// As [`Listing::matching`].
    pub fn chosen(&self, patterns: &[String]) -> Result<Arc<SharedParts>, ExecuteError> {
        if patterns.is_empty() {
            return Ok(Arc::new(SharedParts::new(BTreeMap::new())));
        }
        self.shared(patterns, || self.matching(patterns))
    }

    /// Returns the marks of the files that match patterns, relative to the folder: files, folders (whole), `*`, `**`.
    ///
    /// What git ignores is left out, so that build output does not count.
    ///
    /// # Errors
    ///
    /// A pattern is none, or a file cannot be read.
    pub fn matching(&self, patterns: &[String]) -> Result<BTreeMap<String, Mark>, ExecuteError> {
        let mut marks = BTreeMap::new();
        for pattern in patterns {
            marks.extend(self.marks_of(self.names_of(pattern)?.cloned())?);
        }
        Ok(marks)
    }

    /// Finds the files that one pattern chooses.
    fn names_of<'l>(
        &'l self,
        pattern: &str,
    ) -> Result<impl Iterator<Item = &'l String> + use<'l>, ExecuteError> {
        let text = pattern
            .trim_start_matches("./")
            .trim_end_matches('/')
            .to_owned();
        let matcher = glob::Pattern::new(&text).map_err(|error| ExecuteError::Pattern {
            pattern: pattern.to_owned(),
            reason: error.msg,
        })?;
        let options = glob::MatchOptions {
            require_literal_separator: true,
            ..Default::default()
        };
        let is_all = matches!(text.as_str(), "" | ".");
        let literal = if is_all { "" } else { literal_beginning(&text) };
        // The list is sorted, so the names with the same beginning stand together: not all of them are looked at.
        let from = self.present.partition_point(|name| **name < *literal);
        let length = self.present[from..].partition_point(|name| name.starts_with(literal));
        let candidates = self.present[from..from + length].iter();
        Ok(candidates.filter(move |name| {
            let below = name
                .strip_prefix(text.as_str())
                .is_some_and(|rest| rest.starts_with('/'));
            is_all || below || matcher.matches_with(name, options)
        }))
    }

    fn shared(
        &self,
        patterns: &[String],
        marks: impl FnOnce() -> Result<BTreeMap<String, Mark>, ExecuteError>,
    ) -> Result<Arc<SharedParts>, ExecuteError> {
        if let Some(known) = self.shared.borrow().get(patterns) {
            return Ok(Arc::clone(known));
        }
        let parts = marks()?
            .into_iter()
            .map(|(name, mark)| (format!("file {name}"), mark));
        let shared = Arc::new(SharedParts::new(parts.collect()));
        self.shared
            .borrow_mut()
            .insert(patterns.to_vec(), Arc::clone(&shared));
        Ok(shared)
    }

    fn marks_of(
        &self,
        names: impl Iterator<Item = String>,
    ) -> Result<BTreeMap<String, Mark>, ExecuteError> {
        let mut marks = BTreeMap::new();
        for name in names {
            let known = self.marks.borrow().get(&name).cloned();
            let found = match known {
                Some(found) => found,
                None => {
                    let read = mark(&self.folder, &name)?;
                    self.marks.borrow_mut().insert(name.clone(), read.clone());
                    read
                }
            };
            marks.extend(found.map(|mark| (name, mark)));
        }
        Ok(marks)
    }

    /// Returns the marks of files by name, listed or not; those that are not listed are read anew each time.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub fn marks_now(
        &self,
        names: impl Iterator<Item = String>,
    ) -> Result<BTreeMap<String, Mark>, ExecuteError> {
        let (listed, others): (Vec<_>, Vec<_>) =
            names.partition(|name| self.present.binary_search(name).is_ok());
        let mut marks = self.marks_of(listed.into_iter())?;
        for name in others {
            marks.extend(mark(&self.folder, &name)?.map(|mark| (name, mark)));
        }
        Ok(marks)
    }

    /// Returns the digest of the files that match, for `hashFiles`; as on GitHub, no file gives no text.
    ///
    /// # Errors
    ///
    /// As [`Listing::matching`].
    pub fn hash(&self, patterns: &[String]) -> Result<String, ExecuteError> {
        let marks = self.matching(patterns)?;
        if marks.is_empty() {
            return Ok(String::new());
        }
        let mut hasher = Hasher::new();
        for (name, mark) in &marks {
            hasher.update(format!("{name}\0{mark}\n"));
        }
        Ok(hasher.finish().hex())
    }
}

/// Returns the marks of one path: a file, or all files of a folder, whether git knows them or not.
pub fn at(folder: &Utf8Path, path: &str) -> Result<BTreeMap<String, Mark>, ExecuteError> {
    let full = folder.join(path);
    let names = if full.is_dir() {
        walk(folder, &full)?
    } else {
        vec![path.to_owned()]
    };
    let mut marks = BTreeMap::new();
    for name in names {
        marks.extend(mark(folder, &name)?.map(|mark| (name, mark)));
    }
    Ok(marks)
}

/// Copies what is in a folder, but for the names that are not taken.
///
/// # Errors
///
/// A file or folder cannot be read or made.
pub fn copy_folder(
    from: &Utf8Path,
    to: &Utf8Path,
    is_taken: &dyn Fn(&str) -> bool,
) -> Result<(), ExecuteError> {
    fs::create_dir_all(to).map_err(|error| ExecuteError::file("make", to, error))?;
    let entries = from
        .read_dir_utf8()
        .map_err(|error| ExecuteError::file("read", from, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| ExecuteError::file("read", from, error))?;
        if !is_taken(entry.file_name()) {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(entry.path(), &target, is_taken)?;
        } else {
            fs::copy(entry.path(), &target)
                .map_err(|error| ExecuteError::file("copy", entry.path(), error))?;
        }
    }
    Ok(())
}

/// What a pattern begins with before its first wildcard.
fn literal_beginning(pattern: &str) -> &str {
    let end = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    &pattern[..end]
}

/// Reads one file; `None` where it is not there, or is no file.
fn mark(folder: &Utf8Path, name: &str) -> Result<Option<Mark>, ExecuteError> {
    let path = folder.join(name);
    mark_of(&path).map_err(|source| ExecuteError::file("read", path, source))
}

fn mark_of(path: &Utf8Path) -> io::Result<Option<Mark>> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if metadata.is_symlink() {
        let target = fs::read_link(path)?;
        return Ok(Some(format!(
            "120000 {}",
            Digest::of(target.as_os_str().as_encoded_bytes())
        )));
    }
    if !metadata.is_file() {
        return Ok(None);
    }
    let mut hasher = Hasher::new();
    io::copy(&mut fs::File::open(path)?, &mut hasher)?;
    let mode = if is_executable(&metadata) {
        "100755"
    } else {
        "100644"
    };
    Ok(Some(format!("{mode} {}", hasher.finish())))
}

/// All files below a folder but `.git`, relative to `root`, sorted.
fn walk(root: &Utf8Path, folder: &Utf8Path) -> Result<Vec<String>, ExecuteError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = folder
            .read_dir_utf8()
            .map_err(|source| ExecuteError::file("read", folder.clone(), source))?;
        for entry in entries {
            let entry =
                entry.map_err(|source| ExecuteError::file("read", folder.clone(), source))?;
            let path = entry.path().to_owned();
            let is_folder = entry
                .file_type()
                .map_err(|source| ExecuteError::file("read", path.clone(), source))?
                .is_dir();
            match is_folder {
                true if entry.file_name() == ".git" => {}
                true => open.push(path),
                false => found.push(relative(root, &path)),
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn relative(root: &Utf8Path, path: &Utf8PathBuf) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string()
}
