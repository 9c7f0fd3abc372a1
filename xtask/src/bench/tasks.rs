//! 10,000 tasks of `/bin/true`, two at a time, beside make, ninja and just.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, ensure};

use super::{
    measure::{Figures, median, seconds, time},
    world::{N_TASKS, World},
};
use crate::{setup, words};

/// How many times make's time a run may take.
const MOST_OF_MAKE: f64 = 2.0;

/// Where the programs are that people use in place of ours.
struct Peers {
    make: PathBuf,
    ninja: PathBuf,
    just: PathBuf,
}

/// Runs each program so often, in turns, so that a machine that is slow for a while is slow for all of them.
pub(super) fn measure(program: &Path, rounds: usize, figures: &mut Figures) -> anyhow::Result<()> {
    let peers = Peers {
        make: setup::program(&setup::tools::MAKE)?,
        ninja: setup::program(&setup::tools::NINJA)?,
        just: setup::program(&setup::tools::JUST)?,
    };
    let world = World::new()?;
    let mut ours = Vec::new();
    let mut again = Vec::new();
    let mut others = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        words::say(&format!("{N_TASKS} tasks, round {} of {rounds}", round + 1));
        let state = world.state(round);
        ours.push(time(&mut run(program, &world, &state))?);
        all_were_run(&state)?;
        again.push(time(&mut run(program, &world, &state))?);
        for (times, mut peer) in others.iter_mut().zip(commands(&peers, &world)) {
            times.push(time(&mut peer)?);
        }
    }
    let [make, ninja, just] = others.map(median);
    judge(median(ours)?, [make?, ninja?, just?], figures);
    figures.seen("tasks, all up to date", seconds(median(again)?));
    Ok(())
}

fn judge(ours: Duration, [make, ninja, just]: [Duration; 3], figures: &mut Figures) {
    let ratio = |other: Duration| ours.as_secs_f64() / other.as_secs_f64();
    let beside =
        |name: &str, other: Duration| format!("{} ({:.2}x of {name})", seconds(ours), ratio(other));
    figures.seen("tasks, make -j2", seconds(make));
    figures.seen("tasks, ninja -j2", seconds(ninja));
    figures.seen("tasks, just", seconds(just));
    figures.held(
        "tasks",
        beside("make", make),
        format!("within {MOST_OF_MAKE}x of make -j2"),
        ratio(make) <= MOST_OF_MAKE,
    );
    figures.held(
        "tasks",
        beside("ninja", ninja),
        "ahead of ninja -j2",
        ours < ninja,
    );
    figures.held("tasks", beside("just", just), "ahead of just", ours < just);
}

fn run(program: &Path, world: &World, state: &Path) -> Command {
    let mut run = Command::new(program);
    run.current_dir(world.folder())
        .args(["run", "--jobs", "2", "--state"])
        .arg(state)
        .arg("deploy.yaml");
    run
}

fn commands(peers: &Peers, world: &World) -> [Command; 3] {
    let command = |program: &PathBuf, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.current_dir(world.folder()).args(arguments);
        command
    };
    [
        command(&peers.make, &["-j2"]),
        command(&peers.ninja, &["-j2"]),
        command(&peers.just, &["all"]),
    ]
}

/// A run that left tasks out would be fast as well.
fn all_were_run(state: &Path) -> anyhow::Result<()> {
    let records = records(state)?.context("the run kept no records")?;
    let text = std::fs::read_to_string(&records)?;
    let n_finished = text
        .lines()
        .filter(|line| line.contains("\"type\":\"task-finished\"") && line.contains("succeeded"))
        .count();
    ensure!(
        n_finished == N_TASKS,
        "{n_finished} of {N_TASKS} tasks succeeded, says `{}`",
        records.display()
    );
    Ok(())
}

/// Finds the records of the only walk below a folder of state.
fn records(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == "records.jsonl") {
            return Ok(Some(path));
        }
        if path.is_dir()
            && let Some(found) = records(&path)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn being_behind_one_peer_is_being_behind() {
        let second = Duration::from_secs(1);
        let holds = |ours: u32| {
            let mut figures = Figures::default();
            judge(
                second * ours,
                [second * 3, second * 5, second * 12],
                &mut figures,
            );
            figures.all_hold()
        };
        assert!(holds(4));
        assert!(!holds(5), "ninja is as fast");
        assert!(!holds(7), "make is more than twice as fast");
    }
}
