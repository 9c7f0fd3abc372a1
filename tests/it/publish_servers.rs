//! Publishing to registries that are not ours, and to ours, read back by programs that are not ours.
#![cfg(target_os = "linux")]

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use deploy_action::{
    image::{
        Credentials, ImageError, Layout, PublishTarget, Published, RegistryClient, RetryPolicy,
        http_client, publish,
    },
    secret::Secret,
};
use deploy_action_test_wire::{
    Access, Edition, Fault, LOGIN, PASSWORD, Proxy, Publisher, Registry, Schedule, TokenOptions,
    TokenServer, USER, tag_digest, tool, whole, write_layout,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_deploy-action");

/// Runs a program that has to end well, in a home of its own, and returns what it printed.
fn run(program: &str, home: &Path, arguments: &[&str]) -> String {
    let output = Command::new(tool(program))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .output()
        .expect("the program starts");
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

fn image(folder: &Path) -> (PathBuf, String) {
    let layout = folder.join("image");
    let digest = write_layout(&layout, &["one", "two"]);
    (layout, digest)
}

/// Asks three programs for an image.
fn read_back(home: &Path, reference: &str, digest: &str) {
    let remote = format!("docker://{reference}");
    let asked = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}"];
    let inspected = run("skopeo", home, &[&asked[..], &[&remote]].concat());
    assert_eq!(inspected.trim(), digest, "{reference}");

    run("crane", home, &["validate", "--remote", reference]);

    let [root, state, temporary] =
        ["root", "run", "tmp"].map(|folder| home.join(folder).display().to_string());
    let storage = [
        "--root",
        &root,
        "--runroot",
        &state,
        "--tmpdir",
        &temporary,
        "--storage-driver",
        "vfs",
        "--events-backend",
        "none",
    ];
    let pull = ["pull", "--quiet", "--tls-verify=false", reference];
    run("podman", home, &[&storage[..], &pull].concat());
    let inspect = ["image", "inspect", "--format", "{{.Digest}}", reference];
    let pulled = run("podman", home, &[&storage[..], &inspect].concat());
    assert_eq!(pulled.trim(), digest, "{reference}");
}

#[test]
fn what_is_published_is_read_back_by_skopeo_crane_and_podman() {
    let folder = tempfile::tempdir().expect("a folder");
    let (layout, digest) = image(folder.path());
    let registries = [
        Registry::start(Edition::Two, &Access::Open),
        Registry::start(Edition::Three, &Access::Open),
        Registry::embedded(Path::new(PROGRAM)),
    ];
    let to: Vec<String> = registries
        .iter()
        .flat_map(|registry| {
            let name = format!("{}/acme/api", registry.address());
            [format!("{name}:1.4.0"), format!("{name}:latest")]
        })
        .collect();
    let ended = Publisher::new(PROGRAM).publish(&layout, &to);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let references: Vec<String> = registries
        .iter()
        .map(|registry| format!("{}/acme/api@{digest}\n", registry.address()))
        .collect();
    assert_eq!(ended.stdout, references.concat());
    for reference in &to {
        let home = tempfile::tempdir().expect("a folder");
        read_back(home.path(), reference, &digest);
    }
}

#[test]
fn dockers_login_of_a_registry_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let (layout, digest) = image(folder.path());
    let tokens = TokenServer::start(TokenOptions::default());
    for registry in [
        Registry::start(Edition::Three, &Access::Password),
        Registry::start(Edition::Two, &tokens.access()),
    ] {
        let to = [format!("{}/acme/api:1", registry.address())];
        let publisher = Publisher::new(PROGRAM);
        let ended = publisher.publish(&layout, &to);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("401"), "{ended:?}");
        publisher.log_in(&registry.address().to_string(), LOGIN);
        let ended = publisher.publish(&layout, &to);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let reference = format!("{}/acme/api@{digest}\n", registry.address());
        assert_eq!(ended.stdout, reference);
        assert!(!ended.stderr.contains(LOGIN), "{ended:?}");
        assert!(!ended.stderr.contains(PASSWORD), "{ended:?}");
    }
}

/// A client that knows the user, or nobody.
fn client(server: SocketAddr, password: Option<&str>) -> RegistryClient {
    let client = RegistryClient::new(http_client("test").expect("a client"))
        .with_retries(RetryPolicy::immediate());
    match password {
        None => client,
        Some(password) => client.with_credentials(
            server.to_string(),
            Credentials::password(USER, Secret::new(password)),
        ),
    }
}

async fn publish_to(
    server: SocketAddr,
    password: Option<&str>,
    layout: &Path,
    repositories: &[&str],
) -> Result<Published, ImageError> {
    let layout = Layout::open(layout).expect("a layout");
    let targets: Vec<PublishTarget> = repositories
        .iter()
        .map(|repository| PublishTarget {
            repository: format!("{server}/{repository}").parse().expect("a name"),
            tags: vec![
                "1".parse().expect("a tag"),
                "latest".parse().expect("a tag"),
            ],
        })
        .collect();
    publish(&client(server, password), &layout, &targets).await
}

