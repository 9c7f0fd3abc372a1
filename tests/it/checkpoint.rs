//! `deploy-action checkpoint`: its forms, and the comment on the pull request.
#![cfg(target_os = "linux")]

use std::{fs, sync::Arc};

use camino::Utf8PathBuf;
use deploy_action::{
    rehearse::hub::{Hub, HubOptions, PullRequest, PullRequestState},
    secret::Secret,
};
use deploy_action_test_support::github_api::{Asker, problems_of_log};
use serde_json::Value;

use crate::world::{Ran, World};

const PLAN: &str = "
name: app
phases:
  - id: ship
    tasks:
      - { id: send, run: { script: 'echo sent' } }
      - { id: broken, run: { script: 'echo the reason; exit 3' } }
";

const TOKEN: &str = "token-of-the-test-0123456789";
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
fn it_is_printed_as_markdown_json_and_page() {
    let world = World::new(PLAN);
    world
        .run(&[])
        .tells("1: broken failed (task), send succeeded");
    let printed = |args: &[&str]| {
        let all: Vec<&str> = ["checkpoint"].iter().chain(args).copied().collect();
        let ran = world.call(&all);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        ran.stdout
    };
    let markdown = printed(&[]);
    assert!(
        markdown.contains("## Deployment of app: failed"),
        "{markdown}"
    );
    assert!(
        markdown.contains("the reason"),
        "the log of a failure is shown: {markdown}"
    );
    assert!(
        !markdown.contains("deploy-action:checkpoint"),
        "a marker is for comments: {markdown}"
    );
    assert_eq!(printed(&["--format", "markdown"]), markdown);
    let json: Value = serde_json::from_str(&printed(&["--format", "json"])).expect("it is JSON");
    assert_eq!(json["overall"]["state"], "failed");
    let page = printed(&["--format", "html"]);
    assert!(
        page.starts_with("<!doctype html>") || page.starts_with("<!DOCTYPE html>"),
        "{page}"
    );
    assert!(
        !page.contains("src=\"http"),
        "a page needs no network: {page}"
    );
}

