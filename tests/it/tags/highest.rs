//! `--registry`: what moves from version to version moves only with the highest one.

use std::path::PathBuf;

use bytes::Bytes;
use camino::Utf8PathBuf;
use deploy_action::{
    image::{Access, ManifestName, RegistryClient, RepositoryName, http_client},
    rehearse::registry::{Registry, RegistryOptions},
};
use serde_json::json;

use super::Step;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const RULES: &str = "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}\ntype=semver,pattern={{major}}\ntype=sha";

/// A registry that holds these tags of `acme/api`, and its folder.
pub(super) async fn registry(tags: &[&str]) -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = RegistryOptions {
        folder: Utf8PathBuf::from_path_buf(folder.path().to_owned()).expect("UTF-8"),
        port: None,
    };
    let registry = Registry::start(options).expect("a registry");
    let image = format!("{}/acme/api", registry.address());
    let client = RegistryClient::new(http_client("test").expect("a client"));
    let name: RepositoryName = image.parse().expect("a name");
    let repository = client.repository(&name, Access::Push).expect("an address");
    let empty = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }).to_string();
    for tag in tags {
        let tag = ManifestName::Tag(tag.parse().expect("a tag"));
        let bytes = Bytes::from(empty.clone());
        let stored = repository.put_manifest(&tag, INDEX, &bytes).await;
        stored.expect("it is taken");
    }
    (folder, registry)
}

/// Runs a test beside a registry that holds these tags of `acme/api`.
async fn beside_registry(tags: &[&str], test: impl FnOnce(String) + Send + 'static) {
    let (_folder, registry) = registry(tags).await;
    let image = format!("{}/acme/api", registry.address());
    tokio::task::spawn_blocking(move || test(image))
        .await
        .expect("the test holds");
    registry.stop().await;
}

fn release() -> Step {
    Step::of("push", "refs/tags/v1.2.3", &json!({}))
}

/// The tags without the image before them, and what is said.
fn asked(step: &Step, image: &str, more: &[&str]) -> (String, String) {
    let images = format!("--images={image}");
    let ended = step.tags(&[&[images.as_str(), "--tags", RULES, "--registry"], more].concat());
    let tags: Vec<&str> = ended
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix(image)?.strip_prefix(':'))
        .collect();
    (tags.join(" "), ended.stderr)
}

#[tokio::test]
async fn a_repository_that_is_not_there_has_no_higher_version() {
    beside_registry(&[], |image| {
        let (tags, words) = asked(&release(), &image, &[]);
        assert_eq!(
            (tags.as_str(), words.as_str()),
            ("1.2.3 1.2 1 sha-860c190 latest", "")
        );
    })
    .await;
}

#[tokio::test]
async fn a_backport_takes_latest_from_nobody() {
    beside_registry(&["1.2.2", "1.4.0", "1.4", "1", "latest"], |image| {
        let (tags, words) = asked(&release(), &image, &[]);
        assert_eq!(tags, "1.2.3 1.2 sha-860c190");
        assert_eq!(
            words,
            format!(
                "warning: `{image}:1` stays where it is: `1.4.0` is higher than 1.2.3\n\
                 warning: `{image}:latest` stays where it is: `1.4.0` is higher than 1.2.3\n"
            )
        );
        let found = release().json(&["--images", &image, "--tags", RULES, "--registry"]);
        assert_eq!(
            found["version"],
            json!({ "main": "1.2.3", "partial": ["1.2", "sha-860c190"], "latest": false })
        );
        assert_eq!(found["tag-names"], json!(["1.2.3", "1.2", "sha-860c190"]));
        let bake = &found["bake"]["target"]["docker-metadata-action"]["tags"];
        assert_eq!(bake, &found["tags"]);
        // Nobody asks where nobody wants it.
        let plain = release()
            .tags(&["--images", &image, "--tags", RULES])
            .stdout;
        assert!(plain.contains(":latest\n"), "{plain}");
    })
    .await;
}

#[tokio::test]
async fn what_git_knows_counts_too() {
    beside_registry(&["1.2.2"], |image| {
        let step = release();
        step.git(&["init", "--quiet", "--initial-branch=main"]);
        step.git(&["commit", "--quiet", "--allow-empty", "--message", "first"]);
        for tag in ["v1.2.3", "v2.0.0", "v2.1.0-rc.1"] {
            step.git(&["tag", tag]);
        }
        let (tags, words) = asked(&step, &image, &[]);
        assert_eq!(tags, "1.2.3 1.2 1 sha-860c190");
        assert_eq!(
            words,
            format!("warning: `{image}:latest` stays where it is: `v2.0.0` is higher than 1.2.3\n")
        );
    })
    .await;
}

#[tokio::test]
async fn each_image_is_asked_for_itself() {
    beside_registry(&["3.0.0"], |image| {
        let other = image.replace("acme/api", "acme/other");
        let images = format!("--images={image}\n{other}");
        let found = release().json(&[
            &images,
            "--tags",
            "type=semver,pattern={{version}}",
            "--registry",
        ]);
        assert_eq!(
            found["tags"],
            json!([
                format!("{image}:1.2.3"),
                format!("{other}:1.2.3"),
                format!("{other}:latest")
            ])
        );
        assert_eq!(found["version"]["latest"], true);
    })
    .await;
}

#[test]
fn a_silent_registry_leaves_what_moves_where_it_is() {
    // Nobody listens at this port: it is taken and given back.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let image = format!("{address}/acme/api");
    let (tags, words) = asked(&release(), &image, &[]);
    assert_eq!(tags, "1.2.3 sha-860c190");
    for tag in ["1.2", "1", "latest"] {
        let told = format!(
            "warning: `{image}:{tag}` stays where it is: registry `{address}` could not be reached"
        );
        assert!(words.contains(&told), "{words}");
    }
}

#[test]
fn without_an_image_there_is_no_registry_to_ask() {
    let ended = release().run(&["tags", "--registry"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .stderr
            .contains("`--registry` asks the registries of the images"),
        "{}",
        ended.stderr
    );
    let path: PathBuf = release().path("output");
    assert!(!path.exists());
}
