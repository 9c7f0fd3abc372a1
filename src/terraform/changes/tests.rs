//! Plans that terraform wrote, read and judged.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::{diagnostic::Severity, expression::Value, terraform::AddressPattern};

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/terraform")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn patterns(texts: &[&str]) -> Vec<AddressPattern> {
    texts
        .iter()
        .map(|text| AddressPattern::new(*text))
        .collect()
}

fn read(text: &str) -> Changes {
    read_with(text, &[], &[])
}

fn read_with(text: &str, sensitive: &[&str], kept: &[&str]) -> Changes {
    let (sensitive, kept) = (patterns(sensitive), patterns(kept));
    let reading = Reading {
        sensitive: &sensitive,
        kept: &kept,
    };
    Changes::read(text.as_bytes(), &reading).expect("terraform wrote it")
}

fn document(name: &str) -> serde_json::Value {
    serde_json::from_str(&text(name)).expect("terraform writes JSON")
}

#[test]
fn a_summary_shows_what_is_lost_first_with_its_reasons() {
    insta::assert_snapshot!(read(&text("plan-mixed.json")).summary(), @r#"
    1 to replace, 1 to destroy, 1 to change, 2 outputs to change
    replace  terraform_data.replaced (triggers_replace.size cannot be changed in place)
               id: "e01d12b0-b94d-c288-959d-5f348acb6b9f" -> (known after apply)
               output: "r" -> (known after apply)
               triggers_replace.size: 1 -> 3
    destroy  terraform_data.gone[1] (delete because count index)
    update   terraform_data.changed
               input.size: 1 -> 3
               output: {…} -> (known after apply)
    output   id (update)
               "e01d12b0-b94d-c288-959d-5f348acb6b9f" -> (known after apply)
    output   size (update)
               1 -> 3
    failing  check.small: size is 3
    "#);
}

#[test]
fn a_summary_names_modules_keys_and_the_order_of_a_replacement() {
    insta::assert_snapshot!(read(&text("plan-module.json")).summary(), @r#"
    2 to replace
    replace  module.db.terraform_data.this["eu"] (triggers_replace[0] cannot be changed in place; the new one first)
               id: "c91eb3b5-a1e3-a8c9-f259-7c418476f2be" -> (known after apply)
               input.tier: "small" -> "large"
               output: {…} -> (known after apply)
               triggers_replace[0]: "small" -> "large"
    replace  module.db.terraform_data.this["us.east"] (triggers_replace[0] cannot be changed in place; the new one first)
               id: "6386a1ea-47eb-753e-6e7a-885b6f8068a2" -> (known after apply)
               input.tier: "small" -> "large"
               output: {…} -> (known after apply)
               triggers_replace[0]: "small" -> "large"
    "#);
}

/// C-TF-3: what is no change of a resource in place is a change all the same, and drift alone is none.
#[test]
fn output_import_moved_destroy_and_forget_only_plans_are_told_apart_from_no_change() {
    for (name, headline, is_empty) in [
        ("plan-unchanged.json", "no changes", true),
        ("plan-outputs-only.json", "1 output to change", false),
        ("plan-import-only.json", "1 to import", false),
        ("plan-moved-only.json", "1 to move", false),
        (
            "plan-destroy-only.json",
            "1 to destroy, 1 output to change",
            false,
        ),
        ("plan-forget.json", "1 to forget", false),
    ] {
        let changes = read(&text(name));
        assert_eq!(changes.summary().headline(), headline, "{name}");
        assert_eq!(changes.is_empty(), is_empty, "{name}");
        assert_eq!(changes.applyable, Some(!is_empty), "{name}");
    }
    let mut drifted = document("plan-unchanged.json");
    drifted["resource_drift"] = document("plan-mixed.json")["resource_changes"].take();
    let drifted = read(&drifted.to_string());
    assert!(drifted.is_empty());
    assert_eq!(drifted.drift.len(), 5);
    assert_eq!(drifted.summary().headline(), "no changes");
}

/// C-TF-7: what terraform calls sensitive is shown nowhere, not even where it does not say so.
#[test]
fn a_sensitive_value_is_shown_nowhere_even_where_terraform_does_not_mark_it() {
    let plan = text("plan-mixed.json");
    let changes = read(&plan);
    let found = changes.secrets().map(|(_, secret)| secret.expose());
    assert!(found.into_iter().any(|secret| secret == "hunter2-canary"));
    let mut shown = format!("{}\n{changes:?}", changes.summary());
    shown.push_str(&serde_json::to_string(&changes.summary()).expect("it is serialised"));
    assert!(plan.contains("hunter2-canary"));
    assert!(!shown.contains("hunter2"), "{shown}");
    // The provider gives the password out as `output`, which terraform does not mark.
    let rotated = read(&text("plan-rotated.json"));
    let shown = format!("{}\n{rotated:?}", rotated.summary());
    assert!(shown.contains("token=***"), "{shown}");
    assert!(!shown.contains("canary-rotated"), "{shown}");
}

#[test]
fn what_is_secret_inside_of_something_that_becomes_unknown_is_not_shown() {
    let mut plan = document("plan-mixed.json");
    let change = &mut plan["resource_changes"][0]["change"];
    change["before"]["output"]["password"] = 77.into();
    change["before_sensitive"]["output"]["password"] = true.into();
    let changes = read(&plan.to_string());
    let shown = format!("{}\n{changes:?}", changes.summary());
    assert!(!shown.contains("77"), "{shown}");
}

#[test]
fn what_the_plan_file_calls_sensitive_is_shown_nowhere() {
    let plan = text("plan-module.json").replace("\"large\"", "\"large-canary\"");
    assert!(read(&plan).summary().to_string().contains("large-canary"));
    let changes = read_with(&plan, &["module.db.terraform_data.*.input.tier"], &[]);
    let shown = format!("{}\n{changes:?}", changes.summary());
    assert!(!shown.contains("large-canary"), "{shown}");
    assert!(
        shown.contains("input.tier: (sensitive) -> (sensitive)"),
        "{shown}"
    );
}

/// C-TF-7: data that were read while planning stand in the prior state alone, and their values anywhere.
#[test]
fn data_that_the_plan_file_calls_sensitive_are_masked_where_they_are_passed_on() {
    let mut plan = document("plan-outputs-only.json");
    plan["prior_state"]["values"]["root_module"]["child_modules"] = serde_json::json!([{ "resources": [{
        "address": "data.spot_kubeconfig.this", "mode": "data",
        "values": { "raw": "apiVersion: canary", "name": "app" }, "sensitive_values": {},
    }] }]);
    plan["output_changes"]["port"]["after"] = "apiVersion: canary".into();
    let shows = |sensitive: &[&str]| {
        read_with(&plan.to_string(), sensitive, &[])
            .summary()
            .to_string()
    };
    assert!(shows(&[]).contains("apiVersion: canary"));
    assert!(!shows(&["data.spot_kubeconfig.*.raw"]).contains("canary"));
    assert!(shows(&["data.spot_kubeconfig.*.name"]).contains("canary"));
}

#[test]
fn the_secrets_of_a_state_are_what_terraform_and_the_plan_file_call_so() {
    let state = serde_json::json!({ "format_version": "1.0", "values": { "root_module": { "resources": [
        { "address": "a.b", "mode": "managed", "values": { "token": "canary-1", "name": "canary-2" }, "sensitive_values": { "token": true } },
        { "address": "data.c.d", "mode": "data", "values": { "raw": "canary-3" }, "sensitive_values": {} },
    ] } } });
    let found = |sensitive: &[&str]| {
        let found = secrets_of_state(state.to_string().as_bytes(), &patterns(sensitive));
        let found = found.expect("it is a state");
        found
            .iter()
            .map(|(place, secret)| format!("{place}={}", secret.expose()))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&[]), ["a.b.token=canary-1"]);
    assert_eq!(
        found(&["data.*.raw"]),
        ["a.b.token=canary-1", "data.c.d.raw=canary-3"]
    );
    let error = secrets_of_state("[hunter2".as_bytes(), &[]).expect_err("it is no JSON");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn changes_outside_of_what_is_allowed_are_named_by_address() {
    let changes = read(&text("plan-mixed.json"));
    let refused: Vec<String> = changes
        .not_allowed(Allowed::default())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        refused,
        [
            "`terraform_data.gone[1]`: destroy is not allowed here; `allow` would have to name `delete`",
            "`terraform_data.replaced`: replace is not allowed here; `allow` would have to name `replace`",
        ]
    );
    let all = Allowed::of(["create", "update", "replace", "delete"]);
    assert_eq!(changes.not_allowed(all), []);
    let forget = read(&text("plan-forget.json"));
    assert_eq!(forget.not_allowed(Allowed::default()).len(), 1);
    let moved = read(&text("plan-moved-only.json"));
    assert_eq!(moved.not_allowed(Allowed::of([])), []);
}

fn judged(plan: &str, policy: serde_json::Value) -> JudgedPolicy {
    let policy = Policy::read(1, &Value::from(policy)).expect("it is a policy");
    let changes = read_with(plan, &[], &[policy.resource.as_str()]);
    changes.judge(&policy)
}

#[test]
fn policies_judge_what_is_there_after_the_change() {
    let plan = text("plan-mixed.json");
    for (policy, violations) in [
        (
            serde_json::json!({ "resource": "terraform_data.changed", "expect": { "input.size": 3, "input.tags.length": "<= 2", "triggers_replace": null } }),
            vec![],
        ),
        (
            serde_json::json!({ "resource": "terraform_data.gone", "count": 1 }),
            vec![],
        ),
        (
            serde_json::json!({ "name": "None", "resource": "terraform_data.gone*", "count": 0 }),
            vec!["policy `None`: `terraform_data.gone*`: count: found 1, required 0"],
        ),
        (
            serde_json::json!({ "resource": "x.y" }),
            vec!["policy `x.y`: `x.y`: count: found 0, required >= 1"],
        ),
        (
            serde_json::json!({ "name": "Small", "resource": "terraform_data.*ed", "count": ">= 2", "expect": { "input.size": "< 3" } }),
            vec![
                "policy `Small`: `terraform_data.changed`: input.size: found 3, required < 3",
                "policy `Small`: `terraform_data.replaced`: input.size: nothing was observed, required < 3",
            ],
        ),
    ] {
        let judged = judged(&plan, policy.clone());
        let found: Vec<String> = judged.violations.iter().map(ToString::to_string).collect();
        assert_eq!(found, violations, "{policy}");
        assert_eq!(judged.stops(), !found.is_empty(), "{policy}");
    }
}

#[test]
fn what_is_known_only_after_apply_is_not_held_and_said_as_such() {
    let plan = text("plan-mixed.json");
    for path in ["output.size", "output", "output[0].deeper"] {
        let judged = judged(
            &plan,
            serde_json::json!({ "resource": "terraform_data.changed", "severity": "warning", "expect": { path: null } }),
        );
        assert_eq!(judged.judgement(), Judgement::Unknown, "{path}");
        assert_eq!(judged.violations[0].found, "known only after apply");
        assert_eq!(judged.severity, Severity::Warning);
        assert!(!judged.stops());
    }
}

#[test]
fn a_secret_attribute_is_not_judged_and_not_shown() {
    let plan = text("plan-mixed.json");
    for path in ["input.password", "input", "input.password.deeper"] {
        let judged = judged(
            &plan,
            serde_json::json!({ "resource": "terraform_data.changed", "expect": { path: null } }),
        );
        assert_eq!(judged.judgement(), Judgement::Failed, "{path}");
        assert_eq!(judged.violations[0].found, "a secret is not judged");
    }
}

#[test]
fn a_policy_that_makes_no_sense_says_where() {
    for (policy, message) in [
        (serde_json::json!({}), "policy 1 names no resource"),
        (
            serde_json::json!({ "resource": "a", "count": "< many" }),
            "policy `a`: `count` is no requirement",
        ),
        (
            serde_json::json!({ "resource": "a", "expect": { "b[": 1 } }),
            "policy `a`: `b[` is no path of an attribute",
        ),
    ] {
        let error = Policy::read(1, &Value::from(policy)).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
}

/// C-PLN-10: plans are equal by what they would do, whatever their order, time, version and unchanged attributes.
#[test]
fn plans_that_would_do_the_same_are_equal_whatever_their_text() {
    let reviewed = text("plan-mixed.json");
    let mut other = document("plan-mixed.json");
    other["timestamp"] = "2001-01-01T00:00:00Z".into();
    other["terraform_version"] = "1.11.9".into();
    other["relevant_attributes"] = serde_json::json!([]);
    other["resource_drift"] = document("plan-module.json")["resource_changes"].take();
    other["resource_changes"]
        .as_array_mut()
        .expect("a list")
        .reverse();
    for change in other["resource_changes"].as_array_mut().expect("a list") {
        for side in ["before", "after"] {
            if let Some(side) = change["change"][side].as_object_mut() {
                side.insert("unchanged".to_owned(), 1.into());
            }
        }
    }
    assert_eq!(read(&reviewed).differences(&read(&other.to_string())), []);
    for name in [
        "plan-outputs-only.json",
        "plan-import-only.json",
        "plan-moved-only.json",
    ] {
        let plan = read(&text(name));
        assert_eq!(plan.differences(&plan.clone()), [], "{name}");
        assert_ne!(
            plan.differences(&read(&text("plan-unchanged.json"))),
            [],
            "{name}"
        );
    }
}

/// C-PLN-10, the other side: what would be done otherwise is a difference of a named kind.
#[test]
fn plans_that_would_do_something_else_differ_by_kind_and_place() {
    let reviewed = read(&text("plan-mixed.json"));
    let found = |edit: &dyn Fn(&mut serde_json::Value)| {
        let mut other = document("plan-mixed.json");
        edit(&mut other);
        let found = reviewed.differences(&read(&other.to_string()));
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let change = |other: &mut serde_json::Value, index: usize, key: &str, value| {
        other["resource_changes"][index]["change"][key] = value;
    };
    assert_eq!(
        found(&|other| change(other, 1, "actions", serde_json::json!(["delete"]))),
        ["`terraform_data.gone[0]`: would now destroy, which was not reviewed"]
    );
    assert_eq!(
        found(&|other| change(other, 2, "actions", serde_json::json!(["no-op"]))),
        ["`terraform_data.gone[1]`: destroy was reviewed, and is no longer planned"]
    );
    assert_eq!(
        found(&|other| change(other, 4, "actions", serde_json::json!(["update"]))),
        ["`terraform_data.replaced`: replace was reviewed, now it is update"]
    );
    assert_eq!(
        found(&|other| other["resource_changes"][0]["change"]["after"]["input"]["size"] = 4.into()),
        ["`terraform_data.changed`: input.size: 1 -> 3 was reviewed, now it is 1 -> 4"]
    );
    assert_eq!(
        found(
            &|other| other["resource_changes"][0]["change"]["after"]["input"]["password"] =
                "canary".into()
        ),
        [
            "`terraform_data.changed`: input.password: no change was reviewed, now it is (sensitive) -> (sensitive)"
        ]
    );
    assert_eq!(
        found(&|other| other["output_changes"]["size"]["after"] = 4.into()),
        ["`output.size`: value: 1 -> 3 was reviewed, now it is 1 -> 4"]
    );
    let long = read(&text("plan-rotated.json"));
    let mut other = document("plan-rotated.json");
    other["resource_changes"][0]["change"]["after"]["input"]["all"]["raw"] = "canary-other".into();
    assert_ne!(long.differences(&read(&other.to_string())), []);
}

#[test]
fn a_document_that_is_no_plan_is_refused_in_words_without_its_values() {
    let cut = text("plan-mixed.json");
    let cut = &cut[..cut.len() / 2];
    for (document, message) in [
        (
            "",
            "the document ends too early at line 1, column 0 of the plan's JSON",
        ),
        (
            "hunter2",
            "this is no JSON at line 1, column 1 of the plan's JSON",
        ),
        (
            "{}",
            "this is no plan of terraform: it has no `format_version`",
        ),
        (
            r#"{"format_version":"1.0","values":{}}"#,
            "this is no plan of terraform: it has no `planned_values`",
        ),
        (
            r#"{"format_version":"2.0"}"#,
            "the plan's JSON is of format `2.0`, and formats 0.2 and 1 are understood",
        ),
        (
            r#"{"format_version":"1.0","resource_changes":[{"address":"a.b","change":{"actions":"hunter2"}}]}"#,
            "something else stands there than in a plan at line 1, column 90 of the plan's JSON, in `resource_changes`",
        ),
        (
            r#"{"format_version":"1.0","resource_changes":[{"address":"a.b","change":{"actions":["explode"]}}]}"#,
            "the plan would do `explode` to `a.b`, which this version does not know",
        ),
    ] {
        let error = Changes::read(document.as_bytes(), &Reading::default()).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
    let error = Changes::read(cut.as_bytes(), &Reading::default()).expect_err("it is cut");
    assert!(
        error
            .to_string()
            .starts_with("the document ends too early at line 1, column"),
        "{error}"
    );
}

#[test]
fn a_failing_condition_of_the_configuration_is_told() {
    let summary = read(&text("plan-mixed.json")).summary();
    assert_eq!(summary.failing.len(), 1);
    assert_eq!(summary.failing[0].problems, ["size is 3"]);
}

proptest! {
    #[test]
    fn a_plan_with_anything_in_it_is_read_or_refused(at in 0_usize..9_000, bytes in prop::collection::vec(any::<u8>(), 0..6)) {
        let mut plan = text("plan-mixed.json").into_bytes();
        let at = at.min(plan.len());
        let end = (at + bytes.len()).min(plan.len());
        plan.splice(at..end, bytes);
        let sensitive = patterns(&["*.input"]);
        let reading = Reading { sensitive: &sensitive, kept: &sensitive };
        match Changes::read(plan.as_slice(), &reading) {
            Ok(changes) => {
                prop_assert_eq!(changes.differences(&changes), []);
                let shown = changes.summary().to_string();
                prop_assert!(!shown.is_empty());
            }
            Err(error) => prop_assert!(!error.to_string().contains("hunter2")),
        }
    }
}
