//! `cargo xtask soak`: what goes wrong at any moment, and how it ends all the same.
//!
//! `kill` strikes rehearsals at any moment and goes on with them. The plan has the shape of Relay's: a build without an effect, an image for a registry, changes that a keeper holds, a gate.
//! Its program is a file that is there already, because a compiler would take all of the time and none of the blows.

mod cache;
mod facts;
mod publish;
mod random;
mod terraform;
mod world;

use std::{
    fmt,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};

use self::{
    facts::{Facts, Where},
    random::Random,
    world::{Outcome, World},
};
use crate::{program, repository, setup, words};

/// Most rehearsals in a row until one of them ends well.
const MOST_RESUMES: usize = 12;

/// How long GitHub's runner waits behind SIGINT, and behind SIGTERM.
const GRACE: [Duration; 2] = [Duration::from_millis(7_500), Duration::from_millis(2_500)];

#[derive(Args)]
pub(crate) struct SoakArgs {
    #[command(subcommand)]
    blow: Soak,
}

#[derive(Subcommand)]
enum Soak {
    /// Rehearsals that are killed at any moment.
    Kill(KillArgs),
    /// Publications through a proxy that cuts connections, delays, limits and lies.
    Publish(publish::PublishArgs),
    /// Applies of a resource that takes a minute, struck in each phase, over each backend.
    Terraform(terraform::TerraformArgs),
    /// Units at once that want the same provider, from nothing.
    Cache(cache::CacheArgs),
}

#[derive(Args)]
struct KillArgs {
    /// How many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// How many of them are cancelled as GitHub's runner does it while a child needs a minute; each takes more than one.
    #[arg(long, default_value_t = 2)]
    cancels: u32,
    /// What decides the moments; the same one strikes at the same times.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Begins no further run after this many minutes.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
}

/// How a rehearsal is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    /// SIGKILL of the rehearsal; its jobs end with it, and keepers stay.
    Kill,
    /// SIGINT, as by Ctrl-C.
    Interrupt,
    /// SIGKILL of everything, keepers and their children too, as when a machine goes.
    Machine,
    /// SIGINT, SIGTERM, SIGKILL of the tree, while a child that a keeper holds needs a minute.
    Cancel,
}

impl fmt::Display for Blow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Kill => "SIGKILL",
            Self::Interrupt => "SIGINT",
            Self::Machine => "machine",
            Self::Cancel => "cancel",
        })
    }
}

/// What is counted for one kind of blow.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    n_runs: usize,
    n_blows: usize,
    n_between: usize,
    n_in_task: usize,
    n_in_kept: usize,
    n_resumes: usize,
    n_asked: usize,
}

/// Carries out the soak; exit 1 where a run ended otherwise than one that was left alone.
pub(crate) fn soak(args: &SoakArgs) -> anyhow::Result<ExitCode> {
    match &args.blow {
        Soak::Kill(args) => kill(args),
        Soak::Publish(args) => publish::publish(args),
        Soak::Terraform(args) => terraform::terraform(args),
        Soak::Cache(args) => cache::cache(args),
    }
}

fn kill(args: &KillArgs) -> anyhow::Result<ExitCode> {
    setup::bring(&[setup::tools::GIT])?;
    let program = program::build(&repository::root()?)?;
    let began = Instant::now();
    let quiet = World::new(&program)?;
    let length = undisturbed(&quiet)?;
    let wanted = quiet.end_state()?;
    words::say(&format!("left alone, a rehearsal takes {length:.1?}"));
    let mut random = Random::new(args.seed);
    let mut tallies = [Tally::default(); 4];
    for number in 0..args.runs {
        if began.elapsed() > Duration::from_secs(args.minutes * 60) {
            words::say(&format!("the time is over after {number} runs"));
            break;
        }
        let blow = match number < args.cancels {
            true => Blow::Cancel,
            false => [Blow::Kill, Blow::Kill, Blow::Interrupt, Blow::Machine][random.below(4)],
        };
        let world = World::new(&program)?;
        let tally = &mut tallies[blow as usize];
        let ended =
            strike(&world, blow, length, &mut random, tally).and_then(|()| world.compare(&wanted));
        if let Err(error) = ended {
            let kept = world.keep();
            bail!(
                "run {number}, {blow}: {error:#}; it is kept in {}",
                kept.display()
            );
        }
        words::say(&format!(
            "run {} of {}: {blow}, the same end",
            number + 1,
            args.runs
        ));
    }
    print(&tallies)?;
    Ok(ExitCode::SUCCESS)
}

