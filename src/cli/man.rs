//! `deploy-action man`: manual pages, one for the program and one a verb.

use std::fs;

use camino::Utf8PathBuf;

use super::{Args, CliError, Exit, output};

/// Writes the manual pages, one a verb, into a folder; without one prints the program's own
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action man | man -l -
  deploy-action man ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Folder for the pages; it is made where it is missing
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<Utf8PathBuf>,
}

/// Section of the manual: programs.
const SECTION: &str = "1";

/// Runs the verb.
///
/// # Errors
///
/// The folder or a page cannot be written.
pub fn man(args: &ManArgs) -> Result<Exit, CliError> {
    let mut command = Args::command();
    // Fills in what a page shows of a verb: its full name, and the options that all verbs share.
    command.build();
    let Some(dir) = &args.dir else {
        output::data(&page(command, env!("CARGO_PKG_NAME"))?);
        return Ok(Exit::Done);
    };
    fs::create_dir_all(dir).map_err(|error| CliError::file("make", dir, &error))?;
    let verbs: Vec<clap::Command> = command
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set())
        .cloned()
        .collect();
    let mut pages = vec![(env!("CARGO_PKG_NAME").to_owned(), command)];
    pages.extend(verbs.into_iter().map(|verb| {
        (
            format!("{}-{}", env!("CARGO_PKG_NAME"), verb.get_name()),
            verb,
        )
    }));
    for (name, command) in pages {
        let path = dir.join(format!("{name}.{SECTION}"));
        fs::write(&path, page(command, &name)?)
            .map_err(|error| CliError::file("write", &path, &error))?;
        output::data(&format!("{path}\n"));
    }
    Ok(Exit::Done)
}

/// Returns a page as roff.
fn page(command: clap::Command, name: &str) -> Result<String, CliError> {
    let version = env!("CARGO_PKG_VERSION");
    let manual = clap_mangen::Man::new(command.version(version))
        .title(name)
        .section(SECTION)
        .source(format!("deploy-action {version}"))
        .manual("deploy-action");
    let mut roff = Vec::new();
    manual
        .render(&mut roff)
        .map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    String::from_utf8(roff).map_err(|error| CliError::from_error(Exit::Bug, &error))
}
