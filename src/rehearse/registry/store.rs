//! The folder: one store of content for all repositories, and for each repository links to what it holds.
//!
//! ```text
//! blobs/<algorithm>/<hex>                                   content, named by its digest
//! repositories/<name>/_blobs/<algorithm>-<hex>              a blob that the repository holds (empty)
//! repositories/<name>/_manifests/<algorithm>-<hex>          a manifest that it holds: its media type
//! repositories/<name>/_tags/<tag>                           the digest that a tag names
//! repositories/<name>/_referrers/<algorithm>-<hex>/<…>      manifests whose subject is the first digest (empty)
//! repositories/<name>/_uploads/<session>                    what has come of an upload
//! staging/<random>                                          a file that is about to be renamed
//! ```
//!
//! A part of a repository's name never begins with `_`, so nothing above can be a repository. Each file appears whole,
//! by a rename, and content is on the disk before it has its name; so any number of processes may work on the folder.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    content_digest::ContentDigest,
    name::{RepositoryName, Tag},
};

/// The folder of a registry.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: Utf8PathBuf,
}

/// What a repository links to by digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linked {
    Blobs,
    Manifests,
}

impl Linked {
    fn folder(self) -> &'static str {
        match self {
            Self::Blobs => "_blobs",
            Self::Manifests => "_manifests",
        }
    }
}

impl Store {
    /// Names the folder of a registry, which need not exist.
    pub(super) fn at(folder: Utf8PathBuf) -> Self {
        Self { folder }
    }

    /// Creates what all repositories share.
    pub(super) fn create(&self) -> io::Result<()> {
        for part in ["blobs/sha256", "blobs/sha512", "repositories", "staging"] {
            fs::create_dir_all(self.folder.join(part))?;
        }
        Ok(())
    }

    /// Returns where content of this digest stands, or would.
    pub(super) fn content_path(&self, digest: &ContentDigest) -> Utf8PathBuf {
        let algorithm = digest.algorithm().as_str();
        self.folder.join("blobs").join(algorithm).join(digest.hex())
    }

    fn repository(&self, name: &RepositoryName) -> Utf8PathBuf {
        self.folder.join("repositories").join(name.as_str())
    }

    fn link_path(
        &self,
        name: &RepositoryName,
        kind: Linked,
        digest: &ContentDigest,
    ) -> Utf8PathBuf {
        self.repository(name)
            .join(kind.folder())
            .join(file_name(digest))
    }

    /// Returns where the sessions of a repository stand.
    pub(super) fn uploads(&self, name: &RepositoryName) -> Utf8PathBuf {
        self.repository(name).join("_uploads")
    }

    /// Tells whether anything was ever put into a repository.
    pub(super) fn knows(&self, name: &RepositoryName) -> bool {
        let repository = self.repository(name);
        [Linked::Blobs, Linked::Manifests]
            .into_iter()
            .any(|kind| repository.join(kind.folder()).is_dir())
    }

    /// Puts content that is in memory into the store.
    pub(super) fn keep(&self, digest: &ContentDigest, bytes: &[u8]) -> io::Result<()> {
        let path = self.content_path(digest);
        if path.exists() {
            return Ok(());
        }
        self.write(&path, bytes)
    }

    /// Puts a finished file into the store under its digest. The file is on the same file system.
    pub(super) fn adopt(&self, digest: &ContentDigest, finished: &Utf8Path) -> io::Result<()> {
        let path = self.content_path(digest);
        fs::rename(finished, &path)?;
        sync_folder_of(&path)
    }

    /// Links content of the store into a repository; for a manifest, `note` is its media type.
    pub(super) fn link(
        &self,
        name: &RepositoryName,
        kind: Linked,
        digest: &ContentDigest,
        note: &str,
    ) -> io::Result<()> {
        self.write(&self.link_path(name, kind, digest), note.as_bytes())
    }

    /// Returns the note of a link; `None` when the repository does not hold the digest.
    pub(super) fn linked(
        &self,
        name: &RepositoryName,
        kind: Linked,
        digest: &ContentDigest,
    ) -> io::Result<Option<String>> {
        absent_is_none(fs::read_to_string(self.link_path(name, kind, digest)))
    }

    /// Removes a link and tells whether there was one.
    pub(super) fn unlink(
        &self,
        name: &RepositoryName,
        kind: Linked,
        digest: &ContentDigest,
    ) -> io::Result<bool> {
        remove(&self.link_path(name, kind, digest))
    }

    /// Lists the digests of one kind that a repository holds.
    pub(super) fn links(
        &self,
        name: &RepositoryName,
        kind: Linked,
    ) -> io::Result<Vec<ContentDigest>> {
        digests_in(&self.repository(name).join(kind.folder()))
    }

    /// Returns when a link was last written.
    pub(super) fn linked_at(
        &self,
        name: &RepositoryName,
        kind: Linked,
        digest: &ContentDigest,
    ) -> io::Result<jiff::Timestamp> {
        let modified = fs::metadata(self.link_path(name, kind, digest))?.modified()?;
        jiff::Timestamp::try_from(modified).map_err(io::Error::other)
    }

