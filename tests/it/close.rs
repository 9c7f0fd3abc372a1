//! `deploy-action close`: what a job that was cut off leaves running, and what is said of it.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use crate::{rehearse_world::Started, world::World};

const PLAN: &str = "
name: app
phases:
  - id: all
    tasks:
      - { id: wait, run: { script: 'echo x > $OUT/started; while test -d $OUT && ! test -e $OUT/go; do sleep 0.05; done; exit 5' } }
      - { id: other, run: { script: 'true' } }
";

#[test]
fn it_waits_for_a_child_that_a_keeper_holds_and_says_how_it_ended() {
    let world = World::new(PLAN);
    let running = world.start(&["--task", "wait"]);
    world.wait_for("started");
    running.kill();
    let mut closing = Started::of(world.program(&["close", "--task", "wait"]), &world, "close");
    // However long one looks, it does not end before the child does.
    let looked = Instant::now();
    while looked.elapsed() < Duration::from_millis(300) {
        assert!(closing.is_running(), "{}", closing.end().all());
    }
    world.allow("go");
    let closed = closing.end();
    assert_eq!(closed.code, Some(0), "{}", closed.all());
    assert!(closed.stderr.starts_with("wait: "), "{}", closed.stderr);
    assert!(
        closed.stderr.contains("ended with exit code 5"),
        "{}",
        closed.stderr
    );
    assert!(
        closed.stderr.contains("1 child left without a word"),
        "{}",
        closed.stderr
    );
    world
        .run(&["--task", "wait"])
        .tells("1: wait failed (task)");
}

#[test]
fn after_a_job_that_ended_by_itself_nothing_is_left() {
    let world = World::new(PLAN);
    world.run(&["--task", "other"]).tells("0: other succeeded");
    let closed = world.call(&["close", "--task", "other"]);
    assert_eq!(closed.code, Some(0), "{}", closed.all());
    assert_eq!(closed.stderr, "nothing was left running\n");
    assert_eq!(closed.stdout, "");
}
