//! What git knows of files. Children of probes are started here and nowhere else.

use std::{
    collections::BTreeSet,
    io,
    process::{Output, Stdio},
};

use camino::Utf8Path;
use tokio::{io::AsyncWriteExt as _, process::Command};

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
        ignored: named(root, paths, check_ignore).await,
        tracked: named(root, paths, list_files).await,
    }
}

/// A command of git with what it reads from its standard input.
struct Question {
    arguments: Vec<String>,
    input: Vec<u8>,
}

/// Asks which paths are ignored. It takes paths that are separated by NUL on its standard input only.
fn check_ignore(paths: &[&Utf8Path]) -> Question {
    Question {
        arguments: ["check-ignore", "-z", "--stdin"]
            .map(str::to_owned)
            .to_vec(),
        input: paths
            .iter()
            .flat_map(|path| path.as_str().bytes().chain([0]))
            .collect(),
    }
}

/// Asks which paths are in the index.
fn list_files(paths: &[&Utf8Path]) -> Question {
    let command = ["--literal-pathspecs", "ls-files", "-z", "--"];
    let paths = paths.iter().map(|path| path.as_str());
    Question {
        arguments: command
            .into_iter()
            .chain(paths)
            .map(str::to_owned)
            .collect(),
        input: Vec::new(),
    }
}

/// Whether git names each of the paths again.
async fn named(
    root: &Utf8Path,
    paths: &[&Utf8Path],
    ask: fn(&[&Utf8Path]) -> Question,
) -> Option<Vec<bool>> {
    let mut names = BTreeSet::new();
    for some in paths.chunks(PATHS_A_COMMAND) {
        names.extend(git(ask(some), root).await?);
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
async fn git(question: Question, folder: &Utf8Path) -> Option<Vec<String>> {
    let output = run(question, folder).await;
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

async fn run(question: Question, folder: &Utf8Path) -> io::Result<Output> {
    let mut child = Command::new("git")
        .args(question.arguments)
        .current_dir(folder)
        .envs([("LC_ALL", "C"), ("GIT_OPTIONAL_LOCKS", "0")])
        // A hook's environment would lead to another repository.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let input = child.stdin.take();
    let write = async {
        if let Some(mut input) = input {
            // One that ends before it has read all says why by its status.
            input.write_all(&question.input).await.ok();
        }
    };
    // At the same time, as it may answer before it has read all.
    tokio::join!(write, child.wait_with_output()).1
}
