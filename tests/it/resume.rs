//! What a later run repeats, and what it does not.
#![cfg(target_os = "linux")]

use rustix::process::Signal;

use crate::world::World;

/// Two tasks that leave traces: `b` reads what `a` gives, which is the first word of `v`.
const CHAIN: &str = r#"
name: app
phases:
  - id: ship
    tasks:
      - id: a
        paths: v
        run: { script: 'echo a >> "$OUT/trace"; echo "version=$(cat v)"' }
        outputs: { version: { match: "^version=(.*)$" } }
      - id: b
        paths: none
        env: { VERSION: "${{ tasks.a.outputs.version }}" }
        run: { script: 'echo "b $VERSION" >> "$OUT/trace"', changes: false }
      - id: c
        paths: w
        run: { script: 'echo c >> "$OUT/trace"' }
"#;

fn chain() -> World {
    let world = World::new(CHAIN);
    world.write("v", "v1\n");
    world.write("w", "w1\n");
    world.commit();
    world
}

#[test]
fn a_second_run_repeats_nothing_and_says_so() {
    let world = chain();
    world
        .run(&[])
        .tells("0: a succeeded, b succeeded, c succeeded");
    let before = world.read("trace");
    let second = world.run(&[]);
    second.tells("0: a up-to-date, b up-to-date, c up-to-date");
    assert_eq!(world.read("trace"), before);
}

#[test]
fn an_edited_file_repeats_exactly_what_depends_on_it_and_v1_again_deploys_v1_again() {
    let world = chain();
    world
        .run(&[])
        .tells("0: a succeeded, b succeeded, c succeeded");
    world.write("v", "v2\n");
    world
        .run(&[])
        .tells("0: a succeeded, b succeeded, c up-to-date");
    world.write("v", "v1\n");
    world
        .run(&[])
        .tells("0: a succeeded, b succeeded, c up-to-date");
    let trace = world.read("trace");
    let versions: Vec<&str> = trace.lines().filter(|line| line.starts_with('b')).collect();
    assert_eq!(versions, ["b v1", "b v2", "b v1"]);
    world
        .run(&[])
        .tells("0: a up-to-date, b up-to-date, c up-to-date");
}

#[test]
fn an_edit_that_changes_no_output_stops_at_the_task_that_reads_the_file() {
    let world = chain();
    world
        .run(&[])
        .tells("0: a succeeded, b succeeded, c succeeded");
    let plan = CHAIN.replace("echo a >>", "echo A >>");
    world.write("deploy.yaml", &plan);
    world
        .run(&[])
        .tells("0: a succeeded, b up-to-date, c up-to-date");
}

const INTERRUPTED: &str = r#"
name: app
phases:
  - id: ship
    tasks:
      - id: before
        run: { script: 'echo before >> "$OUT/trace"' }
      - id: middle
        needs: before
        outputs: { word: {} }
        run: { script: 'echo middle >> "$OUT/trace"; echo started > "$OUT/started"; until test -e "$OUT/go"; do sleep 0.01; done; echo "word=done" >> "$GITHUB_OUTPUT"', changes: CHANGES }
      - id: after
        env: { WORD: "${{ tasks.middle.outputs.word }}" }
        run: { script: 'echo "after $WORD" >> "$OUT/trace"' }
"#;

fn interrupted(changes: &str) -> World {
    World::new(&INTERRUPTED.replace("CHANGES", changes))
}

#[test]
fn a_runner_killed_inside_a_kept_child_is_followed_by_one_that_takes_over_its_end() {
    let world = interrupted("true");
    let run = world.start(&[]);
    world.wait_for("started");
    run.kill();
    let second = world.start(&[]);
    second.wait_for("task-interrupted", "middle");
    world.allow("go");
    let second = second.end();
    second.tells("0: after succeeded, before up-to-date, middle succeeded");
    assert_eq!(world.read("trace"), "before\nmiddle\nafter done\n");
    world
        .run(&[])
        .tells("0: after up-to-date, before up-to-date, middle up-to-date");
}

#[test]
fn a_kept_child_that_ended_while_no_runner_lived_is_taken_over_too() {
    let world = interrupted("true");
    let run = world.start(&[]);
    world.wait_for("started");
    run.kill();
    world.allow("go");
    world
        .run(&[])
        .tells("0: after succeeded, before up-to-date, middle succeeded");
    assert_eq!(world.read("trace"), "before\nmiddle\nafter done\n");
    world
        .run(&[])
        .tells("0: after up-to-date, before up-to-date, middle up-to-date");
}

#[test]
fn a_runner_killed_inside_a_task_that_changes_nothing_is_followed_by_one_that_repeats_it() {
    let world = interrupted("false");
    let run = world.start(&[]);
    world.wait_for("started");
    run.kill();
    world.allow("go");
    world
        .run(&[])
        .tells("0: after succeeded, before up-to-date, middle succeeded");
    assert_eq!(world.read("trace"), "before\nmiddle\nmiddle\nafter done\n");
    world
        .run(&[])
        .tells("0: after up-to-date, before up-to-date, middle up-to-date");
}

/// Kills the runner, the keeper and the child.
fn kill_everything(world: &World) {
    let run = world.start(&[]);
    run.wait_for("child-kept", "middle");
    world.wait_for("started");
    run.kill();
    let records = std::fs::read_to_string(world.records("shared")).expect("records");
    let kept = records
        .lines()
        .find(|line| line.contains("child-kept"))
        .expect("a keeper");
    let number = kept.split("\"pid\":").nth(1).expect("a number");
    let number: String = number.chars().take_while(char::is_ascii_digit).collect();
    let keeper =
        rustix::process::Pid::from_raw(number.parse().expect("a number")).expect("a number");
    rustix::process::kill_process(keeper, Signal::KILL).expect("it runs");
    world.allow("go");
}

#[test]
fn a_change_whose_end_nobody_knows_asks_and_goes_on_after_done() {
    let world = interrupted("true");
    kill_everything(&world);
    let second = world.run(&[]);
    assert_eq!(second.code, Some(4), "{}", second.all());
}