#[test]
fn it_is_written_to_a_file_that_is_named() {
    let world = World::new(PLAN);
    let path = world.out("checkpoint.json");
    let name = path.to_str().expect("it is UTF-8");
    let ran = world.call(&["checkpoint", "--format", "json", "--out", name]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(ran.stdout, "");
    let json: Value =
        serde_json::from_str(&fs::read_to_string(&path).expect("a file")).expect("it is JSON");
    assert_eq!(json["overall"]["state"], "to-do");
    let nowhere = world.out("none/checkpoint.md");
    let ran = world.call(&[
        "checkpoint",
        "--out",
        nowhere.to_str().expect("it is UTF-8"),
    ]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(ran.stderr.contains("cannot write `"), "{}", ran.stderr);
}

fn hub(world: &World, pull_request: Option<u64>) -> Hub {
    let folder = Utf8PathBuf::try_from(world.out("github")).expect("it is UTF-8");
    let pull_request = pull_request.map(|number| PullRequest {
        number,
        title: "Deploy".to_owned(),
        state: PullRequestState::Merged,
        author: "ada".to_owned(),
        head_branch: "change".to_owned(),
        head_sha: SHA.to_owned(),
        base_branch: "main".to_owned(),
        merge_commit_sha: Some(SHA.to_owned()),
    });
    let options = HubOptions {
        folder,
        port: None,
        repository: "acme/app".to_owned(),
        token: Secret::new(TOKEN),
        pull_request,
        packages: Arc::new(Vec::new),
    };
    Hub::start(options).expect("it starts")
}

/// Stops a hub, and holds what it was asked and answered against GitHub's own description.
async fn finish(world: &World, hub: Hub) {
    hub.stop().await;
    let problems = problems_of_log(&world.out("github/requests.jsonl"), Asker::Client);
    assert_eq!(problems, [""; 0]);
}

/// A world that knows a repository, a commit and this GitHub.
fn world_at(api: &str) -> World {
    World::new(PLAN)
        .with("GITHUB_API_URL", api)
        .with("GITHUB_REPOSITORY", "acme/app")
        .with("GITHUB_SHA", SHA)
        .with("GITHUB_TOKEN", TOKEN)
}

fn post(world: &World) -> Ran {
    let ran = world.call(&["checkpoint", "--post"]);
    assert_eq!(ran.stdout, "", "it is posted, not printed");
    ran
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_comment_is_written_left_alone_and_edited() {
    let mut world = World::new(PLAN);
    let hub = hub(&world, Some(7));
    for (name, value) in [
        ("GITHUB_API_URL", hub.api_url().as_str()),
        ("GITHUB_REPOSITORY", "acme/app"),
        ("GITHUB_SHA", SHA),
        ("GITHUB_TOKEN", TOKEN),
    ] {
        world.set(name, value);
    }
    let summary = world.out("summary.md");
    fs::write(&summary, "").expect("the runner makes the file");
    world.set(
        "GITHUB_STEP_SUMMARY",
        summary.to_str().expect("it is UTF-8"),
    );
    let told = |word: &str| {
        let ran = tokio::task::block_in_place(|| post(&world));
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        let expected = format!("checkpoint {word}: ");
        assert!(ran.stderr.starts_with(&expected), "{}", ran.stderr);
    };
    let run = |told: &str| {
        let ran = tokio::task::block_in_place(|| world.run(&[]));
        ran.tells(told);
    };
    run("1: broken failed (task), send succeeded");
    told("posted");
    told("unchanged");
    assert_eq!(methods(&hub, &["POST", "PATCH"]), 1);
    let first = hub.comments(7).expect("comments");
    assert!(
        first[0]
            .body
            .starts_with("<!-- deploy-action:checkpoint plan=app -->\n")
    );
    run("1: broken failed (task), send up-to-date");
    told("edited");
    let edited = hub.comments(7).expect("comments");
    assert_eq!(edited.len(), 1);
    assert_eq!(edited[0].id, first[0].id);
    assert!(edited[0].body.contains("failed"), "{}", edited[0].body);
    assert_eq!(methods(&hub, &["POST", "PATCH"]), 2);
    let summary = fs::read_to_string(&summary).expect("a summary");
    assert!(
        summary.contains("## Deployment of app: failed"),
        "{summary}"
    );
    assert!(world.files_with(TOKEN).is_empty());
    finish(&world, hub).await;
}

fn methods(hub: &Hub, methods: &[&str]) -> usize {
    let requests = hub.requests().expect("requests");
    requests
        .iter()
        .filter(|request| methods.contains(&request.method.as_str()))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_pull_request_nothing_is_posted_and_that_is_said() {
    let mut world = World::new(PLAN);
    let hub = hub(&world, None);
    for (name, value) in [
        ("GITHUB_API_URL", hub.api_url().as_str()),
        ("GITHUB_REPOSITORY", "acme/app"),
        ("GITHUB_SHA", SHA),
        ("GITHUB_TOKEN", TOKEN),
    ] {
        world.set(name, value);
    }
    let ran = tokio::task::block_in_place(|| post(&world));
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stderr
            .contains("no pull request belongs to this commit"),
        "{}",
        ran.stderr
    );
    assert_eq!(methods(&hub, &["POST", "PATCH"]), 0);
    finish(&world, hub).await;
}

/// Nobody listens there: it is a port that only a superuser could take.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn a_github_that_cannot_be_reached_ends_the_verb_with_10() {
    let ran = post(&world_at(NOBODY));
    assert_eq!(ran.code, Some(10), "{}", ran.all());
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    assert!(!ran.stderr.contains(TOKEN));
}

#[test]
fn in_a_job_a_comment_that_cannot_be_posted_is_a_warning() {
    let world = world_at(NOBODY)
        .with("GITHUB_ACTIONS", "true")
        .with("GITHUB_RUN_ID", "7");
    let ran = post(&world);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stderr
            .contains("warning: the checkpoint could not be posted: "),
        "{}",
        ran.stderr
    );
}

#[test]
fn without_a_token_it_says_what_is_missing() {
    let mut world = world_at(NOBODY);
    world.unset("GITHUB_TOKEN");
    let ran = post(&world);
    assert_eq!(ran.code, Some(10), "{}", ran.all());
    assert!(
        ran.stderr.contains("hint: set GITHUB_TOKEN"),
        "{}",
        ran.stderr
    );
}
