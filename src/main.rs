//! The `deploy-action` program.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    // Before any thread is started: a process with several cannot enter a user namespace.
    if env::args_os().nth(1).is_some_and(|verb| verb == "contain") {
        return deploy_action::container::contain_main();
    }
    ExitCode::SUCCESS
}
