//! `cargo xtask schema`: the JSON Schema of the plan file, for editors.

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::{program, repository, words};

/// Where the schema lies, relative to the root.
const SCHEMA: &str = "docs/deploy.schema.json";

#[derive(Args)]
pub(crate) struct SchemaArgs {
    /// Writes nothing; exits 3 when the file has drifted.
    #[arg(long)]
    check: bool,
}

/// Writes what `deploy-action schema` prints, or compares it with what is there.
pub(crate) fn schema(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let root = repository::root()?;
    let output = Command::new(program::build(&root)?)
        .arg("schema")
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
        "`{SCHEMA}` has drifted; write it anew by `cargo xtask schema`"
    ));
    Ok(ExitCode::from(3))
}
