//! `cargo xtask bench`: how fast the released program is, beside what people use in its place, on this machine and now.
//!
//! Each figure is a median, each bound is a ratio or a time, and whoever misses one ends the command with 1.

mod lint;
mod masks;
mod measure;
mod plans;
mod publish;
mod startup;
mod tasks;
mod world;

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use self::measure::Figures;
use crate::{program, repository, words};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measured {
    /// 10,000 tasks that do nothing, beside make, ninja and just.
    Tasks,
    /// The mask over 100 secrets, beside the search for its patterns alone.
    Masks,
    /// Linting a plan of 10,000 tasks.
    Lint,
    /// `--version`, and the size of the program.
    Startup,
    /// Pushing images to the reference registry, beside crane, regctl and skopeo.
    Publish,
    /// The summary of a terraform plan of 100 MB, beside jq.
    Terraform,
    /// All of them.
    All,
}

#[derive(Args)]
pub(crate) struct BenchArgs {
    /// What is measured.
    #[arg(value_enum, default_value = "all")]
    measured: Measured,
    /// How often 10,000 tasks are run, images pushed and plans summarised, by each program; of plans the best counts, of the
    /// others the median.
    #[arg(long, value_name = "NUMBER", default_value = "3")]
    rounds: std::num::NonZeroUsize,
}

/// Builds the released program, measures it and its peers, and says which bounds hold.
pub(crate) fn bench(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let root = repository::root()?;
    let wanted = |measured| matches!(args.measured, Measured::All) || args.measured == measured;
    let extras = [
        (Measured::Masks, program::MASK_SPEED),
        (Measured::Terraform, program::PLAN_SPEED),
    ];
    let extras = extras.into_iter().filter(|(measured, _)| wanted(*measured));
    let extras: Vec<&str> = extras.map(|(_, name)| name).collect();
    let programs = program::build_released(&root, &extras)?;
    let mut figures = Figures::default();
    if wanted(Measured::Startup) {
        startup::measure(&programs.program, &mut figures)?;
    }
    if wanted(Measured::Lint) {
        lint::measure(&programs.program, &mut figures)?;
    }
    if wanted(Measured::Masks) {
        masks::measure(programs.extra(program::MASK_SPEED)?, &mut figures)?;
    }
    if wanted(Measured::Terraform) {
        let plan_speed = programs.extra(program::PLAN_SPEED)?;
        plans::measure(plan_speed, args.rounds.get(), &mut figures)?;
    }
    if wanted(Measured::Tasks) {
        tasks::measure(&programs.program, args.rounds.get(), &mut figures)?;
    }
    if wanted(Measured::Publish) {
        publish::measure(&programs.program, args.rounds.get(), &mut figures)?;
    }
    for line in figures.lines() {
        words::print(&line)?;
    }
    Ok(if figures.all_hold() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
