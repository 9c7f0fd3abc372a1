//! Root modules, carried out by the real terraform. What needs no provider needs no stand-in either.
#![cfg(target_os = "linux")]

mod backend;
mod blows;
mod cases;
mod check;
mod cut;
mod destroy;
mod judge;
mod parallel;
mod secret;

use crate::world::World;

/// Says how to get terraform where it is not there.
#[track_caller]
pub(super) fn needs_terraform() {
    let found = std::process::Command::new("terraform")
        .arg("version")
        .output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "these tests need terraform 1.11 on the PATH: https://developer.hashicorp.com/terraform/install"
    );
}

/// A world with one module in `infra`, and a task that reads an output of it.
pub(super) fn world(module: &str, body: &str) -> World {
    world_with("", module, body)
}

/// The same with more at the top of the plan.
pub(super) fn world_with(top: &str, module: &str, body: &str) -> World {
    needs_terraform();
    let plan = format!(
        "name: app\n{top}inputs: {{ size: {{ default: small }} }}\nphases:\n  - id: provision\n    tasks:\n      - id: network\n        terraform: {{ dir: infra{body} }}\n      - id: reader\n        env: {{ ADDRESS: \"${{{{ tasks.network.outputs.address }}}}\" }}\n        run: {{ changes: false, script: 'echo $ADDRESS >> $OUT/read' }}\n"
    );
    let world = World::new(&plan);
    world.write("infra/main.tf", module);
    world.write(".gitignore", "*.tfstate\n*.tfstate.*\n.terraform/\n");
    world.commit();
    world
}

/// Makes something for as long as the test wants.
const SLOW: &str = r#"resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "echo begin >> $OUT/trace; until test -e $OUT/go; do sleep 0.02; done; echo end >> $OUT/trace"
  }
}

output "address" {
  value = terraform_data.slow.id
}
"#;

const MODULE: &str = r#"variable "size" {
  type    = string
  default = "small"
}

resource "terraform_data" "net" {
  input            = var.size
  triggers_replace = [var.size == "other"]
}

output "address" {
  value = "10.0.0.1/${terraform_data.net.output}"
}
"#;

const SIZE: &str = ", variables: { size: \"${{ inputs.size }}\" }";

#[test]
fn a_module_is_applied_as_planned_and_its_outputs_are_read_by_others() {
    let world = world(MODULE, SIZE);
    let first = world.run(&[]);
    first.tells("0: network succeeded, reader succeeded");
    assert_eq!(world.read("read"), "10.0.0.1/small\n");
    let finished = first.last("task-finished", "network");
    assert_eq!(finished["outputs"]["address"]["value"], "10.0.0.1/small");
    let effect = &finished["effects"][0];
    assert_eq!(
        effect["what"],
        "terraform infra: 1 to add, 1 output to change"
    );
    assert_eq!(effect["reality"]["type"], "real");
    world
        .run(&[])
        .tells("0: network up-to-date, reader up-to-date");
    let changed = world.run(&["--input", "size=large"]);
    changed.tells("0: network succeeded, reader succeeded");
    assert_eq!(world.read("read"), "10.0.0.1/small\n10.0.0.1/large\n");
    // Nothing in a module's folder besides its state, and no saved plan anywhere.
    assert!(!world.repository().join("infra/.terraform").exists());
    assert_eq!(world.files_with("tfplan"), [] as [std::path::PathBuf; 0]);
}

#[test]
fn a_plan_without_a_change_is_not_applied() {
    let world = world(MODULE, SIZE);
    world
        .run(&[])
        .tells("0: network succeeded, reader succeeded");
    let again = world.run(&["--force", "network"]);
    again.tells("0: network succeeded, reader up-to-date");
    let finished = again.last("task-finished", "network");
    assert_eq!(
        finished["effects"][0]["what"],
        "terraform infra: no changes"
    );
    assert_eq!(again.events("child-kept").len(), 1, "the plan alone");
}

#[test]
fn variables_of_the_runner_do_not_reach_terraform() {
    let world = world(MODULE, "")
        .with("TF_VAR_size", "sneaked")
        .with("TF_CLI_ARGS_plan", "-destroy");
    world
        .run(&[])
        .tells("0: network succeeded, reader succeeded");
    assert_eq!(world.read("read"), "10.0.0.1/small\n");
}
