//! Proxies, certificate authorities of one's own, and a GitHub that is not github.com, with real TLS.
#![cfg(target_os = "linux")]

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use camino::Utf8PathBuf;
use deploy_action::{
    rehearse::{
        hub::{Hub, HubOptions, PullRequest, PullRequestState},
        registry::{Registry, RegistryOptions, contents},
    },
    secret::Secret,
};
use deploy_action_test_support::{proxy::Proxy, tls::Authority};

use crate::world::World;

const IMAGE: &str = "
name: app
connections: { registry: { registry: { host: registry.acme.example, path: team } } }
phases:
  - id: ship
    tasks:
      - id: image
        image:
          assemble: { files: { /srv/page: page }, entrypoint: [/srv/none] }
          push: registry
          name: app
          tags: type=raw,value=one
";

/// A registry that is known by a name of the company, behind its proxy and with a certificate of its authority.
struct Company {
    world: World,
    proxy: Proxy,
    folder: tempfile::TempDir,
    registry: Registry,
    runtime: tokio::runtime::Runtime,
    ca_file: String,
}

impl Company {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let path = Utf8PathBuf::try_from(folder.path().join("registry")).expect("text");
        let registry = runtime.block_on(async {
            let folder = path;
            Registry::start(RegistryOptions { folder, port: None }).expect("a registry")
        });
        let world = World::new(IMAGE);
        world.write("page", "page");
        let authority = Authority::new();
        let behind: SocketAddr = registry
            .base_url()
            .trim_start_matches("http://")
            .parse()
            .expect("an address");
        let front = authority.front(&["registry.acme.example", "localhost"], behind);
        let lead = ("registry.acme.example:443".to_owned(), front);
        let ca_file = world.tmp().join("ca.pem");
        std::fs::write(&ca_file, authority.pem()).expect("a file");
        Self {
            world,
            proxy: Proxy::start(BTreeMap::from([lead])),
            folder,
            registry,
            runtime,
            ca_file: ca_file.to_str().expect("text").to_owned(),
        }
    }

    fn holds(&self) -> Vec<String> {
        let path = Utf8PathBuf::try_from(self.folder.path().join("registry")).expect("text");
        let held = contents(&path).expect("it can be read");
        held.into_iter().map(|repository| repository.name).collect()
    }

    fn end(self) {
        self.runtime.block_on(self.registry.stop());
    }
}

#[test]
fn an_image_is_pushed_through_a_proxy_to_a_registry_of_an_authority_of_ones_own() {
    for variable in ["SSL_CERT_FILE", "DEPLOY_ACTION_CA_FILE"] {
        let mut company = Company::new();
        company.world.set("HTTPS_PROXY", &company.proxy.url());
        company.world.set(variable, &company.ca_file);
        company.world.run(&[]).tells("0: image succeeded");
        assert_eq!(company.holds(), ["team/app"]);
        let asked = company.proxy.asked();
        let connect = "CONNECT registry.acme.example:443 HTTP/1.1";
        assert!(asked.iter().all(|line| line == connect), "{asked:?}");
        assert!(!asked.is_empty());
        company.end();
    }
}

#[test]
fn an_authority_that_nobody_named_is_not_trusted() {
    let mut company = Company::new();
    company.world.set("HTTPS_PROXY", &company.proxy.url());
    let ran = company.world.run(&[]);
    ran.tells("1: image failed (task)");
    let outcome = &ran.last("task-finished", "image")["outcome"];
    let hint = outcome["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("DEPLOY_ACTION_CA_FILE"), "{outcome}");
    assert_eq!(company.holds(), [""; 0]);
    company.end();
}

#[test]
fn no_proxy_stands_before_this_machine() {
    let company = Company::new();
    let address = company.registry.base_url();
    let host = address.trim_start_matches("http://");
    let plan = IMAGE.replace("registry.acme.example", host);
    let mut world = World::new(&plan);
    world.write("page", "page");
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        world.set(variable, &company.proxy.url());
    }
    world.run(&[]).tells("0: image succeeded");
    assert_eq!(company.holds(), ["team/app"]);
    assert_eq!(company.proxy.asked(), [""; 0]);
    company.end();
}

#[test]
fn a_proxy_or_a_file_that_cannot_be_used_is_named_before_anything_runs() {
    let world = World::new(IMAGE).with("HTTPS_PROXY", "http://user:hunter2@:x");
    world.write("page", "page");
    let ran = world.run(&[]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(ran.stderr.contains("HTTPS_PROXY"), "{}", ran.stderr);
    assert!(!ran.all().contains("hunter2"), "{}", ran.all());
    let world = World::new(IMAGE).with("DEPLOY_ACTION_CA_FILE", "/nowhere/ca.pem");
    world.write("page", "page");
    let ran = world.run(&[]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(ran.stderr.contains("/nowhere/ca.pem"), "{}", ran.stderr);
}

#[test]
fn a_checkpoint_is_posted_to_a_github_of_ones_own_through_the_proxy() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let hub = runtime.block_on(async {
        Hub::start(HubOptions {
            folder: Utf8PathBuf::try_from(folder.path().to_owned()).expect("text"),
            port: None,
            repository: "acme/app".to_owned(),
            token: Secret::new("enterprise-token"),
            pull_request: Some(PullRequest {
                number: 1,
                title: "Deploy".to_owned(),
                state: PullRequestState::Open,
                author: "ada".to_owned(),
                head_branch: "change".to_owned(),
                head_sha: "0a1b".repeat(10),
                base_branch: "main".to_owned(),
                merge_commit_sha: None,
            }),
            packages: Arc::new(Vec::new),
        })
        .expect("a hub")
    });
    let authority = Authority::new();
    let front = authority.front(&["git.acme.example"], hub.address());
    let lead = ("git.acme.example:443".to_owned(), front);
    let proxy = Proxy::start(BTreeMap::from([lead]));
    let plan = "name: app\nphases:\n  - id: ship\n    tasks:\n      - { id: a, run: { script: 'true', changes: false } }\n";
    let world = World::new(plan).on_actions();
    world.write(
        "event.json",
        r#"{"number":1,"pull_request":{"number":1,"head":{"sha":"0a1b"}}}"#,
    );
    let ca_file = world.tmp().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).expect("a file");
    let event = world.repository().join("event.json");
    let world = world
        .with("GITHUB_SERVER_URL", "https://git.acme.example")
        .with("GITHUB_API_URL", "https://git.acme.example/api/v3")
        .with("GITHUB_TOKEN", "enterprise-token")
        .with("GITHUB_EVENT_NAME", "pull_request")
        .with("GITHUB_EVENT_PATH", event.to_str().expect("text"))
        .with("HTTPS_PROXY", &proxy.url())
        .with("SSL_CERT_FILE", ca_file.to_str().expect("text"));
    world.run(&[]).tells("0: a succeeded");
    let posted = world.call(&["checkpoint", "--post"]);
    assert_eq!(posted.code, Some(0), "{}", posted.all());
    let comments = hub.comments(1).expect("it can be read");
    assert_eq!(comments.len(), 1, "{}", posted.all());
    assert!(
        comments[0]
            .body
            .contains("https://git.acme.example/acme/app/"),
        "{}",
        comments[0].body
    );
    let asked = proxy.asked();
    assert!(
        asked
            .iter()
            .all(|line| line == "CONNECT git.acme.example:443 HTTP/1.1"),
        "{asked:?}"
    );
    assert!(!asked.is_empty());
    runtime.block_on(hub.stop());
}
