//! `cargo xtask check-platforms`: whether the program compiles for each system that it is promised for.

use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::{repository, words};

/// Targets, one a system and C library. Those of Windows are held for what works there: lint, render, tags, schemas.
const TARGETS: [&str; 5] = [
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
    "x86_64-pc-windows-gnu",
];

/// Checks each target whose standard library is there; says of the others how it is got.
pub(crate) fn check() -> anyhow::Result<ExitCode> {
    let root = repository::root()?;
    let installed = installed()?;
    let mut failed = Vec::new();
    for target in TARGETS {
        if !installed.lines().any(|line| line == target) {
            words::say(&format!(
                "{target}: not looked at; get it by: rustup target add {target}"
            ));
            continue;
        }
        let variable = target.replace('-', "_");
        let status = repository::cargo()
            .current_dir(&root)
            .args([
                "check",
                "--quiet",
                "--package",
                "deploy-action",
                "--lib",
                "--bins",
            ])
            .args(["--target", target])
            // A check links nothing, so the C and assembly parts of dependencies need no compiler of that system.
            .env(format!("CC_{variable}"), "true")
            .env(format!("AR_{variable}"), "true")
            .status()
            .context("cargo does not start")?;
        words::say(&format!(
            "{target}: {}",
            if status.success() {
                "compiles"
            } else {
                "does not compile"
            }
        ));
        if !status.success() {
            failed.push(target);
        }
    }
    Ok(if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The targets that rustup has for the toolchain of the repository.
fn installed() -> anyhow::Result<String> {
    let output = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output()
        .context("rustup does not start; it knows which targets are there")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
