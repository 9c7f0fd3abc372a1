//! The verb as people and programs call it.

use serde_json::json;

use super::Step;

const SEMVER: &str = "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}";

fn release() -> Step {
    let payload = json!({ "repository": {
        "name": "api", "description": "Says hello", "html_url": "https://github.com/acme/api", "default_branch": "main",
        "license": { "spdx_id": "MIT" },
    }});
    Step::of("push", "refs/tags/v1.2.3", &payload)
}

#[test]
fn tags_stand_one_a_line_and_warnings_beside_them() {
    let ended = release().tags(&[
        "--images",
        "ghcr.io/Acme/API\nacme/api",
        "--tags",
        SEMVER,
        "--tags",
        "type=raw,latest",
    ]);
    assert_eq!(
        ended.stdout,
        "ghcr.io/acme/api:1.2.3\nghcr.io/acme/api:1.2\nghcr.io/acme/api:latest\nacme/api:1.2.3\nacme/api:1.2\nacme/api:latest\n"
    );
    assert_eq!(
        ended.stderr,
        "warning: docker/metadata-action would give `latest` twice\n"
    );
    let bare = release().tags(&["--tags", SEMVER, "--sep-tags", " "]);
    assert_eq!(bare.stdout, "1.2.3 1.2 latest\n");
}

#[test]
fn the_json_has_these_parts_and_no_others() {
    let found = release().json(&[
        "--images=acme/api",
        "--tags",
        SEMVER,
        "--now=2020-01-10T00:30:00Z",
        "--labels=maintainer=Ada",
        "--bake-target=app",
    ]);
    let labels = json!({
        "maintainer": "Ada",
        "org.opencontainers.image.created": "2020-01-10T00:30:00.000Z",
        "org.opencontainers.image.description": "Says hello",
        "org.opencontainers.image.licenses": "MIT",
        "org.opencontainers.image.revision": "860c1904a1ce19322e91ac35af1ab07466440c37",
        "org.opencontainers.image.source": "https://github.com/acme/api",
        "org.opencontainers.image.title": "api",
        "org.opencontainers.image.url": "https://github.com/acme/api",
        "org.opencontainers.image.version": "1.2.3",
    });
    let annotations: Vec<String> = labels
        .as_object()
        .expect("an object")
        .iter()
        .filter(|(name, _)| *name != "maintainer")
        .map(|(name, value)| format!("manifest:{name}={}", value.as_str().expect("a text")))
        .collect();
    let tags = json!(["acme/api:1.2.3", "acme/api:1.2", "acme/api:latest"]);
    assert_eq!(
        found,
        json!({
            "version": { "main": "1.2.3", "partial": ["1.2"], "latest": true },
            "tags": tags,
            "tag-names": ["1.2.3", "1.2", "latest"],
            "labels": labels,
            "annotations": annotations,
            "bake": { "target": { "app": {
                "tags": tags, "labels": labels, "annotations": annotations,
                "args": { "DOCKER_META_IMAGES": "acme/api", "DOCKER_META_VERSION": "1.2.3" },
            }}},
            "warnings": [],
        })
    );
}

