//! The `deploy-action` program.

use std::process::ExitCode;

use deploy_action::cli::{Args, Environment, run};

fn main() -> ExitCode {
    let args = Args::read();
    let environment = Environment::read();
    run(&args, &environment).into()
}
