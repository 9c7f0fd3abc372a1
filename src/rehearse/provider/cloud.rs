//! What the stand-in's cloud holds: one file of JSON, which may be edited by hand to make drift.
//!
//! Several providers may use it at once. A change takes the lock beside the file, and replaces the file as a whole.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

const ABOUT: &str =
    "what the stand-in providers of a rehearsal hold; change `objects` to see drift";

/// The file of a cloud.
#[derive(Debug, Clone)]
pub(super) struct Cloud {
    file: PathBuf,
}

/// What is in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Contents {
    about: String,
    /// Attributes, by type and name.
    pub(super) objects: Map<String, Json>,
    /// How many were ever made of what is equal but for what the cloud makes up.
    made: Map<String, Json>,
    /// How often an object is still not there for who reads it.
    pub(super) unseen: Map<String, Json>,
    /// How often something failed because it was asked to.
    pub(super) failed: Map<String, Json>,
}

/// The file of a cloud that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// It cannot be read or written.
    #[error("`{file}` cannot be used")]
    File {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not what a stand-in writes.
    #[error("`{file}` is not what a stand-in writes")]
    Content {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Cloud {
    /// The cloud that a file keeps; there need not be one yet.
    pub(super) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
        }
    }

    /// Looks at the contents and changes them, while nobody else does.
    ///
    /// # Errors
    ///
    /// The file cannot be used. It is as it was then.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Contents) -> T,
    ) -> Result<T, CloudError> {
        let lock = self.file.with_extension("lock");
        let locked = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let locked = locked.map_err(|error| self.unusable(error))?;
        let mut contents = self.read()?;
        let before = contents.to_json();
        let result = change(&mut contents);
        let after = contents.to_json();
        if before != after {
            self.write(&after).map_err(|error| self.unusable(error))?;
        }
        drop(locked);
        Ok(result)
    }

    /// Returns the contents as they are.
    ///
    /// # Errors
    ///
    /// The file cannot be used.
    pub(super) fn read(&self) -> Result<Contents, CloudError> {
        match fs::read(&self.file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .and_then(|json: Json| Contents::deserialize(json))
                .map_err(|source| CloudError::Content {
                    file: self.name(),
                    source,
                }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Contents::default()),
            Err(error) => Err(self.unusable(error)),
        }
    }

    fn write(&self, contents: &Json) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder)?;
        fs::write(file.path(), format!("{contents:#}\n"))?;
        file.persist(&self.file)?;
        Ok(())
    }

    fn unusable(&self, source: io::Error) -> CloudError {
        CloudError::File {
            file: self.name(),
            source,
        }
    }

    fn name(&self) -> String {
        self.file.display().to_string()
    }
}

impl Contents {
    /// Returns an object's attributes.
    pub(super) fn object(&self, kind: &str, name: &str) -> Option<&Json> {
        self.objects.get(kind)?.get(name)
    }

    /// Returns the objects of a type, by name.
    pub(super) fn objects_of(&self, kind: &str) -> impl Iterator<Item = (&String, &Json)> {
        self.objects
            .get(kind)
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
    }

    /// Keeps an object's attributes.
    pub(super) fn put(&mut self, kind: &str, name: &str, attributes: Json) {
        let objects = self
            .objects
            .entry(kind)
            .or_insert_with(|| Map::new().into());
        if let Json::Object(objects) = objects {
            objects.insert(name.to_owned(), attributes);
        }
    }

    /// Forgets an object.
    pub(super) fn remove(&mut self, kind: &str, name: &str) {
        if let Some(Json::Object(objects)) = self.objects.get_mut(kind) {
            objects.shift_remove(name);
            if objects.is_empty() {
                self.objects.shift_remove(kind);
            }
        }
        self.unseen.shift_remove(&format!("{kind}.{name}"));
    }

    /// Returns how many were ever made from the same.
    pub(super) fn made(&self, seed: &str) -> usize {
        let made = self.made.get(&mark(seed)).and_then(Json::as_u64);
        made.and_then(|made| usize::try_from(made).ok())
            .unwrap_or(0)
    }

    /// Notes how many were made from the same.
    pub(super) fn note_made(&mut self, seed: &str, made: usize) {
        self.made.insert(mark(seed), made.into());
    }

    fn to_json(&self) -> Json {
        let mut json = Map::new();
        json.insert("about".to_owned(), ABOUT.into());
        json.insert("objects".to_owned(), self.objects.clone().into());
        json.insert("made".to_owned(), self.made.clone().into());
        json.insert("unseen".to_owned(), self.unseen.clone().into());
        json.insert("failed".to_owned(), self.failed.clone().into());
        json.into()
    }
}

/// A type, and a few digits of what an object of it is made from.
fn mark(seed: &str) -> String {
    let kind = seed.split(' ').next().unwrap_or_default();
    let digest = hex::encode(Sha256::digest(seed));
    format!("{kind} {}", &digest[..16])
}
