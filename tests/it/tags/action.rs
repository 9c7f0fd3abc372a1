//! The action with `command: tags`: inputs of docker/metadata-action in, its outputs out.

use std::fs;

use deploy_action::github::file::parse_output_file;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{Step, read};

/// Calls the action with these inputs, as its composite step hands them over; returns the outputs of the step.
#[track_caller]
fn act(step: &mut Step, inputs: &[(&str, &str)]) -> IndexMap<String, String> {
    let output = step.path("output");
    fs::write(&output, "before=1\n").expect("a file");
    step.set("GITHUB_ACTIONS", "true");
    step.set("GITHUB_OUTPUT", output.to_str().expect("UTF-8"));
    let temp = step.path("temp");
    step.set("RUNNER_TEMP", temp.to_str().expect("UTF-8"));
    step.set("DEPLOY_ACTION_INPUT_COMMAND", "tags");
    // Composite actions hand over every input, empty ones and defaults with them.
    step.set("DEPLOY_ACTION_INPUT_PLAN", "deploy.yaml");
    step.set("DEPLOY_ACTION_INPUT_SEP_LABELS", "");
    for (name, value) in inputs {
        step.set(&format!("DEPLOY_ACTION_INPUT_{name}"), value);
    }
    let ended = step.run(&["action"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    parse_output_file(read(output).as_bytes()).expect("a runner reads it")
}

#[test]
fn a_team_moves_over_by_its_uses_line() {
    let mut step = Step::of("push", "refs/tags/v1.2.3", &json!({}));
    let outputs = act(
        &mut step,
        &[
            ("IMAGES", "acme/api\nghcr.io/acme/api\n"),
            (
                "TAGS",
                "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}\n",
            ),
            ("FLAVOR", "suffix=-alpine,onlatest=true\n"),
            ("LABELS", "maintainer=Ada\n"),
            ("ANNOTATIONS", "a=1\n"),
            ("BAKE_TARGET", "app"),
            ("SEP_TAGS", ","),
            ("SEP_ANNOTATIONS", " "),
        ],
    );
    let names: Vec<&str> = outputs.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "before",
            "version",
            "tags",
            "tag-names",
            "labels",
            "annotations",
            "json",
            "bake-file-tags",
            "bake-file-labels",
            "bake-file-annotations",
            "bake-file"
        ]
    );
    assert_eq!(outputs["version"], "1.2.3-alpine");
    assert_eq!(
        outputs["tags"],
        "acme/api:1.2.3-alpine,acme/api:1-alpine,acme/api:latest-alpine,\
         ghcr.io/acme/api:1.2.3-alpine,ghcr.io/acme/api:1-alpine,ghcr.io/acme/api:latest-alpine"
    );
    assert_eq!(outputs["tag-names"], "1.2.3-alpine,1-alpine,latest-alpine");
    assert!(outputs["labels"].starts_with("maintainer=Ada\norg.opencontainers.image.created="));
    assert!(
        outputs["annotations"]
            .starts_with("manifest:a=1 manifest:org.opencontainers.image.created=")
    );
    let json: Value = serde_json::from_str(&outputs["json"]).expect("it is JSON");
    assert_eq!(
        json["tag-names"],
        json!(["1.2.3-alpine", "1-alpine", "latest-alpine"])
    );
    assert_eq!(json["labels"]["maintainer"], "Ada");
    let file = |name: &str| -> Value {
        serde_json::from_str(&read(&outputs[name])).expect("a bake file is JSON")
    };
    let target = |name: &str| -> Vec<String> {
        let file = file(name);
        let target = file["target"]["app"].as_object().expect("the target");
        let mut keys: Vec<String> = target.keys().cloned().collect();
        keys.sort();
        keys
    };
    assert_eq!(target("bake-file-tags"), ["args", "tags"]);
    assert_eq!(target("bake-file-labels"), ["labels"]);
    assert_eq!(target("bake-file-annotations"), ["annotations"]);
    assert_eq!(target("bake-file"), ["args", "labels", "tags"]);
    assert_eq!(
        file("bake-file-tags")["target"]["app"]["args"],
        json!({ "DOCKER_META_IMAGES": "acme/api,ghcr.io/acme/api", "DOCKER_META_VERSION": "1.2.3-alpine" })
    );
}

#[test]
fn no_text_of_a_branch_can_add_an_output() {
    let branch = "refs/heads/x\nghadelimiter_0\nversion<<y\nevil\ny";
    let mut step = Step::of("push", branch, &json!({}));
    let outputs = act(
        &mut step,
        &[("LABELS", "a={{branch}}"), ("COMPAT", "docker")],
    );
    assert_eq!(outputs["version"], "x-ghadelimiter_0-version-y-evil-y");
    assert_eq!(outputs.len(), 11);
}

#[test]
fn the_mode_of_the_original_is_an_input() {
    let mut step = Step::of("push", "refs/heads/a&b", &json!({}));
    assert_eq!(
        act(&mut step, &[("TAGS", "type=raw,{{branch}}")])["tags"],
        "a-b"
    );
    assert_eq!(act(&mut step, &[("COMPAT", "docker")])["tags"], "a-amp-b");
}

#[test]
fn wrong_rules_write_no_output_and_end_with_2() {
    let mut step = Step::of("push", "refs/heads/main", &json!({}));
    let output = step.path("output");
    act(&mut step, &[]);
    fs::write(&output, "").expect("a file");
    step.set("DEPLOY_ACTION_INPUT_TAGS", "type=nope");
    let ended = step.run(&["action"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .stderr
            .starts_with("::error::tags, line 1, `type=nope`: unknown type"),
        "{}",
        ended.stderr
    );
    assert_eq!(read(output), "");
}