/// Rehearses without a blow, twice: the second one must find nothing to do.
fn undisturbed(world: &World) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let ran = world.rehearse()?;
    ensure!(
        ran.code == Some(0),
        "left alone, it ends with {:?}:\n{}",
        ran.code,
        ran.words
    );
    let length = began.elapsed();
    let trace = world.trace();
    ensure!(
        world.rehearse()?.code == Some(0),
        "a second rehearsal fails"
    );
    ensure!(
        world.trace() == trace,
        "a second rehearsal repeats something"
    );
    Ok(length)
}

/// Strikes once or twice, then goes on until a rehearsal ends well.
fn strike(
    world: &World,
    blow: Blow,
    length: Duration,
    random: &mut Random,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    tally.n_runs += 1;
    match blow {
        Blow::Cancel => cancel(world, tally)?,
        Blow::Kill | Blow::Interrupt | Blow::Machine => {
            for _ in 0..=random.below(2) {
                let mut running = world.start()?;
                running.wait_at_most(length.mul_f64(random.share()))?;
                if running.has_ended()? {
                    break;
                }
                tally.fell(world.facts()?.standing());
                match blow {
                    Blow::Kill => running.signal("KILL")?,
                    Blow::Interrupt => running.signal("INT")?,
                    Blow::Machine | Blow::Cancel => {
                        running.signal("KILL")?;
                        world.kill_all()?;
                    }
                }
                running.end()?;
            }
        }
    }
    go_on(world, tally)
}

/// Does to a rehearsal what GitHub's runner does to a job that is cancelled, while a child needs a minute.
fn cancel(world: &World, tally: &mut Tally) -> anyhow::Result<()> {
    world.slow_down()?;
    let mut running = world.start()?;
    world.wait_for_trace("begin app")?;
    tally.fell(Where::InKeptChild);
    running.signal("INT")?;
    running.wait_at_most(GRACE[0])?;
    if !running.has_ended()? {
        running.signal("TERM")?;
        running.wait_at_most(GRACE[1])?;
    }
    if !running.has_ended()? {
        running.kill_tree()?;
    }
    running.end()?;
    // The child that runs has read how long it takes; the next one is quick.
    world.hurry()?;
    // The run that follows waits for the child's end, and begins the task again behind it: the child had been cancelled.
    world.rehearse()?;
    tally.n_resumes += 1;
    ensure!(
        world.takes_turns("app"),
        "a child that still runs was started a second time"
    );
    ensure!(
        world.count("end app") >= 1,
        "a run did not wait for the child that still runs"
    );
    world.wait_until_quiet()
}

/// Rehearses until it ends well; answers what is asked as somebody would who has looked.
fn go_on(world: &World, tally: &mut Tally) -> anyhow::Result<()> {
    let mut last = Outcome::default();
    for _ in 0..MOST_RESUMES {
        last = world.rehearse()?;
        tally.n_resumes += 1;
        if last.code == Some(0) {
            return Ok(());
        }
        for task in world.facts()?.asked {
            tally.n_asked += 1;
            world.answer(&task)?;
        }
        world.wait_until_quiet()?;
    }
    bail!(
        "it does not come to an end: {:?}\n{}",
        last.code,
        last.words
    )
}

impl Tally {
    fn fell(&mut self, place: Where) {
        self.n_blows += 1;
        match place {
            Where::BetweenTasks => self.n_between += 1,
            Where::InTask => self.n_in_task += 1,
            Where::InKeptChild => self.n_in_kept += 1,
        }
    }
}

fn print(tallies: &[Tally; 4]) -> anyhow::Result<()> {
    words::print("blow      runs  blows  between  in a task  in a kept child  resumes  asked")?;
    let blows = [Blow::Kill, Blow::Interrupt, Blow::Machine, Blow::Cancel];
    for blow in blows {
        let tally = tallies[blow as usize];
        words::print(&format!(
            "{:<8} {:>5} {:>6} {:>8} {:>10} {:>16} {:>8} {:>6}",
            blow.to_string(),
            tally.n_runs,
            tally.n_blows,
            tally.n_between,
            tally.n_in_task,
            tally.n_in_kept,
            tally.n_resumes,
            tally.n_asked
        ))?;
    }
    Ok(())
}

/// Reads the facts of a world, and fails where one of them may not be.
fn held(facts: &Facts) -> anyhow::Result<()> {
    let repeated = facts.repeated.first();
    ensure!(
        repeated.is_none(),
        "`{}` was started again after its success was on record",
        repeated.context("it was just seen")?
    );
    Ok(())
}
