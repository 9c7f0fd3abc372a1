//! The `image` task: which tags it moves, and what its labels say.
#![cfg(target_os = "linux")]

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Response, StatusCode},
};
use bytes::Bytes;
use deploy_action::image::{
    Access, ManifestName, RegistryClient, RepositoryName, Tag, http_client,
};
use serde_json::{Value, json};

use super::highest::registry;
use crate::world::World;

/// Carries out an image task for the tag v1.2.3 of git.
fn publish(address: &str, labels: &str) -> (String, Vec<Value>) {
    let plan = format!(
        "
name: app
connections: {{ local: {{ registry: {{ host: '{address}', path: acme }} }} }}
phases:
  - id: publish
    tasks:
      - id: image
        image:
          assemble: {{ files: {{ /hello: hello }}, entrypoint: /hello }}
          push: local
          name: api
          tags: |
            type=semver,pattern={{{{version}}}}
            type=semver,pattern={{{{major}}}}
          labels: '{labels}'
"
    );
    let world = World::new(&plan)
        .with("GITHUB_EVENT_NAME", "push")
        .with("GITHUB_REF", "refs/tags/v1.2.3");
    world.write("hello", "hello");
    world.commit();
    let ran = world.run(&[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let lines = ran.stdout.lines();
    let records = lines.filter_map(|line| serde_json::from_str(line).ok());
    (ran.all(), records.collect())
}

/// The tags of acme/api, in order.
async fn tags(address: &str) -> String {
    let client = RegistryClient::new(http_client("test").expect("a client"));
    let name: RepositoryName = format!("{address}/acme/api").parse().expect("a name");
    let repository = client.repository(&name, Access::Pull).expect("an address");
    let mut tags = repository.tags().await.expect("they are listed");
    tags.sort();
    let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    tags.join(" ")
}

/// The digest that a tag names.
async fn digest(address: &str, tag: &str) -> Option<String> {
    let client = RegistryClient::new(http_client("test").expect("a client"));
    let name: RepositoryName = format!("{address}/acme/api").parse().expect("a name");
    let repository = client.repository(&name, Access::Pull).expect("an address");
    let tag = ManifestName::Tag(tag.parse().expect("a tag"));
    let head = repository.head_manifest(&tag).await.expect("it answers");
    head.map(|head| head.digest.to_string())
}

async fn published(address: String, labels: &'static str) -> (String, Vec<Value>) {
    tokio::task::spawn_blocking(move || publish(&address, labels))
        .await
        .expect("it ran")
}

#[tokio::test]
async fn a_backport_leaves_latest_where_it_is() {
    let (_folder, registry) = registry(&["1.4.0", "1", "latest"]).await;
    let address = registry.address().to_string();
    let before = digest(&address, "latest").await;
    let (all, _) = published(address.clone(), "").await;
    assert_eq!(tags(&address).await, "1 1.2.3 1.4.0 latest");
    assert_eq!(digest(&address, "latest").await, before);
    assert_eq!(digest(&address, "1").await, before);
    assert_ne!(digest(&address, "1.2.3").await, before);
    for tag in ["1", "latest"] {
        let told =
            format!("`{address}/acme/api:{tag}` stays where it is: `1.4.0` is higher than 1.2.3");
        assert!(all.contains(&told), "{all}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn the_highest_version_moves_all_of_its_tags_and_its_digest_hangs_on_no_commit() {
    let (_folder, registry) = registry(&["1.1.0", "1", "latest"]).await;
    let address = registry.address().to_string();
    let (_, records) = published(address.clone(), "").await;
    assert_eq!(tags(&address).await, "1 1.1.0 1.2.3 latest");
    let own = digest(&address, "1.2.3").await;
    assert_eq!(digest(&address, "latest").await, own);
    let text = json!(records).to_string();
    assert!(text.contains(r#"["1.2.3","1","latest"]"#), "{text}");
    // Another commit of the same file: the same image. A label that the plan writes is in it.
    published(address.clone(), "a={{tag}}").await;
    let labelled = digest(&address, "1.2.3").await;
    assert_ne!(labelled, own);
    published(address.clone(), "").await;
    assert_eq!(digest(&address, "1.2.3").await, own);
    registry.stop().await;
}

/// Answers for a registry, but does not say its tags.
async fn mute(State(behind): State<String>, request: Request) -> Response<Body> {
    if request.uri().path().ends_with("/tags/list") {
        let answer = Response::builder().status(StatusCode::FORBIDDEN);
        return answer.body(Body::empty()).expect("an answer");
    }
    let path = request.uri().path_and_query().expect("a path").to_string();
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, usize::MAX).await.expect("a body");
    let http = http_client("test").expect("a client");
    let sent = http
        .request(parts.method, format!("http://{behind}{path}"))
        .headers(parts.headers)
        .body(body)
        .send();
    let answer = sent.await.expect("it answers");
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let body = answer.bytes().await.expect("a body");
    response.body(Body::from(body)).expect("an answer")
}

#[tokio::test]
async fn a_registry_that_does_not_say_its_tags_leaves_what_moves_and_the_task_is_done() {
    let (_folder, registry) = registry(&["0.9.0", "latest"]).await;
    let behind = registry.address().to_string();
    let before = digest(&behind, "latest").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let router = Router::new().fallback(mute).with_state(behind.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let (all, _) = published(address.clone(), "").await;
    assert_eq!(tags(&behind).await, "0.9.0 1.2.3 latest");
    assert_eq!(digest(&behind, "latest").await, before);
    let told = format!(
        "`{address}/acme/api:latest` stays where it is: registry `{address}` refused to list its tags"
    );
    assert!(all.contains(&told), "{all}");
    serving.abort();
    registry.stop().await;
}
