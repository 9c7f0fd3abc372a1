//! Where bundles are: a folder with one file each, named by its digest.

use std::{fs, io};

use camino::Utf8PathBuf;

use super::{Bundle, BundleError};
use crate::{digest::Digest, portable};

/// How the name of a bundle's file ends.
const SUFFIX: &str = ".bundle.json";

/// A folder of bundles.
#[derive(Debug, Clone)]
pub struct Store {
    folder: Utf8PathBuf,
}

impl Store {
    /// Takes a folder, which need not be there yet.
    pub fn at(folder: impl Into<Utf8PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Returns the file of a bundle.
    pub fn file(&self, digest: &Digest) -> Utf8PathBuf {
        self.folder.join(format!("{}{SUFFIX}", digest.hex()))
    }

    /// Keeps a bundle, whole or not at all, and returns its digest.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn keep(&self, bytes: &[u8]) -> Result<Digest, BundleError> {
        let digest = Digest::of(bytes);
        let path = self.file(&digest);
        let failed = |source| BundleError::File {
            action: "write",
            path: path.clone(),
            source,
        };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        portable::write_whole(path.as_std_path(), bytes).map_err(failed)?;
        Ok(digest)
    }

    /// Returns the bundle of this digest, and never another.
    ///
    /// # Errors
    ///
    /// It is not there, was changed, or is none.
    pub fn get(&self, digest: &Digest) -> Result<Bundle, BundleError> {
        let path = self.file(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BundleError::Missing {
                    digest: *digest,
                    folder: self.folder.clone(),
                    others: self.others(),
                });
            }
            Err(source) => {
                return Err(BundleError::File {
                    action: "read",
                    path,
                    source,
                });
            }
        };
        Bundle::read(&path, &bytes, digest)
    }

    /// The newest of the bundles that are there, for whoever asks for one that is not.
    fn others(&self) -> Vec<String> {
        const MOST: usize = 3;
        let Ok(entries) = self.folder.read_dir_utf8() else {
            return Vec::new();
        };
        let mut found: Vec<_> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let hex = entry.file_name().strip_suffix(SUFFIX)?.to_owned();
                let modified = entry.metadata().ok()?.modified().ok()?;
                Some((modified, format!("sha256:{hex}")))
            })
            .collect();
        found.sort();
        let newest = found.into_iter().rev().take(MOST);
        newest.map(|(_, digest)| digest).collect()
    }
}
