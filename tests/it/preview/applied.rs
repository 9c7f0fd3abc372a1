//! What a run carries out of a bundle.

use super::{file, preview, run, sealed, world, world_of};

const STAMPED: &str = "      - { id: network, terraform: { dir: network, variables: { size: \"${{ inputs.size }}\" } } }\n";

#[test]
fn the_saved_plan_is_applied_and_nothing_is_planned_anew() {
    let world = world_of("", STAMPED);
    // Known only when it is planned, so another plan would come to something else.
    world.write(
        "network/main.tf",
        "variable \"size\" {}\nresource \"terraform_data\" \"net\" {\n  input = \"${var.size} at ${plantimestamp()}\"\n}\noutput \"made\" {\n  value = terraform_data.net.output\n}\n",
    );
    let (shown, digest) = preview(&world, &[]);
    let digest = digest.unwrap_or_else(|| panic!("{}", shown.all()));
    let stamp = shown
        .stderr
        .split(" at ")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let stamp = stamp.expect("a time").to_owned();
    let ran = run(&world, &digest, &[]);
    ran.tells("0: network@production succeeded");
    let kept: Vec<String> = ran
        .events("child-kept")
        .iter()
        .map(|event| event["purpose"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(kept, ["terraform apply for `network@production`"]);
    assert_eq!(
        ran.output("network@production", "made")["value"],
        format!("small at {stamp}")
    );
    let started = &ran.events("run-started")[0];
    assert_eq!(started["bundle"], digest.as_str());
}

/// C-PLN-2: a change that concerns no task, and one that concerns another task. The commit is not what counts.
#[test]
fn a_bundle_outlives_commits_that_change_nothing_of_its_tasks() {
    let world = world();
    let digest = sealed(&world, &[]);
    world.write("README.md", "another commit\n");
    world.commit();
    let main = std::fs::read_to_string(world.repository().join("cluster/main.tf")).expect("a file");
    world.write("cluster/main.tf", &format!("{main}# changed\n"));
    world.commit();
    run(&world, &digest, &["--task", "network"]).tells("0: network@production succeeded");
}

/// C-PLN-16: the digest decides which one is applied, not which is the newest.
#[test]
fn an_older_bundle_is_applied_where_it_is_named() {
    let world = world_of("", STAMPED);
    let older = sealed(&world, &["--input", "size=older"]);
    let newer = sealed(&world, &["--input", "size=newer"]);
    assert_ne!(older, newer);
    let ran = run(&world, &older, &["--input", "size=older"]);
    ran.tells("0: network@production succeeded");
    assert_eq!(
        ran.output("network@production", "address")["value"],
        "10.0.0.1/older"
    );
}

/// C-PLN-5: what was applied is not applied again.
#[test]
fn a_bundle_that_was_applied_does_nothing_again_and_is_refused_where_it_is_forced() {
    let world = world_of("", STAMPED);
    let digest = sealed(&world, &[]);
    run(&world, &digest, &[]).tells("0: network@production succeeded");
    run(&world, &digest, &[]).tells("0: network@production up-to-date");
    let forced = run(&world, &digest, &["--force", "network"]);
    forced.tells("1: network@production failed (plan-stale)");
    let failure = forced.failure("network@production");
    assert!(
        failure.contains("create was reviewed, and is no longer planned"),
        "{failure}"
    );
}

/// C-PLN-6: an apply that failed half-way goes on with what is left of what was reviewed.
#[test]
fn an_apply_that_failed_half_way_goes_on_with_the_rest_of_the_same_bundle() {
    let world = world_of("", STAMPED);
    let gate = world.out("open");
    world.write(
        "network/main.tf",
        &format!(
            "variable \"size\" {{}}\nresource \"terraform_data\" \"first\" {{\n  input = var.size\n}}\nresource \"terraform_data\" \"second\" {{\n  input = terraform_data.first.output\n  provisioner \"local-exec\" {{\n    command = \"test -e {}\"\n  }}\n}}\n",
            gate.display()
        ),
    );
    let digest = sealed(&world, &[]);
    run(&world, &digest, &[]).tells("1: network@production failed (task)");
    std::fs::write(&gate, "").expect("a file");
    let again = run(&world, &digest, &[]);
    again.tells("0: network@production succeeded");
    let last = run(&world, &digest, &[]);
    last.tells("0: network@production up-to-date");
    let (shown, _) = preview(&world, &[]);
    assert!(
        shown.stderr.contains("network@production: no changes"),
        "{}",
        shown.stderr
    );
}

/// What somebody else changed was shown as an update; the record of the task stands, and the update is applied all the same.
#[test]
fn a_reviewed_correction_of_drift_is_applied_though_the_record_of_the_task_stands() {
    let world = world_of("", STAMPED);
    run(&world, &sealed(&world, &[]), &[]).tells("0: network@production succeeded");
    let state = world.repository().join("network/terraform.tfstate");
    let text = std::fs::read_to_string(&state).expect("a state");
    std::fs::write(&state, text.replace("\"small\"", "\"drifted\"")).expect("room");
    let (shown, digest) = preview(&world, &[]);
    assert!(shown.stderr.contains("1 to change"), "{}", shown.stderr);
    let digest = digest.expect("a digest");
    run(&world, &digest, &[]).tells("0: network@production succeeded");
    run(&world, &digest, &[]).tells("0: network@production up-to-date");
    let text = std::fs::read_to_string(&state).expect("a state");
    assert!(!text.contains("drifted"), "{text}");
}

/// C-PLN-11: names of which one begins like another.
#[test]
fn units_whose_names_begin_alike_are_never_taken_for_each_other() {
    let world = world_of(
        "",
        "      - { id: stack, terraform: { dir: network, variables: { size: one } } }
      - { id: stack-a, terraform: { dir: stack-a, variables: { size: two } } }
      - { id: stack-aa, terraform: { dir: stack-aa, variables: { size: three } } }
",
    );
    for dir in ["stack-a", "stack-aa"] {
        world.write(&format!("{dir}/main.tf"), super::NETWORK);
    }
    let digest = sealed(&world, &[]);
    let ran = run(&world, &digest, &[]);
    for (task, size) in [("stack", "one"), ("stack-a", "two"), ("stack-aa", "three")] {
        let address = &ran.output(&format!("{task}@production"), "address")["value"];
        assert_eq!(*address, format!("10.0.0.1/{size}"), "{task}");
    }
}

#[test]
fn a_bundle_is_carried_out_from_a_folder_that_is_named() {
    let world = world_of("", STAMPED);
    let digest = sealed(&world, &[]);
    let elsewhere = world.out("bundles");
    std::fs::create_dir(&elsewhere).expect("a folder");
    let from = file(&world, &digest);
    let to = elsewhere.join(from.file_name().expect("a name"));
    std::fs::rename(&from, &to).expect("it is moved");
    let elsewhere = elsewhere.display().to_string();
    run(&world, &digest, &["--bundles", &elsewhere]).tells("0: network@production succeeded");
}

/// The outputs on record are those of the deployment before.
#[test]
fn a_second_deployment_by_a_bundle_reads_what_the_first_tasks_of_it_give() {
    let world = world_of(
        "",
        "      - { id: numbers, run: { changes: false, script: 'echo size=$SIZE >> $GITHUB_OUTPUT' }, env: { SIZE: \"${{ inputs.size }}\" }, outputs: { size: { type: string } } }
      - { id: network, terraform: { dir: network, variables: { size: \"${{ tasks.numbers.outputs.size }}\" } } }
",
    );
    for size in ["small", "large"] {
        let input = format!("size={size}");
        let digest = sealed(&world, &["--input", &input]);
        let ran = run(&world, &digest, &["--input", &input]);
        ran.tells("0: network@production succeeded, numbers@production succeeded");
        let address = &ran.output("network@production", "address")["value"];
        assert_eq!(*address, format!("10.0.0.1/{size}"));
    }
}

/// Only the run knows the condition, and passes over the task.
#[test]
fn a_deferred_task_whose_condition_turns_out_false_is_skipped() {
    let world = world_of(
        "",
        "      - { id: numbers, run: { script: 'echo size=small >> $GITHUB_OUTPUT' }, outputs: { size: { type: string } } }
      - { id: network, if: tasks.numbers.outputs.size == 'large', terraform: { dir: network, variables: { size: large } } }
",
    );
    let (shown, digest) = preview(&world, &[]);
    let deferred = "network@production: deferred (it reads outputs of `numbers@production`";
    assert!(shown.stderr.contains(deferred), "{}", shown.stderr);
    run(&world, &digest.expect("a digest"), &[])
        .tells("0: network@production skipped, numbers@production succeeded");
}
