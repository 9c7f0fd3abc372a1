//! `deploy-action completion`: a script by which a shell completes verbs, options and their values.

use super::{Args, CliError, Exit, output};

/// Prints the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action completion bash > ~/.local/share/bash-completion/completions/deploy-action
  deploy-action completion zsh > \"${fpath[1]}/_deploy-action\"
  deploy-action completion fish > ~/.config/fish/completions/deploy-action.fish
  deploy-action completion elvish >> ~/.config/elvish/rc.elv
  deploy-action completion powershell >> $PROFILE")]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Runs the verb.
///
/// # Errors
///
/// The script is no text.
pub fn completion(args: &CompletionArgs) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut Args::command(),
        env!("CARGO_PKG_NAME"),
        &mut script,
    );
    let script =
        String::from_utf8(script).map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    output::data(&script);
    Ok(Exit::Done)
}
