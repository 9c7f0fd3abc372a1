//! Which tasks run, and which exit code tells how it went.

use super::{THREE, plan, world};
use crate::world::World;

#[test]
fn a_selection_runs_what_it_names_and_believes_the_ledger_about_the_rest() {
    let world = World::new(THREE);
    world.run(&["--task", "two"]).tells("1: two blocked on one");
    world.run(&["--task", "one"]).tells("0: one succeeded");
    world
        .run(&["--phase", "ship"])
        .tells("1: three blocked on two");
    world
        .run(&["--from", "two"])
        .tells("0: three succeeded, two succeeded");
    assert_eq!(world.read("trace"), "one\ntwo\nthree\n");
}

#[test]
fn a_force_repeats_that_task_alone() {
    let world = World::new(THREE);
    world
        .run(&[])
        .tells("0: one succeeded, three succeeded, two succeeded");
    let forced = world.run(&["--force", "two"]);
    forced.tells("0: one up-to-date, three up-to-date, two succeeded");
    assert_eq!(world.read("trace"), "one\ntwo\nthree\ntwo\n");
}

#[test]
fn an_unknown_name_ends_with_2_and_the_nearest_one() {
    let world = World::new(THREE);
    for option in ["--task", "--from", "--force", "--done", "--confirm"] {
        let ran = world.run(&[option, "thre"]);
        assert_eq!(ran.code, Some(2), "{option}: {}", ran.all());
        assert!(ran.stderr.contains("`thre`"), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("did you mean `three`?"),
            "{}",
            ran.stderr
        );
    }
    let phase = world.run(&["--phase", "shp"]);
    assert_eq!(phase.code, Some(2));
    assert!(
        phase.stderr.contains("did you mean `ship`?"),
        "{}",
        phase.stderr
    );
    assert_eq!(world.read("trace"), "");
}

#[test]
fn a_valid_selection_without_a_task_ends_with_5() {
    let world = World::new(THREE);
    assert_eq!(
        world.run(&["--phase", "build", "--task", "three"]).code,
        Some(5)
    );
}

#[test]
fn a_dry_run_says_what_would_run_and_writes_nothing() {
    let world = World::new(THREE);
    world.run(&["--task", "one"]).tells("0: one succeeded");
    let records = std::fs::read(world.records("none")).expect("records");
    let ran = world.call(&["run", "--dry-run"]);
    assert_eq!(ran.code, Some(0));
    assert_eq!(
        ran.stdout,
        "one    up to date\ntwo    would run\nthree  would run\n"
    );
    assert_eq!(world.read("trace"), "one\n");
    assert_eq!(
        std::fs::read(world.records("none")).expect("records"),
        records
    );
}

#[test]
fn a_dry_run_leaves_open_what_hangs_on_the_outputs_of_a_task_that_would_run() {
    let world = world(
        "
      - { id: made, paths: in, outputs: { x: {} }, run: { script: 'echo x=1 >> $GITHUB_OUTPUT' } }
      - { id: reads, paths: none, outputs: { y: {} }, env: { X: '${{ tasks.made.outputs.x }}' }, run: { script: 'echo y=$X >> $GITHUB_OUTPUT' } }
      - { id: reads-that, paths: none, env: { Y: '${{ tasks.reads.outputs.y }}' }, run: { script: 'true' } }
      - { id: only-after, paths: none, needs: made, run: { script: 'true' } }",
    );
    world.write("in", "1");
    world.write("none", "");
    world.commit();
    world
        .run(&[])
        .tells("0: made succeeded, only-after succeeded, reads succeeded, reads-that succeeded");
    world.write("in", "2");
    let ran = world.call(&["run", "--dry-run"]);
    assert_eq!(
        ran.stdout,
        "made        would run
reads       up to date, unless what it reads comes out differently
reads-that  up to date, unless what it reads comes out differently
only-after  up to date\n"
    );
}

#[test]
fn a_state_folder_that_is_named_holds_the_ledger() {
    let world = World::new(THREE);
    let elsewhere = world.out("ledgers").to_string_lossy().into_owned();
    world
        .run(&["--state", &elsewhere, "--task", "one"])
        .tells("0: one succeeded");
    world
        .run(&["--state", &elsewhere, "--task", "one"])
        .tells("0: one up-to-date");
    world.run(&["--task", "one"]).tells("0: one succeeded");
}

#[test]
fn a_failure_blocks_what_needs_it_directly_or_not_and_the_rest_goes_on() {
    let world = world(
        "
      - { id: bad, run: { script: 'exit 7' } }
      - { id: next, needs: bad, run: { script: 'true' } }
      - { id: last, needs: next, run: { script: 'true' } }
      - { id: other, run: { script: 'true' } }",
    );
    let ran = world.run(&[]);
    ran.tells("1: bad failed (task), last blocked on bad, next blocked on bad, other succeeded");
    assert_eq!(ran.last("task-finished", "bad")["outcome"]["exit"], 7);
}

