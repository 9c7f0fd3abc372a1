//! What git says of the repository.
mod quoted;

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use crate::{
    process::{self, Captured, CommandSpec, Output, ProcessError, StopListener},
    secret::Masker,
};

/// Lists of files are read up to this size, in bytes.
const MOST_OUTPUT: u64 = 256 * 1024 * 1024;
/// How many paths one command takes; the kernel bounds arguments at 2 MiB.
const PATHS_A_COMMAND: usize = 400;
/// The status of `git check-ignore` that found nothing (git-check-ignore(1), "EXIT STATUS").
const NONE_IS_IGNORED: i32 = 1;

/// Asks git, through the one gateway to children.
#[derive(Debug, Clone, Copy)]
pub struct Git<'w> {
    /// The process environment: git needs `PATH` and `HOME`.
    pub variables: &'w BTreeMap<String, String>,
    /// The mask.
    pub masker: &'w Masker,
}

impl Git<'_> {
    /// Whether the folder belongs to a repository; a machine without git has none.
    pub async fn is_repository(&self, folder: &Utf8Path) -> Result<bool, ProcessError> {
        Ok(self
            .ask(folder, &["rev-parse", "--is-inside-work-tree"])
            .await?
            .is_some_and(|answer| answer.trim() == "true"))
    }

    /// Returns the files that git tracks below the folder, relative to it.
    pub async fn list_tracked(&self, folder: &Utf8Path) -> Result<Vec<String>, ProcessError> {
        self.list(folder, &["ls-files", "-z"]).await
    }

    /// Returns the files below the folder that git tracks or does not ignore, relative to it.
    pub async fn list_not_ignored(&self, folder: &Utf8Path) -> Result<Vec<String>, ProcessError> {
        self.list(
            folder,
            &[
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ],
        )
        .await
    }

    /// Returns what git prints, trimmed; `None` where it refuses or is not there.
    pub async fn line(
        &self,
        folder: &Utf8Path,
        args: &[&str],
    ) -> Result<Option<String>, ProcessError> {
        Ok(self
            .ask(folder, args)
            .await?
            .map(|answer| answer.trim().to_owned())
            .filter(|answer| !answer.is_empty()))
    }

    async fn list(&self, folder: &Utf8Path, args: &[&str]) -> Result<Vec<String>, ProcessError> {
        let listed = self.ask(folder, args).await?.unwrap_or_default();
        let mut names: Vec<String> = listed
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Returns of each path, relative to the folder, whether git ignores it; `None` where git knows no repository.
    ///
    /// The path need not exist.
    pub async fn ignored(
        &self,
        folder: &Utf8Path,
        paths: &[&Utf8Path],
    ) -> Result<Option<Vec<bool>>, ProcessError> {
        // Only with `--stdin` it separates names by NUL, and children get no input: unusual names are quoted.
        let command = ["-c", "core.quotePath=false", "check-ignore", "--"];
        let mut ignored = BTreeSet::new();
        for some in paths.chunks(PATHS_A_COMMAND) {
            let args: Vec<&str> = command
                .into_iter()
                .chain(some.iter().map(|path| path.as_str()))
                .collect();
            let Some((code, names)) = self.answer(folder, &args).await? else {
                return Ok(None);
            };
            if code != 0 && code != NONE_IS_IGNORED {
                return Ok(None);
            }
            ignored.extend(names.lines().map(quoted::unquoted));
        }
        Ok(Some(
            paths
                .iter()
                .map(|path| ignored.contains(path.as_str()))
                .collect(),
        ))
    }

    /// Returns of each path, relative to the folder, whether it, or a file below it, is in the index; `None` where git
    /// knows no repository.
    pub async fn tracked(
        &self,
        folder: &Utf8Path,
        paths: &[&Utf8Path],
    ) -> Result<Option<Vec<bool>>, ProcessError> {
        let command = ["--literal-pathspecs", "ls-files", "-z", "--"];
        let mut names = BTreeSet::new();
        for some in paths.chunks(PATHS_A_COMMAND) {
            let args: Vec<&str> = command
                .into_iter()
                .chain(some.iter().map(|path| path.as_str()))
                .collect();
            let Some((0, listed)) = self.answer(folder, &args).await? else {
                return Ok(None);
            };
            names.extend(listed.split('\0').map(str::to_owned));
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
        Ok(Some(paths.iter().map(has).collect()))
    }

    /// Returns what git prints where it succeeds.
    async fn ask(&self, folder: &Utf8Path, args: &[&str]) -> Result<Option<String>, ProcessError> {
        let answer = self.answer(folder, args).await?;
        Ok(answer.filter(|(code, _)| *code == 0).map(|(_, text)| text))
    }

    /// Returns git's status and what it prints; `None` where there is no git.
    async fn answer(
        &self,
        folder: &Utf8Path,
        args: &[&str],
    ) -> Result<Option<(i32, String)>, ProcessError> {
        let spec = CommandSpec::new("git", format!("ask git `{}`", args.join(" ")))
            .args(args.iter().copied())
            .dir(folder)
            .pass_env(
                self.variables,
                [
                    "PATH",
                    "HOME",
                    "GIT_DIR",
                    "GIT_CONFIG_GLOBAL",
                    "GIT_CONFIG_NOSYSTEM",
                    "GIT_CEILING_DIRECTORIES",
                ],
            )
            .env("LC_ALL", "C")
            // What is only asked writes no index (git(1), "Background Refresh").
            .env("GIT_OPTIONAL_LOCKS", "0")
            // A repository of another owner, as in a container job, is still the one that was checked out.
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*")
            .capture_stdout(MOST_OUTPUT);
        let output = Output {
            masker: self.masker,
            log: None,
            live: None,
        };
        match process::run(&spec, output, StopListener::never()).await {
            Ok(ended) => {
                let captured = ended
                    .stdout
                    .as_ref()
                    .map(Captured::expose)
                    .unwrap_or_default();
                Ok(Some((
                    ended.how.code(),
                    String::from_utf8_lossy(captured).into_owned(),
                )))
            }
            Err(ProcessError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
