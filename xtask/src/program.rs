//! The program itself, built and found.

use std::{
    collections::BTreeMap,
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
    let built = cargo_build(
        root,
        &["--package", "deploy-action", "--bin", "deploy-action"],
    )?;
    built
        .program
        .context("cargo did not say where it put deploy-action")
}

/// The program that measures masks.
pub(crate) const MASK_SPEED: &str = "mask-speed";
/// The program that measures terraform's plans.
pub(crate) const PLAN_SPEED: &str = "plan-speed";

/// What was built to be measured.
pub(crate) struct Released {
    /// `deploy-action` as it is released.
    pub(crate) program: PathBuf,
    built: Built,
}

impl Released {
    /// Answers with the path of a program that measures something, and was wanted.
    pub(crate) fn extra(&self, name: &str) -> anyhow::Result<&Path> {
        let extra = self.built.extras.get(name);
        extra
            .map(PathBuf::as_path)
            .with_context(|| format!("cargo did not say where it put {name}"))
    }
}

/// Builds `deploy-action` as it is released, and programs that measure parts of it.
pub(crate) fn build_released(root: &Path, extras: &[&str]) -> anyhow::Result<Released> {
    words::say("building deploy-action for release (some minutes)");
    let mut arguments = vec!["--release", "--package", "deploy-action"];
    for extra in extras {
        arguments.extend(["--package", extra]);
    }
    arguments.push("--bins");
    let built = cargo_build(root, &arguments)?;
    let program = built.program.clone();
    Ok(Released {
        program: program.context("cargo did not say where it put deploy-action")?,
        built,
    })
}

/// The programs that cargo named.
#[derive(Default)]
struct Built {
    program: Option<PathBuf>,
    extras: BTreeMap<&'static str, PathBuf>,
}

fn cargo_build(root: &Path, arguments: &[&str]) -> anyhow::Result<Built> {
    let mut cargo = repository::cargo()
        .current_dir(root)
        .arg("build")
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo does not start")?;
    let messages = cargo.stdout.take().context("cargo's messages are piped")?;
    let mut built = Built::default();
    for line in BufReader::new(messages).lines() {
        let line = line?;
        built.program = executable(&line, "deploy-action").or(built.program);
        for extra in [MASK_SPEED, PLAN_SPEED] {
            built
                .extras
                .extend(executable(&line, extra).map(|path| (extra, path)));
        }
    }
    ensure!(cargo.wait()?.success(), "deploy-action was not built");
    Ok(built)
}

/// A program's path, when this message of cargo's names it.
fn executable(message: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let ours = message["reason"] == "compiler-artifact" && message["target"]["name"] == name;
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
            executable(
                &message("deploy-action", r#""/t/deploy-action""#),
                "deploy-action"
            ),
            Some("/t/deploy-action".into())
        );
        assert_eq!(
            executable(&message("deploy_action", "null"), "deploy-action"),
            None
        );
        assert_eq!(
            executable(
                &message("deploy-action-fake", r#""/t/fake""#),
                "deploy-action"
            ),
            None
        );
    }
}
