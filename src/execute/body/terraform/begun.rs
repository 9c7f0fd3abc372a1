//! What an apply was making when it was cut off: it may be there without being in the state, and would be made twice.

use std::{fs, io, path::Path};

use camino::Utf8Path;

use crate::{
    execute::{ExecuteError, Run},
    graph::Node,
    ledger,
    process::kept,
    terraform::told::{Progress, Told},
};

/// How terraform calls the making of something new.
const CREATE: &str = "create";

/// Returns the addresses whose making was begun and not ended, by the lines that an apply printed.
pub(super) fn begun(lines: &[u8]) -> Vec<String> {
    let mut begun = Vec::new();
    for line in String::from_utf8_lossy(lines).lines() {
        let Told::Progress(progress) = Told::read(line) else {
            continue;
        };
        match progress {
            Progress::Started { address, action } if action == CREATE => begun.push(address),
            Progress::Done { address, .. } | Progress::Failed { address, .. } => {
                begun.retain(|other| *other != address);
            }
            _ => {}
        }
    }
    begun
}

/// Says what may be there without being in the state.
pub(super) fn words(begun: &[String]) -> String {
    let named: Vec<String> = begun.iter().map(|address| format!("`{address}`")).collect();
    format!(
        "{} was being made, and may be there without being in the state: look, and import or remove it",
        named.join(", ")
    )
}

/// Returns what kept children of an attempt were making of which nobody saw the end.
pub(super) fn of_attempt<'p>(
    run: &Run<'_, 'p>,
    node: &Node<'p>,
    attempt: &ledger::Attempt,
) -> Result<Vec<String>, ExecuteError> {
    let mut found = Vec::new();
    for child in &attempt.kept {
        let folder = run.recorder.ledger_of(&node.key)?.path_of(&child.folder)?;
        // Where it was taken, somebody saw the end.
        if let Ok(lines) = fs::read(kept::stdout_path(folder.as_std_path())) {
            found.extend(begun(&lines));
        }
    }
    Ok(found)
}

/// Removes what a kept child printed and nobody took; it may hold secrets.
pub(super) fn forget(kept: &Utf8Path) -> Result<(), ExecuteError> {
    let path = kept::stdout_path(Path::new(kept.as_str()));
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let path = path.to_string_lossy().into_owned();
            Err(ExecuteError::file("remove", path, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &str, address: &str, action: &str) -> String {
        format!(
            r#"{{"@message":"","type":"{kind}","hook":{{"resource":{{"addr":"{address}"}},"action":"{action}","elapsed_seconds":1}}}}"#
        )
    }

    #[test]
    fn what_was_begun_and_not_ended_is_named() {
        let lines = [
            line("apply_start", "a.done", "create"),
            line("apply_start", "a.failed", "create"),
            line("apply_start", "a.open", "create"),
            line("apply_progress", "a.open", "create"),
            line("apply_start", "a.changed", "update"),
            line("apply_start", "a.removed", "delete"),
            line("apply_complete", "a.done", "create"),
            line("apply_errored", "a.failed", "create"),
            r#"{"type":"apply_start","hook":{"resource":{"addr":"a.torn"#.to_owned(),
        ];
        assert_eq!(begun(lines.join("\n").as_bytes()), ["a.open"]);
    }
}
