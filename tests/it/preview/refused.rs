//! Bundles that are not carried out, each with both sides of why not.

use age::{secrecy::ExposeSecret as _, x25519::Identity};

use super::{file, preview, run, sealed, world, world_of};
use crate::world::{Ran, World};

const ONE: &str = "      - { id: network, terraform: { dir: network, variables: { size: \"${{ inputs.size }}\" } } }\n";

/// Refused before anything ran: exit 2, no record, no state.
#[track_caller]
fn is_refused(world: &World, ran: &Ran, parts: &[&str]) {
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert_eq!(ran.events("run-started").len(), 0, "{}", ran.all());
    for part in parts {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    let state = world.repository().join("network/terraform.tfstate");
    assert!(!state.exists(), "something was applied");
}

#[test]
fn a_bundle_in_which_one_bit_was_changed_is_refused() {
    let world = world_of("", ONE);
    let digest = sealed(&world, &[]);
    let path = file(&world, &digest);
    let mut bytes = std::fs::read(&path).expect("a bundle");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("room");
    let ran = run(&world, &digest, &[]);
    is_refused(
        &world,
        &ran,
        &["was changed: it comes to sha256:", digest.as_str()],
    );
}

#[test]
fn a_bundle_whose_time_is_over_is_refused() {
    let world = world_of("", ONE);
    let digest = sealed(&world, &["--expires", "0s"]);
    let ran = run(&world, &digest, &[]);
    is_refused(&world, &ran, &["the bundle ended at ", "preview again"]);
}

#[test]
fn a_bundle_of_another_plan_or_repository_is_refused() {
    let (world, other) = (world_of("", ONE), world_of("", ONE));
    let plan = std::fs::read_to_string(other.repository().join("deploy.yaml")).expect("a plan");
    other.write("deploy.yaml", &plan.replacen("name: app", "name: other", 1));
    let foreign = sealed(&other, &[]);
    let bundles = file(&other, &foreign);
    let bundles = bundles.parent().expect("a folder").display().to_string();
    let ran = run(&world, &foreign, &["--bundles", &bundles]);
    is_refused(
        &world,
        &ran,
        &["the bundle is of plan other, and this is app"],
    );
    let mut elsewhere = world_of("", ONE);
    elsewhere.set("GITHUB_REPOSITORY", "acme/elsewhere");
    let foreign = sealed(&elsewhere, &[]);
    let bundles = file(&elsewhere, &foreign);
    let bundles = bundles.parent().expect("a folder").display().to_string();
    let ran = run(&world, &foreign, &["--bundles", &bundles]);
    is_refused(
        &world,
        &ran,
        &["the bundle is of repository acme/elsewhere, and this is "],
    );
}

/// C-PLN-1, C-PLN-8: a push after the preview; a lock file that is another.
#[test]
fn a_bundle_of_other_files_or_inputs_is_refused_with_both_sides() {
    let world = world_of("", ONE);
    let digest = sealed(&world, &[]);
    let ran = run(&world, &digest, &["--input", "size=large"]);
    is_refused(
        &world,
        &ran,
        &["`network@production`: body.variables.size: \"small\" was reviewed, now it is \"large\""],
    );
    world.write("network/.terraform.lock.hcl", "# other hashes\n");
    world.write("network/more.tf", "output \"more\" {\n  value = 1\n}\n");
    world.commit();
    let ran = run(&world, &digest, &[]);
    is_refused(
        &world,
        &ran,
        &[
            "the bundle is of commit ",
            "file network/.terraform.lock.hcl: nothing was reviewed, now it is 100644 sha256:",
            "file network/more.tf: nothing was reviewed",
            "2 differences",
        ],
    );
}

/// C-PLN-4, C-PLN-7: no store, a store without it, a name that is none. Nothing is planned in its place.
#[test]
fn a_bundle_that_is_not_there_is_refused_and_nothing_stands_in_for_it() {
    let world = world_of("", ONE);
    let nothing = format!("sha256:{}", "0".repeat(64));
    let ran = run(&world, &nothing, &[]);
    is_refused(&world, &ran, &["there is no bundle sha256:0000"]);
    let digest = sealed(&world, &[]);
    let ran = run(&world, &nothing, &[]);
    is_refused(&world, &ran, &["there are sha256:", digest.as_str()]);
    let ran = run(&world, &digest, &["--bundles", "/nowhere"]);
    is_refused(&world, &ran, &["in `/nowhere`"]);
    let ran = run(&world, "latest", &[]);
    is_refused(&world, &ran, &["`--bundle latest` is no digest"]);
}

#[test]
fn a_bundle_that_the_key_here_does_not_open_is_refused() {
    let mut world = world_of("", ONE);
    let digest = sealed(&world, &[]);
    world.set("AGE_KEY", Identity::generate().to_string().expose_secret());
    let ran = run(&world, &digest, &[]);
    is_refused(
        &world,
        &ran,
        &[
            "the plans of environment `production`",
            "`key` of the environment",
        ],
    );
    world.unset("AGE_KEY");
    let ran = run(&world, &digest, &[]);
    is_refused(&world, &ran, &["secret `AGE_KEY` has no value"]);
}

#[test]
fn a_task_that_was_not_previewed_is_refused() {
    let world = world();
    let digest = sealed(&world, &["--task", "network"]);
    let ran = run(&world, &digest, &[]);
    is_refused(&world, &ran, &["`cluster@production` was not reviewed"]);
}

/// The state is another than the plan was made for: planned again, compared, refused where it comes to something else.
#[test]
fn a_plan_of_a_state_that_moved_on_is_refused_by_what_it_would_do_otherwise() {
    let world = world_of("", ONE);
    run(&world, &sealed(&world, &[]), &[]).tells("0: network@production succeeded");
    let digest = sealed(&world, &["--input", "size=large"]);
    // Somebody else applies meanwhile.
    world
        .run(&["--input", "size=huge"])
        .tells("0: network@production succeeded");
    let ran = run(&world, &digest, &["--input", "size=large"]);
    ran.tells("1: network@production failed (plan-stale)");
    let failure = ran.failure("network@production");
    for part in [
        "the plan is another now",
        "\"10.0.0.1/small\" -> (known after apply) was reviewed, now it is \"10.0.0.1/huge\"",
        "2 more",
    ] {
        assert!(failure.contains(part), "{part}: {failure}");
    }
}

/// C-PLN-12: plans that differ only in the backend's configuration, or in a value with `=`.
#[test]
fn plans_that_differ_only_in_their_backend_are_two() {
    let tasks = "      - { id: network, terraform: { dir: network, variables: { size: same }, backend-config: { path: \"${{ inputs.size }}.tfstate\" } } }\n";
    let world = world_of("", tasks);
    world.write(
        "network/backend.tf",
        "terraform {\n  backend \"local\" {}\n}\n",
    );
    let (first, second) = (
        sealed(&world, &["--input", "size=a=b"]),
        sealed(&world, &["--input", "size=a"]),
    );
    assert_ne!(first, second);
    let ran = run(&world, &second, &["--input", "size=a=b"]);
    is_refused(
        &world,
        &ran,
        &["body.backend-config.path: \"a.tfstate\" was reviewed, now it is \"a=b.tfstate\""],
    );
    run(&world, &first, &["--input", "size=a=b"]).tells("0: network@production succeeded");
    assert!(world.repository().join("network/a=b.tfstate").exists());
}

#[test]
fn a_plan_without_a_recipient_is_shown_and_cannot_be_applied_out_of_a_bundle() {
    let world = World::new(
        "name: app\nphases:\n  - id: provision\n    tasks:\n      - { id: network, terraform: { dir: network, variables: { size: small } } }\n",
    );
    world.write("network/main.tf", super::NETWORK);
    world.write(".gitignore", "*.tfstate\n*.tfstate.*\n");
    world.commit();
    let (shown, digest) = preview(&world, &[]);
    assert!(
        shown.stderr.contains("is shown and not sealed"),
        "{}",
        shown.stderr
    );
    let ran = run(&world, &digest.expect("a digest"), &[]);
    ran.tells("1: network failed (plan-stale)");
    let outcome = ran.last("task-finished", "network")["outcome"].to_string();
    assert!(
        outcome.contains("give its environment a `recipient`"),
        "{outcome}"
    );
}

/// C-PLN-17: an approval that was given before this was previewed, by whomever, opens nothing.
#[test]
fn an_approval_of_an_earlier_run_does_not_count_for_a_bundle() {
    let world = world_of(
        "",
        "      - { id: tell, run: { script: 'echo $SIZE >> $OUT/told' }, env: { SIZE: \"${{ inputs.size }}\" } }\n",
    );
    let plan = std::fs::read_to_string(world.repository().join("deploy.yaml")).expect("a plan");
    let plan = plan.replacen(
        "production: { ",
        "production: { reviewers: '@acme/ops', ",
        1,
    );
    world.write("deploy.yaml", &plan);
    let person = world.out("person.json");
    let text = r#"{"registries":{},"github":null,"secrets":{},"person":"grace"}"#;
    std::fs::write(&person, text).expect("a file");
    let mut earlier = world;
    earlier.set("DEPLOY_ACTION_STAND_INS", &person.to_string_lossy());
    let ran = earlier.run(&[]);
    ran.tells("0: tell@production succeeded");
    assert_eq!(ran.events("phase-approved")[0]["by"], "grace");
    earlier.unset("DEPLOY_ACTION_STAND_INS");
    let world = earlier;
    let digest = sealed(&world, &["--input", "size=large"]);
    let ran = run(&world, &digest, &["--input", "size=large"]);
    ran.tells("4: tell@production paused (approval)");
    assert_eq!(world.read("told"), "small\n");
}

/// What stands in for a cloud is no cloud: what was previewed on it is not carried out in the real world.
#[test]
fn a_bundle_of_a_rehearsal_is_refused_in_the_real_world() {
    let mut world = world_of("", "      - { id: tell, run: { script: 'true' } }\n");
    let person = world.out("person.json");
    let text = r#"{"registries":{},"github":null,"secrets":{},"person":"grace"}"#;
    std::fs::write(&person, text).expect("a file");
    world.set("DEPLOY_ACTION_STAND_INS", &person.to_string_lossy());
    let digest = sealed(&world, &[]);
    world.unset("DEPLOY_ACTION_STAND_INS");
    let ran = run(&world, &digest, &[]);
    is_refused(
        &world,
        &ran,
        &["the bundle is of a rehearsal, and this is a run in the real world"],
    );
}

/// Not everything of a deferred unit was known: it is planned in the run, of the files that were reviewed and no others.
#[test]
fn a_deferred_unit_of_other_files_is_refused() {
    let world = world();
    let digest = sealed(&world, &[]);
    let main = std::fs::read_to_string(world.repository().join("cluster/main.tf")).expect("a file");
    let more = "resource \"terraform_data\" \"sneaked\" {\n}\n";
    world.write("cluster/main.tf", &format!("{main}{more}"));
    world.commit();
    let ran = run(&world, &digest, &[]);
    is_refused(
        &world,
        &ran,
        &[
            "`cluster@production` is planned in the run, of what was reviewed alone: the repository's files: sha256:",
        ],
    );
}

/// A task that was to be left as it is; and a plan that was changed, by whatever part of it.
#[test]
fn a_task_that_was_up_to_date_when_it_was_reviewed_is_not_carried_out() {
    let tasks = "      - { id: stands, paths: [network/**], run: { script: 'echo stands >> $OUT/stood' } }\n";
    let world = world_of("", tasks);
    world.run(&[]).tells("0: stands@production succeeded");
    let (shown, digest) = preview(&world, &[]);
    assert!(
        shown.stderr.contains("stands@production: up to date"),
        "{}",
        shown.stderr
    );
    let digest = digest.expect("a digest");
    let ran = run(&world, &digest, &["--force", "stands"]);
    ran.tells("1: stands@production failed (plan-stale)");
    let failure = ran.failure("stands@production");
    assert!(
        failure.contains("was up to date when it was reviewed"),
        "{failure}"
    );
    assert_eq!(world.read("stood"), "stands\n");
    let plan = std::fs::read_to_string(world.repository().join("deploy.yaml")).expect("a plan");
    let verify = "stood' }, verify: [{ id: sure, run: { script: 'touch $OUT/sneaked' } }]";
    world.write("deploy.yaml", &plan.replacen("stood' }", verify, 1));
    let ran = run(&world, &digest, &[]);
    is_refused(&world, &ran, &["  the plan: sha256:"]);
    assert!(!world.out("sneaked").exists());
}

/// What was carried out when it was reviewed guards what comes after it.
#[test]
fn a_reviewed_task_is_not_passed_over_by_another_input() {
    let tasks = "      - { id: guard, if: inputs.size == 'small', check: [{ id: there, file: { path: network/main.tf } }] }
      - { id: network, needs: [guard], terraform: { dir: network, variables: { size: fixed } } }
";
    let world = world_of("", tasks);
    let digest = sealed(&world, &[]);
    let ran = run(&world, &digest, &["--input", "size=other"]);
    is_refused(
        &world,
        &ran,
        &[
            "input size of production: \"small\" was reviewed, now it is \"other\"",
            "`guard@production` was done when it was reviewed, and would be skipped now",
        ],
    );
}

/// What was refused did nothing, so nothing of it is left to go on with.
#[test]
fn a_refused_bundle_is_refused_again() {
    let world = world_of("", ONE);
    let digest = sealed(&world, &[]);
    run(&world, &digest, &[]).tells("0: network@production succeeded");
    for _ in 0..2 {
        let again = run(&world, &digest, &["--force", "network"]);
        again.tells("1: network@production failed (plan-stale)");
    }
}
