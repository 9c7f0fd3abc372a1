//! `deploy-action status`: where every task stands, from the ledger.
#![cfg(target_os = "linux")]

use serde_json::Value;

use crate::world::World;

const PLAN: &str = "
name: app
phases:
  - id: build
    tasks:
      - { id: page, run: { script: 'true' } }
      - { id: broken, run: { script: 'exit 3' } }
  - id: ship
    tasks:
      - { id: send, run: { script: 'true' } }
";

fn states(world: &World) -> Vec<(String, String)> {
    let ran = world.call(&["status", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let summary: Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let phases = summary["phases"].as_array().expect("phases").iter();
    phases
        .flat_map(|phase| phase["tasks"].as_array().expect("tasks"))
        .map(|task| (text(&task["key"]), text(&task["state"])))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |&(task, state): &(&str, &str)| (task.to_owned(), state.to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn before_the_first_run_everything_is_to_do() {
    let world = World::new(PLAN);
    let expected = [("page", "to-do"), ("broken", "to-do"), ("send", "to-do")];
    assert_eq!(states(&world), pairs(&expected));
    let ran = world.call(&["status"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stdout.starts_with("app: to do\n3 tasks: 3 to do\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.stderr, "");
}

#[test]
fn after_a_run_every_task_has_its_word_and_reason() {
    let world = World::new(PLAN);
    world
        .run(&[])
        .tells("1: broken failed (task), page succeeded, send blocked on broken");
    let expected = [
        ("page", "automated-unproved"),
        ("broken", "failed"),
        ("send", "blocked"),
    ];
    assert_eq!(states(&world), pairs(&expected));
    let ran = world.call(&["status"]);
    assert!(ran.stdout.starts_with("app: failed\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("on `broken`"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("Repair task `broken`"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_task_whose_run_was_killed_is_interrupted_and_not_running() {
    let world = World::new(
        "
name: app
phases: [{ id: all, tasks: [{ id: wait, run: { script: 'while test -d $OUT && ! test -e $OUT/go; do sleep 0.05; done; echo x > $OUT/ended', changes: false } }] }]
",
    );
    let running = world.start(&[]);
    running.wait_for("task-started", "wait");
    assert_eq!(states(&world), pairs(&[("wait", "running")]));
    running.kill();
    assert_eq!(states(&world), pairs(&[("wait", "interrupted")]));
    world.allow("go");
    world.wait_for("ended");
}

#[test]
fn an_invalid_plan_ends_with_2() {
    let world = World::new("name: app\nphases: []\nphase: []\n");
    let ran = world.call(&["status"]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert_eq!(ran.stdout, "");
}

#[test]
fn the_program_tells_of_its_own_working_at_the_level_that_is_asked_for() {
    let plan = "name: app\nphases: [{ id: a, tasks: [{ id: a, run: { script: 'true', changes: false } }] }]\n";
    let world = World::new(plan).with("DEPLOY_ACTION_LOG", "loud");
    let refused = world.call(&["status"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused
            .stderr
            .contains("`DEPLOY_ACTION_LOG` is `loud`, which is no level"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("`warn`"), "{}", refused.stderr);
    let world = world.with("DEPLOY_ACTION_LOG", "trace");
    assert_eq!(world.call(&["status"]).code, Some(0));
}
