//! The variables of a runner, and what git adds where there is none.

use super::*;

fn variables<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn on_runner() -> BTreeMap<String, String> {
    variables([
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "acme/web"),
        ("GITHUB_SHA", "0a1b"),
        ("GITHUB_REF", "refs/tags/v1"),
        ("GITHUB_REF_NAME", "v1"),
        ("GITHUB_REF_TYPE", "tag"),
        ("GITHUB_HEAD_REF", ""),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_RUN_ATTEMPT", "3"),
        ("GITHUB_JOB", "publish--server"),
        ("GITHUB_ACTOR", "ann"),
        ("GITHUB_API_URL", "http://127.0.0.1:7/"),
        ("GITHUB_OUTPUT", "/tmp/out"),
        ("RUNNER_DEBUG", "1"),
        ("GH_TOKEN", "hunter2"),
    ])
}

#[test]
fn a_runner_tells_what_runs_and_where() {
    let context = RunnerContext::read(&on_runner()).expect("it is well formed");
    assert!(context.on_actions && context.debug);
    assert_eq!(context.repository_owner(), Some("acme"));
    assert_eq!(context.revision.ref_type, Some(RefType::Tag));
    assert_eq!(context.revision.head_ref, None);
    assert_eq!(context.event.actor.as_deref(), Some("ann"));
    assert_eq!(context.servers.api_url, "http://127.0.0.1:7");
    assert_eq!(context.files.output.as_deref(), Some("/tmp/out".into()));
    assert_eq!(context.token.as_ref().map(Secret::expose), Some("hunter2"));
    assert_eq!(context.run_id(), Some(RunId::new("42")));
    assert_eq!(
        context.run_url().as_deref(),
        Some("https://github.com/acme/web/actions/runs/42/attempts/3")
    );
    assert!(!format!("{context:?}").contains("hunter2"));
}

#[test]
fn the_first_attempt_has_the_plain_page() {
    let mut variables = on_runner();
    variables.remove("GITHUB_RUN_ATTEMPT");
    let context = RunnerContext::read(&variables).expect("it is well formed");
    assert_eq!(
        context.run_url().as_deref(),
        Some("https://github.com/acme/web/actions/runs/42")
    );
}

#[test]
fn a_variable_that_cannot_be_is_named() {
    for (name, value, message) in [
        ("GITHUB_REPOSITORY", "acme", "`GITHUB_REPOSITORY` is wrong"),
        (
            "GITHUB_RUN_ID",
            "x",
            "`GITHUB_RUN_ID` is `x`, which is not a number",
        ),
        (
            "GITHUB_RUN_ATTEMPT",
            "-1",
            "`GITHUB_RUN_ATTEMPT` is `-1`, which is not a number",
        ),
    ] {
        let mut variables = on_runner();
        variables.insert(name.to_owned(), value.to_owned());
        let error = RunnerContext::read(&variables).expect_err(name);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn the_event_file_is_read_and_its_commit_is_the_visible_one() {
    let folder = assert_fs::TempDir::new().expect("a folder");
    let path = folder.path().join("event.json");
    let payload = r#"{"pull_request":{"number":7,"head":{"sha":"feed"}}}"#;
    std::fs::write(&path, payload).expect("it can be written");
    let mut variables = on_runner();
    variables.insert("GITHUB_EVENT_NAME".to_owned(), "pull_request".to_owned());
    let path = path.to_str().expect("it is text").to_owned();
    variables.insert("GITHUB_EVENT_PATH".to_owned(), path.clone());
    let context = RunnerContext::read(&variables).expect("it is well formed");
    assert_eq!(context.visible_sha(), Some("feed"));
    assert_eq!(
        context.event.pull_request.map(|found| found.number),
        Some(7)
    );

    std::fs::write(&path, "{").expect("it can be written");
    let error = RunnerContext::read(&variables).expect_err("it is no JSON");
    assert!(matches!(error, ContextError::EventMalformed { .. }));
    std::fs::remove_file(&path).expect("it is there");
    let error = RunnerContext::read(&variables).expect_err("it is gone");
    assert!(matches!(error, ContextError::EventUnreadable { .. }));
}

#[test]
fn outside_of_a_runner_git_tells_the_rest_and_on_one_it_tells_nothing() {
    let facts = || GitFacts {
        commit: Some("beef".to_owned()),
        branch: Some("main".to_owned()),
        tag: Some("v9".to_owned()),
        remote: Some("git@git.acme.dev:acme/api.git".to_owned()),
        top: Some("/src/api".to_owned()),
    };
    let outside = RunnerContext::read(&BTreeMap::new()).expect("it is empty");
    let local = outside.clone().or_from_git(facts());
    assert_eq!(
        local.repository.map(|found| found.to_string()).as_deref(),
        Some("acme/api")
    );
    assert_eq!(local.servers.server_url, "https://git.acme.dev");
    assert_eq!(local.revision.full_ref.as_deref(), Some("refs/heads/main"));
    assert_eq!(local.folders.workspace.as_deref(), Some("/src/api".into()));
    let detached = outside.or_from_git(GitFacts {
        branch: None,
        ..facts()
    });
    assert_eq!(detached.revision.full_ref.as_deref(), Some("refs/tags/v9"));

    let runner = RunnerContext::read(&on_runner()).expect("it is well formed");
    assert_eq!(runner.clone().or_from_git(facts()), runner);
}
