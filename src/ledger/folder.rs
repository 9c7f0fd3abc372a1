//! Where things lie: names of folders, and folders and files that only their owner can read.

use std::{
    fs,
    io::{self, Write as _},
};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::error::{LedgerError, io_error};
use crate::{
    digest::Digest,
    ident::{EnvironmentName, RunId, TaskKey},
    portable::private_folder,
};

/// The longest name of a file that is made of someone's words, in bytes; file systems take 255, and endings follow.
const LONGEST_NAME: usize = 200;

/// Returns the folder of a plan: `STATE/REPOSITORY/PLAN`.
///
/// `state` is `$XDG_STATE_HOME/deploy-action` or what `--state` says; an owner and a repository are two folders.
pub fn plan_folder(state: &Utf8Path, repository: &str, plan: &str) -> Utf8PathBuf {
    let mut folder = state.to_owned();
    folder.extend(repository.split('/').map(file_name));
    folder.push(file_name(plan));
    folder
}

/// Returns the folder of one walk of a plan: that of its environment, or `none` for shared tasks.
pub fn walk_folder(plan_folder: &Utf8Path, environment: Option<&EnvironmentName>) -> Utf8PathBuf {
    plan_folder.join(environment.map_or("none", EnvironmentName::as_str))
}

/// Returns where the logs of a task lie, relative to the ledger: `logs/RUN/TASK`.
pub fn log_folder(run: &RunId, task: &TaskKey) -> Utf8PathBuf {
    task_folder("logs", run, task)
}

/// Returns where the evidence about a task lies, relative to the ledger: `evidence/RUN/TASK`.
pub fn evidence_folder(run: &RunId, task: &TaskKey) -> Utf8PathBuf {
    task_folder("evidence", run, task)
}

fn task_folder(kind: &str, run: &RunId, task: &TaskKey) -> Utf8PathBuf {
    Utf8Path::new(kind)
        .join(file_name(run.as_str()))
        .join(task_name(task))
}

/// Names a task as a folder: `TASK`, `TASK+LEG`, `TASK@ENVIRONMENT` or `TASK+LEG@ENVIRONMENT`. Neither `+` nor `@` comes out
/// of an encoded leg, so two tasks never share a folder.
pub fn task_name(task: &TaskKey) -> String {
    let mut name = task.task.to_string();
    if let Some(leg) = &task.leg {
        name.push('+');
        name.push_str(&file_name(leg));
    }
    if let Some(environment) = &task.environment {
        name.push('@');
        name.push_str(environment.as_str());
    }
    name
}

/// Makes a file name of any text; different texts give different names, also where the file system ignores case.
///
/// What is neither a lower-case letter, a digit, `-`, `_` nor a `.` behind another character becomes `%` and two digits.
/// A name that would be too long is cut and ends with the beginning of the text's digest.
pub(super) fn file_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            b'.' if !name.is_empty() => name.push('.'),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    if name.is_empty() {
        return "%".to_owned();
    }
    if name.len() > LONGEST_NAME {
        // `~` comes out of no other text, so a cut name is never the name of a shorter text.
        let digest = Digest::of(text).hex();
        name.truncate(LONGEST_NAME);
        name.push('~');
        name.push_str(&digest[..32]);
    }
    name
}

/// Returns the place of a path that a record names.
///
/// # Errors
/// A path that is absolute or leads upwards: records may come from a store that others write to.
pub(super) fn inside(folder: &Utf8Path, path: &str) -> Result<Utf8PathBuf, LedgerError> {
    let relative = Utf8Path::new(path);
    let stays = relative
        .components()
        .all(|component| matches!(component, Utf8Component::Normal(_)));
    if path.is_empty() || !stays {
        return Err(LedgerError::Outside {
            path: path.to_owned(),
        });
    }
    Ok(folder.join(relative))
}

/// Makes a folder and those above it that are missing, for their owner alone.
pub(super) fn create_private_folder(folder: &Utf8Path) -> Result<(), LedgerError> {
    private_folder()
        .create(folder)
        .map_err(io_error("make the folder", folder))
}

/// Puts `bytes` in place of `path` in one step; on the disk before the name is.
pub(super) fn replace_file(path: &Utf8Path, bytes: &[u8]) -> Result<(), LedgerError> {
    let folder = path.parent().unwrap_or(Utf8Path::new("."));
    create_private_folder(folder)?;
    let write = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        sync_folder(folder)
    };
    write().map_err(io_error("write", path))
}

/// Puts `bytes` in place of `path` in one step, for whoever reads while this machine runs: where it stops, the file may be
/// there without its bytes.
pub(super) fn replace_file_unsynced(path: &Utf8Path, bytes: &[u8]) -> Result<(), LedgerError> {
    let folder = path.parent().unwrap_or(Utf8Path::new("."));
    create_private_folder(folder)?;
    let write = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(io_error("write", path))
}

/// Puts the names in a folder on the disk.
pub(super) fn sync_folder(folder: &Utf8Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Reads a whole file; `None` where there is none.
pub(super) fn read_if_there(path: &Utf8Path) -> Result<Option<Vec<u8>>, LedgerError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_task_is_a_folder_that_a_person_recognises() {
        let folder = |task: &str| {
            let task = task.parse().expect("a task key");
            log_folder(&RunId::new("19"), &task).into_string()
        };
        assert_eq!(folder("app"), "logs/19/app");
        assert_eq!(folder("app@staging"), "logs/19/app@staging");
        assert_eq!(
            folder("build[api-1.2]@staging"),
            "logs/19/build+api-1.2@staging"
        );
        assert_eq!(folder("build[../A b]"), "logs/19/build+%2e.%2f%41%20b");
    }

    #[test]
    fn owner_and_repository_are_two_folders_and_none_leads_upwards() {
        let folder = plan_folder(Utf8Path::new("/state"), "acme/../api", "Über uns");
        assert_eq!(folder, "/state/acme/%2e./api/%c3%9cber%20uns");
        assert_eq!(walk_folder(&folder, None).file_name(), Some("none"));
    }

    #[test]
    fn a_path_of_a_record_cannot_leave_the_ledger() {
        let folder = Utf8Path::new("/ledger");
        assert_eq!(
            inside(folder, "logs/1/app/out").expect("a path inside"),
            "/ledger/logs/1/app/out"
        );
        for path in ["", "/etc/passwd", "../x", "logs/../../x", "./x/.."] {
            assert!(
                matches!(inside(folder, path), Err(LedgerError::Outside { .. })),
                "{path}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn different_texts_have_different_names_that_every_file_system_takes(
            texts in prop::collection::btree_set("[aA./%+~@é]{0,4}|a{195,260}", 1..20),
        ) {
            let names: BTreeSet<String> = texts.iter()
                .map(|text| file_name(text).to_lowercase())
                .collect();
            prop_assert_eq!(names.len(), texts.len());
            for name in &names {
                prop_assert!(name.len() <= 255 && !name.contains('/') && !name.starts_with('.'));
            }
        }
    }
}
