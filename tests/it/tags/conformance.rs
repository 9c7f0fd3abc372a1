//! What the test suite of docker/metadata-action states, by `--compat docker`; `tests/data/README.md` says from where.
//!
//! Cases of one function inside of the original (`is_raw_statement`) are unit tests of `src/image/tags/template.rs`.

use serde_json::{Map, Value, json};

use super::Step;

const DATA: &str = include_str!("../../data/metadata-tags.json");

fn data() -> Value {
    serde_json::from_str(DATA).expect("the data is JSON")
}

/// A step that is told what the event of a case tells.
fn step(data: &Value, case: &Value) -> Step {
    let event = &data["events"][case["event"].as_str().expect("an event")];
    let text = |name: &str| event[name].as_str().expect("a text");
    let mut step = Step::new();
    step.tell(
        text("event_name"),
        text("ref"),
        text("sha"),
        &event["payload"],
    );
    step.set("GITHUB_BASE_REF", text("base_ref_env"));
    step.set("GITHUB_HEAD_REF", text("head_ref_env"));
    for (name, value) in case["env"].as_object().into_iter().flatten() {
        step.set(name, value.as_str().expect("a text"));
    }
    if case["kind"] == "bakeFile" {
        // The levels for which the suite asks the function that writes this file.
        step.set(
            "DOCKER_METADATA_ANNOTATIONS_LEVELS",
            "index,manifest-descriptor",
        );
    }
    let about = &data["repo_api"];
    let answer = json!({
        "name": about["name"], "description": about["description"], "html_url": about["html_url"],
        "default_branch": about["default_branch"], "license": { "spdx_id": about["license_spdx"] },
    });
    std::fs::write(step.path("repository.json"), answer.to_string()).expect("a file");
    step
}

/// The inputs of a case, and what holds the clock.
fn arguments(data: &Value, case: &Value, step: &Step) -> Vec<String> {
    let now = data["fixed_now"].as_str().expect("a time");
    let mut arguments = vec![
        "--compat=docker".to_owned(),
        format!("--now={now}"),
        format!("--commit-date={now}"),
        format!(
            "--repository-json={}",
            step.path("repository.json").display()
        ),
    ];
    for (name, value) in case["inputs"].as_object().into_iter().flatten() {
        let (option, value) = match (name.as_str(), value) {
            ("bakeTarget", Value::String(value)) => ("bake-target", value.clone()),
            ("sepTags", Value::String(value)) => ("sep-tags", value.clone()),
            (list, Value::Array(lines)) => {
                let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
                (list, lines.join("\n"))
            }
            (name, value) => panic!("an input that nobody knows: {name} {value}"),
        };
        arguments.push(format!("--{option}={value}"));
    }
    arguments
}

/// What is wrong with the answer to a case.
fn problems(data: &Value, case: &Value) -> Vec<String> {
    let step = step(data, case);
    let arguments = arguments(data, case, &step);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let expected = &case["expect"];
    if case["kind"] == "sep_tags" {
        let printed = step.tags(&arguments).stdout;
        return differing("tags", &json!(printed.trim_end_matches('\n')), expected);
    }
    let found = step.json(&arguments);
    match case["kind"].as_str() {
        Some("tags") => {
            let mut found = found;
            let pairs = found["labels"].as_object().cloned().unwrap_or_default();
            let lines = pairs
                .iter()
                .map(|(name, value)| format!("{name}={}", value.as_str().expect("a text")));
            found["labels"] = lines.collect();
            let annotations = found["annotations"].as_array().cloned().unwrap_or_default();
            let bare = annotations.iter().filter_map(Value::as_str);
            found["annotations"] = bare
                .filter_map(|line| line.strip_prefix("manifest:"))
                .collect();
            if expected.get("warnings").is_none() {
                found["warnings"] = Value::Null;
            }
            parts(&found, expected)
        }
        Some("json") => parts(&found, expected),
        Some("bakeFile" | "bakeFileTagsLabels") => {
            let files = expected.as_array().expect("files");
            let mut targets = Map::new();
            for file in files {
                for (name, target) in file["target"].as_object().expect("targets") {
                    let known = targets.entry(name.clone()).or_insert_with(|| json!({}));
                    let known = known.as_object_mut().expect("an object");
                    known.extend(target.as_object().expect("an object").clone());
                }
            }
            let mut wrong = Vec::new();
            for (name, target) in &targets {
                wrong.extend(parts(&found["bake"]["target"][name], target));
            }
            let n_targets = found["bake"]["target"].as_object().map(Map::len);
            wrong.extend(differing(
                "targets",
                &json!(n_targets),
                &json!(targets.len()),
            ));
            wrong
        }
        kind => panic!("a kind that nobody knows: {kind:?}"),
    }
}

/// Compares what is expected of an answer, part by part.
fn parts(found: &Value, expected: &Value) -> Vec<String> {
    let parts = expected.as_object().expect("an object");
    let wrong = parts
        .iter()
        .map(|(name, expected)| differing(name, &found[name], expected));
    wrong.flatten().collect()
}

fn differing(what: &str, found: &Value, expected: &Value) -> Vec<String> {
    match found == expected {
        true => Vec::new(),
        false => vec![format!(
            "{what}\n    found    {found}\n    expected {expected}"
        )],
    }
}

/// Cases about tags of git that are pre-releases, whose rules are `ref,event=tag` and `match`.
const PRE_RELEASES: [&str; 8] = [
    "tag/tag02",
    "tag/tag07",
    "tag/tag08",
    "tag/tag09",
    "latest/latest02",
    "latest/latest03",
    "latest/latest06",
    "latest/latest10",
];

#[test]
fn ours_differs_from_the_original_where_a_pre_release_would_take_latest_and_says_so() {
    let data = data();
    let cases = data["upstream_cases"].as_array().expect("cases");
    let mut differ = Vec::new();
    for case in cases.iter().filter(|case| case["kind"] == "tags") {
        let step = step(&data, case);
        let arguments = arguments(&data, case, &step);
        let ours: Vec<&str> = arguments[1..].iter().map(String::as_str).collect();
        let found = step.json(&ours);
        let expected = &case["expect"];
        let is_same = found["tags"] == expected["tags"] && found["version"] == expected["version"];
        let warnings = found["warnings"].to_string();
        let is_told = warnings.contains("docker/metadata-action");
        assert_eq!(is_same, !is_told, "{}: {warnings}", case["id"]);
        if !is_same {
            assert!(warnings.contains("is a pre-release"), "{warnings}");
            differ.push(case["id"].as_str().expect("an id"));
        }
    }
    assert_eq!(differ, PRE_RELEASES);
}

#[test]
fn every_case_of_the_original_comes_to_the_same_in_its_mode() {
    let data = data();
    let cases = data["upstream_cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 136);
    let mut failed = Vec::new();
    let mut n_inner = 0;
    for case in cases {
        if case["kind"] == "is_raw_statement" {
            n_inner += 1;
            continue;
        }
        for problem in problems(&data, case) {
            failed.push(format!(
                "{}: {problem}",
                case["id"].as_str().expect("an id")
            ));
        }
    }
    assert_eq!(n_inner, 5);
    assert!(
        failed.is_empty(),
        "{} wrong\n{}",
        failed.len(),
        failed.join("\n")
    );
}
