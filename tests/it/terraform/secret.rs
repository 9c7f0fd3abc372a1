//! Secret outputs on their way to a task of another process: sealed, or read again.

use age::{secrecy::ExposeSecret as _, x25519::Identity};

use super::{world, world_with};
use crate::world::World;

const HIDDEN: &str = "hunter-2-hunter-2";

const MODULE: &str = "resource \"terraform_data\" \"key\" {\n  input = sensitive(\"hunter-2-hunter-2\")\n}\n\noutput \"address\" {\n  value     = terraform_data.key.output\n  sensitive = true\n}\n";

#[track_caller]
fn is_nowhere_in_clear(world: &World) {
    assert_eq!(world.files_with(HIDDEN), [] as [std::path::PathBuf; 0]);
}

#[test]
fn without_a_recipient_terraform_is_asked_again_by_the_process_that_reads() {
    let world = world(MODULE, "");
    let linted = world.call(&["lint", "--deny", "warnings"]);
    assert_eq!(linted.code, Some(0), "{}", linted.all());
    let made = world.run(&["--task", "network"]);
    made.tells("0: network succeeded");
    assert_eq!(made.output("network", "address")["type"], "withheld");
    let read = world.run(&["--task", "reader", "--verbose"]);
    read.tells("0: reader succeeded");
    assert_eq!(world.read("read"), format!("{HIDDEN}\n"));
    assert!(!read.all().contains(HIDDEN), "{}", read.all());
    is_nowhere_in_clear(&world);
    // What stands is not read for: without a state there is nothing to ask.
    let state = world.repository().join("infra/terraform.tfstate");
    std::fs::remove_file(state).expect("a local state");
    let dry = world.call(&["run", "--dry-run", "--task", "reader"]);
    assert!(dry.stdout.contains("up to date"), "{}", dry.all());
    world
        .run(&["--task", "reader"])
        .tells("0: reader up-to-date");
}

#[test]
fn an_output_that_terraform_does_not_have_any_more_is_told_by_name() {
    let world = world(MODULE, "");
    world
        .run(&["--task", "network"])
        .tells("0: network succeeded");
    let state = world.repository().join("infra/terraform.tfstate");
    std::fs::remove_file(state).expect("a local state");
    let read = world.run(&["--task", "reader"]);
    assert_eq!(read.code, Some(1), "{}", read.all());
    let failure = read.failure("reader");
    assert!(
        failure.contains("output `address` of `network` is a secret, and nothing here can open it"),
        "{failure}"
    );
}

/// A world in which `network` belongs to an environment with a recipient, and its key.
fn sealed() -> (World, Identity) {
    let identity = Identity::generate();
    let top = format!(
        "secrets: {{ AGE_KEY: {{}} }}\nenvironments: {{ production: {{ recipient: {}, key: AGE_KEY }} }}\n",
        identity.to_public()
    );
    let world = world_with(&top, MODULE, "");
    let plan = std::fs::read_to_string(world.repository().join("deploy.yaml")).expect("a plan");
    let plan = plan.replace(
        "- id: provision\n",
        "- id: provision\n    environment: production\n",
    );
    world.write("deploy.yaml", &plan);
    let made = world.run(&["--task", "network"]);
    made.tells("0: network@production succeeded");
    let kept = made.output("network@production", "address");
    assert_eq!(kept["type"], "sealed", "{kept}");
    (world, identity)
}

#[test]
fn what_is_sealed_is_opened_by_the_key_in_another_process_and_nobody_else_is_asked() {
    let (mut world, identity) = sealed();
    let state = world.repository().join("infra/terraform.tfstate");
    std::fs::remove_file(state).expect("a local state");
    world.set("AGE_KEY", identity.to_string().expose_secret());
    let read = world.run(&["--task", "reader"]);
    read.tells("0: reader@production succeeded");
    assert_eq!(world.read("read"), format!("{HIDDEN}\n"));
    assert!(!read.all().contains(HIDDEN), "{}", read.all());
    is_nowhere_in_clear(&world);
}

#[test]
fn where_the_key_is_not_there_terraform_is_asked_again() {
    let (world, _) = sealed();
    let read = world.run(&["--task", "reader"]);
    read.tells("0: reader@production succeeded");
    assert_eq!(world.read("read"), format!("{HIDDEN}\n"));
    is_nowhere_in_clear(&world);
}

#[test]
fn a_module_that_reads_a_secret_of_another_is_looked_at_in_another_process() {
    let plan = "name: app\nenvironments: { staging: {} }\nphases:\n  - id: provision\n    environment: staging\n    tasks:\n      - { id: one, terraform: { dir: one } }\n      - { id: two, terraform: { dir: two, variables: { key: \"${{ tasks.one.outputs.key }}\" } } }\n";
    super::needs_terraform();
    let world = World::new(plan);
    world.write("one/main.tf", &MODULE.replace("address", "key"));
    world.write(
        "two/main.tf",
        "variable \"key\" {\n  type = string\n  ephemeral = true\n}\nresource \"terraform_data\" \"a\" {}\n",
    );
    world.write(".gitignore", "*.tfstate\n*.tfstate.*\n");
    world.commit();
    let first = world.run(&[]);
    assert_eq!(first.code, Some(0), "{}", first.all());
    let drift = world.call(&["drift"]);
    assert_eq!(drift.code, Some(0), "{}", drift.all());
    let gone = world.call(&[
        "destroy",
        "--environment",
        "staging",
        "--confirm",
        "staging",
    ]);
    assert_eq!(gone.code, Some(0), "{}", gone.all());
    is_nowhere_in_clear(&world);
}
