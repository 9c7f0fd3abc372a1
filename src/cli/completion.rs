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

/// The program, as it is called.
const NAME: &str = env!("CARGO_PKG_NAME");

/// Runs the verb.
///
/// # Errors
///
/// The script is no text.
pub fn completion(args: &CompletionArgs) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut visible(), NAME, &mut script);
    let script =
        String::from_utf8(script).map_err(|error| CliError::from_error(Exit::Bug, &error))?;
    output::data(&match args.shell {
        // clap_complete 4.6 writes a dash of the program's name in one way where a verb is recognised, and in another where
        // its options are offered; so none ever were.
        clap_complete::Shell::Bash => {
            let (written, meant) = (NAME.replace('-', "__subcmd__"), NAME.replace('-', "__"));
            script.replace(&written, &meant)
        }
        _ => script,
    });
    Ok(Exit::Done)
}

/// The program without the verbs that only itself calls, which scripts would offer all the same.
fn visible() -> clap::Command {
    let all = Args::command();
    let verbs = all.get_subcommands().filter(|verb| !verb.is_hide_set());
    clap::Command::new(NAME)
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .args(all.get_arguments().cloned())
        .subcommands(verbs.cloned())
}
