//! The state that terraform could not write to its backend (`errored.tfstate`): the only copy of what it did.
//!
//! It is sealed to the environment's recipient and kept with the ledger, and nothing is planned on the backend's older state
//! until somebody has recovered it.

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};

use super::{call::Calls, made};
use crate::{
    event::{Event, FailureKind},
    execute::{ExecuteError, Run},
    graph::Node,
    ledger::{self, Durability},
    portable,
    secret::sealed::seal,
};

/// How terraform calls it; it lies where terraform worked.
pub(super) const ERRORED: &str = "errored.tfstate";

/// Folder of rescued states, relative to the ledger.
const FOLDER: &str = "rescued";

/// Where the rescued state of a task is, relative to the ledger.
pub(in crate::execute) fn place_of(node: &Node<'_>) -> Utf8PathBuf {
    Utf8Path::new(FOLDER).join(format!("{}.tfstate.age", ledger::task_name(&node.key)))
}

/// Refuses to look further where a state was not recovered, and leaves it where it is.
pub(super) fn look(calls: &Calls<'_, '_, '_>) -> Result<(), ExecuteError> {
    match calls.unit.errored_state().exists() {
        false => before(calls),
        true => {
            let message = format!(
                "`{}` holds a state that an earlier apply could not write to the backend",
                calls.unit.body.dir
            );
            let hint = "`deploy-action run` keeps it, and `deploy-action recover` puts it where it belongs";
            Err(ExecuteError::task(FailureKind::Invalid, message).hint(hint))
        }
    }
}

/// Refuses to go on over a state that was not recovered.
pub(super) fn before(calls: &Calls<'_, '_, '_>) -> Result<(), ExecuteError> {
    let node = calls.attempt.node;
    let place = place_of(node);
    let ledger = calls.run.recorder.ledger_of(&node.key)?;
    let is_rescued = ledger.path_of(place.as_str())?.exists();
    let found = calls.unit.errored_state();
    if !is_rescued && !found.exists() {
        return Ok(());
    }
    let message =
        "an earlier apply could not write its state to the backend, which knows less than there is";
    let rescued = match is_rescued {
        true => place,
        false => keep(calls.run, node, &found)?,
    };
    Err(ExecuteError::task(FailureKind::Invalid, message).hint(format!(
        "it is kept in `{rescued}`: `deploy-action recover --task {}` compares it with the backend's and puts it there",
        node.key
    )))
}

/// Ends an attempt: takes the state that it left where the backend did not, and removes what it wrote besides.
pub(super) fn after(
    calls: &Calls<'_, '_, '_>,
    ended: Result<(), ExecuteError>,
) -> Result<(), ExecuteError> {
    let found = calls.unit.errored_state();
    let ended = match found.exists() {
        true => of(calls.run, calls.attempt.node, &found, ended),
        false => ended,
    };
    // Where nobody knows how terraform ended, it may still work with what is there.
    if !matches!(ended, Err(ExecuteError::UnknownEnd { .. })) {
        calls.unit.sweep()?;
    }
    ended
}

/// Rescues a state, and says so in the failure that left it.
pub(super) fn of<'p>(
    run: &Run<'_, 'p>,
    node: &Node<'p>,
    found: &Utf8Path,
    ended: Result<(), ExecuteError>,
) -> Result<(), ExecuteError> {
    let kept = keep(run, node, found)?;
    let error = ended.err().unwrap_or_else(|| {
        let message = "the state could not be written to its backend";
        ExecuteError::task(FailureKind::Task, message)
    });
    let key = &node.key;
    Err(error.hint(format!(
        "its state could not be written to the backend and is kept in `{kept}`: `deploy-action recover --task {key}` puts it there"
    )))
}

/// Returns the state that a kept child left behind, of which its keeper's folder is known.
pub(super) fn left_by(kept: &Utf8Path) -> Option<Utf8PathBuf> {
    let dir = fs::read_to_string(kept.parent()?.join(super::unit::DIR_FILE)).ok()?;
    let state = Utf8PathBuf::from(dir).join(ERRORED);
    state.exists().then_some(state)
}

