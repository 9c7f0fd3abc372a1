//! Checks of kind `terraform`: what a state says of a resource.

use serde_json::Value;

use super::needs_terraform;
use crate::world::{Ran, World};

const MODULE: &str = r#"resource "terraform_data" "node" {
  count = 2
  input = { size = "small", number = count.index, key = sensitive("hunter-2-hunter-2") }
}

resource "terraform_data" "net" {
  input = "10.0.0.0/8"
}
"#;

/// Applies the module, and then asks these checks.
fn asked(checks: &str) -> (World, Ran) {
    needs_terraform();
    let world = World::new(&format!(
        "name: app\nphases:\n  - id: provision\n    tasks:\n      - {{ id: infra, terraform: {{ dir: infra }} }}\n  - id: look\n    tasks:\n      - id: state\n        check:\n{checks}"
    ));
    world.write("infra/main.tf", MODULE);
    world.write(".gitignore", "*.tfstate\n*.tfstate.*\n.terraform/\n");
    world.commit();
    let ran = world.run(&["--verbose"]);
    (world, ran)
}

fn answer(ran: &Ran, check: &str) -> Value {
    let mut answers = ran.events("check-answered").into_iter();
    let found = answers.find(|event| event["check"] == check);
    found.unwrap_or_else(|| panic!("no {check}: {}", ran.all()))["answer"].clone()
}

#[test]
fn what_the_state_holds_is_held_against_the_expectation() {
    let (_, ran) = asked(
        "          - { id: exists, terraform: { task: infra, resource: terraform_data.net } }\n          - { id: net, terraform: { task: infra, resource: terraform_data.net }, expect: { count: 1, input: 10.0.0.0/8 } }\n          - { id: nodes, terraform: { task: infra, resource: terraform_data.node }, expect: { count: 2, input.size: small, input.number: '< 2' } }\n          - { id: every, terraform: { task: infra, resource: terraform_data.* }, expect: { count: 3 } }\n          - { id: none, terraform: { task: infra, resource: terraform_data.gone }, expect: { count: 0 } }\n",
    );
    ran.tells("0: infra succeeded, state succeeded");
    let nodes = answer(&ran, "nodes");
    assert_eq!(nodes["observed"]["input.number"], serde_json::json!([0, 1]));
    assert_eq!(nodes["reality"]["type"], "real");
}

#[test]
fn a_value_that_is_not_the_expected_one_is_told_with_what_was_found() {
    let (_, ran) = asked(
        "          - { id: net, terraform: { task: infra, resource: terraform_data.net }, expect: { input: 10.1.0.0/16 } }\n",
    );
    ran.tells("1: infra succeeded, state failed (verify-failed)");
    let failure = ran.failure("state");
    for part in ["check `net`: input: ", "found 10.0.0.0/8"] {
        assert!(failure.contains(part), "{part}: {failure}");
    }
}

#[test]
fn a_resource_that_the_state_does_not_have_fails_by_itself() {
    let (_, ran) = asked(
        "          - { id: gone, terraform: { task: infra, resource: terraform_data.gone } }\n",
    );
    ran.tells("1: infra succeeded, state failed (verify-failed)");
    let failure = ran.failure("state");
    assert_eq!(
        failure,
        "check `gone`: the state has no `terraform_data.gone`"
    );
}

#[test]
fn a_sensitive_attribute_is_seen_as_that_and_never_in_clear() {
    let (world, ran) = asked(
        "          - { id: key, terraform: { task: infra, resource: 'terraform_data.node[0]' }, expect: { input.key: hunter-3, input.size: small } }\n",
    );
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let failure = ran.failure("state");
    assert!(failure.contains("sensitive"), "{failure}");
    assert!(!ran.all().contains("hunter-2"), "{}", ran.all());
    assert_eq!(world.files_with("hunter-2"), [] as [std::path::PathBuf; 0]);
}

#[test]
fn a_task_of_another_kind_has_no_state_to_look_into() {
    let world = World::new(
        "name: app\nphases: [{ id: one, tasks: [{ id: a, run: { command: [x], changes: false } }, { id: b, check: [{ terraform: { task: a, resource: x.y } }] }] }]\n",
    );
    let linted = world.call(&["lint"]);
    assert_eq!(linted.code, Some(2), "{}", linted.all());
    assert!(
        linted
            .stderr
            .contains("task `a` is of kind `run`, and has no state"),
        "{}",
        linted.all()
    );
}
