//! What verbs print for programs; the shapes of docs/output.md.
#![cfg(target_os = "linux")]

use serde_json::{Value, json};

use crate::world::World;

const PLAN: &str = r#"
name: app
phases:
  - id: ship
    tasks:
      - { id: a, run: { script: 'echo v=1 >> $GITHUB_OUTPUT', changes: false }, outputs: { v: {} } }
      - { id: b, env: { V: "${{ tasks.a.outputs.v }}" }, run: { script: 'true', changes: false } }
"#;

#[track_caller]
fn printed(world: &World, args: &[&str], code: i32) -> Value {
    let ran = world.call(args);
    assert_eq!(ran.code, Some(code), "{}", ran.all());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", ran.stdout))
}

fn states(list: &Value) -> Vec<&str> {
    let files = list.as_array().expect("a list").iter();
    files
        .map(|file| file["state"].as_str().expect("a state"))
        .collect()
}

#[test]
fn render_tells_of_each_file_what_became_of_it() {
    let world = World::new(PLAN);
    let render = ["render", "--format", "json"];
    let check = ["render", "--check", "--format", "json"];
    let first = printed(&world, &render, 0);
    let path = first[0]["path"].as_str().expect("a path").to_owned();
    assert!(states(&first).iter().all(|state| *state == "written"));
    let again = printed(&world, &render, 0);
    assert!(states(&again).iter().all(|state| *state == "as-planned"));
    let kept = std::fs::read_to_string(world.repository().join(&path)).expect("a file");
    world.write(&path, &kept.replace("name:", "nom:"));
    let checked = printed(&world, &check, 3);
    let drifted = &checked[0];
    assert_eq!(drifted["state"], "drifted", "{checked}");
    assert!(
        drifted["diff"]
            .as_str()
            .is_some_and(|diff| diff.contains("+name:"))
    );
}

#[test]
fn close_and_explain_tell_nothing_in_words_alone() {
    let world = World::new(PLAN);
    assert_eq!(
        printed(&world, &["close", "--format", "json"], 0),
        json!([])
    );
    let explain = |task| printed(&world, &["explain", task, "--format", "json"], 0);
    assert_eq!(
        explain("a"),
        json!({ "task": "a", "started": null, "changes": [] })
    );
    assert!(explain("b")["unknown"].is_string());
}

#[test]
fn a_rehearsal_ends_with_its_jobs_and_its_checkpoint() {
    let world = World::new(PLAN);
    assert_eq!(world.call(&["render"]).code, Some(0));
    world.commit();
    let found = printed(&world, &["rehearse", "--format", "json"], 0);
    assert_eq!(found["exit"], 0);
    let jobs = found["jobs"].as_array().expect("a list");
    assert!(
        jobs.iter()
            .any(|job| job["id"].is_string() && job["result"] == "success")
    );
    assert!(
        found["files"]
            .as_array()
            .is_some_and(|files| files.len() == 3)
    );
    assert_eq!(found["checkpoint"]["format"], 1, "{found:#}");
}
