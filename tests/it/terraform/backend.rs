//! Backends that are locked, and that take no state.

use age::{secrecy::ExposeSecret as _, x25519::Identity};
use deploy_action_test_wire::StateServer;

use super::{MODULE, SIZE, world, world_with};

/// Where nothing may be seen of it, it is told from everything else.
const HELD: &str = "a-value-that-the-state-holds";

/// C-CAN-15: the state cannot be written when all has been applied.
#[test]
fn a_state_that_could_not_be_written_is_sealed_and_recovered() {
    let server = StateServer::start();
    let identity = Identity::generate();
    let top = format!(
        "secrets: {{ AGE_KEY: {{}} }}\nenvironments: {{ production: {{ recipient: {}, key: AGE_KEY }} }}\n",
        identity.to_public()
    );
    let module = format!("{}{MODULE}", server.backend());
    let body = format!("{SIZE}, workspace: default");
    let mut world = world_with(&top, &module, &body);
    let plan = std::fs::read_to_string(world.repository().join("deploy.yaml")).expect("a plan");
    let plan = plan.replace(
        "- id: provision\n",
        "- id: provision\n    environment: production\n",
    );
    world.write("deploy.yaml", &plan);
    server.set_read_only(true);
    let input = format!("size={HELD}");
    let ran = world.run(&["--input", &input]);
    ran.tells(
        "1: network@production failed (task), reader@production blocked on network@production",
    );
    let outcome = &ran.last("task-finished", "network@production")["outcome"];
    let hint = outcome["hint"].as_str().unwrap_or_default();
    assert!(
        hint.contains("recover --task network@production"),
        "{outcome}"
    );
    let evidence = ran.last("evidence-captured", "network@production");
    assert_eq!(evidence["path"], "rescued/network@production.tfstate.age");
    assert!(!world.repository().join("infra/errored.tfstate").exists());
    let sealed = world.files_with("BEGIN AGE ENCRYPTED FILE");
    assert!(
        matches!(&sealed[..], [file] if file.ends_with("rescued/network@production.tfstate.age")),
        "{sealed:?}"
    );
    let clear = world.files_with("\"lineage\"");
    assert_eq!(clear, [] as [std::path::PathBuf; 0], "no state in clear");
    // As long as the backend does not know what there is, nothing is planned on it.
    server.set_read_only(false);
    let again = world.run(&["--input", &input]);
    let failure = again.failure("network@production");
    assert!(failure.contains("could not write its state"), "{failure}");
    let without_key = world.call(&["recover", "--task", "network", "--input", &input]);
    assert_eq!(without_key.code, Some(2), "{}", without_key.all());
    world.set("AGE_KEY", identity.to_string().expose_secret());
    let recovered = world.call(&["recover", "--task", "network", "--input", &input]);
    assert_eq!(recovered.code, Some(0), "{}", recovered.all());
    assert!(server.state().is_some_and(|state| state.contains(HELD)));
    let last = world.run(&["--input", &input]);
    last.tells("0: network@production succeeded, reader@production succeeded");
    let what = &last.last("task-finished", "network@production")["effects"][0]["what"];
    assert_eq!(what, "terraform infra: no changes");
    let nothing = world.call(&["recover", "--task", "network", "--input", &input]);
    assert_eq!(nothing.code, Some(2), "{}", nothing.all());
    assert!(nothing.stderr.contains("no state of"), "{}", nothing.stderr);
}

/// C-LCK-6: id and holder are told, and the lock can be taken away by the id.
#[test]
fn a_locked_state_names_its_holder_and_is_unlocked_by_its_id() {
    let server = StateServer::start();
    let world = world(&format!("{}{MODULE}", server.backend()), SIZE);
    server.hold(
        r#"{"ID":"6d1f-1","Operation":"OperationTypeApply","Info":"","Who":"grace@laptop","Version":"1.11.4","Created":"2026-01-02T03:04:05Z","Path":""}"#,
    );
    let ran = world.run(&[]);
    ran.tells("1: network failed (state-locked), reader blocked on network");
    let outcome = &ran.last("task-finished", "network")["outcome"];
    let told = outcome.to_string();
    for part in ["6d1f-1", "deploy-action unlock --task network --id 6d1f-1"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let unlocked = world.call(&["unlock", "--task", "network", "--id", "6d1f-1"]);
    assert_eq!(unlocked.code, Some(0), "{}", unlocked.all());
    assert!(!server.is_locked());
    world
        .run(&[])
        .tells("0: network succeeded, reader succeeded");
    assert!(!server.is_locked(), "a run frees its own lock");
}
