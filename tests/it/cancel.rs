//! Cancelled and vanished jobs, under a stand-in of GitHub's runner: it starts the step of `action.yml` and does to it what the
//! runner does. Real time is part of that protocol, so the two tests that need it take seven seconds each.
#![cfg(target_os = "linux")]

mod runner;

use std::time::Duration;

use runner::Job;
use rustix::process::{Signal, kill_process_group};

use crate::{
    rehearse_world::Started,
    world::{World, wait_until},
};

fn plan(tasks: &str) -> String {
    format!("name: app\nphases:\n  - id: ship\n    tasks:\n{tasks}\n")
}

/// A job's world, whose runner can be recognised.
fn world(tasks: &str) -> World {
    World::new(&plan(tasks)).on_actions()
}

/// Notes each signal and goes on until it is allowed to end.
const PATIENT: &str = "
      - id: kept
        run: { script: 'trap \"echo INT >> $OUT/trace\" INT; trap \"echo TERM >> $OUT/trace\" TERM; echo begin >> $OUT/trace; until test -e $OUT/go; do sleep 0.02 || true; done; echo end >> $OUT/trace' }
      - { id: after, needs: kept, run: { script: 'echo after >> $OUT/trace' } }";

const RUN: &[(&str, &str)] = &[("COMMAND", "run"), ("ARGUMENTS", "--format\njson")];
const CLOSE: &[(&str, &str)] = &[("COMMAND", "close")];

#[test]
fn a_cancelled_step_leaves_by_itself_and_the_closing_step_finishes_its_child() {
    let world = world(PATIENT);
    let job = Job::new(&world);
    let step = job.step(RUN);
    world.wait_for("trace");
    let left = step.cancel();
    assert_eq!(
        left.after,
        Signal::INT,
        "the runner had to insist: {left:?}"
    );
    left.ran.tells("130: kept started");
    assert!(left.took > Duration::from_secs(5), "{left:?}");
    let mut closing = job.step(CLOSE);
    assert!(closing.is_running(), "it waits for the child");
    world.allow("go");
    let closed = closing.end();
    assert_eq!(closed.code, Some(0), "{}", closed.all());
    assert!(
        closed.stderr.contains("ended with exit code 0"),
        "{}",
        closed.stderr
    );
    assert_eq!(world.read("trace"), "begin\nINT\nend\n");
    assert_eq!(job.end(), [""; 0], "nothing of the job is left");
    // The child was asked to stop, so it counts as cancelled although it ended well, and runs again.
    let next = world.run(&[]);
    next.tells("0: after succeeded, kept succeeded");
    assert_eq!(
        next.events("task-finished")[0]["outcome"]["type"],
        "cancelled"
    );
}

#[test]
fn a_tree_that_is_killed_at_once_leaves_its_kept_child_to_the_closing_step() {
    let world = world(PATIENT);
    let job = Job::new(&world);
    let step = job.step(RUN);
    world.wait_for("trace");
    step.vanish();
    assert_eq!(job.end(), [""; 0], "a keeper is not found by the clean-up");
    let mut closing = job.step(CLOSE);
    assert!(closing.is_running(), "it waits for the child");
    world.allow("go");
    let closed = closing.end();
    assert!(
        closed.stderr.contains("ended with exit code 0"),
        "{}",
        closed.stderr
    );
    let next = world.run(&[]);
    next.tells("0: after succeeded, kept succeeded");
    assert_eq!(next.events("task-interrupted").len(), 1);
    assert_eq!(world.read("trace"), "begin\nend\nafter\n");
}

#[test]
fn what_no_keeper_holds_does_not_outlive_its_job() {
    let world = world(
        "
      - id: looks
        run: { script: 'echo begin >> $OUT/trace; until test -e $OUT/go; do echo x > $OUT/beat; sleep 0.02; done', changes: false }",
    );
    let job = Job::new(&world);
    let step = job.step(RUN);
    world.wait_for("trace");
    // On Linux the runner kills the entry process alone; the rest is up to the clean-up at the end of the job.
    step.kill_entry();
    let killed = job.end();
    assert!(!killed.is_empty(), "the child was left");
    wait_until("it is gone", || job.end().is_empty().then_some(()));
    std::fs::remove_file(world.out("beat")).expect("it was there");
    world.allow("go");
    world.run(&[]).tells("0: looks succeeded");
    assert_eq!(world.read("trace"), "begin\nbegin\n");
    assert_eq!(world.read("beat"), "", "an orphan writes");
}

#[test]
fn a_child_that_ignores_the_signal_is_killed_before_the_runner_insists() {
    let world = world(
        "
      - id: deaf
        run: { script: 'trap \"\" INT TERM; echo $$ > $OUT/pid; until test -e $OUT/go; do sleep 0.02; done', changes: false }
      - { id: after, needs: deaf, run: { script: 'true' } }",
    );
    let job = Job::new(&world);
    let step = job.step(RUN);
    let pid = world.wait_for("pid");
    let left = step.cancel();
    assert_eq!(
        left.after,
        Signal::INT,
        "the runner had to insist: {left:?}"
    );
    left.ran.tells("130: deaf cancelled");
    assert!(left.took > Duration::from_secs(5), "{left:?}");
    assert!(
        !std::path::Path::new("/proc").join(pid.trim()).exists(),
        "it was not killed"
    );
    assert_eq!(job.end(), [""; 0]);
}

#[test]
fn behind_a_cancel_nothing_begins_and_a_child_that_ends_well_was_cancelled_all_the_same() {
    let world = world(
        "
      - id: first
        run: { script: 'trap \"echo INT >> $OUT/trace; exit 0\" INT; echo begin >> $OUT/trace; until test -e $OUT/go; do sleep 0.02; done' }
      - { id: second, run: { script: 'echo second >> $OUT/trace' } }
      - { id: third, needs: first, run: { script: 'echo third >> $OUT/trace' } }",
    );
    let job = Job::new(&world);
    let step = job.step(&[RUN[0], ("ARGUMENTS", "--format\njson\n--jobs\n1")]);
    world.wait_for("trace");
    let left = step.cancel();
    assert_eq!(left.after, Signal::INT);
    left.ran.tells("130: first cancelled");
    assert_eq!(world.read("trace"), "begin\nINT\n");
    let closed = job.step(CLOSE).end();
    assert_eq!(closed.stderr, "nothing was left running\n");
}

#[test]
fn ctrl_c_for_all_of_a_terminal_is_one_signal_for_each_child() {
    let world = world(
        "
      - { id: kept, run: { script: 'trap \"echo kept >> $OUT/trace; exit 3\" INT; echo up > $OUT/kept; until test -e $OUT/go; do sleep 0.02; done' } }
      - { id: direct, run: { script: 'trap \"echo direct >> $OUT/trace; exit 3\" INT; echo up > $OUT/direct; until test -e $OUT/go; do sleep 0.02; done', changes: false } }",
    );
    let command = world.program(&["run", "--format", "json", "--jobs", "2"]);
    let run = Started::of(command, &world, "run");
    world.wait_for("kept");
    world.wait_for("direct");
    // A terminal signals its whole foreground group, and people press the keys more than once.
    let group = i32::try_from(run.id()).expect("a process number");
    let group = rustix::process::Pid::from_raw(group).expect("a process number");
    for _ in 0..3 {
        kill_process_group(group, Signal::INT).expect("it runs");
    }
    run.end().tells("130: direct cancelled, kept cancelled");
    let trace = world.read("trace");
    let mut noted: Vec<&str> = trace.lines().collect();
    noted.sort_unstable();
    assert_eq!(noted, ["direct", "kept"]);
}
