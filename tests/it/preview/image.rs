//! Images: what a preview makes of them is what a run publishes.

use super::{preview, run, sealed, world_of};
use crate::registries;

fn plan(host: &str) -> (String, &'static str) {
    let top = format!("connections: {{ home: {{ registry: {{ host: \"{host}\" }} }} }}\n");
    let tasks = "      - id: server
        image:
          assemble: { files: { /app/server: server } }
          labels: 'org.opencontainers.image.revision={{sha}}'
          name: acme/server
          push: [home]
          tags: 'type=raw,value=latest'
      - { id: network, terraform: { dir: network, variables: { size: \"${{ tasks.server.outputs.reference }}\" } } }
";
    (top, tasks)
}

#[test]
fn the_image_of_a_preview_is_the_one_that_is_published_and_read_by_others() {
    let registry = registries::version_2();
    let (top, tasks) = plan(&registry.host);
    let world = world_of(&top, tasks);
    world.write("server", "a program");
    world.commit();
    let (shown, digest) = preview(&world, &[]);
    let digest = digest.unwrap_or_else(|| panic!("{}", shown.all()));
    let built = shown.stderr.split("server@production: built (").nth(1);
    let built = built
        .and_then(|rest| rest.split(')').next())
        .expect("a digest");
    let reference = format!("{}/acme/server@{built}", registry.host);
    // Its digest is known before it is anywhere, so what reads it is planned on it.
    assert!(
        shown.stderr.contains(&format!("size: \"{reference}\""))
            || shown.stderr.contains(&format!("input: \"{reference}\"")),
        "{}",
        shown.stderr
    );
    // The commit of the run is another, and its label would be.
    world.write("README.md", "merged\n");
    world.commit();
    let ran = run(&world, &digest, &[]);
    ran.tells("0: network@production succeeded, server@production succeeded");
    assert_eq!(
        ran.output("server@production", "reference")["value"],
        reference.as_str()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_pushed_by_a_preview_and_another_image_is_refused() {
    let registry = registries::embedded();
    let (top, tasks) = plan(&registry.host);
    let world = world_of(&top, tasks);
    world.write("server", "a program");
    world.commit();
    let digest = sealed(&world, &[]);
    let asked: Vec<String> = registry
        .requests()
        .iter()
        .map(|request| request.method.clone())
        .collect();
    assert!(
        asked
            .iter()
            .all(|method| method == "GET" || method == "HEAD"),
        "{asked:?}"
    );
    world.write("server", "another program");
    let ran = run(&world, &digest, &[]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(
        ran.stderr.contains("file server: 100644 sha256:"),
        "{}",
        ran.stderr
    );
}
