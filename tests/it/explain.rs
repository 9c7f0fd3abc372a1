//! What `explain` says about a task that would run again.
#![cfg(target_os = "linux")]

use crate::world::World;

const PLAN: &str = r#"
name: app
inputs: { region: { default: north } }
phases:
  - id: ship
    tasks:
      - { id: a, paths: src, run: { script: "cat src/file >> $GITHUB_OUTPUT" }, outputs: { v: {} } }
      - { id: b, paths: none, env: { V: "${{ tasks.a.outputs.v }}" }, run: { command: [echo, "${{ inputs.region }}"] } }
"#;

fn world() -> World {
    let world = World::new(PLAN);
    world.write("src/file", "v=1\n");
    world.commit();
    world
}

fn explained(world: &World, args: &[&str]) -> String {
    let mut all = vec!["explain"];
    all.extend(args);
    let ran = world.call(&all);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    ran.stdout
}

#[test]
fn a_task_that_never_ran_and_one_that_has_not_changed_say_so() {
    let world = world();
    assert_eq!(explained(&world, &["a"]), "a: has never run\n");
    world.run(&[]).tells("0: a succeeded, b succeeded");
    let text = explained(&world, &["a"]);
    assert!(text.starts_with("a: nothing changed since 20"), "{text}");
}

#[test]
fn a_changed_file_input_and_upstream_output_are_each_named() {
    let world = world();
    world.run(&[]).tells("0: a succeeded, b succeeded");
    world.write("src/file", "v=2\n");
    let file = explained(&world, &["a"]);
    assert!(file.contains("1 part changed"), "{file}");
    assert!(file.contains("  file src/file\n"), "{file}");

    let input = explained(&world, &["b", "--input", "region=south"]);
    assert!(
        input.contains("body.command[1] (reads inputs.region)\n"),
        "{input}"
    );
    assert!(
        input.contains("was \"north\"\n    is  \"south\"\n"),
        "{input}"
    );

    world.run(&["--task", "a"]).tells("0: a succeeded");
    let output = explained(&world, &["b"]);
    assert!(
        output.contains("env.V (reads tasks.a.outputs.v)\n"),
        "{output}"
    );
    assert!(output.contains("was \"1\"\n    is  \"2\"\n"), "{output}");
}

#[test]
fn explaining_runs_nothing_and_an_unknown_task_ends_with_2() {
    let world = world();
    world.run(&[]).tells("0: a succeeded, b succeeded");
    let before = std::fs::read(world.records("none")).expect("records");
    explained(&world, &["b"]);
    assert_eq!(
        std::fs::read(world.records("none")).expect("records"),
        before
    );
    let ran = world.call(&["explain", "c"]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
}

#[test]
fn a_secret_shows_as_one_and_its_value_nowhere() {
    let plan = "
name: app
secrets: { KEY: {} }
phases:
  - id: ship
    tasks: [{ id: a, env: { K: KEYS }, run: { script: 'true' } }]
";
    let world = World::new(&plan.replace("KEYS", "plain")).with("KEY", "hunter2-correct-horse");
    world.run(&[]).tells("0: a succeeded");
    world.write("deploy.yaml", &plan.replace("KEYS", "'${{ secrets.KEY }}'"));
    let text = explained(&world, &["a"]);
    assert!(text.contains("env.K"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}