#[test]
fn annotations_stand_at_the_levels_that_the_variable_names() {
    let mut step = release();
    step.set("DOCKER_METADATA_ANNOTATIONS_LEVELS", "manifest,index");
    let found = step.json(&["--annotations=a=1"]);
    let lines = found["annotations"].as_array().expect("a list");
    assert_eq!(lines.len(), 18);
    assert_eq!(
        (&lines[0], &lines[9]),
        (&json!("manifest:a=1"), &json!("index:a=1"))
    );
    step.set("DOCKER_METADATA_ANNOTATIONS_LEVELS", "manifest,image");
    let ended = step.run(&["tags"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("unknown level `image`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn all_problems_are_told_with_their_lines_and_end_with_2() {
    let ended = release().run(&[
        "tags",
        "--images=a/b,enable=maybe",
        "--tags=type=sha\ntype=nope\n\ntype=ref,event=x",
        "--flavor=latest=x",
        "--labels=a={{nope}}",
        "--annotations=b={{branch",
    ]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    let expected = "\
error: images, line 1, `a/b,enable=maybe`: `maybe` is neither true nor false
tags, line 2, `type=nope`: unknown type `nope`; expected schedule, semver, pep440, match, edge, ref, raw or sha
tags, line 4, `type=ref,event=x`: unknown event `x`; expected branch, tag or pr
flavor, line 1, `latest=x`: unknown `latest=x`; expected auto, true or false
labels, line 1, `a={{nope}}`: unknown `{{nope}}`; expected branch";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("annotations, line 1, `b={{branch`: `{{branch` is not closed"),
        "{}",
        ended.stderr
    );
    // What only the event shows is told in the same way.
    let ended = release().run(&["tags", "--tags=type=raw,-x\ntype=sha\ntype=raw,y,enable=1"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .stderr
            .contains("tags, line 1, `type=raw,-x`: it comes to no tag"),
        "{}",
        ended.stderr
    );
    assert!(
        ended
            .stderr
            .contains("tags, line 3, `type=raw,y,enable=1`: `enable`: `1` is neither"),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_explanation_says_of_each_rule_what_became_of_it() {
    let rules = "type=ref,event=branch\ntype=semver,pattern={{version}}\ntype=sha,enable=false";
    let ended = release().tags(&["--images=acme/api", "--tags", rules, "--explain"]);
    assert_eq!(
        ended.stdout,
        "\
ref `refs/tags/v1.2.3`, event `push`, commit `860c1904a1ce19322e91ac35af1ab07466440c37`
  line 2, `type=semver,pattern={{version}}`: `1.2.3`, which is the version
  line 1, `type=ref,event=branch`: no tag: `refs/tags/v1.2.3` is no branch
  line 3, `type=sha,enable=false`: no tag: its `enable` is false
  latest: `latest`: line 2, `type=semver,pattern={{version}}` made the first tag, of a release
tags: acme/api:1.2.3 acme/api:latest
"
    );
    // Beside JSON it is words for people.
    let ended = release().tags(&["--tags", rules, "--explain", "--format=json"]);
    assert!(ended.stdout.starts_with('{'), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("  latest: `latest`: "),
        "{}",
        ended.stderr
    );
}

#[test]
fn without_a_run_git_tells_the_event() {
    let step = Step::new();
    step.git(&["init", "--quiet", "--initial-branch=main"]);
    step.git(&["commit", "--quiet", "--allow-empty", "--message", "first"]);
    let rules = "type=ref,event=branch\ntype=ref,event=tag\ntype=raw,{{commit_date 'YYYYMMDD'}},enable={{is_default_branch}}";
    assert_eq!(step.tags(&["--tags", rules]).stdout, "main\n20260102\n");
    step.git(&["tag", "v1.0.0"]);
    step.git(&["checkout", "--quiet", "v1.0.0"]);
    assert_eq!(step.tags(&["--tags", rules]).stdout, "v1.0.0\nlatest\n");
    // On a runner git is asked where somebody says so.
    let mut on_runner = step;
    on_runner.tell("push", "refs/heads/dev", "aa", &json!({}));
    assert_eq!(on_runner.tags(&["--tags", rules]).stdout, "dev\n");
    assert_eq!(
        on_runner.tags(&["--tags", rules, "--context=git"]).stdout,
        "v1.0.0\nlatest\n"
    );
}

#[test]
fn branches_that_become_one_tag_are_refused() {
    let mut step = Step::new();
    step.git(&["init", "--quiet", "--initial-branch=feature/a"]);
    step.git(&["commit", "--quiet", "--allow-empty", "--message", "first"]);
    step.git(&["branch", "feature-a"]);
    step.tell("push", "refs/heads/feature/a", "aa", &json!({}));
    let ended = step.run(&["tags"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("the branches `feature/a` and `feature-a` both become the tag `feature-a`"),
        "{}",
        ended.stderr
    );
    assert_eq!(step.tags(&["--compat=docker"]).stdout, "feature-a\n");
}

#[test]
fn a_rule_that_makes_nothing_is_no_failure_but_told() {
    let ended = Step::of("push", "refs/heads/dev", &json!({})).tags(&["--tags=type=ref,event=tag"]);
    assert_eq!(ended.stdout, "");
    assert_eq!(
        ended.stderr,
        "warning: no rule makes a tag; `--explain` says of each why\n"
    );
    let disabled = release().tags(&["--images=acme/api,enable=false", "--tags", SEMVER]);
    assert_eq!(disabled.stdout, "");
    assert!(
        disabled.stderr.contains("no image is enabled"),
        "{}",
        disabled.stderr
    );
}

#[test]
fn on_a_runner_warnings_stand_beside_the_run() {
    let mut step = release();
    step.set("GITHUB_ACTIONS", "true");
    let ended = step.tags(&["--tags", SEMVER, "--tags=latest"]);
    assert_eq!(
        ended.stderr,
        "::warning::docker/metadata-action would give `latest` twice\n"
    );
}

#[test]
fn an_event_that_cannot_be_read_ends_with_2() {
    let step = release();
    for bytes in [&b"{"[..], b"\xff\xfe", b""] {
        std::fs::write(step.path("event.json"), bytes).expect("a file");
        let ended = step.run(&["tags"]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("is not JSON"), "{}", ended.stderr);
    }
    for json in [
        "null",
        "[1]",
        r#"{"repository":7,"commits":{},"number":"x"}"#,
    ] {
        std::fs::write(step.path("event.json"), json).expect("a file");
        assert_eq!(
            step.tags(&["--tags", SEMVER]).stdout,
            "1.2.3\n1.2\nlatest\n"
        );
    }
}

#[test]
fn the_length_of_a_short_commit_is_a_variable() {
    let mut step = release();
    step.set("DOCKER_METADATA_SHORT_SHA_LENGTH", "12");
    assert_eq!(step.tags(&["--tags=type=sha"]).stdout, "sha-860c1904a1ce\n");
    step.set("DOCKER_METADATA_SHORT_SHA_LENGTH", "long");
    let ended = step.run(&["tags"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .stderr
            .contains("`DOCKER_METADATA_SHORT_SHA_LENGTH` is wrong"),
        "{}",
        ended.stderr
    );
}
