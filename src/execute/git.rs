//! What git says of the repository.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::ExecuteError;
use crate::{
    process::{self, CommandSpec, Output, StopListener},
    secret::Masker,
};

/// Lists of files are read up to this size, in bytes.
const MOST_OUTPUT: u64 = 256 * 1024 * 1024;

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
    pub async fn is_repository(&self, folder: &Utf8Path) -> Result<bool, ExecuteError> {
        Ok(self
            .ask(folder, &["rev-parse", "--is-inside-work-tree"])
            .await?
            .is_some_and(|answer| answer.trim() == "true"))
    }

    /// Returns the files that git tracks below the folder, relative to it.
    pub async fn list_tracked(&self, folder: &Utf8Path) -> Result<Vec<String>, ExecuteError> {
        self.list(folder, &["ls-files", "-z"]).await
    }

    /// Returns the files below the folder that git tracks or does not ignore, relative to it.
    pub async fn list_not_ignored(&self, folder: &Utf8Path) -> Result<Vec<String>, ExecuteError> {
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
    ) -> Result<Option<String>, ExecuteError> {
        Ok(self
            .ask(folder, args)
            .await?
            .map(|answer| answer.trim().to_owned())
            .filter(|answer| !answer.is_empty()))
    }

    async fn list(&self, folder: &Utf8Path, args: &[&str]) -> Result<Vec<String>, ExecuteError> {
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

    async fn ask(&self, folder: &Utf8Path, args: &[&str]) -> Result<Option<String>, ExecuteError> {
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
            Ok(ended) if ended.succeeded() => {
                let captured = ended
                    .stdout
                    .as_ref()
                    .map(|stdout| stdout.expose().to_vec())
                    .unwrap_or_default();
                Ok(Some(String::from_utf8_lossy(&captured).into_owned()))
            }
            Ok(_) => Ok(None),
            Err(crate::process::ProcessError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
