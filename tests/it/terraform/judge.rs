//! What is refused before anything is applied.

use super::{MODULE, SIZE, world};

/// A wrong module is refused by terraform itself, and the report leads to file and line.
#[track_caller]
fn refused(module: &str, expected: &str) {
    let world = world(module, "");
    let ran = world.run(&[]);
    ran.tells("1: network failed (task), reader blocked on network");
    let failure = ran.failure("network");
    assert!(failure.starts_with(expected), "{failure}");
}

#[test]
fn a_reference_to_nothing_is_refused_at_its_file_and_line() {
    refused(
        "output \"address\" {\n  value = terraform_data.nothing.output\n}\n",
        "infra/main.tf:2: Reference to undeclared resource",
    );
}

#[test]
fn an_attribute_that_the_schema_does_not_have_is_refused_at_its_file_and_line() {
    refused(
        "resource \"terraform_data\" \"a\" {\n  inptu = 1\n}\n\noutput \"address\" {\n  value = 1\n}\n",
        "infra/main.tf:2: Unsupported argument",
    );
}

#[test]
fn a_module_that_is_no_hcl_is_refused_at_its_file_and_line() {
    refused("output \"address\" {\n  value = \n}\n", "infra/main.tf:2: ");
}

#[test]
fn a_replacement_needs_to_be_allowed_and_is_refused_by_address() {
    let world = world(MODULE, SIZE);
    world
        .run(&[])
        .tells("0: network succeeded, reader succeeded");
    let ran = world.run(&["--input", "size=other"]);
    ran.tells("1: network failed (verify-failed), reader blocked on network");
    let failure = ran.failure("network");
    assert!(failure.contains("terraform_data.net"), "{failure}");
    assert!(failure.contains("replace"), "{failure}");
    assert_eq!(ran.events("child-kept").len(), 1, "the plan alone");
}

#[test]
fn a_policy_that_does_not_hold_is_told_with_what_was_found_and_expected() {
    let policy = ", policy: [{ name: Small only, resource: terraform_data.net, count: 1, expect: { input: small } }]";
    let world = world(MODULE, &format!("{SIZE}{policy}"));
    world
        .run(&[])
        .tells("0: network succeeded, reader succeeded");
    let ran = world.run(&["--input", "size=large"]);
    ran.tells("1: network failed (verify-failed), reader blocked on network");
    let failure = ran.failure("network");
    for part in ["Small only", "terraform_data.net", "large", "small"] {
        assert!(failure.contains(part), "{part}: {failure}");
    }
}

#[test]
fn a_version_that_is_not_the_pinned_one_is_refused() {
    let world = world(MODULE, SIZE);
    let plan = std::fs::read_to_string(world.repository().join("deploy.yaml")).expect("a plan");
    world.write(
        "deploy.yaml",
        &format!("tools: {{ terraform: {{ version: 0.0.1 }} }}\n{plan}"),
    );
    let ran = world.run(&[]);
    ran.tells("1: network failed (invalid), reader blocked on network");
    let failure = ran.failure("network");
    assert!(
        failure.contains("the plan's `tools` want 0.0.1"),
        "{failure}"
    );
}

#[test]
fn an_output_that_the_plan_calls_sensitive_is_nowhere_in_clear() {
    let module = "resource \"terraform_data\" \"key\" {\n  input = \"hunter-2-hunter-2\"\n}\n\noutput \"address\" {\n  value = terraform_data.key.output\n}\n";
    let world = world(module, ", sensitive: terraform_data.key.*");
    let ran = world.run(&["--verbose"]);
    ran.tells("0: network succeeded, reader succeeded");
    assert_eq!(world.read("read"), "hunter-2-hunter-2\n");
    assert!(!ran.all().contains("hunter-2"), "{}", ran.all());
    assert_eq!(world.files_with("hunter-2"), [] as [std::path::PathBuf; 0]);
}
