//! What starts an image here.

use super::{findings, has, next, program, world};

const CONTAINER: &str = "name: app\nphases: [{ id: look, tasks: [{ id: starts, check: [{ container: { image: \"example.org/a@sha256:0000000000000000000000000000000000000000000000000000000000000000\" } }] }] }]\n";

#[test]
fn an_engine_that_answers_starts_images() {
    let world = world(CONTAINER);
    program(&world, "docker", "echo 99.1");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    has(&ran, "ok starting an image: docker 99.1 answers");
}

#[test]
fn without_engine_and_namespaces_an_image_cannot_be_started() {
    let world = world(CONTAINER);
    program(&world, "docker", "exit 1");
    program(&world, "unshare", "exit 1");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let found = findings(&ran);
    let found = found
        .iter()
        .find(|line| line.contains("starting an image"))
        .expect("a finding");
    assert!(
        found.starts_with("missing starting an image: no engine answers, and "),
        "{found}"
    );
    assert_eq!(next(&ran, "starting an image").len(), 2);
}
