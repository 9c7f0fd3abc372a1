//! What git knows of files. Children of probes are started here and nowhere else.

use std::{collections::BTreeSet, process::Stdio};

use camino::Utf8Path;
use tokio::process::Command;

/// How many paths one command takes; the kernel bounds arguments at 2 MiB.
const PATHS_A_COMMAND: usize = 400;

/// What git says of each path, in the order of the paths; nothing where there is no repository or no git.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::probe) struct GitFacts {
    pub ignored: Option<Vec<bool>>,
    pub tracked: Option<Vec<bool>>,
}

/// Asks git in `root` about paths that are relative to it.
pub(in crate::probe) async fn git_facts(root: &Utf8Path, paths: &[&Utf8Path]) -> GitFacts {
    GitFacts {
        ignored: named(root, &["check-ignore", "-z", "--"], paths).await,
        tracked: named(
            root,
            &["--literal-pathspecs", "ls-files", "-z", "--"],
            paths,
        )
        .await,
    }
}

/// Whether `command` names each of the paths again.
async fn named(root: &Utf8Path, command: &[&str], paths: &[&Utf8Path]) -> Option<Vec<bool>> {
    let mut names = BTreeSet::new();
    for some in paths.chunks(PATHS_A_COMMAND) {
        let arguments = command
            .iter()
            .copied()
            .chain(some.iter().map(|path| path.as_str()));
        names.extend(git(arguments, root).await?);
    }
    // Of a folder git names what is in it.
    let has = |path: &&Utf8Path| {
        let below = format!("{path}/");
        names.contains(path.as_str())
            || names
                .range(below.clone()..)
                .next()
                .is_some_and(|name| name.starts_with(&below))
    };
    Some(paths.iter().map(has).collect())
}

/// Runs git and splits what it says at NUL; `None` where it fails. Status 1 is `check-ignore` finding nothing.
async fn git<'a>(
    arguments: impl Iterator<Item = &'a str>,
    folder: &Utf8Path,
) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .envs([("LC_ALL", "C"), ("GIT_OPTIONAL_LOCKS", "0")])
        // A hook's environment would lead to another repository.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    match output {
        Ok(output) if matches!(output.status.code(), Some(0 | 1)) => Some(
            output
                .stdout
                .split(|byte| *byte == 0)
                .filter(|name| !name.is_empty())
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect(),
        ),
        Ok(output) => {
            tracing::debug!(words = %String::from_utf8_lossy(&output.stderr).trim(), "git says nothing");
            None
        }
        Err(error) => {
            tracing::debug!(%error, "git cannot be started");
            None
        }
    }
}
