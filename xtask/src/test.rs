//! `cargo xtask test`: what CI runs.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    ops::AddAssign,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, ensure};

use crate::{repository, setup, tidy, words};

/// Runs every step, also after one has failed; ends with the sum of all tests.
pub(crate) fn test() -> anyhow::Result<ExitCode> {
    let root = repository::root()?;
    let mut steps = Steps::default();
    steps.take("setup", || succeeded(setup::setup()?));
    let path = setup::path()?;
    let packages = packages(&root)?;

    for manifest in &packages {
        let cargo = |arguments: &[&str]| cargo(&root, &path, manifest, arguments);
        steps.take(&format!("format of {manifest}"), || {
            run(&mut cargo(&["fmt", "--all", "--check"]))
        });
        steps.take(&format!("lints of {manifest}"), || {
            run(&mut lints(&root, &path, manifest))
        });
    }
    steps.take("tidy", || succeeded(tidy::tidy()?));
    for manifest in &packages {
        let tests = &mut cargo(
            &root,
            &path,
            manifest,
            &["test", "--workspace", "--no-fail-fast"],
        );
        let mut counted = Tally::default();
        steps.take(&format!("tests of {manifest}"), || {
            count(tests, &mut counted)
        });
        steps.tests += counted;
    }
    steps.finish()
}

/// The workspace's manifest, then those of the example systems' own packages.
fn packages(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut packages = vec!["Cargo.toml".to_owned()];
    let files = repository::files(root)?;
    packages.extend(
        files
            .into_iter()
            .filter(|name| name.starts_with("workflows/") && name.ends_with("/Cargo.toml")),
    );
    Ok(packages)
}

fn cargo(root: &Path, path: &OsStr, manifest: &str, arguments: &[&str]) -> Command {
    let mut cargo = repository::cargo();
    cargo
        .current_dir(root)
        .env("PATH", path)
        .args(arguments)
        .args(["--manifest-path", manifest]);
    cargo
}

fn lints(root: &Path, path: &OsStr, manifest: &str) -> Command {
    let mut clippy = cargo(
        root,
        path,
        manifest,
        &["clippy", "--workspace", "--all-targets"],
    );
    clippy.args(["--", "--deny", "warnings"]);
    clippy
}

fn succeeded(code: ExitCode) -> anyhow::Result<()> {
    ensure!(
        code == ExitCode::SUCCESS,
        "it ended with another code than 0"
    );
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().context("cargo does not start")?;
    ensure!(status.success(), "cargo ended with {status}");
    Ok(())
}

/// Runs tests, passes their words on, and adds up their result lines.
fn count(command: &mut Command, tally: &mut Tally) -> anyhow::Result<()> {
    let mut tests = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo does not start")?;
    let output = tests.stdout.take().context("the output is piped")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        words::print(&line)?;
        *tally += Tally::of_line(&line).unwrap_or_default();
    }
    let status = tests.wait()?;
    ensure!(status.success(), "cargo ended with {status}");
    Ok(())
}

/// The steps so far.
#[derive(Default)]
struct Steps {
    failed: Vec<String>,
    tests: Tally,
}

impl Steps {
    /// Takes one step and remembers whether it failed.
    fn take(&mut self, name: &str, step: impl FnOnce() -> anyhow::Result<()>) {
        words::say(&format!("== {name}"));
        if let Err(error) = step() {
            words::say(&format!("error: {name}: {error:#}"));
            self.failed.push(name.to_owned());
        }
    }

    fn finish(self) -> anyhow::Result<ExitCode> {
        if !self.failed.is_empty() {
            words::say(&format!("failed: {}", self.failed.join(", ")));
        }
        words::print(&format!(
            "{} passed, {} failed",
            self.tests.passed, self.tests.failed
        ))?;
        Ok(if self.failed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    /// Reads `test result: ok. 3 passed; 1 failed; …`.
    fn of_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |word| {
            counts
                .split("; ")
                .find_map(|part| part.strip_suffix(word)?.trim_end().parse().ok())
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
        })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_read_and_other_lines_are_not() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(
            Tally::of_line(line),
            Some(Tally {
                passed: 12,
                failed: 3
            })
        );
        assert_eq!(Tally::of_line("test words::test_result ... ok"), None);
        assert_eq!(
            Tally::of_line("    test result: ok. 1 passed; 0 failed"),
            None
        );
    }
}
