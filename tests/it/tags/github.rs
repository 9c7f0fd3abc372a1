//! What GitHub says of the repository and the commit, where there is a token.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
};
use serde_json::json;

use super::Step;

/// What was asked, with the token.
type Asked = Arc<Mutex<Vec<String>>>;

async fn answer(State(asked): State<Asked>, request: Request) -> (StatusCode, String) {
    let path = request.uri().path().to_owned();
    let header = request.headers().get("authorization");
    let token = header
        .and_then(|header| header.to_str().ok())
        .unwrap_or("none")
        .to_owned();
    asked
        .lock()
        .expect("nobody panicked")
        .push(format!("{path} {token}"));
    match path.as_str() {
        "/repos/acme/api" => (
            StatusCode::OK,
            json!({
                "name": "api", "description": "Asked", "html_url": "https://github.com/acme/api", "default_branch": "trunk",
                "license": null, "private": false,
            })
            .to_string(),
        ),
        "/repos/acme/api/commits/860c1904a1ce19322e91ac35af1ab07466440c37" => (
            StatusCode::OK,
            json!({ "sha": "860c", "commit": { "committer": { "date": "2021-02-03T04:05:06Z" } } }).to_string(),
        ),
        _ => (StatusCode::NOT_FOUND, json!({ "message": "Not Found" }).to_string()),
    }
}

/// Runs a test beside a GitHub, and returns what that was asked.
async fn beside_github(test: impl FnOnce(&str) + Send + 'static) -> Vec<String> {
    let asked = Asked::default();
    let router = Router::new().fallback(answer).with_state(asked.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    tokio::task::spawn_blocking(move || test(&address))
        .await
        .expect("the test holds");
    serving.abort();
    let asked = asked.lock().expect("nobody panicked");
    asked.clone()
}

fn step(address: &str, repository: &str) -> Step {
    let payload = json!({ "repository": { "description": "Told", "default_branch": "main" } });
    let mut step = Step::of("workflow_dispatch", "refs/heads/trunk", &payload);
    step.set("GITHUB_REPOSITORY", repository);
    step.set("GITHUB_API_URL", address);
    step.set("GITHUB_TOKEN", "token-of-the-test");
    step
}

#[tokio::test]
async fn github_is_asked_where_there_is_a_token() {
    let asked = beside_github(|address| {
        let found = step(address, "acme/api")
            .json(&["--tags=type=edge\ntype=raw,{{commit_date 'YYYYMMDD'}}"]);
        assert_eq!(found["tags"], json!(["edge", "20210203"]));
        assert_eq!(
            found["labels"]["org.opencontainers.image.description"],
            "Asked"
        );
        assert_eq!(found["labels"]["org.opencontainers.image.licenses"], "");
        assert_eq!(found["warnings"], json!([]));
    })
    .await;
    assert_eq!(
        asked,
        [
            "/repos/acme/api Bearer token-of-the-test",
            "/repos/acme/api/commits/860c1904a1ce19322e91ac35af1ab07466440c37 Bearer token-of-the-test",
        ]
    );
}

#[tokio::test]
async fn a_stored_answer_and_a_date_leave_nothing_to_ask() {
    let asked = beside_github(|address| {
        let step = step(address, "acme/api");
        std::fs::write(step.path("repository.json"), r#"{"description":"Stored"}"#)
            .expect("a file");
        let path = format!(
            "--repository-json={}",
            step.path("repository.json").display()
        );
        let found = step.json(&[
            &path,
            "--tags=type=raw,{{commit_date 'YYYY'}}",
            "--commit-date=2019-01-01T00:00:00Z",
        ]);
        assert_eq!(found["tags"], json!(["2019"]));
        assert_eq!(
            found["labels"]["org.opencontainers.image.description"],
            "Stored"
        );
        assert_eq!(
            found["labels"]["org.opencontainers.image.url"],
            "https://github.com/acme/api"
        );
    })
    .await;
    assert_eq!(asked, [""; 0]);
}

#[tokio::test]
async fn a_github_that_refuses_leaves_what_the_event_tells_and_a_warning() {
    beside_github(|address| {
        let found = step(address, "acme/secret").json(&["--tags=type=sha"]);
        assert_eq!(
            found["labels"]["org.opencontainers.image.description"],
            "Told"
        );
        let warnings = found["warnings"].as_array().expect("a list");
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let warning = warnings[0].as_str().expect("a text");
        assert!(
            warning.starts_with("labels say of the repository only what the event tells: "),
            "{warning}"
        );
        assert!(!warning.contains("token-of-the-test"), "{warning}");
    })
    .await;
}
