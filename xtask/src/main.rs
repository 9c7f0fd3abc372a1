//! Maintenance of the repository: see `cargo xtask --help`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod conformance;
mod fuzz;
mod github_api;
mod platforms;
mod program;
mod rehearse;
mod render;
mod repository;
mod schema;
mod setup;
#[cfg(target_os = "linux")]
mod soak;
mod test;
mod tidy;
mod words;

/// Maintenance of the repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Brings the tools that the tests need.
    Setup,
    /// Runs what CI runs, and ends with a line "N passed, N failed".
    Test,
    /// Holds the repository against its own rules.
    Tidy,
    /// Renders the workflow files of the example systems.
    Render(render::RenderArgs),
    /// Rehearses an example system on this machine.
    Rehearse(rehearse::RehearseArgs),
    /// Holds a part of the program against a specification's own tests.
    Conformance(conformance::ConformanceArgs),
    /// Looks for inputs that break a promise of the program.
    Fuzz(fuzz::FuzzArgs),
    /// Strikes rehearsals at any moment and publications by faults, and sees that they end right or say what is wrong.
    #[cfg(target_os = "linux")]
    Soak(soak::SoakArgs),
    /// Checks the code for each system that the README names, as far as its standard library is installed.
    CheckPlatforms,
    /// Measures the released program beside what people use in its place.
    Bench(bench::BenchArgs),
    /// Writes the schemas that are checked in: of the plan file, and of what is called of GitHub's API.
    Schema(schema::SchemaArgs),
}

fn main() -> ExitCode {
    let done = match Args::parse().verb {
        Verb::Setup => setup::setup(),
        Verb::Test => test::test(),
        Verb::Tidy => tidy::tidy(),
        Verb::Render(args) => render::render(&args),
        Verb::Rehearse(args) => rehearse::rehearse(&args),
        Verb::Conformance(args) => conformance::conformance(&args),
        Verb::Fuzz(args) => fuzz::fuzz(&args),
        #[cfg(target_os = "linux")]
        Verb::Soak(args) => soak::soak(&args),
        Verb::CheckPlatforms => platforms::check(),
        Verb::Bench(args) => bench::bench(&args),
        Verb::Schema(args) => schema::schema(&args),
    };
    done.unwrap_or_else(|error| {
        words::say(&format!("error: {error:#}"));
        ExitCode::FAILURE
    })
}
