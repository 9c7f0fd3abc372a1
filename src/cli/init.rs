//! `deploy-action init`: a first plan, from what the repository holds.
//!
//! What it writes passes `lint`. What this version has no kind for, or would refuse, is written as a comment with the
//! words of `lint`; what only people know is written as an open decision.
mod draft;
mod survey;
mod text;

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};

use super::{CliError, Environment, Exit, output, plan_file};
use crate::diagnostic::words::count;

pub(super) use text::Written;

/// Writes a first plan, from what the repository holds
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action init
  deploy-action init --stdout
  deploy-action init services/shop/deploy.yaml

It looks for Dockerfiles, folders of terraform, Helm charts, manifests of Kubernetes, compose files, migrations,
Makefiles, and packages of Rust, Node, Go and Python, below the folder of the plan. It starts nothing and asks nobody.")]
pub struct InitArgs {
    /// The plan file to write
    #[arg(value_name = "FILE", default_value = plan_file::DEFAULT, value_hint = clap::ValueHint::FilePath)]
    file: Utf8PathBuf,
    /// Writes over a plan that is there
    #[arg(long)]
    force: bool,
    /// Prints the plan and writes nothing
    #[arg(long, conflicts_with = "force")]
    stdout: bool,
}

/// Runs the verb.
///
/// # Errors
///
/// The plan is there already, the folder cannot be read, or the plan cannot be written.
pub fn init(args: &InitArgs, environment: &Environment) -> Result<Exit, CliError> {
    let is_there = args.file.symlink_metadata().is_ok();
    if is_there && !args.force && !args.stdout {
        return Err(
            CliError::new(Exit::Usage, format!("`{}` is there already", args.file)).hint(
                "`--stdout` prints what would be written; `--force` writes over the plan that is there",
            ),
        );
    }
    let folder = args
        .file
        .parent()
        .filter(|folder| !folder.as_str().is_empty())
        .unwrap_or(Utf8Path::new("."));
    let written = plan_of(folder, &args.file)?;
    if args.stdout {
        output::data(&written.text);
    } else {
        fs::write(&args.file, &written.text)
            .map_err(|error| CliError::file("write", &args.file, &error))?;
        output::data(&format!("{}\n", args.file));
    }
    output::words(&words(&written, &args.file, environment));
    Ok(Exit::Done)
}

/// Looks at a folder and writes the plan of what is in it.
fn plan_of(folder: &Utf8Path, file: &Utf8Path) -> Result<Written, CliError> {
    let absolute = folder
        .canonicalize_utf8()
        .map_err(|error| CliError::file("find", folder, &error))?;
    let found = survey::survey(&absolute, file.file_name().unwrap_or(plan_file::DEFAULT))
        .map_err(|error: io::Error| CliError::file("look at", folder, &error))?;
    let draft = draft::draft(&found);
    text::write(&draft, &absolute, file)
}

/// What was seen, what was left open, and what comes next.
fn words(written: &Written, file: &Utf8Path, environment: &Environment) -> String {
    let mut words = String::new();
    if written.seen.is_empty() {
        words.push_str("saw nothing that a task could be made of\n");
    }
    for seen in &written.seen {
        words.push_str(&format!("saw {seen}\n"));
    }
    for left in &written.comments {
        words.push_str(&format!("written as a comment: {left}\n"));
    }
    if written.n_decisions > 0 {
        let open = count(written.n_decisions, "open decision");
        words.push_str(&format!(
            "{open}: what nobody but you can know; see `decisions` in the plan\n"
        ));
    }
    let tasks = count(written.n_tasks, "task");
    let program = environment
        .program
        .file_name()
        .map_or("deploy-action".into(), |name| name.to_string_lossy());
    words.push_str(&format!(
        "{tasks}; next: `{program} lint {file}`, then `{program} rehearse {file}`\n"
    ));
    words
}

#[cfg(test)]
mod tests;
