//! The `deploy-action` program.

use std::process::ExitCode;

use deploy_action::process;

fn main() -> ExitCode {
    // Before anything else: a keeper has no arguments to parse and no runtime yet.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|verb| verb == "keep")
    {
        return process::keeper_main();
    }
    ExitCode::SUCCESS
}