/// Removes the saved plan with which an attempt worked, and what it initialised.
pub(super) fn sweep(of_attempt: &Utf8Path) -> Result<(), ExecuteError> {
    let folder = of_attempt.join(super::unit::FOLDER);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ExecuteError::file("remove", folder, error))
        }
        _ => Ok(()),
    }
}

/// Takes up what an attempt left of which nobody saw the end: its state is rescued, what it worked with removed. Where it made
/// something that no state may know of, nothing is removed before somebody has looked: the answer says at what.
pub(in crate::execute) fn take_up<'p>(
    run: &Run<'_, 'p>,
    node: &Node<'p>,
    attempt: &ledger::Attempt,
    is_looked_at: bool,
) -> Result<Option<String>, ExecuteError> {
    let is_rescued = stranded(run, node, attempt)?.is_some();
    // A state that was rescued knows what was made.
    if !is_looked_at
        && !is_rescued
        && let Some(made) = made::by_vanished(run, node, attempt)?
    {
        return Ok(Some(made.words()));
    }
    let ledger = run.recorder.ledger_of(&node.key)?;
    for child in &attempt.kept {
        made::forget(&ledger.path_of(&child.folder)?)?;
    }
    let folder = ledger.path_of(ledger::log_folder(&attempt.run, &node.key).as_str())?;
    let of_attempt = format!("attempt-{}", attempt.number);
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name == of_attempt || name.starts_with(&format!("{of_attempt}-")) {
            sweep(entry.path())?;
        }
    }
    Ok(None)
}

/// Rescues what an attempt left of which nobody saw the end.
pub(super) fn stranded<'p>(
    run: &Run<'_, 'p>,
    node: &Node<'p>,
    attempt: &ledger::Attempt,
) -> Result<Option<Utf8PathBuf>, ExecuteError> {
    let mut kept = None;
    for child in &attempt.kept {
        let folder = run.recorder.ledger_of(&node.key)?.path_of(&child.folder)?;
        if let Some(state) = left_by(&folder) {
            kept = Some(keep(run, node, &state)?);
        }
    }
    Ok(kept)
}

/// A state as it was kept.
pub(super) struct Kept {
    pub(super) path: Utf8PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) is_sealed: bool,
}

/// Reads the rescued state of a task.
pub(super) fn read<'p>(run: &Run<'_, 'p>, node: &Node<'p>) -> Result<Kept, ExecuteError> {
    let ledger = run.recorder.ledger_of(&node.key)?;
    let path = ledger.path_of(place_of(node).as_str())?;
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let message = format!("no state of `{}` was rescued", node.key);
            ExecuteError::task(FailureKind::Invalid, message)
        }
        _ => ExecuteError::file("read", &path, error),
    })?;
    Ok(Kept {
        is_sealed: bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----"),
        path,
        bytes,
    })
}

/// Keeps a state with the ledger, sealed where the environment has a recipient, and removes it where it was.
pub(in crate::execute) fn keep<'p>(
    run: &Run<'_, 'p>,
    node: &Node<'p>,
    found: &Utf8Path,
) -> Result<Utf8PathBuf, ExecuteError> {
    let state = fs::read(found).map_err(|error| ExecuteError::file("read", found, error))?;
    let sealed = match run.recipient(node) {
        Some(recipient) => seal(&recipient, &state)?.into_bytes(),
        None => {
            run.recorder.notice(&format!(
                "{}: its environment has no `recipient`, so the rescued state is kept in clear, for this user alone",
                node.key
            ));
            state
        }
    };
    let place = place_of(node);
    let ledger = run.recorder.ledger_of(&node.key)?;
    ledger.create_folder(Utf8Path::new(FOLDER))?;
    let path = ledger.path_of(place.as_str())?;
    portable::write_whole(path.as_std_path(), &sealed)
        .map_err(|error| ExecuteError::file("write", &path, error))?;
    let event = Event::EvidenceCaptured {
        task: node.key.clone(),
        path: place.to_string(),
    };
    run.record(node, event, Durability::Synced)?;
    fs::remove_file(found).map_err(|error| ExecuteError::file("remove", found, error))?;
    Ok(place)
}
