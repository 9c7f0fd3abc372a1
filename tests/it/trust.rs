//! What a run carries out for the event that started it.
#![cfg(target_os = "linux")]

use serde_json::{Value, json};

use crate::world::World;

const PLAN: &str = "
name: app
secrets: { TOKEN: {} }
phases:
  - id: ship
    tasks:
      - { id: change, run: { script: 'echo change >> $OUT/trace' } }
      - { id: look, run: { script: 'echo look >> $OUT/trace', changes: false } }
      - { id: secret, env: { T: '${{ secrets.TOKEN }}' }, run: { script: 'echo secret >> $OUT/trace', changes: false } }
";

fn world(event: &str, payload: &Value) -> World {
    World::new(PLAN)
        .on_actions()
        .with("TOKEN", "hunter2-hunter2")
        .of_event(event, payload)
}

fn pull_request_of(head: &str) -> Value {
    let repository = |name: &str| json!({ "repo": { "full_name": name } });
    json!({ "pull_request": { "number": 1, "head": repository(head), "base": repository("acme/app") } })
}

/// What was run, in the order of the plan.
fn trace(world: &World) -> String {
    let mut lines: Vec<String> = world.read("trace").lines().map(str::to_owned).collect();
    lines.sort();
    lines.join(" ")
}

#[test]
fn a_push_runs_everything() {
    let world = world("push", &json!({}));
    world
        .run(&[])
        .tells("0: change succeeded, look succeeded, secret succeeded");
    assert_eq!(trace(&world), "change look secret");
}

#[test]
fn a_pull_request_runs_what_changes_nothing_and_says_when_the_rest_runs() {
    let world = world("pull_request", &pull_request_of("acme/app"));
    let ran = world.run(&[]);
    ran.tells("1: change failed (task), look succeeded, secret succeeded");
    assert_eq!(
        ran.failure("change"),
        "`change` changes something outside, and a pull request runs only what changes nothing"
    );
    let hint = &ran.last("task-finished", "change")["outcome"]["hint"];
    assert!(
        hint.as_str().is_some_and(|hint| hint.contains("merged")),
        "{hint}"
    );
    assert_eq!(trace(&world), "look secret");
}

#[test]
fn a_pull_request_of_a_fork_reads_no_secret_and_one_that_does_not_tell_counts_as_one() {
    for payload in [
        pull_request_of("eve/app"),
        json!({ "pull_request": { "number": 1, "head": { "repo": null } } }),
        json!({ "number": 1 }),
    ] {
        let world = world("pull_request", &payload);
        let ran = world.run(&[]);
        ran.tells("1: change failed (task), look succeeded, secret failed (task)");
        assert!(
            ran.failure("secret").contains("reads `secrets.TOKEN`"),
            "{}",
            ran.all()
        );
        assert_eq!(trace(&world), "look");
    }
}

#[test]
fn an_event_that_lends_the_rights_of_the_default_branch_to_a_stranger_runs_nothing() {
    let run = json!({
        "repository": { "full_name": "acme/app" },
        "workflow_run": { "event": "push", "head_branch": "main", "head_repository": { "full_name": "eve/app" } },
    });
    for (event, payload) in [
        ("pull_request_target", pull_request_of("eve/app")),
        ("workflow_run", run),
        ("issue_comment", json!({ "issue": { "number": 1 } })),
    ] {
        let world = world(event, &payload);
        let ran = world.run(&[]);
        ran.tells("1: change failed (task), look failed (task), secret failed (task)");
        assert!(
            ran.failure("look")
                .contains("does not prove whose changes it holds"),
            "{}",
            ran.all()
        );
        assert_eq!(trace(&world), "");
    }
}

#[test]
fn what_is_confirmed_or_forced_is_refused_all_the_same() {
    let world = world("pull_request", &pull_request_of("acme/app"));
    let args = ["--task", "change", "--force", "change"];
    world.run(&args).tells("1: change failed (task)");
    world
        .run(&["--task", "change", "--done", "change"])
        .tells("1: change failed (task)");
    assert_eq!(trace(&world), "");
}

#[test]
fn what_a_push_has_done_is_not_done_again_by_a_pull_request_that_finds_its_record() {
    let mut world = world("push", &json!({}));
    world
        .run(&["--task", "change"])
        .tells("0: change succeeded");
    world.set("GITHUB_EVENT_NAME", "issue_comment");
    world
        .run(&["--task", "change"])
        .tells("1: change failed (task)");
    assert_eq!(trace(&world), "change");
}
