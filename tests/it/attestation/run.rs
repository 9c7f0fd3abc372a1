//! What an image task attaches before its tags move.

use deploy_action::image::{
    Access, Referrer, Referrers, RegistryClient, RepositoryName, attached_bytes, http_client,
    referrers,
};
use deploy_action_test_wire::{IDENTITY, SigstoreServer};
use serde_json::{Value, json};

use super::{cosign::Cosign, keyless::accepts};
use crate::{
    registries::{self, Running},
    rehearse_world::Rehearsals,
    world::{Ran, World},
};

/// A plan whose one task publishes an image to this registry, with these keys besides.
fn world(registry: &Running, keys: &str) -> World {
    let host = &registry.host;
    World::new(&format!(
        "name: app\nconnections: {{ registry: {{ registry: {{ host: '{host}' }} }} }}\nphases:\n  - id: ship\n    tasks:\n      \
         - {{ id: image, image: {{ assemble: {{ files: {{ /a: deploy.yaml }} }}, name: acme/app, push: registry, tags: 'type=raw,value=v1'{keys} }} }}\n"
    ))
}

fn digest(ran: &Ran) -> String {
    ran.output("image", "digest")["value"]
        .as_str()
        .expect("a digest")
        .to_owned()
}

/// What is attached to the image of a run: kinds with documents, by kind.
async fn attached(registry: &Running, ran: &Ran) -> Vec<(String, Value)> {
    let client = RegistryClient::new(http_client("test").expect("a client"));
    let name: RepositoryName = format!("{}/acme/app", registry.host)
        .parse()
        .expect("a name");
    let repository = client.repository(&name, Access::Pull).expect("an address");
    let subject = digest(ran).parse().expect("a digest");
    let Referrers { list, .. } = referrers(&repository, subject).await.expect("a list");
    let mut found = Vec::new();
    for Referrer {
        digest,
        artifact_type,
        ..
    } in list
    {
        let document = attached_bytes(&repository, digest, 1 << 20).await;
        let (_, document) = document.expect("a document");
        let document = serde_json::from_slice(&document).expect("JSON");
        found.push((artifact_type.expect("a type"), document));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_task_attaches_what_is_in_the_image_and_how_it_was_made() {
    for registry in [registries::embedded(), registries::version_2()] {
        let world = world(&registry, "")
            .on_actions()
            .with("GITHUB_SHA", "0123456789012345678901234567890123456789")
            .with("GITHUB_REF", "refs/heads/main")
            .with(
                "GITHUB_WORKFLOW_REF",
                "acme/app/.github/workflows/ship.yml@refs/heads/main",
            );
        let ran = world.run(&[]);
        ran.tells("0: image succeeded");
        let documents = attached(&registry, &ran).await;
        let kinds: Vec<&str> = documents.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(
            kinds,
            ["application/spdx+json", "application/vnd.in-toto+json"]
        );
        assert_eq!(documents[0].1["files"][0]["fileName"], "./a");
        let statement = &documents[1].1;
        assert_eq!(
            statement["subject"],
            json!([{
                "name": format!("{}/acme/app", registry.host),
                "digest": { "sha256": digest(&ran).trim_start_matches("sha256:") },
            }])
        );
        let predicate = &statement["predicate"];
        let run = &predicate["runDetails"];
        assert_eq!(
            run["builder"]["id"],
            "https://github.com/acme/app/.github/workflows/ship.yml@refs/heads/main"
        );
        assert_eq!(
            run["metadata"]["invocationId"],
            "https://github.com/acme/app/actions/runs/7"
        );
        let made = &predicate["buildDefinition"];
        assert_eq!(made["externalParameters"]["task"], "image");
        assert_eq!(
            made["resolvedDependencies"][0],
            json!({
                "uri": "git+https://github.com/acme/app@refs/heads/main",
                "digest": { "gitCommit": "0123456789012345678901234567890123456789" },
            })
        );
        let plan = std::fs::read(world.repository().join("deploy.yaml")).expect("a plan");
        let plan = deploy_action::digest::Digest::of(plan).hex();
        assert_eq!(made["resolvedDependencies"][1]["digest"]["sha256"], plan);
        // The same image by the same commit has nothing new to say.
        world.run(&["--force", "image"]).tells("0: image succeeded");
        assert_eq!(attached(&registry, &ran).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tag_moves_when_everything_is_attached() {
    let registry = registries::embedded();
    world(&registry, "").run(&[]).tells("0: image succeeded");
    let paths: Vec<String> = registry
        .requests()
        .into_iter()
        .filter(|request| request.method == "PUT" && request.path.contains("/manifests/"))
        .map(|request| request.path)
        .collect();
    // The image, two documents, the tag.
    assert_eq!(paths.len(), 4, "{paths:?}");
    assert!(paths[3].ends_with("/manifests/v1"), "{paths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_turns_off_is_not_attached() {
    for (keys, kinds) in [
        (", sbom: false", vec!["application/vnd.in-toto+json"]),
        (", provenance: false", vec!["application/spdx+json"]),
        (", sbom: false, provenance: false", vec![]),
    ] {
        let registry = registries::embedded();
        let ran = world(&registry, keys).run(&[]);
        ran.tells("0: image succeeded");
        let documents = attached(&registry, &ran).await;
        let found: Vec<&str> = documents.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(found, kinds, "{keys}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_task_signs_where_there_is_a_key_and_shows_it_nowhere() {
    let cosign = Cosign::new();
    let (private, public) = cosign.keys("a password");
    let registry = registries::version_2();
    let world = world(&registry, "")
        .with("COSIGN_PRIVATE_KEY", private.expose())
        .with("COSIGN_PASSWORD", "a password");
    let ran = world.run(&[]);
    ran.tells("0: image succeeded");
    let image = format!("{}/acme/app@{}", registry.host, digest(&ran));
    let image = image.parse().expect("a reference");
    let (accepted, words) = cosign.verifies(&public, &image, &[]);
    assert!(accepted, "{words}");
    let (accepted, words) = cosign.verifies_provenance(&public, &image, &[]);
    assert!(accepted, "{words}");
    let secret = private
        .expose()
        .lines()
        .nth(1)
        .expect("a key of several lines");
    assert!(!ran.all().contains(secret));
    assert_eq!(
        world.files_with(secret),
        [""; 0].map(std::path::PathBuf::from)
    );
    let wrong = world
        .with("COSIGN_PASSWORD", "another password")
        .run(&["--force", "image"]);
    wrong.tells("1: image failed (invalid)");
    assert!(
        wrong.failure("image").contains("its password is wrong"),
        "{}",
        wrong.all()
    );
}

#[test]
fn the_key_that_signs_reaches_no_child() {
    let plan = "name: app\nphases:\n  - id: ship\n    tasks:\n      - { id: show, run: { script: 'env > $OUT/env' } }\n";
    let world = World::new(plan)
        .with("COSIGN_PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----")
        .with("COSIGN_PASSWORD", "a password")
        .with("COSIGN_EXPERIMENTAL", "0");
    world.run(&[]).tells("0: show succeeded");
    let environment = world.read("env");
    assert!(
        environment.contains("COSIGN_EXPERIMENTAL=0"),
        "{environment}"
    );
    assert!(!environment.contains("PRIVATE KEY"), "{environment}");
    assert!(!environment.contains("a password"), "{environment}");
}

/// The same world as a job that a stand-in for sigstore knows.
fn in_job(world: World, sigstore: &SigstoreServer) -> World {
    let variables = sigstore.variables().into_iter();
    variables.fold(world.on_actions(), |world, (name, value)| {
        world.with(&name, &value)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_task_that_is_to_be_signed_is_signed_as_its_job_where_there_is_no_key() {
    let sigstore = SigstoreServer::start();
    let registry = registries::version_2();
    let world = in_job(world(&registry, ", sign: true"), &sigstore);
    let ran = world.run(&[]);
    ran.tells("0: image succeeded");
    let image = format!("{}/acme/app@{}", registry.host, digest(&ran));
    let image = image.parse().expect("a reference");
    let (accepted, words) = accepts(&sigstore, &image, IDENTITY, &[]);
    assert!(accepted, "{words}");
    let effects = &ran.last("task-finished", "image")["effects"];
    let signed = json!({
        "what": format!(
            "sign as {}, in the log at {}",
            IDENTITY.trim_start_matches("https://github.com/"),
            sigstore.url()
        ),
        "reality": { "type": "real" },
    });
    let effects = effects.as_array().expect("effects");
    assert!(effects.contains(&signed), "{effects:#?}");
    // The runner takes a secret out of everything behind this line, and prints none of it.
    let printed = ran.all();
    let printed = printed
        .lines()
        .filter(|line| !line.starts_with("::add-mask::"));
    let printed: Vec<&str> = printed.collect();
    for secret in sigstore.secrets() {
        assert!(
            !printed.iter().any(|line| line.contains(&secret)),
            "{printed:#?}"
        );
        assert_eq!(
            world.files_with(&secret),
            [""; 0].map(std::path::PathBuf::from)
        );
    }
    // The same image by the same job: the log is told nothing again.
    let entries = sigstore.entries().len();
    world.run(&["--force", "image"]).tells("0: image succeeded");
    assert_eq!(sigstore.entries().len(), entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_sign_is_not_built_and_the_failure_says_what_to_do() {
    let registry = registries::embedded();
    let ran = world(&registry, ", sign: true").on_actions().run(&[]);
    ran.tells("1: image failed (invalid)");
    let words = ran.failure("image");
    assert!(
        words.contains("neither a key nor a job that GitHub vouches for"),
        "{words}"
    );
    let hint = ran.last("task-finished", "image")["outcome"]["hint"].to_string();
    assert!(hint.contains("permissions: id-token: write"), "{hint}");
    assert!(registry.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_job_signs_unless_the_plan_says_so_and_no_key_where_it_says_no() {
    let sigstore = SigstoreServer::start();
    let registry = registries::embedded();
    let world = in_job(world(&registry, ""), &sigstore);
    let ran = world.run(&[]);
    ran.tells("0: image succeeded");
    assert_eq!(sigstore.requests(), [""; 0]);
    let (private, _) = Cosign::new().keys("");
    let unsigned = in_job(self::world(&registry, ", sign: false"), &sigstore)
        .with("COSIGN_PRIVATE_KEY", private.expose());
    let ran = unsigned.run(&[]);
    ran.tells("0: image succeeded");
    let kinds = attached(&registry, &ran).await.into_iter();
    let bundles = kinds.filter(|(kind, _)| kind.contains("sigstore"));
    assert_eq!(bundles.count(), 0);
    assert_eq!(sigstore.requests(), [""; 0]);
}

#[test]
fn a_rehearsal_asks_nobody_for_a_certificate_and_says_that_nothing_was_signed() {
    let sigstore = SigstoreServer::start();
    let plan = "version: 1\nname: app\nsecrets: { COSIGN_PRIVATE_KEY: {} }\nconnections: { ghcr: { registry: { host: ghcr.io } } }\n\
                phases:\n  - id: ship\n    tasks:\n      \
                - { id: image, image: { assemble: { files: { /a: a.txt } }, push: ghcr, tags: 'type=raw,value=v1', sign: true } }\n      \
                - { id: by-key, image: { assemble: { files: { /b: a.txt } }, push: ghcr, name: keyed, tags: 'type=raw,value=v1' } }\n\
                workflows: { publish: { on: { push: { branches: [main] } } } }\n";
    let keyless = plan.replace("secrets: { COSIGN_PRIVATE_KEY: {} }\n", "");
    for (plan, not_run) in [
        (keyless.as_str(), "  not run: image (sign the image)\n"),
        (
            plan,
            "  not run: image (sign the image), by-key (sign the image)\n",
        ),
    ] {
        let mut rehearsals = Rehearsals::new(plan, &[("a.txt", "a")]);
        for (name, value) in sigstore.variables() {
            rehearsals.world.set(&name, &value);
        }
        let ran = rehearsals.rehearse_to(0, &[]);
        assert!(ran.stderr.contains(not_run), "{}", ran.stderr);
        assert_eq!(sigstore.requests(), [""; 0]);
    }
}
