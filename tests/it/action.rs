//! `deploy-action action`: the inputs of the action become the arguments of a verb.
#![cfg(target_os = "linux")]

use crate::world::{Ran, World};

const PLAN: &str = r#"
name: app
inputs: { greeting: { default: hello }, count: { type: number, default: 1 } }
environments: { test: {}, production: {} }
phases:
  - id: build
    tasks:
      - { id: one, run: { script: 'echo "one $GREETING $COUNT" >> $OUT/trace' }, env: { GREETING: "${{ inputs.greeting }}", COUNT: "${{ inputs.count }}" } }
      - { id: two, run: { script: 'echo two >> $OUT/trace' } }
      - { id: three, run: { script: 'echo three >> $OUT/trace' } }
  - id: ship
    environment: [test, production]
    tasks:
      - { id: seen, gate: { confirm: Somebody has looked } }
      - { id: send, run: { script: 'echo "send" >> $OUT/trace' } }
"#;

/// Calls the action with these inputs, as its composite step hands them over.
fn act(world: &World, inputs: &[(&str, &str)]) -> Ran {
    let mut command = world.program(&["action"]);
    for (name, value) in inputs {
        command.env(format!("DEPLOY_ACTION_INPUT_{name}"), value);
    }
    let output = command.output().expect("the program starts");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[track_caller]
fn traced(world: &World, code: i32, inputs: &[(&str, &str)]) -> String {
    let before = world.read("trace");
    let ran = act(world, inputs);
    assert_eq!(ran.code, Some(code), "{}", ran.all());
    world.read("trace")[before.len()..].to_owned()
}

#[test]
fn without_a_command_it_runs_and_tasks_stand_one_a_line() {
    let world = World::new(PLAN);
    let inputs = [
        ("COMMAND", ""),
        ("PLAN", "deploy.yaml"),
        ("TASK", "one\n two \n\n"),
    ];
    let mut lines: Vec<String> = traced(&world, 0, &inputs)
        .lines()
        .map(str::to_owned)
        .collect();
    lines.sort();
    assert_eq!(lines, ["one hello 1", "two"]);
}

#[test]
fn values_of_inputs_come_from_json_and_empty_ones_are_not_given() {
    let world = World::new(PLAN);
    let run = |json: &str| traced(&world, 0, &[("TASK", "one"), ("INPUTS", json)]);
    assert_eq!(
        run(r#"{"greeting":"a = b","count":3,"confirm":"seen"}"#),
        "one a = b 3\n"
    );
    assert_eq!(run(r#"{"greeting":"","count":null}"#), "one hello 1\n");
    assert_eq!(run(r#"{"greeting":"-x"}"#), "one -x 1\n");
    assert_eq!(run("null"), "one hello 1\n");
}

#[test]
fn phase_environment_and_confirmation_are_handed_over() {
    let world = World::new(PLAN);
    assert_eq!(traced(&world, 0, &[("PHASE", "build")]).lines().count(), 3);
    let ship = [("PHASE", "ship"), ("ENVIRONMENT", "test")];
    assert_eq!(traced(&world, 4, &ship), "send\n");
    let confirmed = [
        ("PHASE", "ship"),
        ("ENVIRONMENT", "test"),
        ("CONFIRM", "seen, "),
    ];
    assert_eq!(traced(&world, 0, &confirmed), "");
}

#[test]
fn further_arguments_stand_one_a_line_and_the_state_has_its_folder() {
    let world = World::new(PLAN);
    let state = world.out("ledgers");
    let state = state.to_str().expect("it is UTF-8");
    let inputs = [
        ("TASK", "two"),
        ("ARGUMENTS", "--force\ntwo\n"),
        ("STATE", state),
    ];
    assert_eq!(traced(&world, 0, &inputs), "two\n");
    assert_eq!(traced(&world, 0, &inputs), "two\n");
    assert_eq!(
        traced(&world, 0, &inputs[..1]),
        "two\n",
        "the state is elsewhere"
    );
    assert_eq!(traced(&world, 0, &inputs[..1]), "");
    let status = act(
        &world,
        &[
            ("COMMAND", "status"),
            ("STATE", state),
            ("ARGUMENTS", "--format\njson"),
        ],
    );
    let json: serde_json::Value = serde_json::from_str(&status.stdout).expect("it is JSON");
    assert_eq!(
        json["overall"]["counts"]["automated-unproved"], 1,
        "{json:#}"
    );
}

#[test]
fn the_token_is_no_argument_and_reaches_the_tasks_that_may_have_it() {
    let world = World::new(
        "
name: app
phases:
  - id: all
    tasks:
      - { id: with, run: { script: 'echo \"$GITHUB_TOKEN\" > $OUT/with', permissions: { contents: read } } }
      - { id: without, run: { script: 'echo \"${GITHUB_TOKEN:-none} ${DEPLOY_ACTION_INPUT_TOKEN:-none}\" > $OUT/without' } }
",
    );
    let ran = act(&world, &[("TOKEN", "token-of-the-test-0123456789")]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(world.read("with"), "token-of-the-test-0123456789\n");
    assert_eq!(world.read("without"), "none none\n");
}

#[test]
fn inputs_that_are_no_json_object_end_with_2_and_words() {
    let world = World::new(PLAN);
    for (json, what) in [
        ("{greeting: x}", "is no JSON: "),
        ("[1]", "is no JSON object\n"),
    ] {
        let ran = act(&world, &[("INPUTS", json)]);
        assert_eq!(ran.code, Some(2), "{}", ran.all());
        let expected = format!("error: the input `inputs` of the action {what}");
        assert!(ran.stderr.starts_with(&expected), "{}", ran.stderr);
        assert!(
            ran.stderr
                .contains("hint: write `inputs: ${{ toJSON(inputs) }}`"),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(world.read("trace"), "");
}

#[test]
fn a_command_that_is_none_ends_with_2_and_words() {
    let world = World::new(PLAN);
    let ran = act(&world, &[("COMMAND", "deploy")]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(
        ran.stderr.contains("unrecognized subcommand 'deploy'"),
        "{}",
        ran.stderr
    );
    let ran = act(&world, &[("COMMAND", "action")]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(
        ran.stderr.contains("cannot run the command `action`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_task_that_does_not_exist_ends_with_2_and_the_nearest_one() {
    let world = World::new(PLAN);
    let ran = act(&world, &[("TASK", "thre")]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(
        ran.stderr.contains("did you mean `three`?"),
        "{}",
        ran.stderr
    );
}
