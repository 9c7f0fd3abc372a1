//! The `deploy-action` program.

use std::process::ExitCode;

use deploy_action::{
    cli::{Args, Environment, run},
    container, process,
};

fn main() -> ExitCode {
    // Parts that the program plays for itself come before arguments, runtime and threads: a process with several threads
    // cannot enter a user namespace.
    match std::env::args_os()
        .nth(1)
        .as_deref()
        .and_then(|verb| verb.to_str())
    {
        Some("keep") => return process::keeper_main(),
        Some("contain") => return container::contain_main(),
        _ => {}
    }
    let args = Args::read();
    let environment = Environment::read();
    run(&args, &environment).into()
}
