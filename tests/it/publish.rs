//! `deploy-action publish`, as people and programs call it.

use std::{fs, io::Read as _, path::Path};

use deploy_action_test_wire::{
    Access, Edition, IDENTITY, Proxy, Registry, Schedule, SigstoreServer,
};
use serde_json::Value;

use super::{
    attestation::Cosign,
    world::{Ran, World, wait_until},
};

/// A world with a layout of one small image, which a plan assembles without a registry.
fn world() -> World {
    let world = World::new(
        "version: 1\nname: image\ndocument: PLAN.md\nphases: [{ id: all, tasks: [{ id: nothing, run: { command: 'true', changes: false } }] }]\n",
    );
    for (name, content) in [("one", "first"), ("two", "second")] {
        layout(&world.out(name), content);
    }
    // No engine is found there, so that nothing depends on which of them this machine has.
    world.with("PATH", "/nowhere")
}

/// Writes an OCI layout by hand: what is published here is not made by the program itself.
fn layout(folder: &Path, content: &str) {
    use deploy_action::digest::Digest;
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("a folder");
    let put = |kind: &str, bytes: &[u8]| {
        let digest = Digest::of(bytes);
        fs::write(blobs.join(digest.hex()), bytes).expect("a blob");
        serde_json::json!({ "mediaType": kind, "digest": digest.to_string(), "size": bytes.len() })
    };
    // An empty archive is two blocks of nothing; what follows them nobody reads.
    let tar = [&[0; 1024], content.as_bytes()].concat();
    let layer = put("application/vnd.oci.image.layer.v1.tar", &tar);
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": { "User": "1000" },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&tar).to_string()] },
    });
    let config = put(
        "application/vnd.oci.image.config.v1+json",
        config.to_string().as_bytes(),
    );
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = serde_json::json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer] });
    let manifest = put(kind, manifest.to_string().as_bytes());
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(folder.join("index.json"), index.to_string()).expect("a file");
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .expect("a file");
}

fn registry() -> Registry {
    Registry::start(Edition::Three, &Access::Open)
}

fn publish(world: &World, more: &[&str]) -> Ran {
    let quick = ["publish", "--retry-delay", "0s"];
    world.call(&[&quick[..], more].concat())
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.all()))
}

