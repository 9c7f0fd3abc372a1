//! Runs that are cut off while terraform applies.

use rustix::process::Signal;

use super::{SLOW, world};

#[test]
fn a_runner_that_is_killed_leaves_the_apply_to_be_taken_over() {
    let world = world(SLOW, "");
    let running = world.start(&[]);
    world.wait_for("trace");
    running.kill();
    let next = world.start(&[]);
    next.wait_for("task-interrupted", "network");
    world.allow("go");
    let next = next.end();
    next.tells("0: network succeeded, reader succeeded");
    assert_eq!(world.read("trace"), "begin\nend\n", "it was applied once");
    assert!(!world.read("read").trim().is_empty());
}

/// C-CAN-1 and C-CAN-2: one SIGINT, without a terminal, and nothing else while terraform finishes what it began.
#[test]
fn a_cancelled_apply_gets_one_sigint_writes_its_state_and_frees_its_lock() {
    let world = world(SLOW, "");
    let running = world.start(&[]);
    world.wait_for("trace");
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.all());
    world.allow("go");
    let next = world.run(&[]);
    next.tells("0: network succeeded, reader succeeded");
}
