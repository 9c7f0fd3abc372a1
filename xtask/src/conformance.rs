//! `cargo xtask conformance registry`: the distribution specification's own suite against the embedded registry.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use crate::{
    program, repository,
    setup::go::{self, Module},
    words,
};

/// The suite; the specification tags it with no version.
const SUITE: Module = Module {
    path: "github.com/opencontainers/distribution-spec/conformance",
    version: "v0.0.0-20260831232431-97274622c111",
};

/// What the suite asks of every registry, and what it leaves to be switched on. Manifests whose parts are missing stay switched
/// off: the specification lets a registry refuse them, and ours does, so that a push in the wrong order is seen.
const SWITCHES: [(&str, &str); 6] = [
    ("OCI_VERSION", "1.1"),
    ("OCI_TLS", "disabled"),
    ("OCI_API_BLOBS_DIGEST_HEADER", "true"),
    ("OCI_API_BLOBS_UPLOAD_CANCEL", "true"),
    ("OCI_API_MANIFESTS_DIGEST_HEADER", "true"),
    ("OCI_API_MANIFESTS_TAG_PARAM", "true"),
];

/// The line with which the suite's summary begins.
const SUMMARY: &str = "OCI Conformance Result:";

#[derive(Args)]
pub(crate) struct ConformanceArgs {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand)]
enum Subject {
    /// The embedded registry; the report lies in `target/conformance`.
    Registry,
}

/// Runs the suite and prints its summary.
pub(crate) fn conformance(args: &ConformanceArgs) -> anyhow::Result<ExitCode> {
    match args.subject {
        Subject::Registry => registry(),
    }
}

fn registry() -> anyhow::Result<ExitCode> {
    let root = repository::root()?;
    let suite = go::bring(SUITE)?;
    let program = program::build(&root)?;
    let folder = tempfile::tempdir()?;
    let (registry, address) = start(&program, folder.path())?;
    words::say(&format!("asking the registry at {address}"));
    let output = Command::new(suite)
        .current_dir(folder.path())
        .envs(SWITCHES)
        .env("OCI_REGISTRY", &address)
        .env("OCI_RESULTS_DIR", root.join("target/conformance"))
        .stdin(Stdio::null())
        .output();
    end(registry)?;
    let output = output.context("the suite does not start")?;
    let told = String::from_utf8_lossy(&output.stdout);
    let Some(summary) = told.find(SUMMARY) else {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("the suite ended without a summary: {}", said.trim());
    };
    words::print(told[summary..].trim_end())?;
    for failed in failures(&told[..summary]) {
        words::say(failed);
    }
    let all_asked = ["Skip", "Disabled"]
        .iter()
        .all(|word| count(&told[summary..], word) == Some(0));
    if !all_asked {
        words::say("error: the suite left something out");
    }
    Ok(if output.status.success() && all_asked {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Starts the registry alone and reads its address.
fn start(program: &Path, folder: &Path) -> anyhow::Result<(Child, String)> {
    let mut registry = Command::new(program)
        .args(["rehearse", "--registry-only", "--stage"])
        .arg(folder.join("registry"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("deploy-action does not start")?;
    let stdout = registry.stdout.take().context("stdout is piped")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    match line.trim_end().strip_prefix("http://") {
        Some(address) => Ok((registry, address.to_owned())),
        None => {
            end(registry)?;
            bail!("the registry does not start")
        }
    }
}

fn end(mut registry: Child) -> anyhow::Result<()> {
    registry.kill()?;
    registry.wait()?;
    Ok(())
}

/// The tests that did not pass, with what stands below each.
fn failures(tests: &str) -> impl Iterator<Item = &str> {
    let is_fine =
        |line: &str| line.is_empty() || line.ends_with(": Pass") || line.ends_with(": Disabled");
    let of_tree = tests.lines().skip(1);
    of_tree
        .take_while(|line| !line.starts_with("Configuration"))
        .filter(move |line| !is_fine(line))
}

/// The number behind a word of the summary: `Skip..........:          0`.
fn count(summary: &str, word: &str) -> Option<u32> {
    let of_word = |line: &str| {
        let (_, number) = line.trim().strip_prefix(word)?.split_once(':')?;
        number.trim().parse().ok()
    };
    summary.lines().find_map(of_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_what_was_left_out_and_the_tree_what_failed() {
        let summary = "OCI Conformance Result: FAIL\n  Disabled......:          0\n  Skip..........:          2\n";
        assert_eq!(count(summary, "Disabled"), Some(0));
        assert_eq!(count(summary, "Skip"), Some(2));
        assert_eq!(count(summary, "Error"), None);
        let tree =
            "Test results\nA: FAIL\n  A/b: Pass\n  A/c: FAIL\n   - 404\n\nConfiguration:\n  x\n";
        let failed: Vec<&str> = failures(tree).collect();
        assert_eq!(failed, ["A: FAIL", "  A/c: FAIL", "   - 404"]);
    }
}
