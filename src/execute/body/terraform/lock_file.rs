//! The lock file that `init` writes where a module has none. A run keeps it; a look leaves nothing behind.

use std::fs;

use camino::Utf8PathBuf;

use super::{call::Calls, copy::LOCK_FILE, unit::Unit};
use crate::execute::ExecuteError;

/// The lock file that `init` writes where the module has none: a preview leaves none behind.
pub(super) struct NewLockFile(Option<Utf8PathBuf>);

impl NewLockFile {
    pub(super) fn of(unit: &Unit) -> Self {
        let path = unit.dir.join(LOCK_FILE);
        Self((!path.exists()).then_some(path))
    }

    pub(super) fn remove(self, calls: &Calls<'_, '_, '_>) -> Result<(), ExecuteError> {
        let Some(path) = self.0.filter(|path| path.exists()) else {
            return Ok(());
        };
        fs::remove_file(&path).map_err(|error| ExecuteError::file("remove", &path, error))?;
        let (key, dir) = (&calls.attempt.node.key, &calls.unit.body.dir);
        calls.run.recorder.notice(&format!(
            "{key}: `{dir}` has no `{LOCK_FILE}`, so the run may take other providers than this preview, and is refused then: commit the one that `{} init` writes",
            calls.unit.body.binary
        ));
        Ok(())
    }
}
