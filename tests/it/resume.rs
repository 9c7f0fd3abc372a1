//! What a later run repeats, and what it does not.
#![cfg(target_os = "linux")]

use rustix::process::{Pid, Signal, kill_process};

use crate::world::{World, wait_until};

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
        run: { script: 'echo middle >> "$OUT/trace"; echo started > "$OUT/started"; while test -d "$OUT" && ! test -e "$OUT/go"; do sleep 0.01; done; echo "word=done" >> "$GITHUB_OUTPUT"', changes: CHANGES }
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

fn kill_keeper(world: &World) {
    let records = std::fs::read_to_string(world.records("none")).expect("records");
    let mut kept = records
        .lines()
        .filter(|line| line.contains("child-kept") && line.contains("\"middle\""));
    let (_, event) = kept
        .next_back()
        .and_then(|line| line.split_once("\"pid\":"))
        .expect("a keeper");
    let number: String = event.chars().take_while(char::is_ascii_digit).collect();
    let keeper = Pid::from_raw(number.parse().expect("a number")).expect("a number");
    kill_process(keeper, Signal::KILL).expect("it runs");
}

/// Kills the runner and the keeper; the child goes on, and nobody will know how it ends.
fn kill_everything(world: &World) {
    let run = world.start(&[]);
    world.wait_for("started");
    run.kill();
    kill_keeper(world);
    world.allow("go");
}

#[test]
fn a_change_whose_end_nobody_knows_asks_until_a_person_says_that_it_is_done() {
    let world = interrupted("true");
    kill_everything(&world);
    for _ in 0..2 {
        let asked = world.run(&[]);
        asked.tells("4: after blocked on middle, before up-to-date, middle paused (settlement)");
    }
    let done = world.run(&["--done", "middle"]);
    // Its output is lost with it, and nothing becomes an empty text.
    done.tells("1: after failed (invalid), before up-to-date, middle up-to-date");
    assert_eq!(world.read("trace"), "before\nmiddle\n");
    let forced = world.run(&["--force", "middle"]);
    forced.tells("0: after succeeded, before up-to-date, middle succeeded");
    assert_eq!(world.read("trace"), "before\nmiddle\nmiddle\nafter done\n");
}

#[test]
fn a_change_whose_end_nobody_knows_runs_again_when_a_person_says_so() {
    let world = interrupted("true");
    kill_everything(&world);
    assert_eq!(world.run(&[]).code, Some(4));
    let forced = world.run(&["--force", "middle"]);
    forced.tells("0: after succeeded, before up-to-date, middle succeeded");
    assert_eq!(forced.last("task-started", "middle")["attempt"], 2);
    assert_eq!(world.read("trace"), "before\nmiddle\nmiddle\nafter done\n");
    let third = world.run(&[]);
    third.tells("0: after up-to-date, before up-to-date, middle up-to-date");
}

#[test]
fn a_task_that_a_person_calls_done_is_still_verified() {
    let plan = INTERRUPTED.replace("CHANGES", "true").replace(
        "        needs: before\n",
        "        needs: before\n        verify: [{ id: there, run: { script: 'test -e $OUT/there' } }]\n",
    );
    let world = World::new(&plan);
    kill_everything(&world);
    let done = world.run(&["--task", "middle", "--done", "middle"]);
    assert_eq!(
        done.events("check-answered")[0]["answer"]["answer"],
        "failed"
    );
    assert_eq!(done.events("task-invalidated").len(), 1);
}

#[test]
fn a_keeper_that_is_killed_under_a_live_run_leaves_a_question_and_no_failure() {
    let world = interrupted("true");
    let run = world.start(&[]);
    world.wait_for("started");
    kill_keeper(&world);
    let ran = run.end();
    ran.tells("4: after blocked on middle, before succeeded, middle paused (settlement)");
    world.allow("go");
}

#[test]
fn a_kept_child_that_still_runs_is_neither_repeated_nor_called_done() {
    let world = interrupted("true");
    let run = world.start(&[]);
    world.wait_for("started");
    run.kill();
    for word in ["--force", "--done"] {
        let ran = world.run(&["--task", "middle", word, "middle"]);
        ran.tells("10: middle failed (unavailable)");
    }
    world.write("other", "a file that the fingerprint of middle covers");
    world.commit();
    let changed = world.run(&["--task", "middle"]);
    changed.tells("10: middle failed (unavailable)");
    world.allow("go");
    let last = wait_until("the child has ended", || {
        let ran = world.run(&[]);
        (ran.code != Some(10)).then_some(ran)
    });
    last.tells("0: after succeeded, before succeeded, middle succeeded");
    assert_eq!(
        world.read("trace"),
        "before\nmiddle\nbefore\nmiddle\nafter done\n"
    );
}

