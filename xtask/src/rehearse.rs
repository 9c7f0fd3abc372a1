//! `cargo xtask rehearse`: an example system's plan, carried out on this machine.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::{program, repository, setup, words};

#[derive(Args)]
pub(crate) struct RehearseArgs {
    /// Name of the system: a folder of `workflows`.
    system: String,
    /// What is passed on to `deploy-action rehearse`; `--reviewed` without anything.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Builds the program and becomes its rehearsal.
pub(crate) fn rehearse(args: &RehearseArgs) -> anyhow::Result<ExitCode> {
    let root = repository::root()?;
    let systems = repository::systems(&root)?;
    if !systems.contains(&args.system) {
        bail!(
            "no system `{}`, there is {}",
            args.system,
            systems.join(", ")
        );
    }
    setup::bring(&[setup::tools::GIT])?;
    let program = program::build(&root)?;
    words::say(&format!("rehearsing {}", args.system));
    let mut rehearsal = Command::new(program);
    let reviewed = args.rest.is_empty().then_some("--reviewed");
    rehearsal
        .current_dir(&root)
        .arg("rehearse")
        .arg(repository::plan(&args.system))
        .args(reviewed)
        .args(&args.rest);
    replace(&mut rehearsal)
}

/// Becomes the command, so that signals and the exit code are its own.
#[cfg(unix)]
fn replace(command: &mut Command) -> anyhow::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(command)).context("deploy-action does not start")
}

#[cfg(not(unix))]
fn replace(command: &mut Command) -> anyhow::Result<ExitCode> {
    Ok(words::exit_code(
        command.status().context("deploy-action does not start")?,
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: RehearseArgs,
    }

    #[test]
    fn what_follows_the_system_is_passed_on_as_it_is() {
        let line = Line::try_parse_from(["rehearse", "relay", "--event", "tag", "--strict"])
            .expect("it is read");
        assert_eq!(line.args.system, "relay");
        assert_eq!(line.args.rest, ["--event", "tag", "--strict"]);
    }
}