#[test]
fn fail_fast_starts_nothing_after_a_failure() {
    let world = world(
        "
      - { id: bad, run: { script: 'exit 1' } }
      - { id: other, run: { script: 'echo other > $OUT/other' } }",
    );
    world
        .run(&["--fail-fast", "--jobs", "1"])
        .tells("1: bad failed (task)");
    assert_eq!(world.read("other"), "");
    world
        .run(&["--jobs", "1"])
        .tells("1: bad failed (task), other succeeded");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let world = world("      - { id: a, run: { command: [no-such-tool-anywhere] } }");
    let ran = world.run(&[]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(
        ran.failure("a").contains("`no-such-tool-anywhere`"),
        "{}",
        ran.failure("a")
    );
}

#[test]
fn a_skipped_task_satisfies_and_its_readers_say_what_they_take_instead() {
    let world = World::new(&plan(
        "inputs: { big: { type: boolean, default: false } }",
        "
      - { id: probe, run: { script: 'echo found=no >> $GITHUB_OUTPUT', changes: false }, outputs: { found: {} } }
      - { id: static, if: inputs.big, run: { script: 'echo v=static >> $GITHUB_OUTPUT' }, outputs: { v: {} } }
      - { id: dynamic, if: tasks.probe.outputs.found == 'yes', run: { script: 'true' } }
      - { id: after, needs: [static, dynamic], env: { V: \"${{ tasks.static.outputs.v || 'none' }}\" }, run: { script: 'echo $V > $OUT/v' } }",
    ));
    world
        .run(&[])
        .tells("0: after succeeded, dynamic skipped, probe succeeded, static skipped");
    assert_eq!(world.read("v"), "none\n");
    let big = world.run(&["--input", "big=true"]);
    big.tells("0: after succeeded, dynamic skipped, probe up-to-date, static succeeded");
    assert_eq!(world.read("v"), "static\n");
}

#[test]
fn a_task_answers_a_decision_and_another_takes_part_by_it() {
    let world = World::new(&plan(
        "decisions: { store: { question: Which?, options: [old, new], answer: '${{ tasks.find.outputs.store }}' } }",
        "
      - { id: find, paths: answer, run: { script: 'echo store=$(cat answer)', changes: false }, outputs: { store: { match: '^store=(.*)$' } } }
      - { id: migrate, if: decisions.store == 'old', env: { S: '${{ decisions.store }}' }, run: { script: 'echo $S > $OUT/migrated' } }",
    ));
    world.write("answer", "new\n");
    let first = world.run(&[]);
    first.tells("0: find succeeded, migrate skipped");
    let answered = first.events("decision-answered");
    assert_eq!(answered[0]["answer"], "new");
    world.write("answer", "old\n");
    world.run(&[]).tells("0: find succeeded, migrate succeeded");
    assert_eq!(world.read("migrated"), "old\n");
    world.write("answer", "maybe\n");
    let wrong = world.run(&[]);
    wrong.tells("1: find failed (task), migrate blocked on find");
    assert!(
        wrong.failure("find").contains("`maybe`"),
        "{}",
        wrong.failure("find")
    );
}

#[test]
fn an_open_decision_pauses_what_reads_it_anywhere_and_the_rest_runs() {
    let open = "decisions: { tls: { question: Where?, options: [a, b] } }";
    let tasks = "
      - { id: env, env: { T: '${{ decisions.tls }}' }, run: { script: 'true' } }
      - { id: condition, if: decisions.tls == 'a', run: { script: 'true' } }
      - { id: verified, run: { script: 'echo body > $OUT/body' }, verify: [{ run: { command: [echo, '${{ decisions.tls }}'] } }] }
      - { id: gate, gate: { decisions: tls } }
      - { id: behind, needs: gate, run: { script: 'true' } }
      - { id: other, run: { script: 'true' } }";
    let world = World::new(&plan(open, tasks));
    world.run(&[]).tells(
        "4: behind blocked on gate, condition paused (decision), env paused (decision), \
         gate paused (decision), other succeeded, verified paused (decision)",
    );
    assert_eq!(
        world.read("body"),
        "",
        "it would have been done without a way to verify it"
    );
    world.write(
        "deploy.yaml",
        &plan(&open.replace("[a, b]", "[a, b], answer: a"), tasks),
    );
    world.run(&["--task", "gate", "--task", "behind", "--task", "env", "--task", "verified", "--task", "condition"]).tells(
        "0: behind succeeded, condition succeeded, env succeeded, gate succeeded, verified succeeded",
    );
}

#[test]
fn a_gate_waits_for_a_confirmation_of_what_it_asks_now() {
    let tasks = "
      - { id: look, gate: { confirm: Somebody looked } }
      - { id: ship-it, needs: look, run: { script: 'true' } }";
    let world = world(tasks);
    world
        .run(&[])
        .tells("4: look paused (confirmation), ship-it blocked on look");
    let confirmed = world.run(&["--confirm", "look"]);
    confirmed.tells("0: look succeeded, ship-it succeeded");
    assert_eq!(confirmed.last("gate-confirmed", "look")["by"], "ada");
    world.run(&["--task", "look"]).tells("0: look up-to-date");
    world.write(
        "deploy.yaml",
        &plan("", &tasks.replace("looked", "looked twice")),
    );
    world
        .run(&["--task", "look"])
        .tells("4: look paused (confirmation)");
    world
        .run(&["--task", "look", "--confirm", "look"])
        .tells("0: look succeeded");
}

#[test]
fn a_dispatched_workflow_confirms_by_its_input() {
    let world = world("      - { id: look, gate: { confirm: Somebody looked } }").on_actions();
    let event = world.out("event.json");
    std::fs::write(&event, r#"{ "inputs": { "confirm": "look" } }"#).expect("an event");
    let world = world
        .with("GITHUB_EVENT_NAME", "workflow_dispatch")
        .with("GITHUB_EVENT_PATH", &event.to_string_lossy());
    let ran = world.run(&[]);
    ran.tells("0: look succeeded");
    assert_eq!(ran.last("gate-confirmed", "look")["by"], "ada");
}

#[test]
fn a_change_in_an_environment_with_reviewers_waits_for_them() {
    let world = World::new(
        "
name: app
environments: { production: { reviewers: '@acme/ops' } }
phases:
  - id: ship
    environment: production
    tasks:
      - { id: look, run: { script: 'true', changes: false } }
      - { id: gate, gate: { confirm: Somebody looked } }
      - { id: change, run: { script: 'echo change > $OUT/change' } }
",
    );
    let ran = world.run(&["--confirm", "gate"]);
    ran.tells("4: change@production paused (approval), gate@production paused (approval), look@production succeeded");
    assert_eq!(world.read("change"), "");
}

const WALKS: &str = "
name: app
inputs: { size: { default: small } }
environments: { staging: {}, production: { needs: staging, inputs: { size: large } } }
phases:
  - id: build
    tasks:
      - { id: image, run: { script: 'echo image >> $OUT/trace; echo tag=v1 >> $GITHUB_OUTPUT' }, outputs: { tag: {} } }
  - id: ship
    environment: [staging, production]
    tasks:
      - { id: app, env: { E: '${{ environment.name }}', S: '${{ inputs.size }}', T: '${{ tasks.image.outputs.tag }}' }, run: { script: 'echo $E $S $T >> $OUT/trace' } }
";

#[test]
fn an_environment_is_a_walk_of_its_own_with_its_inputs_behind_the_one_that_it_needs() {
    let world = World::new(WALKS);
    world
        .run(&[])
        .tells("0: app@production succeeded, app@staging succeeded, image succeeded");
    assert_eq!(
        world.read("trace"),
        "image\nstaging small v1\nproduction large v1\n"
    );
    let one = world.run(&["--environment", "production", "--force", "app@production"]);
    one.tells("0: app@production succeeded, image up-to-date");
}

#[test]
fn legs_of_a_matrix_run_each_and_their_outputs_are_a_map() {
    let world = world("
      - id: build
        matrix: { name: [api, web], include: [{ name: web, flag: x }] }
        env: { N: '${{ matrix.name }}' }
        run: { script: 'echo ref=r-$N >> $GITHUB_OUTPUT' }
        outputs: { ref: {} }
      - { id: deploy, env: { REFS: '${{ toJSON(tasks.build.outputs.ref) }}' }, run: { script: 'echo \"$REFS\" | tr -d \" \\n\" > $OUT/refs' } }");
    world
        .run(&[])
        .tells("0: build[api] succeeded, build[web] succeeded, deploy succeeded");
    assert_eq!(world.read("refs"), r#"{"api":"r-api","web":"r-web"}"#);
    world
        .run(&["--task", "build[web]", "--force", "build[web]"])
        .tells("0: build[web] succeeded");
}

#[test]
fn a_late_task_comes_after_the_later_phase_that_it_reads_and_before_the_rest_of_it() {
    let world = World::new(
        "
name: app
phases:
  - id: dns
    tasks:
      - { id: record, needs: cluster, run: { script: 'echo record >> $OUT/trace' } }
      - { id: zone, run: { script: 'echo zone >> $OUT/trace' } }
  - id: deploy
    tasks:
      - { id: release, run: { script: 'echo release >> $OUT/trace' } }
      - { id: cluster, run: { script: 'echo cluster >> $OUT/trace' } }
",
    );
    assert_eq!(world.run(&[]).code, Some(0));
    assert_eq!(world.read("trace"), "zone\ncluster\nrecord\nrelease\n");
}
