//! What a preview shows and seals.

use deploy_action_test_wire::{Package, REQUIRED, StandIn};

use super::{HIDDEN, file, preview, run, sealed, world, world_of};

/// C-PLN-14: what reads an output that is not there yet is deferred, never planned on a value that somebody made up.
#[test]
fn from_nothing_the_second_unit_is_deferred_the_run_plans_it_and_the_next_preview_is_empty() {
    let world = world();
    let (shown, digest) = preview(&world, &[]);
    assert_eq!(shown.code, Some(0), "{}", shown.all());
    assert!(
        shown
            .stderr
            .contains("network@production: planned (2 to add, 1 output to change)"),
        "{}",
        shown.stderr
    );
    assert!(
        shown.stderr.contains(
            "cluster@production: deferred (it reads outputs of `network@production`, which only the run will know)"
        ),
        "{}",
        shown.stderr
    );
    let digest = digest.expect("a digest");
    run(&world, &digest, &[])
        .tells("0: cluster@production succeeded, network@production succeeded");
    let (again, digest) = preview(&world, &[]);
    for task in ["network", "cluster"] {
        let line = format!("{task}@production: no changes (no changes)");
        assert!(again.stderr.contains(&line), "{}", again.stderr);
    }
    assert!(digest.is_some(), "{}", again.all());
}

#[test]
fn a_unit_is_planned_on_outputs_that_the_unit_before_it_would_not_change() {
    let world = world();
    let digest = sealed(&world, &[]);
    run(&world, &digest, &[])
        .tells("0: cluster@production succeeded, network@production succeeded");
    let main = std::fs::read_to_string(world.repository().join("network/main.tf")).expect("a file");
    world.write(
        "network/main.tf",
        &format!("{main}\nresource \"terraform_data\" \"more\" {{\n}}\n"),
    );
    let (shown, _) = preview(&world, &[]);
    assert!(
        shown
            .stderr
            .contains("network@production: planned (1 to add)"),
        "{}",
        shown.stderr
    );
    assert!(
        shown.stderr.contains("cluster@production: no changes"),
        "{}",
        shown.stderr
    );
    // And on none of an output that it would.
    let (shown, _) = preview(&world, &["--input", "size=large"]);
    assert!(
        shown.stderr.contains("cluster@production: deferred"),
        "{}",
        shown.stderr
    );
}

#[test]
fn a_preview_changes_nothing_and_keeps_no_plan_in_clear() {
    let world = world();
    let digest = sealed(&world, &[]);
    assert!(
        !world
            .repository()
            .join("network/terraform.tfstate")
            .exists()
    );
    let status = world.call(&["status"]);
    assert!(!status.all().contains("succeeded"), "{}", status.all());
    let bundle = std::fs::read_to_string(file(&world, &digest)).expect("a bundle");
    assert!(bundle.contains("BEGIN AGE ENCRYPTED FILE"), "{bundle}");
    let clear: Vec<_> = world.files_with(HIDDEN);
    let own = world.repository();
    let elsewhere: Vec<_> = clear
        .iter()
        .filter(|path| !path.starts_with(&own))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    // A saved plan is compressed, and found by how it begins.
    let plans = world.files_with("PK\u{3}\u{4}");
    let plans: Vec<_> = plans
        .iter()
        .filter(|path| !path.starts_with(&own))
        .collect();
    assert!(plans.is_empty(), "{plans:?}");
}

/// C-PLN-15: one plan with an error stops all, in words.
#[test]
fn nothing_is_sealed_where_one_plan_has_an_error() {
    let world = world();
    world.write(
        "network/more.tf",
        "resource \"terraform_data\" \"more\" {\n  inputs = 1\n}\n",
    );
    let (shown, digest) = preview(&world, &["--task", "network", "--task", "cluster"]);
    assert_eq!((shown.code, digest), (Some(1), None), "{}", shown.all());
    for part in [
        "network@production: failed (network/more.tf:2: Unsupported argument",
        "cluster@production: blocked (on network@production)",
        "nothing is sealed: ",
    ] {
        assert!(shown.stderr.contains(part), "{part}: {}", shown.stderr);
    }
}

