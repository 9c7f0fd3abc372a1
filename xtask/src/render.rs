//! `cargo xtask render`: the example systems' workflow files.

use std::process::{Command, ExitCode};

use anyhow::Context as _;
use clap::Args;

use crate::{program, repository, words};

#[derive(Args)]
pub(crate) struct RenderArgs {
    /// Writes nothing; exits 3 when a file has drifted.
    #[arg(long)]
    check: bool,
    /// Names of systems; all by default.
    systems: Vec<String>,
}

/// Renders each system, and exits with the first code that is not 0.
pub(crate) fn render(args: &RenderArgs) -> anyhow::Result<ExitCode> {
    let root = repository::root()?;
    let systems = if args.systems.is_empty() {
        repository::systems(&root)?
    } else {
        args.systems.clone()
    };
    let program = program::build(&root)?;
    let mut worst = None;
    for system in systems {
        words::say(&format!("rendering {system}"));
        let status = Command::new(&program)
            .current_dir(&root)
            .arg("render")
            .arg(repository::plan(&system))
            .args(args.check.then_some("--check"))
            .status()
            .context("deploy-action does not start")?;
        if !status.success() {
            worst = worst.or(Some(words::exit_code(status)));
        }
    }
    Ok(worst.unwrap_or(ExitCode::SUCCESS))
}
