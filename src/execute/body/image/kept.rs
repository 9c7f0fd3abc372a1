//! An image that was built and is not published whole yet: kept with the ledger, so that a later attempt goes on without building
//! it again. A build is not reproducible, so a second one would be another image, and half of the registries would have the first.

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Attempt, ExecuteError, Run, tags::Words};
use crate::{digest::Digest, event::FailureKind, image::Layout};

/// Folder of the images of a task that are not published whole, relative to the ledger.
const FOLDER: &str = "built";
/// The file that says where the layout is, and what it holds. It is written last.
const COMPLETE: &str = "complete";

/// The place of one image.
pub(super) struct Kept {
    /// All that is kept of the task.
    task: Utf8PathBuf,
    /// What is made of the same inputs, with the same words.
    image: Utf8PathBuf,
}

impl Kept {
    pub(super) fn of<'p>(
        run: &Run<'_, 'p>,
        attempt: &Attempt<'_, 'p>,
        words: &Words,
    ) -> Result<Self, ExecuteError> {
        let task = of_task(run, attempt)?;
        // Whoever forces a task wants it done, and not taken from before.
        if run.options.force.contains(&attempt.node.key) {
            remove(&task)?;
        }
        let made_of = format!(
            "{} {:?} {:?}",
            attempt.prepared.parts.fingerprint(),
            words.labels,
            words.annotations
        );
        Ok(Self {
            image: task.join(Digest::of(made_of).short()),
            task,
        })
    }

    /// Returns the image that an earlier attempt built, if it is there whole.
    pub(super) fn layout(&self) -> Result<Option<Layout>, ExecuteError> {
        let said = match fs::read_to_string(self.image.join(COMPLETE)) {
            Ok(said) => said,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ExecuteError::file("read", self.image.clone(), error)),
        };
        let Some((digest, folder)) = said.split_once(' ') else {
            return Ok(None);
        };
        // What was damaged meanwhile is built again.
        let Ok(layout) = Layout::open(self.image.join(folder)) else {
            return Ok(None);
        };
        let is_whole = layout.verify().is_ok();
        let is_same = layout
            .root()
            .is_ok_and(|root| root.digest.to_string() == digest);
        Ok((is_whole && is_same).then_some(layout))
    }

    /// Makes room for a new one, and takes away what was kept before.
    pub(super) fn make_room(&self) -> Result<&Utf8Path, ExecuteError> {
        remove(&self.task)?;
        let made = crate::portable::private_folder().create(&self.image);
        made.map_err(|error| ExecuteError::file("make", self.image.clone(), error))?;
        Ok(&self.image)
    }

    /// Says that the image is whole.
    pub(super) fn complete(&self, layout: &Layout) -> Result<(), ExecuteError> {
        let folder = layout.folder().strip_prefix(&self.image).ok();
        let folder = folder.and_then(|folder| folder.to_str()).ok_or_else(|| {
            ExecuteError::task(FailureKind::Internal, "the image was built elsewhere")
        })?;
        let said = format!("{} {folder}", layout.root()?.digest);
        let path = self.image.join(COMPLETE);
        fs::write(&path, said).map_err(|error| ExecuteError::file("write", path, error))
    }
}

/// Takes away what is kept of a task: it is published.
pub(super) fn forget<'p>(run: &Run<'_, 'p>, attempt: &Attempt<'_, 'p>) -> Result<(), ExecuteError> {
    remove(&of_task(run, attempt)?)
}

fn of_task<'p>(run: &Run<'_, 'p>, attempt: &Attempt<'_, 'p>) -> Result<Utf8PathBuf, ExecuteError> {
    let key = &attempt.node.key;
    let relative = format!("{FOLDER}/{}", Digest::of(key.to_string()).short());
    Ok(run.recorder.ledger_of(key)?.path_of(&relative)?)
}

fn remove(folder: &Utf8Path) -> Result<(), ExecuteError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ExecuteError::file("remove", folder, error))
        }
        _ => Ok(()),
    }
}
