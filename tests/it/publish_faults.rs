//! Publishing through a proxy that cuts connections, delays, limits and lies.
#![cfg(target_os = "linux")]

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use deploy_action_test_wire::{
    Access, Edition, Ended, Fault, Proxy, Publisher, Registry, Request, Schedule, soak, tag_digest,
    whole, write_layout,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_deploy-action");

/// What the program sends at once where nothing fails, in bytes.
const PIECE: usize = 4 << 20;

/// A registry, a program with a home of its own, and images.
struct World {
    registry: Registry,
    publisher: Publisher,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            registry: Registry::start(Edition::Three, &Access::Open),
            publisher: Publisher::new(PROGRAM),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn proxy(&self, decide: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static) -> Proxy {
        Proxy::with(self.registry.address(), Schedule::on(decide))
    }

    /// Writes an image and returns its folder and its digest.
    fn image(&self, layers: &[&str]) -> (PathBuf, String) {
        let name = format!("image-{}", layers.concat().len());
        let folder = self.folder.path().join(name);
        let digest = write_layout(&folder, layers);
        (folder, digest)
    }

    fn publish(&self, server: SocketAddr, layout: &Path, repository: &str, tags: &[&str]) -> Ended {
        self.publisher
            .publish(layout, &references(server, repository, tags))
    }

    fn named(&self, repository: &str, tag: &str) -> Option<String> {
        tag_digest(self.registry.address(), repository, tag)
    }
}

fn references(server: SocketAddr, repository: &str, tags: &[&str]) -> Vec<String> {
    tags.iter()
        .map(|tag| format!("{server}/{repository}:{tag}"))
        .collect()
}

fn puts_manifest(request: &Request) -> bool {
    request.is_of_manifest() && request.method == "PUT"
}

#[test]
fn a_hundred_publications_through_faults_end_right_or_say_truly_what_they_left() {
    for (edition, seeds) in [(Edition::Two, 0..50), (Edition::Three, 50..100)] {
        let registry = Registry::start(edition, &Access::Open);
        let soaked = soak(Path::new(PROGRAM), registry.address(), seeds, || true);
        let wrong: Vec<String> = soaked
            .wrong
            .iter()
            .map(|(seed, wrong)| format!("seed {seed}: {wrong}"))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
        assert!(soaked.published > soaked.failed.len(), "{soaked:?}");
        assert!(!soaked.failed.is_empty(), "none was stubborn");
    }
}

#[test]
fn what_fails_once_at_every_request_is_survived() {
    let world = World::new();
    let (layout, image) = world.image(&["one", "two"]);
    for (number, fault) in Fault::ALL.into_iter().enumerate() {
        let told = match fault {
            // These do not pass by being tried again.
            Fault::Forbidden => Some("403 (DENIED: permission_denied: write_package)"),
            Fault::Unauthorized => Some("401"),
            Fault::WrongDigest => Some("has digest sha256:0000"),
            _ => None,
        };
        let proxy = world.proxy(move |request| {
            let has_words = fault != Fault::LimitAsForbidden || request.method != "HEAD";
            let is_told = fault != Fault::Forbidden || puts_manifest(request);
            (request.before == 0 && has_words && is_told).then_some(fault)
        });
        let repository = format!("once/{number}");
        let ended = world.publish(proxy.address(), &layout, &repository, &["1", "latest"]);
        match told {
            None => {
                assert_eq!(ended.code, Some(0), "{fault:?}: {ended:?}");
                for tag in ["1", "latest"] {
                    let named = world.named(&repository, tag);
                    assert_eq!(named.as_ref(), Some(&image), "{fault:?}");
                }
                let found = whole(world.registry.address(), &repository, &image);
                assert_eq!(found, Ok(()), "{fault:?}");
            }
            Some(words) => {
                assert_eq!(ended.code, Some(1), "{fault:?}: {ended:?}");
                assert!(ended.stderr.contains(words), "{fault:?}: {ended:?}");
            }
        }
        let met = proxy.exchanges();
        let is_met = met.iter().any(|exchange| exchange.fault == Some(fault));
        let needs_more = matches!(
            fault,
            Fault::LaggingRange | Fault::StuckRange | Fault::MountIgnored
        );
        assert!(is_met || needs_more, "{fault:?} was not met: {met:?}");
    }
}

#[test]
fn what_goes_on_failing_is_named_and_ends_with_its_code() {
    let world = World::new();
    let (layout, _) = world.image(&["one"]);
    for (number, (fault, code, words)) in [
        (Fault::TooMany(None), 10, "429 (TOOMANYREQUESTS"),
        (Fault::TooManyInWords, 10, "429 (TOOMANYREQUESTS"),
        (Fault::LimitAsForbidden, 10, "secondary rate limit"),
        (Fault::Html(503), 10, "503"),
        (Fault::LongError, 10, "500"),
        (
            Fault::CutBefore,
            10,
            "could not be reached to store the manifest",
        ),
        (
            Fault::CutBody,
            10,
            "could not be reached to store the manifest",
        ),
        (Fault::BlobUnknown, 1, "404 (MANIFEST_BLOB_UNKNOWN"),
    ]
    .into_iter()
    .enumerate()
    {
        let proxy = world.proxy(move |request| puts_manifest(request).then_some(fault));
        let repository = format!("stubborn/{number}");
        let ended = world.publish(proxy.address(), &layout, &repository, &["1"]);
        assert_eq!(ended.code, Some(code), "{fault:?}: {ended:?}");
        assert!(ended.stderr.contains(words), "{fault:?}: {ended:?}");
        // What a server says at length, or to a browser, is no help.
        assert!(ended.stderr.len() < 2_000, "{fault:?}: {ended:?}");
        assert!(!ended.stderr.contains("<html>"), "{fault:?}: {ended:?}");
        assert_eq!(ended.stdout, "");
        assert_eq!(world.named(&repository, "1"), None);
        let tried = proxy.exchanges();
        let tried = tried
            .iter()
            .filter(|exchange| puts_manifest(&exchange.request));
        assert_eq!(tried.count(), 5, "{fault:?}");
    }
}

#[test]
fn a_tag_whose_answers_are_lost_is_asked_for() {
    let world = World::new();
    let (layout, image) = world.image(&["one"]);
    let proxy = world.proxy(|request| puts_manifest(request).then_some(Fault::CutAnswer));
    let ended = world.publish(proxy.address(), &layout, "lost/answers", &["1"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(world.named("lost/answers", "1"), Some(image));
}

#[test]
fn nothing_is_sent_to_an_address_inside_of_a_network() {
    let world = World::new();
    let (layout, _) = world.image(&["one"]);
    let proxy = world.proxy(|request| request.begins_upload().then_some(Fault::LocationInside));
    let ended = world.publish(proxy.address(), &layout, "led/inside", &["1"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("169.254.169.254"), "{}", ended.stderr);
}

#[test]
fn a_publication_that_ended_early_says_what_moved_and_is_taken_back() {
    let world = World::new();
    let (older, former) = world.image(&["older"]);
    let (layout, image) = world.image(&["one", "two"]);
    let is_refusing = Arc::new(AtomicBool::new(false));
    let refusing = Arc::clone(&is_refusing);
    let proxy = world.proxy(move |request| {
        let is_last = puts_manifest(request) && request.path().ends_with("/latest");
        (is_last && refusing.load(Ordering::SeqCst)).then_some(Fault::Forbidden)
    });
    let server = proxy.address();
    let tags = ["1", "2", "latest"];
    let ended = world.publish(server, &older, "early/end", &tags);
    assert_eq!(ended.code, Some(0), "{ended:?}");

    is_refusing.store(true, Ordering::SeqCst);
    let ended = world.publish(server, &layout, "early/end", &tags);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = format!(
        "moved: `{server}/early/end:1`, `{server}/early/end:2`; not moved: `{server}/early/end:latest`"
    );
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    let named = |tag| world.named("early/end", tag);
    assert_eq!(
        tags.map(named),
        [&image, &image, &former].map(|digest| Some(digest.clone()))
    );

    let restored = world
        .publisher
        .restore(&references(server, "early/end", &tags));
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert_eq!(tags.map(named), tags.map(|_| Some(former.clone())));

    is_refusing.store(false, Ordering::SeqCst);
    let ended = world.publish(server, &layout, "early/end", &tags);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(tags.map(named), tags.map(|_| Some(image.clone())));
}

#[test]
fn no_tag_is_moved_anywhere_while_one_registry_lacks_the_image() {
    let world = World::new();
    let (layout, image) = world.image(&["one"]);
    let open = world.proxy(|_| None);
    let broken = world.proxy(|request| request.is_of_upload().then_some(Fault::Html(502)));
    let mut to = references(open.address(), "both/first", &["1"]);
    to.extend(references(broken.address(), "both/second", &["1"]));
    let ended = world.publisher.publish(&layout, &to);
    assert_eq!(ended.code, Some(10), "{ended:?}");
    assert_eq!(world.named("both/first", "1"), None);
    assert_eq!(world.named("both/second", "1"), None);
    for reference in &to {
        assert!(ended.stderr.contains(reference), "{}", ended.stderr);
    }
    to[1] = format!("{}/both/second:1", open.address());
    let ended = world.publisher.publish(&layout, &to);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(world.named("both/first", "1"), Some(image.clone()));
    assert_eq!(world.named("both/second", "1"), Some(image));
}

#[test]
fn a_tag_that_names_the_image_costs_one_request() {
    let world = World::new();
    let (layout, _) = world.image(&["one"]);
    let proxy = world.proxy(|_| None);
    let first = world.publish(proxy.address(), &layout, "again", &["1"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let before = proxy.count();
    let again = world.publish(proxy.address(), &layout, "again", &["1"]);
    assert_eq!((again.code, again.stdout), (Some(0), first.stdout));
    assert_eq!(proxy.count() - before, 1);
}

#[test]
fn a_large_blob_that_was_cut_off_goes_on_where_the_registry_stands() {
    let world = World::new();
    let (layout, image) = world.image(&["x".repeat(3 * PIECE).as_str()]);
    // The whole is cut, then each odd piece is stored and said not to be.
    let proxy = world.proxy(|request| match request.method.as_str() {
        "PUT" if request.is_of_upload() && request.length > Some(1 << 20) => Some(Fault::CutBody),
        "PATCH" if request.before.is_multiple_of(2) => Some(Fault::LaggingRange),
        "PATCH" => Some(Fault::StuckRange),
        _ => None,
    });
    let ended = world.publish(proxy.address(), &layout, "large/lag", &["1"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(whole(world.registry.address(), "large/lag", &image), Ok(()));
    // Three pieces and a little more: nothing that was stored is sent again.
    let exchanges = proxy.exchanges();
    let pieces = exchanges
        .iter()
        .filter(|exchange| exchange.request.method == "PATCH")
        .map(|exchange| exchange.request.length.expect("a length"));
    let sent: u64 = pieces.clone().sum();
    assert_eq!(pieces.count(), 4, "{exchanges:?}");
    assert!(sent < 13 << 20, "{sent}");
}

#[test]
fn an_upload_that_one_process_left_is_ended_by_the_next() {
    let world = World::new();
    let (layout, image) = world.image(&["x".repeat(3 * PIECE).as_str()]);
    // The whole is cut; behind the second piece, everything is.
    let is_cutting = Arc::new(AtomicBool::new(true));
    let is_out = Arc::new(AtomicBool::new(false));
    let (cutting, out) = (Arc::clone(&is_cutting), Arc::clone(&is_out));
    let proxy = world.proxy(move |request| {
        let is_whole = request.is_of_upload() && request.length > Some(5 << 20);
        if request.method == "PATCH" && request.before >= 2 {
            out.store(true, Ordering::SeqCst);
        }
        let is_cut = is_whole || out.load(Ordering::SeqCst);
        (is_cut && cutting.load(Ordering::SeqCst)).then_some(Fault::CutBefore)
    });
    let ended = world.publish(proxy.address(), &layout, "large/left", &["1"]);
    assert_eq!(ended.code, Some(10), "{ended:?}");
    let before = proxy.count();

    is_cutting.store(false, Ordering::SeqCst);
    let ended = world.publish(proxy.address(), &layout, "large/left", &["1"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        whole(world.registry.address(), "large/left", &image),
        Ok(())
    );
    let exchanges = proxy.exchanges().split_off(before);
    let sent: u64 = exchanges
        .iter()
        .filter(|exchange| exchange.request.is_of_upload())
        .filter_map(|exchange| exchange.request.length)
        .sum();
    assert!(
        sent < 6 << 20,
        "two of three pieces were there, {sent} bytes were sent: {exchanges:?}"
    );
}
