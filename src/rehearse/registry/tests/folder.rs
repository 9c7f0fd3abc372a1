//! The server and its folder.

use serde_json::json;
use tempfile::TempDir;

use super::{
    super::{Registry, RegistryError, RegistryOptions, contents},
    world::{World, sha256, start, utf8},
};

#[tokio::test]
async fn the_base_says_that_this_is_a_registry() {
    let world = World::new();
    let answer = world.send("GET", "/v2/").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("docker-distribution-api-version"),
        "registry/2.0"
    );
    assert_eq!(world.send("GET", "/").await.status, 404);
    let refused = world.send("POST", "/v2/").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (405, "UNSUPPORTED")
    );
}

#[tokio::test]
async fn the_catalog_lists_nested_repositories_that_hold_something() {
    let world = World::new();
    world.begin_upload("acme/empty").await;
    for repository in ["acme", "acme/api/server", "b"] {
        world.push_blob(repository, b"x").await;
    }
    let catalog = world.send("GET", "/v2/_catalog").await.json();
    assert_eq!(
        catalog["repositories"],
        json!(["acme", "acme/api/server", "b"])
    );
    let page = world.send("GET", "/v2/_catalog?n=1&last=acme").await;
    assert_eq!(page.json()["repositories"], json!(["acme/api/server"]));
    assert_eq!(
        page.header("link"),
        "</v2/_catalog?n=1&last=acme/api/server>; rel=\"next\""
    );
}

#[tokio::test]
async fn a_folder_outlives_its_registry_and_serves_two_at_once() {
    let World {
        folder,
        registry,
        client,
    } = World::new();
    let path = utf8(&folder);
    let second = World {
        registry: start(&path),
        folder,
        client,
    };
    let location = second.begin_upload("acme/api").await;
    second.send_chunk(&location, "0-2", b"con").await;
    second.registry.stop().await;

    let first = World {
        registry,
        ..World::new()
    };
    let digest = sha256(b"content");
    let put = format!("{location}?digest={digest}");
    assert_eq!(first.send_body("PUT", &put, b"tent").await.status, 201);
    first.push_image("acme/api", "1.0", b"layer").await;
    first.registry.stop().await;

    let held = contents(&path).expect("a readable folder");
    assert_eq!(held.len(), 1);
    assert_eq!(
        (held[0].name.as_str(), held[0].manifests[0].tags.as_slice()),
        ("acme/api", ["1.0".to_owned()].as_slice())
    );
    let again = start(&path);
    let requests = again.requests().expect("a readable log");
    assert_eq!(
        requests
            .iter()
            .filter(|request| request.method == "PATCH")
            .count(),
        1
    );
    again.stop().await;
}

#[tokio::test]
async fn the_log_names_each_request_and_how_much_came_with_it() {
    let world = World::new();
    let digest = world.push_blob("acme/api", b"content").await;
    world
        .send("HEAD", &format!("/v2/acme/api/blobs/{digest}"))
        .await;
    let requests = world.registry.requests().expect("a readable log");
    let seen: Vec<_> = requests
        .iter()
        .map(|request| {
            (
                request.method.as_str(),
                request.path.as_str(),
                request.status,
                request.bytes,
            )
        })
        .collect();
    let blob = format!("/v2/acme/api/blobs/{digest}");
    assert_eq!(
        seen,
        [
            ("POST", "/v2/acme/api/blobs/uploads/", 201, 7),
            ("HEAD", blob.as_str(), 200, 0)
        ]
    );
    assert_eq!(
        requests[0].query.as_deref(),
        Some(format!("digest={digest}").as_str())
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = utf8(&folder).join("file");
    std::fs::write(&file, "").expect("a file");
    let error = Registry::start(RegistryOptions {
        folder: file.clone(),
        port: None,
    })
    .expect_err("a file is no folder");
    assert!(matches!(&error, RegistryError::Folder { folder, .. } if *folder == file));
    assert_eq!(
        error.to_string(),
        format!("the embedded registry cannot use folder `{file}`")
    );
}

#[tokio::test]
async fn a_stopped_registry_gives_its_port_back() {
    let world = World::new();
    world.send("GET", "/v2/").await;
    let World {
        folder, registry, ..
    } = world;
    let port = registry.address().port();
    registry.stop().await;
    let again = Registry::start(RegistryOptions {
        folder: utf8(&folder),
        port: Some(port),
    })
    .expect("the port is free");
    assert_eq!(again.base_url(), format!("http://127.0.0.1:{port}"));
}
