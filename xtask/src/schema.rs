//! `cargo xtask schema`: the JSON Schema of the plan file, for editors, and that of what is called of GitHub's API, for tests.

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};

use crate::{github_api, program, repository, words};

/// Where the schema lies, relative to the root.
const SCHEMA: &str = "docs/plan.schema.json";

#[derive(Args)]
pub(crate) struct SchemaArgs {
    /// Which one.
    #[arg(default_value = "plan")]
    what: Schema,
    /// Writes nothing; exits 3 when the file has drifted.
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Schema {
    /// The plan file.
    Plan,
    /// What is called of GitHub's API, from npm's registry.
    Github,
}

/// Writes a schema, or compares it with what is there.
pub(crate) fn schema(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    match args.what {
        Schema::Plan => plan(args),
        Schema::Github => github_api::github_api(args.check),
    }
}

/// Writes what `deploy-action schema plan` prints, or compares it with what is there.
fn plan(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let root = repository::root()?;
    let output = Command::new(program::build(&root)?)
        .args(["schema", "plan"])
        .output()
        .context("deploy-action does not start")?;
    ensure!(
        output.status.success(),
        "no schema: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let path = root.join(SCHEMA);
    if !args.check {
        fs::write(&path, output.stdout).with_context(|| format!("`{SCHEMA}` cannot be written"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = fs::read(&path).with_context(|| format!("`{SCHEMA}` cannot be read"))?;
    if found == output.stdout {
        return Ok(ExitCode::SUCCESS);
    }
    words::say(&format!(
        "`{SCHEMA}` has drifted; write it anew by `cargo xtask schema plan`"
    ));
    Ok(ExitCode::from(3))
}