    /// Points a tag at a digest.
    pub(super) fn tag(
        &self,
        name: &RepositoryName,
        tag: &Tag,
        digest: &ContentDigest,
    ) -> io::Result<()> {
        let path = self.repository(name).join("_tags").join(tag.as_str());
        self.write(&path, digest.to_string().as_bytes())
    }

    /// Returns the digest that a tag names.
    pub(super) fn tagged(
        &self,
        name: &RepositoryName,
        tag: &Tag,
    ) -> io::Result<Option<ContentDigest>> {
        let path = self.repository(name).join("_tags").join(tag.as_str());
        match absent_is_none(fs::read_to_string(path))? {
            None => Ok(None),
            Some(text) => text
                .parse()
                .map(Some)
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error)),
        }
    }

    /// Removes a tag and tells whether there was one.
    pub(super) fn untag(&self, name: &RepositoryName, tag: &Tag) -> io::Result<bool> {
        remove(&self.repository(name).join("_tags").join(tag.as_str()))
    }

    /// Lists the tags of a repository in the lexical order of the specification, which ignores case.
    pub(super) fn tags(&self, name: &RepositoryName) -> io::Result<Vec<Tag>> {
        let mut tags: Vec<Tag> = entries(&self.repository(name).join("_tags"))?
            .iter()
            .filter_map(|entry| entry.parse().ok())
            .collect();
        tags.sort_by_key(|tag| tag_order(tag.as_str()));
        Ok(tags)
    }

    /// Notes that a manifest has a subject.
    pub(super) fn refer(
        &self,
        name: &RepositoryName,
        subject: &ContentDigest,
        manifest: &ContentDigest,
    ) -> io::Result<()> {
        self.write(
            &self.referrer_path(name, subject).join(file_name(manifest)),
            b"",
        )
    }

    /// Forgets that a manifest has a subject.
    pub(super) fn unrefer(
        &self,
        name: &RepositoryName,
        subject: &ContentDigest,
        manifest: &ContentDigest,
    ) -> io::Result<bool> {
        remove(&self.referrer_path(name, subject).join(file_name(manifest)))
    }

    /// Lists the manifests with this subject.
    pub(super) fn referrers(
        &self,
        name: &RepositoryName,
        subject: &ContentDigest,
    ) -> io::Result<Vec<ContentDigest>> {
        digests_in(&self.referrer_path(name, subject))
    }

    fn referrer_path(&self, name: &RepositoryName, subject: &ContentDigest) -> Utf8PathBuf {
        self.repository(name)
            .join("_referrers")
            .join(file_name(subject))
    }

    /// Lists the repositories that hold something, in order.
    pub(super) fn repositories(&self) -> io::Result<Vec<RepositoryName>> {
        let mut found = Vec::new();
        let mut open = vec![String::new()];
        while let Some(prefix) = open.pop() {
            for entry in entries(&self.folder.join("repositories").join(&prefix))? {
                let path = if prefix.is_empty() {
                    entry
                } else {
                    format!("{prefix}/{entry}")
                };
                if let Ok(name) = path.parse::<RepositoryName>() {
                    if self.knows(&name) {
                        found.push(name);
                    }
                    open.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Writes a file so that it appears whole, and only once it is on the disk.
    fn write(&self, path: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
        let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(self.folder.join("staging"))?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|error| error.error)?;
        sync_folder_of(path)
    }
}

/// Orders tags without regard to case, and those that differ in nothing else by their bytes.
pub(super) fn tag_order(tag: &str) -> (String, String) {
    (tag.to_ascii_lowercase(), tag.to_owned())
}

fn file_name(digest: &ContentDigest) -> String {
    format!("{}-{}", digest.algorithm().as_str(), digest.hex())
}

fn digests_in(folder: &Utf8Path) -> io::Result<Vec<ContentDigest>> {
    let mut digests: Vec<ContentDigest> = entries(folder)?
        .iter()
        .filter_map(|entry| entry.replacen('-', ":", 1).parse().ok())
        .collect();
    digests.sort();
    Ok(digests)
}

/// Lists the names in a folder; an absent folder is an empty one.
fn entries(folder: &Utf8Path) -> io::Result<Vec<String>> {
    let Some(read) = absent_is_none(folder.read_dir_utf8())? else {
        return Ok(Vec::new());
    };
    read.map(|entry| Ok(entry?.file_name().to_owned()))
        .collect()
}

fn remove(path: &Utf8Path) -> io::Result<bool> {
    Ok(absent_is_none(fs::remove_file(path))?.is_some())
}

/// Makes a renamed file's new name durable.
fn sync_folder_of(path: &Utf8Path) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    File::open(folder)?.sync_all()
}

/// Reads an absent file or folder as `None`.
pub(super) fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