#[test]
fn what_changes_nothing_is_carried_out_and_the_rest_is_listed() {
    let world = world_of(
        "",
        "      - { id: numbers, run: { changes: false, script: 'echo size=$SIZE >> $GITHUB_OUTPUT' }, env: { SIZE: large }, outputs: { size: { type: string } } }
      - { id: network, terraform: { dir: network, variables: { size: \"${{ tasks.numbers.outputs.size }}\" } } }
      - { id: tell, run: { script: 'echo told >> $OUT/told' }, needs: [network] }
      - { id: look, run: { changes: false, script: 'true' }, needs: [tell] }
      - { id: sure, check: [{ id: there, file: { path: network/main.tf } }] }
",
    );
    let (shown, digest) = preview(&world, &[]);
    assert!(digest.is_some(), "{}", shown.all());
    for part in [
        "numbers@production: done\n",
        "network@production: planned (2 to add, 1 output to change)",
        "\"large\"",
        "tell@production: would run (it changes something outside)",
        "look@production: deferred (it waits for `tell@production`)",
        "sure@production: done\n",
    ] {
        assert!(shown.stderr.contains(part), "{part}: {}", shown.stderr);
    }
    assert!(!world.out("told").exists());
    let json = world.call(&["preview", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(told["tasks"]["tell@production"]["outlook"]["type"], "runs");
    assert!(
        told["digest"]
            .as_str()
            .is_some_and(|digest| digest.starts_with("sha256:"))
    );
}

/// C-PLN-13: credentials in the backend's configuration stand in the saved plan and end some time.
#[test]
fn credentials_that_a_saved_plan_would_hold_are_told() {
    let server = deploy_action_test_wire::StateServer::start();
    let world = world_of(
        "",
        "      - { id: network, terraform: { dir: network, variables: { size: small } } }\n",
    );
    let backend = server.backend();
    let with_password = backend.replacen(
        "address",
        "username = \"me\"\n    password = \"pw-of-a-day\"\n    address",
        1,
    );
    assert_ne!(backend, with_password, "{backend}");
    world.write("network/backend.tf", &with_password);
    let (shown, digest) = preview(&world, &[]);
    assert!(digest.is_some(), "{}", shown.all());
    assert!(
        shown
            .stderr
            .contains("the backend's configuration holds `password`"),
        "{}",
        shown.stderr
    );
}

/// What a run would make is not made by a preview: a workspace, a lock file.
#[test]
fn a_preview_makes_no_workspace_and_leaves_no_lock_file() {
    let mut world = world_of(
        "",
        "      - { id: network, terraform: { dir: network, workspace: blue, variables: { size: small } } }
      - { id: spot, terraform: { dir: spot } }
",
    );
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_deploy-action"));
    let mirror = tempfile::tempdir().expect("a folder");
    let stand_in = StandIn::install(mirror.path(), program, Package::Zip(1_000)).expect("a mirror");
    for (name, value) in stand_in.variables() {
        world.set(name, &value);
    }
    let resource = "resource \"spot_cloudspace\" \"a\" {\n  cloudspace_name = \"a\"\n  region          = \"us-central-dfw-1\"\n}\n";
    world.write("spot/main.tf", &format!("{REQUIRED}{resource}"));
    world.commit();
    let (shown, digest) = preview(&world, &[]);
    let digest = digest.unwrap_or_else(|| panic!("{}", shown.all()));
    for part in [
        "network@production: deferred (its workspace `blue` is made by the run)",
        "spot@production: planned (1 to add)",
        "`spot` has no `.terraform.lock.hcl`",
    ] {
        assert!(shown.stderr.contains(part), "{part}: {}", shown.stderr);
    }
    for left in ["network/terraform.tfstate.d", "spot/.terraform.lock.hcl"] {
        assert!(!world.repository().join(left).exists(), "{left}");
    }
    run(&world, &digest, &[]).tells("0: network@production succeeded, spot@production succeeded");
    assert_eq!(stand_in.objects("spot_cloudspace").len(), 1);
}

/// What it looks at may be another when the run comes to it.
#[test]
fn a_unit_that_needs_a_change_is_deferred_though_it_reads_nothing_of_it() {
    let world = world_of(
        "",
        "      - { id: network, terraform: { dir: network, variables: { size: small } } }
      - { id: cluster, needs: [network], terraform: { dir: cluster, variables: { address: fixed } } }
",
    );
    let (shown, digest) = preview(&world, &[]);
    let deferred = "cluster@production: deferred (it waits for `network@production`)";
    assert!(shown.stderr.contains(deferred), "{}", shown.stderr);
    run(&world, &digest.expect("a digest"), &[])
        .tells("0: cluster@production succeeded, network@production succeeded");
    let (shown, _) = preview(&world, &[]);
    assert!(
        shown.stderr.contains("cluster@production: no changes"),
        "{}",
        shown.stderr
    );
}
