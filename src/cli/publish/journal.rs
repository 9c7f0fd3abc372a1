//! What tags named before they were moved: written before the first of them is, so that the way back is known whatever happens.
//!
//! One file a repository, `publish/REGISTRY/PATH.json` in the state folder. It is of the last publication; one that goes on
//! with an interrupted one keeps what that wrote.

use std::{collections::BTreeMap, fs, io, io::Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::{
    cli::{CliError, Exit},
    digest::Digest,
    image::{MovedTag, RepositoryName, Tag},
    portable,
};

/// What the tags of one repository named before an image was published to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Journal {
    /// The image; nothing where none was published from here.
    pub(super) published: Option<Digest>,
    /// Tags, with what each named; nothing of one that is new.
    pub(super) tags: BTreeMap<Tag, Option<Digest>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    published: Digest,
    tags: BTreeMap<String, Option<Digest>>,
}

impl Journal {
    /// Reads what the last publication wrote.
    ///
    /// # Errors
    ///
    /// The file is there and says nothing that can be understood.
    pub(super) fn read(state: &Utf8Path, repository: &RepositoryName) -> Result<Self, CliError> {
        let path = path(state, repository);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(CliError::file("read", path, &error)),
        };
        let wrong = |because: String| {
            CliError::new(
                Exit::Usage,
                format!("`{path}` does not say what tags named before: {because}"),
            )
            .hint("remove it, if nothing is to be restored")
        };
        let file: File = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let mut tags = BTreeMap::new();
        for (tag, digest) in file.tags {
            let tag = tag
                .parse()
                .map_err(|error: crate::image::InvalidReference| wrong(error.to_string()))?;
            tags.insert(tag, digest);
        }
        Ok(Self {
            published: Some(file.published),
            tags,
        })
    }

    /// Adds what is about to be moved. Of an image that was being published before, tags that were moved then stay.
    pub(super) fn with(mut self, digest: Digest, moves: &[MovedTag]) -> Self {
        if self.published != Some(digest) && !moves.is_empty() {
            self = Self {
                published: Some(digest),
                tags: BTreeMap::new(),
            };
        }
        for moved in moves {
            self.tags.insert(moved.tag.clone(), moved.previous);
        }
        self
    }

    /// Puts it in its place, on the disk before this returns.
    ///
    /// # Errors
    ///
    /// The folder cannot be written to: then no tag is moved.
    pub(super) fn write(
        &self,
        state: &Utf8Path,
        repository: &RepositoryName,
    ) -> Result<(), CliError> {
        let Some(published) = self.published else {
            return Ok(());
        };
        let path = path(state, repository);
        let tags = self.tags.iter();
        let file = File {
            published,
            tags: tags
                .map(|(tag, digest)| (tag.to_string(), *digest))
                .collect(),
        };
        let put = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(Utf8Path::new("."));
            portable::private_folder().create(folder)?;
            let mut new = portable::temporary_file_with_mode(folder.as_std_path(), 0o600)?;
            serde_json::to_writer_pretty(&mut new, &file)?;
            new.write_all(b"\n")?;
            new.as_file().sync_data()?;
            new.persist(&path)?;
            Ok(())
        };
        put().map_err(|error| CliError::file("write", &path, &error))
    }
}

/// A port's colon is no character of a file's name everywhere.
fn path(state: &Utf8Path, repository: &RepositoryName) -> Utf8PathBuf {
    let registry = repository.registry().replace(':', "_");
    state
        .join("publish")
        .join(registry)
        .join(format!("{}.json", repository.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(tag: &str, previous: Option<&str>) -> MovedTag {
        MovedTag {
            tag: tag.parse().expect("a tag"),
            previous: previous.map(Digest::of),
        }
    }

    #[test]
    fn one_that_goes_on_keeps_what_the_interrupted_one_wrote_and_another_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = Utf8Path::from_path(folder.path()).expect("UTF-8");
        let repository: RepositoryName = "127.0.0.1:5000/a/b".parse().expect("a repository");
        let (one, two) = (Digest::of("one"), Digest::of("two"));
        let read = || Journal::read(state, &repository).expect("a journal");
        assert_eq!(read(), Journal::default());
        let moves = [moved("1", Some("zero")), moved("latest", None)];
        read()
            .with(one, &moves)
            .write(state, &repository)
            .expect("written");
        // `1` was moved, `latest` was not.
        let goes_on = read().with(one, &[moved("latest", Some("other"))]);
        assert_eq!(
            goes_on.tags[&"1".parse().expect("a tag")],
            Some(Digest::of("zero"))
        );
        assert_eq!(
            goes_on.tags[&"latest".parse().expect("a tag")],
            Some(Digest::of("other"))
        );
        assert_eq!(goes_on.clone().with(one, &[]), goes_on);
        let anew = goes_on.with(two, &[moved("latest", Some("one"))]);
        assert_eq!((anew.published, anew.tags.len()), (Some(two), 1));
    }

    #[test]
    fn a_file_that_says_nothing_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = Utf8Path::from_path(folder.path()).expect("UTF-8");
        let repository: RepositoryName = "ghcr.io/a/b".parse().expect("a repository");
        fs::create_dir_all(state.join("publish/ghcr.io/a")).expect("a folder");
        fs::write(state.join("publish/ghcr.io/a/b.json"), "{").expect("a file");
        let error = Journal::read(state, &repository).expect_err("no journal");
        assert!(error.message.contains("b.json"), "{}", error.message);
    }
}
