//! What an apply made that was cut off: terraform writes the state at the end of it, so it may be there without being in the state, and
//! would be made twice.

use std::{fs, io};

use camino::Utf8Path;

use crate::{
    execute::{ExecuteError, Run},
    graph::Node,
    ledger,
    process::kept::{self, KeptState},
    terraform::told::{Progress, Told},
};

/// How terraform calls the making of something new.
const CREATE: &str = "create";

/// What an apply made, by the lines that it printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Made {
    /// Addresses, in the order in which it began with them.
    addresses: Vec<String>,
    /// How many of them it did not end.
    n_open: usize,
}

impl Made {
    pub(super) fn of(lines: &[u8]) -> Self {
        let mut made = Self::default();
        for line in String::from_utf8_lossy(lines).lines() {
            let Told::Progress(progress) = Told::read(line) else {
                continue;
            };
            match progress {
                Progress::Started { address, action } if action == CREATE => {
                    made.addresses.push(address);
                    made.n_open += 1;
                }
                Progress::Done { action, .. } if action == CREATE => {
                    made.n_open = made.n_open.saturating_sub(1);
                }
                Progress::Failed {
                    address, action, ..
                } if action == CREATE => {
                    made.addresses.retain(|other| *other != address);
                    made.n_open = made.n_open.saturating_sub(1);
                }
                _ => {}
            }
        }
        made
    }

    /// Whether it was cut off, whatever its exit code: terraform ends what it begins.
    pub(super) fn is_cut_off(&self) -> bool {
        self.n_open > 0
    }

    /// Says what may be there without being in the state.
    pub(super) fn words(&self) -> String {
        let named: Vec<String> = self
            .addresses
            .iter()
            .map(|one| format!("`{one}`"))
            .collect();
        let named = match named.is_empty() {
            true => "nobody knows what".to_owned(),
            false => named.join(", "),
        };
        format!(
            "its apply was cut off, and what it made ({named}) may be there without being in the state: look, and import or remove it"
        )
    }
}

/// Returns what an attempt made whose apply is gone, and nobody saw its end.
pub(super) fn by_vanished<'p>(
    run: &Run<'_, 'p>,
    node: &Node<'p>,
    attempt: &ledger::Attempt,
) -> Result<Option<Made>, ExecuteError> {
    for child in &attempt.kept {
        let folder = run.recorder.ledger_of(&node.key)?.path_of(&child.folder)?;
        if super::is_apply(&folder) && kept::look(folder.as_std_path())? == KeptState::Vanished {
            let lines = fs::read(kept::stdout_path(folder.as_std_path())).unwrap_or_default();
            return Ok(Some(Made::of(&lines)));
        }
    }
    Ok(None)
}

/// Removes what a kept child printed and nobody took; it may hold secrets.
pub(super) fn forget(kept: &Utf8Path) -> Result<(), ExecuteError> {
    let path = kept::stdout_path(kept.as_std_path());
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
    fn what_was_made_is_named_and_an_end_without_a_word_is_seen() {
        let mut lines = vec![
            line("apply_start", "a.done", "create"),
            line("apply_start", "a.failed", "create"),
            line("apply_start", "a.open", "create"),
            line("apply_progress", "a.open", "create"),
            line("apply_start", "a.changed", "update"),
            line("apply_start", "a.removed", "delete"),
            line("apply_complete", "a.done", "create"),
            line("apply_errored", "a.failed", "create"),
        ];
        let torn = r#"{"type":"apply_start","hook":{"resource":{"addr":"a.torn"#;
        let made = Made::of(format!("{}\n{torn}", lines.join("\n")).as_bytes());
        assert_eq!(made.addresses, ["a.done", "a.open"]);
        assert!(made.is_cut_off());
        lines.push(line("apply_complete", "a.open", "create"));
        assert!(!Made::of(lines.join("\n").as_bytes()).is_cut_off());
    }
}
