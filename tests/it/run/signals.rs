//! Signals, leases, jobs side by side, and a ledger that was cut off.

use rustix::process::Signal;

use super::{THREE, plan, world};
use crate::world::{World, wait_until};

const SLOW: &str = "
      - { id: kept, run: { script: 'trap \"echo INT >> $OUT/signals; exit 3\" INT; echo up > $OUT/up; while true; do sleep 0.02; done' } }
      - { id: after, needs: kept, run: { script: 'true' } }";

#[test]
fn a_signal_reaches_the_child_once_and_the_next_run_goes_on() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let world = world(SLOW);
        let run = world.start(&[]);
        world.wait_for("up");
        run.signal(signal);
        run.signal(signal);
        let ran = run.end();
        ran.tells(&format!("{code}: kept cancelled"));
        assert_eq!(world.read("signals"), "INT\n");
        assert_eq!(ran.events("cancel-requested").len(), 1);
        world.write(
            "deploy.yaml",
            &plan("", &SLOW.replace("while true", "while false")),
        );
        world.run(&[]).tells("0: after succeeded, kept succeeded");
    }
}

#[test]
fn a_run_that_is_cancelled_while_it_waits_to_repeat_ends_at_once() {
    let world = world(
        "
      - { id: flaky, run: { script: 'exit 75' }, retry: { attempts: 2, delay: 10m, exit: 75 } }",
    );
    let run = world.start(&[]);
    run.wait_for("retry-scheduled", "flaky");
    let began = std::time::Instant::now();
    run.signal(Signal::INT);
    run.end().tells("130: flaky failed (task)");
    assert!(began.elapsed().as_secs() < 5, "it waited for nothing");
}

#[test]
fn a_run_that_is_cancelled_while_it_verifies_leaves_no_failed_check() {
    let world = world("
      - { id: a, run: { script: 'true' }, verify: [{ id: c, run: { script: 'echo up > $OUT/up; exit 1' }, within: 10m, every: 10m }] }");
    let run = world.start(&[]);
    world.wait_for("up");
    run.signal(Signal::INT);
    run.end().tells("130: a cancelled");
}

#[test]
fn the_run_leaves_in_time_while_a_kept_child_stays_and_the_next_run_takes_over_its_end() {
    let world = world("
      - id: kept
        outputs: { word: {} }
        run: { script: 'trap \"echo INT >> $OUT/signals\" INT; echo up > $OUT/up; while test -d $OUT && ! test -e $OUT/go; do sleep 0.02 || true; done; echo word=done >> $GITHUB_OUTPUT; echo end >> $OUT/signals' }
      - { id: after, env: { W: '${{ tasks.kept.outputs.word }}' }, run: { script: 'echo $W > $OUT/after' } }");
    let run = world.start(&[]);
    world.wait_for("up");
    let began = std::time::Instant::now();
    run.signal(Signal::INT);
    run.end().tells("130: kept started");
    let took = began.elapsed().as_millis();
    assert!((5_000..9_500).contains(&took), "{took} ms");
    assert_eq!(world.read("signals"), "INT\n");
    let refused = world.run(&["--force", "kept", "--task", "kept"]);
    refused.tells("10: kept failed (unavailable)");
    world.allow("go");
    wait_until("the child ends", || {
        world.read("signals").contains("end").then_some(())
    });
    let ran = world.run(&[]);
    // A child that was asked to stop was cancelled, whatever its exit code says (C-CAN-12); so it runs again.
    ran.tells("0: after succeeded, kept succeeded");
    assert_eq!(
        ran.events("task-finished")[0]["outcome"]["type"],
        "cancelled"
    );
    assert_eq!(world.read("signals"), "INT\nend\nend\n");
    assert_eq!(world.read("after"), "done\n");
    world.run(&[]).tells("0: after up-to-date, kept up-to-date");
}

const WAITS: &str = "
      - { id: slow, run: { script: 'echo up > $OUT/up; while test -d $OUT && ! test -e $OUT/go; do sleep 0.02; done' } }
      - { id: other, run: { script: 'true' } }";

#[test]
fn a_lease_of_a_live_run_ends_another_with_10_and_names_the_holder() {
    let world = world(WAITS).on_actions();
    let run = world.start(&["--task", "slow"]);
    world.wait_for("up");
    let world = world.with("GITHUB_RUN_ID", "8");
    let second = world.run(&["--task", "other"]);
    second.tells("10: ");
    assert!(second.stderr.contains("run `7`"), "{}", second.stderr);
    assert!(
        second
            .stderr
            .contains("https://github.com/acme/app/actions/runs/7"),
        "{}",
        second.stderr
    );
    world.allow("go");
    run.end().tells("0: slow succeeded");
    world.run(&["--task", "other"]).tells("0: other succeeded");
}

#[test]
fn a_run_in_one_environment_does_not_hold_up_another_one() {
    let world = World::new("
name: app
environments: { staging: {}, production: {} }
phases:
  - id: ship
    environment: [staging, production]
    tasks:
      - { id: app, env: { E: '${{ environment.name }}' }, run: { script: 'echo up > $OUT/$E; while test -d $OUT && ! test -e $OUT/go-$E; do sleep 0.02; done' } }
");
    let run = world.start(&["--environment", "staging"]);
    world.wait_for("staging");
    world.allow("go-production");
    world
        .run(&["--environment", "production"])
        .tells("0: app@production succeeded");
    world.allow("go-staging");
    run.end().tells("0: app@staging succeeded");
}

#[test]
fn two_jobs_of_one_run_share_the_lease_and_the_ledger() {
    let world = world("
      - { id: a, run: { script: 'echo up > $OUT/a; until test -s $OUT/b; do sleep 0.02; done; echo v=1 >> $GITHUB_OUTPUT' }, outputs: { v: {} } }
      - { id: b, run: { script: 'echo up > $OUT/b; until test -s $OUT/a; do sleep 0.02; done; echo v=2 >> $GITHUB_OUTPUT' }, outputs: { v: {} } }
      - { id: c, env: { A: '${{ tasks.a.outputs.v }}', B: '${{ tasks.b.outputs.v }}' }, run: { script: 'echo $A $B > $OUT/c' } }")
    .on_actions();
    let (a, b) = (world.start(&["--task", "a"]), world.start(&["--task", "b"]));
    a.end().tells("0: a succeeded");
    b.end().tells("0: b succeeded");
    world.run(&["--task", "c"]).tells("0: c succeeded");
    assert_eq!(world.read("c"), "1 2\n");
}

#[test]
fn a_repeated_job_has_the_same_run_and_a_folder_of_its_own() {
    let world = world("      - { id: a, run: { script: 'test -e $OUT/well' } }").on_actions();
    world.run(&[]).tells("1: a failed (task)");
    world.allow("well");
    world.run(&[]).tells("0: a succeeded");
    world.run(&["--force", "a"]).tells("0: a succeeded");
}

#[test]
fn a_torn_last_line_is_dropped_and_reported() {
    let world = World::new(THREE);
    world.run(&["--task", "one"]).tells("0: one succeeded");
    let path = world.records("none");
    let mut records = std::fs::read_to_string(&path).expect("records");
    records.push_str("37 half a rec");
    std::fs::write(&path, records).expect("records");
    let ran = world.call(&["run", "--task", "one"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stderr.contains("dropped 13 bytes"), "{}", ran.stderr);
    world.run(&["--task", "one"]).tells("0: one up-to-date");
    assert_eq!(world.read("trace"), "one\n");
}
