//! Cases that others have met.

use deploy_action_test_wire::{Package, REQUIRED, StandIn, StateServer, processes};
use rustix::process::Signal;
use serde_json::json;
use std::{os::unix::fs::PermissionsExt as _, path::Path};

use super::{MODULE, SIZE, SLOW, world, world_with};
use crate::world::{World, wait_until};

/// Has the world's terraform wait at this verb, as where a download or a server is slow.
fn hold(world: &mut World, verb: &str) {
    let path = std::env::var("PATH").expect("a PATH");
    let mut folders = std::env::split_paths(&path).map(|folder| folder.join("terraform"));
    let real = folders
        .find(|program| program.is_file())
        .expect("terraform");
    let folder = world.repository().with_file_name("bin");
    let shim = folder.join("terraform");
    let script = format!(
        "#!/bin/sh\nif test $1 = {verb}; then echo $1 >> $OUT/held; until test -e $OUT/on; do sleep 0.02; done; fi\nexec {} \"$@\"\n",
        real.display()
    );
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(&shim, script).expect("a script");
    std::fs::set_permissions(&shim, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    world.set("PATH", &format!("{}:{path}", folder.display()));
}

/// C-CAN-8: providers are being brought, and nothing is locked.
#[test]
fn a_cancel_while_providers_are_brought_leaves_no_lock() {
    let server = StateServer::start();
    let mut world = world(&format!("{}{MODULE}", server.backend()), SIZE);
    hold(&mut world, "init");
    let running = world.start(&[]);
    world.wait_for("held");
    running.signal(Signal::INT);
    running.end().tells("130: network cancelled");
    assert!(!server.is_locked());
    world.allow("on");
    world
        .run(&[])
        .tells("0: network succeeded, reader succeeded");
}

/// C-CAN-8: the lock is waited for, and is another one's.
#[test]
fn a_cancel_while_the_lock_is_waited_for_leaves_it_to_its_holder() {
    let server = StateServer::start();
    let world = world(&format!("{}{MODULE}", server.backend()), SIZE);
    server.hold(r#"{"ID":"6d1f-1","Operation":"OperationTypeApply","Info":"","Who":"grace@laptop","Version":"1.11.4","Created":"2026-01-02T03:04:05Z","Path":""}"#);
    let running = world.start(&[]);
    wait_until("it asks for the lock", || {
        (server.refused() > 0).then_some(())
    });
    running.signal(Signal::INT);
    running.end().tells("130: network cancelled");
    assert!(server.is_locked(), "it was not ours");
    assert_eq!(server.state(), None);
}

/// C-CAN-9: what no keeper holds is found by the runner's clean-up at the end of the job.
#[test]
fn an_init_whose_run_was_killed_does_not_outlive_its_job() {
    let mut world = world(MODULE, SIZE).with("RUNNER_TRACKING_ID", "github_of-this-test");
    hold(&mut world, "init");
    let running = world.start(&[]);
    world.wait_for("held");
    running.kill();
    let is_tracked = |process: &u32| {
        let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains("RUNNER_TRACKING_ID=github_of-this-test")
    };
    let ours = world.processes();
    assert!(!ours.is_empty(), "it goes on");
    assert!(ours.iter().all(is_tracked), "the runner does not find it");
    world.kill_all();
}

/// A plan changes nothing, so nobody is asked when it is gone with its keeper.
#[test]
fn a_plan_that_went_while_the_next_run_waited_for_it_is_made_again() {
    let mut world = world(MODULE, SIZE);
    hold(&mut world, "plan");
    let running = world.start(&[]);
    world.wait_for("held");
    running.kill();
    let keeper_and_plan = world.processes();
    let next = world.start(&[]);
    next.wait_for("task-interrupted", "network");
    processes::kill(&keeper_and_plan);
    world.allow("on");
    next.end().tells("0: network succeeded, reader succeeded");
}

/// C-CAN-10: the closing step is cut off while it waits, and calls nothing done.
#[test]
fn an_apply_whose_closing_step_is_killed_too_is_taken_over() {
    let world = world(SLOW, "");
    let running = world.start(&[]);
    world.wait_for("trace");
    running.kill();
    let mut closing = world.program(&["close"]).spawn().expect("it starts");
    let is_waiting = closing.try_wait().expect("it is ours").is_none();
    assert!(is_waiting, "the apply goes on");
    closing.kill().expect("it waits");
    closing.wait().expect("it is ours");
    let next = world.start(&[]);
    next.wait_for("task-interrupted", "network");
    world.allow("go");
    next.end().tells("0: network succeeded, reader succeeded");
    assert_eq!(world.read("trace"), "begin\nend\n");
}

/// A world whose module needs the stand-in provider, and keeps its state in a server.
struct Provided {
    world: World,
    server: StateServer,
    stand_in: StandIn,
    _mirror: tempfile::TempDir,
}

const CLOUDSPACE: &str = r#"
resource "spot_cloudspace" "relay" {
  cloudspace_name = "relay"
  region          = "us-central-dfw-1"
}

output "address" {
  value = spot_cloudspace.relay.id
}
"#;

impl Provided {
    fn new() -> Self {
        let server = StateServer::start();
        let module = format!("{}{REQUIRED}{CLOUDSPACE}", server.backend());
        let mut world = world(&module, "");
        let program = Path::new(env!("CARGO_BIN_EXE_deploy-action"));
        let mirror = tempfile::tempdir().expect("a folder");
        let stand_in = StandIn::install(mirror.path(), program, Package::Folder);
        let stand_in = stand_in.expect("a mirror");
        for (name, value) in stand_in.variables() {
            world.set(name, &value);
        }
        Self {
            world,
            server,
            stand_in,
            _mirror: mirror,
        }
    }
}

/// C-CAN-14: the provider dies while it makes something.
#[test]
fn a_provider_that_crashes_is_named_and_the_lock_is_freed() {
    let provided = Provided::new();
    let faults = json!({ "spot_cloudspace": { "crash": ["create"] } });
    provided.stand_in.faults(&faults).expect("a file");
    let ran = provided.world.run(&[]);
    ran.tells("1: network failed (provider-crash), reader blocked on network");
    assert!(!provided.server.is_locked());
    // What it began to make is not in the state; somebody has to look, as the hint says.
    let hint = ran.last("task-finished", "network")["outcome"]["hint"].to_string();
    assert!(hint.contains("look at what was changed"), "{hint}");
    let removed = provided.stand_in.remove("spot_cloudspace", "relay");
    removed.expect("a file");
    provided.stand_in.faults(&json!({})).expect("a file");
    provided
        .world
        .run(&[])
        .tells("0: network succeeded, reader succeeded");
}

/// C-CAN-14: terraform itself dies while it makes something; its keeper sees it.
#[test]
fn a_terraform_that_dies_says_what_it_made_and_its_lock_is_named() {
    let server = StateServer::start();
    let world = world(&format!("{}{SLOW}", server.backend()), "");
    let running = world.start(&[]);
    world.wait_for("trace");
    world.kill_kept();
    let ran = running.end();
    ran.tells("1: network failed (task), reader blocked on network");
    let named = "what it made (`terraform_data.slow`) may be there without being in the state";
    assert!(ran.all().contains(named), "{}", ran.all());
    world.kill_all();
    assert!(server.is_locked(), "nobody freed it");
    let next = world.run(&[]);
    next.tells("1: network failed (state-locked), reader blocked on network");
}

/// C-TF-4: a workspace that is not there yet, and another one whose name begins the same.
#[test]
fn a_workspace_is_made_and_not_taken_for_one_whose_name_begins_the_same() {
    let world = world(MODULE, &format!("{SIZE}, workspace: prod"));
    world.write(
        "infra/terraform.tfstate.d/prod-eu/terraform.tfstate",
        "{\"version\":4,\"terraform_version\":\"1.11.4\",\"serial\":1,\"lineage\":\"3d1a3a4e-0000-0000-0000-000000000000\",\"outputs\":{},\"resources\":[]}\n",
    );
    world
        .run(&[])
        .tells("0: network succeeded, reader succeeded");
    let state = |workspace: &str| {
        let path = format!("infra/terraform.tfstate.d/{workspace}/terraform.tfstate");
        std::fs::read_to_string(world.repository().join(path)).expect("a state")
    };
    assert!(state("prod").contains("terraform_data"));
    assert!(!state("prod-eu").contains("terraform_data"));
    let again = world.run(&["--force", "network"]);
    let effect = &again.last("task-finished", "network")["effects"][0];
    assert_eq!(effect["what"], "terraform infra: no changes");
}

/// An ephemeral variable is in no plan, so terraform wants it again for the apply of one.
const EPHEMERAL: &str = r#"variable "token" {
  type      = string
  ephemeral = true
}

resource "terraform_data" "net" {
  provisioner "local-exec" {
    command     = "echo $TOKEN > $OUT/token"
    environment = { TOKEN = var.token }
  }
}

output "address" {
  value = terraform_data.net.id
}
"#;

/// C-TF-6.
#[test]
fn an_ephemeral_variable_is_given_again_for_the_apply_and_is_in_no_file() {
    let world = world_with(
        "secrets: { TOKEN: {} }\n",
        EPHEMERAL,
        ", variables: { token: \"${{ secrets.TOKEN }}\" }",
    )
    .with("TOKEN", "canary-of-the-token");
    let ran = world.run(&["--verbose"]);
    ran.tells("0: network succeeded, reader succeeded");
    assert_eq!(world.read("token"), "canary-of-the-token\n");
    assert!(!ran.all().contains("canary"), "{}", ran.all());
    assert_eq!(world.files_with("canary"), [] as [std::path::PathBuf; 0]);
}

/// C-TF-6: the same out of a file of variables.
#[test]
fn an_ephemeral_variable_of_a_file_is_given_again_for_the_apply() {
    let world = world(EPHEMERAL, ", var-files: [infra/production.tfvars]");
    world.write("infra/production.tfvars", "token = \"of-a-file\"\n");
    world.commit();
    world
        .run(&[])
        .tells("0: network succeeded, reader succeeded");
    assert_eq!(world.read("token"), "of-a-file\n");
}
