//! The lock file that `init` writes where a module has none. A run keeps it; a look leaves nothing behind.

use std::fs;

use camino::Utf8PathBuf;

use super::{copy::LOCK_FILE, unit::Unit};
use crate::execute::ExecuteError;

/// The lock file of a module that has none yet.
pub(super) struct NewLockFile(Option<Utf8PathBuf>);

impl NewLockFile {
    pub(super) fn of(unit: &Unit) -> Self {
        let path = unit.dir.join(LOCK_FILE);
        Self((!path.exists()).then_some(path))
    }

    /// Removes it, and says whether there was one.
    pub(super) fn remove(self) -> Result<bool, ExecuteError> {
        let Some(path) = self.0.filter(|path| path.exists()) else {
            return Ok(false);
        };
        fs::remove_file(&path).map_err(|error| ExecuteError::file("remove", &path, error))?;
        Ok(true)
    }
}
