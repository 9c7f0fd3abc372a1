//! The `deploy-action` program.

use std::process::ExitCode;

use deploy_action::{
    cli::{Args, Environment, run},
    process,
};

fn main() -> ExitCode {
    // Parts that the program plays for itself come before arguments, runtime and threads.
    if let Some("keep") = std::env::args_os().nth(1).as_deref().and_then(|verb| verb.to_str()) {
        return process::keeper_main();
    }
    let args = Args::read();
    let environment = Environment::read();
    run(&args, &environment).into()
}
