//! The program itself, built and found.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::{repository, words};

/// Builds `deploy-action` and answers with its path.
///
/// It is built in the `dev` profile: from nothing that takes about half as long as `release`, and what a rehearsal waits
/// for are children and the network, not this program.
pub(crate) fn build(root: &Path) -> anyhow::Result<PathBuf> {
    words::say("building deploy-action (some minutes the first time, seconds afterwards)");
    let mut cargo = repository::cargo()
        .current_dir(root)
        .args([
            "build",
            "--package",
            "deploy-action",
            "--bin",
            "deploy-action",
        ])
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo does not start")?;
    let messages = cargo.stdout.take().context("cargo's messages are piped")?;
    let mut program = None;
    for line in BufReader::new(messages).lines() {
        program = executable(&line?).or(program);
    }
    ensure!(cargo.wait()?.success(), "deploy-action was not built");
    program.context("cargo did not say where it put deploy-action")
}

/// The program's path, when this message of cargo's names it.
fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let ours =
        message["reason"] == "compiler-artifact" && message["target"]["name"] == "deploy-action";
    if ours {
        message["executable"].as_str().map(PathBuf::from)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_program_itself_is_taken_for_it() {
        let message = |name, executable| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"name":"{name}"}},"executable":{executable}}}"#
            )
        };
        assert_eq!(
            executable(&message("deploy-action", r#""/t/deploy-action""#)),
            Some("/t/deploy-action".into())
        );
        assert_eq!(executable(&message("deploy_action", "null")), None);
        assert_eq!(
            executable(&message("deploy-action-fake", r#""/t/fake""#)),
            None
        );
    }
}