fn causes(error: &ImageError) -> String {
    let mut words = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        words.push_str(&format!("; {source}"));
        next = source.source();
    }
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_with_passwords_lets_in_who_knows_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (layout, digest) = image(folder.path());
    for edition in [Edition::Two, Edition::Three] {
        let registry = Registry::start(edition, &Access::Password);
        let server = registry.address();
        let published = publish_to(server, Some(PASSWORD), &layout, &["acme/api"]).await;
        assert!(published.is_ok(), "{edition:?}: {published:?}");
        assert_eq!(whole(server, "acme/api", &digest), Ok(()));
        for password in [None, Some("another")] {
            let refused = publish_to(server, password, &layout, &["acme/b"]).await;
            let words = causes(&refused.expect_err("nobody is let in"));
            assert!(words.contains("401"), "{edition:?}: {words}");
            assert!(!words.contains("another"), "{edition:?}: {words}");
        }
        assert_eq!(tag_digest(server, "acme/b", "1"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_with_tokens_sees_one_for_what_is_pushed_and_what_is_taken_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let (layout, _) = image(folder.path());
    for edition in [Edition::Two, Edition::Three] {
        let tokens = TokenServer::start(TokenOptions::default());
        let registry = Registry::start(edition, &tokens.access());
        let proxy = Proxy::with(registry.address(), Schedule::faithful());
        let server = proxy.address();
        let published =
            publish_to(server, Some(PASSWORD), &layout, &["acme/api", "acme/copy"]).await;
        let published = published.unwrap_or_else(|error| panic!("{edition:?}: {}", causes(&error)));
        // Both repositories, each once, and what the second takes over of the first.
        assert_eq!(published.traffic.uploaded, 3, "{edition:?}: {published:?}");
        assert_eq!(published.traffic.mounted, 3, "{edition:?}: {published:?}");
        let sold = tokens.sold();
        assert!(sold.len() <= 3, "{edition:?}: {sold:?}");
        assert!(
            sold.iter().all(|sold| sold.is_granted),
            "{edition:?}: {sold:?}"
        );
        for name in ["acme/api", "acme/copy"] {
            let scope = format!("repository:{name}:pull,push");
            assert!(
                sold.iter().any(|sold| sold.scopes.contains(&scope)),
                "{edition:?}: {sold:?}"
            );
        }
        // Each request but the first of a repository comes with its token.
        let bare = proxy
            .exchanges()
            .iter()
            .filter(|exchange| exchange.request.authorization.is_none())
            .count();
        assert!(bare <= 4, "{edition:?}: {:?}", proxy.exchanges());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_in_the_middle_is_bought_once_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let (layout, _) = image(folder.path());
    let tokens = TokenServer::start(TokenOptions::default());
    let registry = Registry::start(Edition::Three, &tokens.access());
    let proxy = Proxy::with(
        registry.address(),
        Schedule::once(Fault::Unauthorized, |request| {
            request.is_of_upload() && request.authorization.is_some()
        }),
    );
    let published = publish_to(proxy.address(), Some(PASSWORD), &layout, &["acme/api"]).await;
    published.unwrap_or_else(|error| panic!("{}", causes(&error)));
    let refused = proxy
        .exchanges()
        .iter()
        .filter(|exchange| exchange.fault == Some(Fault::Unauthorized))
        .count();
    assert_eq!(refused, 3, "each upload once");
    // One for the beginning, one for the middle; uploads that were refused together share it.
    let sold = tokens.sold();
    assert!((2..=4).contains(&sold.len()), "{sold:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_runs_out_at_once_is_bought_again_and_not_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let (layout, _) = image(folder.path());
    let tokens = TokenServer::start(TokenOptions {
        lifetime: Duration::ZERO,
        ..TokenOptions::default()
    });
    let registry = Registry::start(Edition::Three, &tokens.access());
    let refused = publish_to(registry.address(), Some(PASSWORD), &layout, &["acme/api"]).await;
    let words = causes(&refused.expect_err("no token is good"));
    assert!(words.contains("401"), "{words}");
    assert!(tokens.sold().len() < 10, "{:?}", tokens.sold());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_does_not_allow_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (layout, _) = image(folder.path());
    let tokens = TokenServer::start(TokenOptions {
        writable: "acme/".to_owned(),
        ..TokenOptions::default()
    });
    let registry = Registry::start(Edition::Two, &tokens.access());
    let refused = publish_to(registry.address(), Some(PASSWORD), &layout, &["other/api"]).await;
    let words = causes(&refused.expect_err("this may not be pushed"));
    assert!(words.contains("other/api"), "{words}");
    assert!(words.contains("401"), "{words}");
    let wrong = publish_to(registry.address(), Some("another"), &layout, &["acme/api"]).await;
    let words = causes(&wrong.expect_err("the password is another"));
    assert!(words.contains("401"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_at_another_host_comes_without_credentials() {
    let folder = tempfile::tempdir().expect("a folder");
    let (layout, digest) = image(folder.path());
    let registry = Registry::start(Edition::Three, &Access::Password);
    let proxy = Proxy::with(
        registry.address(),
        Schedule::on(|request| request.begins_upload().then_some(Fault::OtherHostLocation)),
    );
    let published = publish_to(proxy.address(), Some(PASSWORD), &layout, &["acme/api"]).await;
    published.unwrap_or_else(|error| panic!("{}", causes(&error)));
    assert_eq!(whole(registry.address(), "acme/api", &digest), Ok(()));
    let exchanges = proxy.exchanges();
    let elsewhere: Vec<_> = exchanges
        .iter()
        .filter(|exchange| exchange.request.at_other_host)
        .collect();
    assert_eq!(elsewhere.len(), 3, "{elsewhere:?}");
    for exchange in elsewhere {
        assert_eq!(exchange.request.authorization, None, "{exchange:?}");
    }
}