#[test]
fn an_attempt_behind_one_that_was_taken_over_begins_anew_and_is_counted_on() {
    let world = World::new(
        "
name: app
phases:
  - id: ship
    tasks:
      - id: a
        retry: { attempts: 2, delay: 1s, exit: 75 }
        run: { script: 'echo a >> $OUT/trace; echo up > $OUT/started; while test -d $OUT && ! test -e $OUT/go; do sleep 0.01; done; test -e $OUT/second || { touch $OUT/second; exit 75; }' }
",
    );
    let run = world.start(&[]);
    world.wait_for("started");
    run.kill();
    world.allow("go");
    let ran = world.run(&[]);
    ran.tells("0: a succeeded");
    let ends: Vec<_> = ran
        .events("task-finished")
        .iter()
        .map(|event| (event["attempt"].clone(), event["outcome"]["type"].clone()))
        .collect();
    assert_eq!(
        ends,
        [(1.into(), "failed".into()), (2.into(), "succeeded".into())]
    );
    assert_eq!(world.read("trace"), "a\na\n");
    world.run(&[]).tells("0: a up-to-date");
}

#[test]
fn a_missing_secret_fails_a_run_and_takes_nothing_from_what_was_done() {
    let world = World::new(
        "
name: app
secrets: { KEY: {} }
phases:
  - id: ship
    tasks: [{ id: a, env: { K: '${{ secrets.KEY }}' }, run: { script: 'echo a >> $OUT/trace' } }]
",
    );
    let mut world = world.with("KEY", "hunter2-correct-horse");
    world.run(&[]).tells("0: a succeeded");
    world.unset("KEY");
    let without = world.run(&[]);
    without.tells("1: a failed (invalid)");
    assert!(
        without.all().contains("set the variable `KEY`"),
        "{}",
        without.all()
    );
    world.set("KEY", "another-value-of-it");
    world.run(&[]).tells("0: a up-to-date");
    assert_eq!(world.read("trace"), "a\n");
}

#[test]
fn an_old_record_of_a_run_is_believed_and_fresh_for_has_to_be_a_duration() {
    let world = chain();
    world
        .run(&[])
        .tells("0: a succeeded, b succeeded, c succeeded");
    world
        .run(&["--fresh-for", "1s"])
        .tells("0: a up-to-date, b up-to-date, c up-to-date");
    let wrong = world.run(&["--fresh-for", "20"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.all());
}

/// Whatever record was the last one before the runner was killed: what was finished stays so, the rest follows.
#[test]
fn a_runner_that_is_killed_behind_any_record_is_followed_by_one_that_ends_in_the_same_state() {
    let whole = interrupted("true");
    whole.allow("go");
    let number = whole.run(&[]).stdout.lines().count();
    assert!(
        number >= 11,
        "run, three tasks of three records each, run: {number}"
    );
    for killed_behind in 1..number {
        let world = interrupted("true");
        world.allow("go");
        let run = world.start(&["--jobs", "1"]);
        let seen = run.wait_for_records(killed_behind);
        run.kill();
        let mut later = vec![world.run(&[])];
        if later[0].code == Some(4) {
            let paused = later[0].events("task-paused");
            let unsettled = paused[0]["task"].as_str().expect("a task").to_owned();
            later.push(world.run(&["--force", &unsettled]));
        }
        let last = later.last().expect("there is one");
        assert_eq!(last.code, Some(0), "behind {killed_behind}: {}", last.all());
        let finished = seen.iter().filter(|event| event["type"] == "task-finished");
        let started: Vec<_> = later
            .iter()
            .flat_map(|ran| ran.events("task-started"))
            .map(|event| event["task"].clone())
            .collect();
        for event in finished {
            let ran_again = started.contains(&event["task"]);
            assert!(!ran_again, "behind {killed_behind}: {}", event["task"]);
        }
        let trace = world.read("trace");
        assert!(
            trace.ends_with("after done\n"),
            "behind {killed_behind}: {trace}"
        );
        let last = world.run(&[]);
        last.tells("0: after up-to-date, before up-to-date, middle up-to-date");
    }
}

#[test]
fn what_several_tasks_need_runs_once() {
    let world = World::new(
        "
name: app
phases:
  - id: ship
    tasks:
      - { id: shared, run: { script: 'echo shared >> $OUT/trace' } }
      - { id: a, needs: shared, run: { script: 'true' } }
      - { id: b, needs: shared, run: { script: 'true' } }
      - { id: c, needs: shared, run: { script: 'true' } }
",
    );
    let told = "0: a succeeded, b succeeded, c succeeded, shared succeeded";
    world.run(&["--jobs", "3"]).tells(told);
    assert_eq!(world.read("trace"), "shared\n");
}

#[test]
fn a_run_that_goes_on_after_failures_ends_with_1_and_names_them_last_and_first() {
    let world = World::new(
        "
name: app
phases:
  - id: ship
    tasks:
      - { id: broken, run: { script: 'exit 7' } }
      - { id: fine, run: { script: 'true' } }
",
    );
    let ran = world.call(&["run", "--jobs", "1"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let last = ran.stderr.trim_end().lines().next_back();
    assert!(
        last.is_some_and(|line| line.starts_with("first failure: broken: ")),
        "{}",
        ran.stderr
    );
    let comment = world.call(&["checkpoint"]).stdout;
    let place = |word: &str| {
        comment
            .find(word)
            .unwrap_or_else(|| panic!("no `{word}`: {comment}"))
    };
    assert!(place("broken") < place("fine"), "{comment}");
}
