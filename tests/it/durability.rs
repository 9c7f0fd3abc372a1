//! What the disk has before anything happens outside, and what becomes of a ledger that another program wrote.
#![cfg(target_os = "linux")]

use std::{fs, path::PathBuf, process::Command};

use crate::world::World;

fn world(tasks: &str) -> World {
    World::new(&format!(
        "name: app\nphases:\n  - id: ship\n    tasks:\n{tasks}"
    ))
}

/// The system calls of a run, one a line, those of its children among them.
fn calls_of_a_run(world: &World) -> Vec<String> {
    let program = world.program(&["run", "--format", "json"]);
    let trace = world.tmp().join("calls");
    let mut strace = Command::new("strace");
    strace
        .args(["--follow-forks", "--quiet=all", "--string-limit=400"])
        .args(["--trace=write,fdatasync,execve", "--output"])
        .arg(&trace)
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(world.repository())
        .env_clear();
    for (name, value) in program.get_envs() {
        strace.env(name, value.unwrap_or_default());
    }
    let output = strace
        .output()
        .expect("strace is needed here; `cargo xtask setup` brings it");
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(&trace).expect("strace wrote it");
    text.lines().map(str::to_owned).collect()
}

/// Finds the call of this kind, after the one before, and moves behind it.
fn next(calls: &[String], at: &mut usize, what: &str, is_it: impl Fn(&str) -> bool) {
    let found = calls[*at..].iter().position(|call| is_it(call));
    match found {
        Some(place) => *at += place + 1,
        None => panic!("no {what} behind:\n{}", calls[..*at].join("\n")),
    }
}

fn records<'w>(word: &'w str) -> impl Fn(&str) -> bool + 'w {
    move |call| call.contains("{\\\"length\\\":") && call.contains(word)
}

fn is_synced(call: &str) -> bool {
    call.contains("fdatasync") && call.ends_with("= 0")
}

fn starts_script(call: &str) -> bool {
    call.contains("execve(") && call.contains("script-")
}

#[test]
fn what_changes_the_outside_is_on_the_disk_before_it_starts() {
    let world = world("      - { id: a, run: { script: 'true' } }\n");
    let calls = calls_of_a_run(&world);
    let mut at = 0;
    next(&calls, &mut at, "start on record", records("task-started"));
    next(&calls, &mut at, "sync of the start", is_synced);
    next(&calls, &mut at, "child on record", records("child-kept"));
    next(&calls, &mut at, "sync of the child", is_synced);
    next(&calls, &mut at, "child", starts_script);
    next(&calls, &mut at, "end on record", records("task-finished"));
    next(&calls, &mut at, "sync of the end", is_synced);
}

#[test]
fn what_changes_nothing_waits_for_no_disk() {
    let world = world("      - { id: a, run: { script: 'true', changes: false } }\n");
    let calls = calls_of_a_run(&world);
    let mut at = 0;
    next(&calls, &mut at, "start on record", records("task-started"));
    let start = at;
    next(&calls, &mut at, "end on record", records("task-finished"));
    let between = &calls[start..at];
    assert!(between.iter().any(|call| starts_script(call)));
    assert!(
        !between.iter().any(|call| call.contains("fdatasync")),
        "{between:?}"
    );
}

const TWO: &str = "
      - { id: a, run: { script: 'echo a >> $OUT/trace', changes: false } }
      - { id: b, needs: a, run: { script: 'echo b >> $OUT/trace', changes: false } }
";

fn ledger(world: &World) -> (PathBuf, String) {
    let path = world.records("none");
    let text = fs::read_to_string(&path).expect("records");
    (path, text)
}

#[test]
fn an_older_program_says_that_the_ledger_is_newer_and_writes_nothing() {
    let world = world(TWO);
    world.run(&[]).tells("0: a succeeded, b succeeded");
    let (path, text) = ledger(&world);
    let newer = text.replacen("\"format\":1", "\"format\":2", 1);
    assert_ne!(newer, text);
    fs::write(&path, &newer).expect("room");
    for verb in ["run", "status", "explain"] {
        let ran = world.call(match verb {
            "explain" => &["explain", "a"],
            "status" => &["status"],
            _ => &["run"],
        });
        assert_eq!(ran.code, Some(2), "{verb}: {}", ran.all());
        let said = "has format 2, and this program knows formats up to 1";
        assert!(ran.stderr.contains(said), "{verb}: {}", ran.stderr);
        let hint = "use the version of deploy-action that wrote it, or a newer one";
        assert!(ran.stderr.contains(hint), "{verb}: {}", ran.stderr);
    }
    assert_eq!(ledger(&world).1, newer);
    assert_eq!(world.read("trace"), "a\nb\n");
}

#[test]
fn a_torn_last_line_is_reported_and_its_task_runs_again() {
    let world = world(TWO);
    world.run(&[]).tells("0: a succeeded, b succeeded");
    let (path, text) = ledger(&world);
    // The writer was cut off in the middle of the end of `b`.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_end_of_b =
        |line: &&str| line.contains("\"task-finished\"") && line.contains("\"task\":\"b\"");
    let place = lines.iter().position(is_end_of_b).expect("b ended");
    let kept = lines[..place].concat() + &lines[place][..30];
    fs::write(&path, kept).expect("room");
    let ran = world.run(&[]);
    ran.tells("0: a up-to-date, b succeeded");
    let said = "dropped 30 bytes of a record whose writer was cut off";
    assert!(ran.all().contains(said), "{}", ran.all());
    assert_eq!(world.read("trace"), "a\nb\nb\n");
    let again = world.run(&[]);
    again.tells("0: a up-to-date, b up-to-date");
    assert!(!again.all().contains("dropped"), "{}", again.all());
}