#[test]
fn a_reference_a_line_is_data_and_a_second_push_costs_one_request() {
    let (world, registry) = (world(), registry());
    let proxy = Proxy::with(registry.address(), Schedule::faithful());
    let to = format!("{}/acme/api:1", proxy.address());
    let one = world.out("one").display().to_string();
    let ran = publish(&world, &["--layout", &one, "--to", &to]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let line = ran.stdout.strip_suffix('\n').expect("a line");
    assert!(
        line.starts_with(&format!("{}/acme/api@sha256:", proxy.address())) && !line.contains('\n'),
        "{line}"
    );
    assert!(ran.stderr.contains("  1 is new\n"), "{}", ran.stderr);

    let before = proxy.count();
    let again = publish(&world, &["--layout", &one, "--to", &to, "--format", "json"]);
    assert_eq!(proxy.count() - before, 1);
    assert_eq!(json(&again)["requests"], 1);
    assert_eq!(json(&again)["targets"][0]["tags-unchanged"][0], "1");
}

#[test]
fn another_repository_takes_the_blobs_over_that_another_process_sent() {
    let (world, registry) = (world(), registry());
    let one = world.out("one").display().to_string();
    for (name, uploaded, mounted) in [("api", 2, 0), ("copy", 0, 2)] {
        let to = format!("{}/acme/{name}:1", registry.address());
        let ran = publish(&world, &["--layout", &one, "--to", &to, "--format", "json"]);
        let found = json(&ran);
        assert_eq!(
            (&found["uploaded"], &found["mounted"]),
            (&uploaded.into(), &mounted.into()),
            "{found}"
        );
    }
}

#[test]
fn tags_go_back_to_what_they_named_and_new_ones_go_away() {
    let (world, registry) = (world(), registry());
    let repository = format!("{}/acme/api", registry.address());
    let (tag, new) = (format!("{repository}:1"), format!("{repository}:2"));
    let digest = |ran: &Ran| json(ran)["digest"].as_str().map(str::to_owned);
    let mut digests = Vec::new();
    for (name, to) in [("one", vec![&tag]), ("two", vec![&tag, &new])] {
        let layout = world.out(name).display().to_string();
        let mut args = vec!["--layout", &layout, "--format", "json"];
        for to in to {
            args.extend(["--to", to]);
        }
        digests.push(digest(&publish(&world, &args)).expect("a digest"));
    }
    let back = publish(
        &world,
        &["--restore", "--to", &repository, "--format", "json"],
    );
    assert_eq!(back.code, Some(0), "{}", back.all());
    assert_eq!(
        json(&back),
        serde_json::json!([
            { "tag": tag, "digest": digests[0], "result": "restored" },
            { "tag": new, "digest": null, "result": "removed" },
        ])
    );
    let now = publish(&world, &["--verify", "--to", &tag, "--format", "json"]);
    assert_eq!(json(&now)[0]["digest"], digests[0].as_str());
    let gone = publish(&world, &["--verify", "--to", &new]);
    assert_eq!(gone.code, Some(1), "{}", gone.all());
    assert!(gone.stderr.contains("does not have"), "{}", gone.stderr);
}

#[test]
fn nothing_is_restored_where_nothing_was_published() {
    let world = world();
    let ran = publish(&world, &["--restore", "--to", "127.0.0.1:1/acme/api"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr
            .contains("nothing was published to `127.0.0.1:1/acme/api` from here"),
        "{}",
        ran.stderr
    );
}

#[test]
fn wrong_arguments_are_all_named_before_anything_is_asked() {
    let world = world();
    let one = world.out("one").display().to_string();
    let ran = publish(
        &world,
        &[
            "--layout",
            &one,
            "--to",
            "127.0.0.1:1/Acme/api",
            "--to",
            "127.0.0.1:1/acme/api:.x",
        ],
    );
    assert_eq!(ran.code, Some(2));
    for part in ["Acme", ".x", "--to ghcr.io/acme/api:1.4.0"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    let out = world.out("").display().to_string();
    let ran = publish(
        &world,
        &["--layout", &out, "--to", "127.0.0.1:1/acme/api:1"],
    );
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(
        ran.stderr.contains("is not an OCI image layout"),
        "{}",
        ran.stderr
    );
}

#[test]
fn nobody_there_is_unavailable_and_no_tag_is_said_to_be_moved() {
    let world = world();
    let one = world.out("one").display().to_string();
    let gone = {
        let registry = registry();
        registry.address()
    };
    let to = format!("{gone}/acme/api:1");
    let ran = publish(&world, &["--tries", "2", "--layout", &one, "--to", &to]);
    assert_eq!(ran.code, Some(10), "{}", ran.all());
    assert!(
        ran.stderr.contains("could not be reached"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_right_to_write_is_proved_without_leaving_anything() {
    let (world, registry) = (world(), registry());
    let to = format!("{}/acme/api", registry.address());
    let ran = publish(&world, &["--preflight", "--to", &to]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let ran = publish(&world, &["--verify", "--to", &to]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
}

#[test]
fn parts_become_one_index_that_names_each_platform() {
    let (world, registry) = (world(), registry());
    let repository = format!("{}/acme/api", registry.address());
    let mut parts = Vec::new();
    for name in ["one", "two"] {
        let layout = world.out(name).display().to_string();
        let ran = publish(&world, &["--layout", &layout, "--to", &repository]);
        parts.push(ran.stdout.trim().to_owned());
    }
    // Both are for linux/amd64.
    let to = format!("{repository}:1");
    let args = ["--part", &parts[0], "--part", &parts[1], "--to", &to];
    let ran = publish(&world, &args);
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("linux/amd64"), "{}", ran.all());
    let ran = publish(
        &world,
        &["--part", &parts[0], "--to", &to, "--format", "json"],
    );
    assert_eq!(
        json(&ran)["media-type"],
        "application/vnd.oci.image.index.v1+json"
    );
    assert_eq!(json(&ran)["uploaded"], 0);
    let elsewhere = format!("{}/acme/other:1", registry.address());
    let ran = publish(&world, &["--part", &parts[0], "--to", &elsewhere]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
}

#[test]
fn a_cancel_ends_it_with_the_code_of_the_signal() {
    let (world, registry) = (world(), registry());
    let slow = Schedule::on(|request| {
        (request.method == "PUT").then_some(deploy_action_test_wire::Fault::Delay(
            std::time::Duration::from_secs(20),
        ))
    });
    let proxy = Proxy::with(registry.address(), slow);
    let one = world.out("one").display().to_string();
    let to = format!("{}/acme/api:1", proxy.address());
    let mut running = world
        .program(&["publish", "--layout", &one, "--to", &to])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    wait_until("an upload", || (proxy.count() > 2).then_some(()));
    let id = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it runs");
    let status = running.wait().expect("it ends");
    let mut words = String::new();
    let mut stderr = running.stderr.take().expect("it is piped");
    stderr.read_to_string(&mut words).expect("text");
    assert_eq!(status.code(), Some(130), "{words}");
    assert!(words.contains("run it again"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_signed_as_the_job_where_that_is_asked_for() {
    let (world, registry, sigstore) = (world(), registry(), SigstoreServer::start());
    let one = world.out("one").display().to_string();
    let to = format!("{}/acme/api:1", registry.address());
    let args = ["--layout", &one, "--to", &to, "--format", "json"];
    let signing = [&args[..], &["--sign"]].concat();
    let refused = publish(&world, &signing);
    assert_eq!(refused.code, Some(1), "{}", refused.all());
    assert!(
        refused.stderr.contains("permissions: id-token: write"),
        "{}",
        refused.stderr
    );
    let variables = sigstore.variables().into_iter();
    let world = variables.fold(world, |world, (name, value)| world.with(&name, &value));
    let unsigned = publish(&world, &args);
    assert_eq!(unsigned.code, Some(0), "{}", unsigned.all());
    assert_eq!(sigstore.requests(), [""; 0]);
    let signed = publish(&world, &signing);
    assert_eq!(signed.code, Some(0), "{}", signed.all());
    for secret in sigstore.secrets() {
        assert!(!signed.all().contains(&secret), "{}", signed.all());
    }
    let image = json(&signed)["targets"][0]["reference"]
        .as_str()
        .expect("a reference")
        .parse();
    let image = image.expect("a reference");
    let (accepted, words) =
        Cosign::new().accepts_as(&sigstore.trusted_root(), ("verify", IDENTITY), &image, &[]);
    assert!(accepted, "{words}");
}

#[test]
fn the_help_says_whose_logins_are_taken() {
    let help = world().call(&["publish", "--help"]).stdout;
    for words in [
        "docker and podman keep",
        "GITHUB_TOKEN",
        "application default credentials",
    ] {
        assert!(help.contains(words), "no {words:?} in\n{help}");
    }
}

#[tokio::test]
async fn what_is_in_an_image_is_attached_where_it_is_wanted_and_there_once() {
    use deploy_action::image::{Access, RegistryClient, RepositoryName, http_client, referrers};
    let (world, registry) = (world(), registry());
    let one = world.out("one").display().to_string();
    let to = format!("{}/acme/api:1", registry.address());
    let args = ["--layout", &one, "--to", &to, "--sbom", "--format", "json"];
    let ran = publish(&world, &args);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let again = publish(&world, &args);
    assert_eq!(again.code, Some(0), "{}", again.all());
    let name = format!("{}/acme/api", registry.address());
    let name: RepositoryName = name.parse().expect("a repository");
    let client = RegistryClient::new(http_client("test").expect("a client"));
    let repository = client.repository(&name, Access::Pull).expect("an address");
    let digest = json(&ran)["digest"]
        .as_str()
        .and_then(|digest| digest.parse().ok());
    let found = referrers(&repository, digest.expect("a digest"))
        .await
        .expect("a list");
    let kinds: Vec<_> = found
        .list
        .iter()
        .map(|referrer| referrer.artifact_type.as_deref())
        .collect();
    assert_eq!(kinds, [Some("application/spdx+json")]);
}
