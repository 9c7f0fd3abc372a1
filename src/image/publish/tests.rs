//! What publishing leaves on a registry, and what it says.

use std::path::Path;

use super::*;
use crate::{
    digest::Digest,
    event::FailureKind,
    image::{
        Access, Assembly, Depth, FileKind, ManifestName, Platforms, Tag, assemble,
        fixture::{Registry, Seen},
        inspect, pull,
    },
};

fn image(folder: &Path, content: &str) -> Layout {
    let file = folder.join("server");
    std::fs::write(&file, content).expect("a file");
    let assembly = Assembly {
        files: [("/bin/server".to_owned(), file)].into(),
        ports: vec![9418, 8088],
        user: Some("1000".to_owned()),
        env: [("A".to_owned(), "1".to_owned())].into_iter().collect(),
        ..Assembly::default()
    };
    assemble(&assembly, folder.join(Digest::of(content).hex()))
        .expect("an image")
        .layout
}

fn target(repository: &str, tags: &[&str]) -> PublishTarget {
    PublishTarget {
        repository: repository.parse().expect("a repository"),
        tags: tags.iter().map(|tag| tag.parse().expect("a tag")).collect(),
    }
}

fn tag(tag: &str) -> Tag {
    tag.parse().expect("a tag")
}

#[tokio::test]
async fn what_is_published_is_there_and_again_costs_one_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::start().await;
    let client = registry.client();
    let layout = image(folder.path(), "one");
    let digest = layout.root().expect("an image").digest;
    let to = [target("ghcr.io/acme/api", &["1.4.0"])];
    let first = publish(&client, &layout, &to).await.expect("published");
    assert_eq!(
        (
            first.traffic.uploaded,
            first.traffic.existing,
            first.traffic.mounted
        ),
        (2, 0, 0)
    );
    assert_eq!(
        first.targets[0].reference.to_string(),
        format!("ghcr.io/acme/api@{digest}")
    );
    let set = MovedTag {
        tag: tag("1.4.0"),
        previous: None,
    };
    assert_eq!(first.targets[0].tags_set, [set]);

    let again = publish(&client, &layout, &to).await.expect("published");
    assert_eq!((again.traffic.requests, again.traffic.uploaded), (1, 0));
    assert_eq!(again.targets[0].tags_unchanged, [tag("1.4.0")]);

    // A tag more, named twice, sends no blob; a moved tag says what it named.
    let more = [target("ghcr.io/acme/api", &["1.4.0", "latest", "latest"])];
    let more = publish(&client, &layout, &more).await.expect("published");
    assert_eq!((more.traffic.requests, more.traffic.uploaded), (4, 0));
    let other = image(folder.path(), "two");
    let moved = publish(&client, &other, &[target("ghcr.io/acme/api", &["latest"])])
        .await
        .expect("published");
    assert_eq!(moved.targets[0].tags_set[0].previous, Some(digest));
    move_tag(&client, &to[0].repository, &tag("latest"), digest)
        .await
        .expect("the way back");
    let back = client
        .repository(&to[0].repository, Access::Pull)
        .expect("an address");
    let back = back
        .head_manifest(&ManifestName::Tag(tag("latest")))
        .await
        .expect("an answer");
    assert_eq!(back.map(|head| head.digest), Some(digest));
}

#[tokio::test]
async fn a_second_repository_takes_blobs_over_and_all_tags_come_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::start().await;
    let layout = image(folder.path(), "one");
    let to = [
        target("ghcr.io/acme/api", &["a"]),
        target("ghcr.io/acme/copy", &["b", "c"]),
    ];
    let published = publish(&registry.client(), &layout, &to)
        .await
        .expect("published");
    assert_eq!(
        (published.traffic.uploaded, published.traffic.mounted),
        (2, 2)
    );
    let puts = registry.seen("PUT");
    let mut manifests: Vec<_> = puts
        .iter()
        .filter(|put| put.contains("/manifests/"))
        .collect();
    // Both repositories get the image at one time.
    manifests[..2].sort();
    let by_digest = |name: &str| format!("/v2/acme/{name}/manifests/{}", published.digest);
    assert_eq!(
        manifests,
        [
            &by_digest("api"),
            &by_digest("copy"),
            "/v2/acme/api/manifests/a",
            "/v2/acme/copy/manifests/b",
            "/v2/acme/copy/manifests/c",
        ]
    );
}

#[tokio::test]
async fn a_registry_that_can_moves_all_tags_in_one_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::with_trick(|seen, _| {
        let (path, query) = seen.target.split_once('?')?;
        let digest = path.split_once("/manifests/")?.1.to_owned();
        let tags = query.replace("tag=", "").replace('&', ", ");
        let headers = vec![("docker-content-digest", digest), ("oci-tag", tags)];
        Some((201, headers, Vec::new()))
    })
    .await;
    let layout = image(folder.path(), "one");
    let to = [target("ghcr.io/acme/api", &["1.2.3", "1.2", "latest"])];
    // What is read back is what no trick stored: the request is all that this looks at.
    publish(&registry.client(), &layout, &to)
        .await
        .expect_err("nothing was stored");
    let digest = layout.root().expect("an image").digest;
    let puts = registry.seen("PUT");
    let manifests: Vec<_> = puts
        .iter()
        .filter(|put| put.contains("/manifests/"))
        .collect();
    assert_eq!(
        manifests,
        [&format!(
            "/v2/acme/api/manifests/{digest}?tag=1.2.3&tag=1.2&tag=latest"
        )]
    );
}

#[tokio::test]
async fn a_registry_that_cannot_gets_each_tag_and_is_not_asked_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::start().await;
    let client = registry.client();
    for content in ["one", "two"] {
        let layout = image(folder.path(), content);
        let to = [target("ghcr.io/acme/api", &["1", "2"])];
        publish(&client, &layout, &to).await.expect("published");
    }
    let puts = registry.seen("PUT");
    let with_tags = puts.iter().filter(|put| put.contains("?tag="));
    assert_eq!(with_tags.count(), 1);
}

#[tokio::test]
async fn a_tag_whose_answer_was_lost_is_asked_for_and_told_truly() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = image(folder.path(), "one");
    let digest = layout.root().expect("an image").digest.to_string();
    for (named, expected) in [
        (Some(digest), "moved: `ghcr.io/acme/api:1`"),
        (None, "not known: `ghcr.io/acme/api:1`"),
    ] {
        let registry = Registry::with_trick(move |seen, before| {
            let is_tag = seen.target.ends_with("/manifests/1");
            match (seen.method.as_str(), &named) {
                ("PUT", _) if is_tag => Some((400, Vec::new(), Vec::new())),
                // First before anything is sent, then after the refusal, then when it is found out.
                ("HEAD", _) if is_tag && before == 1 => Some((401, Vec::new(), Vec::new())),
                ("HEAD", Some(digest)) if is_tag && before > 1 => Some((
                    200,
                    vec![("docker-content-digest", digest.clone())],
                    Vec::new(),
                )),
                ("HEAD", None) if is_tag && before > 1 => Some((401, Vec::new(), Vec::new())),
                _ => None,
            }
        })
        .await;
        let to = [target("ghcr.io/acme/api", &["1"])];
        let problem = publish(&registry.client(), &layout, &to)
            .await
            .expect_err("refused");
        assert!(problem.to_string().ends_with(expected), "{problem}");
    }
}

#[tokio::test]
async fn a_tag_that_may_not_move_and_names_the_image_already_is_adopted() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = image(folder.path(), "one");
    let digest = layout.root().expect("an image").digest.to_string();
    // Somebody else publishes the same image between our look and our move.
    let registry = Registry::with_trick(move |seen, before| {
        let is_tag = seen.target.ends_with("/manifests/1");
        match seen.method.as_str() {
            "PUT" if is_tag => Some((409, Vec::new(), Vec::new())),
            "HEAD" if is_tag && before > 0 => Some((
                200,
                vec![("docker-content-digest", digest.clone())],
                Vec::new(),
            )),
            "GET" if is_tag => None,
            _ => None,
        }
    })
    .await;
    let to = [target("ghcr.io/acme/api", &["1"])];
    let problem = publish(&registry.client(), &layout, &to)
        .await
        .expect_err("the fixture has stored nothing to read back");
    assert_eq!(problem.kind(), FailureKind::VerifyFailed);
}

#[tokio::test]
async fn who_may_not_write_is_told_before_anything_is_built() {
    let registry = Registry::with_trick(|seen, _| {
        let body =
            br#"{"errors":[{"code":"DENIED","message":"permission_denied: write_package"}]}"#;
        (seen.method == "POST").then(|| (403, Vec::new(), body.to_vec()))
    })
    .await;
    let api = "ghcr.io/acme/api".parse().expect("a repository");
    let problem = preflight(&registry.client(), &api)
        .await
        .expect_err("denied");
    assert_eq!(
        problem.to_string(),
        "registry `ghcr.io` refused to let an image be pushed: 403 (DENIED: permission_denied: write_package)"
    );
    let hint = problem.hint().expect("a hint");
    assert!(hint.contains("Manage Actions access"), "{hint}");

    let registry = Registry::start().await;
    preflight(&registry.client(), &api).await.expect("allowed");
    assert_eq!(registry.seen("DELETE").len(), 1);
}

#[tokio::test]
async fn tags_go_back_to_what_they_named_unless_somebody_moved_them_since() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::start().await;
    let client = registry.client();
    let api: crate::image::RepositoryName = "ghcr.io/acme/api".parse().expect("a repository");
    let mut digests = Vec::new();
    for content in ["one", "two"] {
        let layout = image(folder.path(), content);
        let to = [target("ghcr.io/acme/api", &["1"])];
        digests.push(
            publish(&client, &layout, &to)
                .await
                .expect("published")
                .digest,
        );
    }
    let back = restore_tag(&client, &api, &tag("1"), digests[1], Some(digests[0])).await;
    assert_eq!(back.ok(), Some(TagBefore::Restored));
    let again = restore_tag(&client, &api, &tag("1"), digests[1], Some(digests[0])).await;
    assert_eq!(again.ok(), Some(TagBefore::Restored));
    let stranger = Digest::of("another");
    let since = restore_tag(&client, &api, &tag("1"), digests[1], Some(stranger)).await;
    assert_eq!(since.ok(), Some(TagBefore::MovedSince(digests[0])));
}

#[tokio::test]
async fn an_end_in_the_middle_names_what_was_moved_and_what_was_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let denied = |seen: &Seen| seen.method == "PUT" && seen.target.ends_with("/manifests/2");
    let registry = Registry::with_trick(move |seen, _| {
        let body =
            br#"{"errors":[{"code":"DENIED","message":"permission_denied: write_package"}]}"#;
        denied(seen).then(|| (403, Vec::new(), body.to_vec()))
    })
    .await;
    let layout = image(folder.path(), "one");
    let to = [target("ghcr.io/acme/api", &["1", "2", "3"])];
    let problem = publish(&registry.client(), &layout, &to)
        .await
        .expect_err("denied");
    assert_eq!(problem.kind(), FailureKind::Task);
    assert_eq!(
        problem.to_string(),
        "publishing to `ghcr.io/acme/api` ended early; moved: `ghcr.io/acme/api:1`; \
         not moved: `ghcr.io/acme/api:2`, `ghcr.io/acme/api:3`"
    );
    let source = std::error::Error::source(&problem)
        .expect("a cause")
        .to_string();
    assert_eq!(
        source,
        "registry `ghcr.io` refused to store the manifest `2`: 403 (DENIED: permission_denied: write_package)"
    );
    assert!(
        problem
            .hint()
            .is_some_and(|hint| hint.contains("packages: write"))
    );
}

#[tokio::test]
async fn what_reads_back_as_something_else_is_not_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::with_trick(|seen, _| {
        (seen.method == "GET")
            .then(|| (200, vec![("content-type", "x".to_owned())], b"{}".to_vec()))
    })
    .await;
    let layout = image(folder.path(), "one");
    let problem = publish(
        &registry.client(),
        &layout,
        &[target("ghcr.io/acme/api", &["1"])],
    )
    .await
    .expect_err("something else");
    assert_eq!(problem.kind(), FailureKind::VerifyFailed);
    // A stale answer may pass: it is asked as often as all else.
    assert_eq!(registry.seen("GET").len(), 5);
}

#[tokio::test]
async fn a_published_image_is_seen_and_fetched_as_it_was_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::start().await;
    let client = registry.client();
    let layout = image(folder.path(), "one");
    let published = publish(&client, &layout, &[target("ghcr.io/acme/api", &["1"])])
        .await
        .expect("published");
    let reference = "ghcr.io/acme/api:1".parse().expect("a reference");
    let facts = inspect(&client, &reference, Depth::Files)
        .await
        .expect("facts");
    assert_eq!(facts.digest, published.digest);
    assert_eq!(
        facts
            .platforms
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["linux/amd64"]
    );
    assert_eq!(
        facts
            .ports
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["8088/tcp", "9418/tcp"]
    );
    assert_eq!(
        (facts.user.as_str(), facts.env),
        ("1000", vec![("A".to_owned(), "1".to_owned())])
    );
    let files: Vec<_> = facts
        .files
        .expect("files")
        .into_iter()
        .map(|file| (file.path, file.kind, file.size))
        .collect();
    assert_eq!(
        files,
        [
            ("/bin".to_owned(), FileKind::Folder, 0),
            ("/bin/server".to_owned(), FileKind::File, 3)
        ]
    );
    let pulled = pull(
        &client,
        &reference,
        folder.path().join("pulled"),
        &Platforms::All,
    )
    .await
    .expect("pulled");
    assert_eq!(pulled.verify().ok(), layout.verify().ok());
    let requests = client.requests();
    pull(&client, &reference, pulled.folder(), &Platforms::All)
        .await
        .expect("pulled");
    assert_eq!(client.requests() - requests, 1);

    let missing = "ghcr.io/acme/api:2".parse().expect("a reference");
    let problem = inspect(&client, &missing, Depth::Config)
        .await
        .expect_err("missing");
    assert_eq!(
        problem.to_string(),
        "registry `ghcr.io` does not have `ghcr.io/acme/api:2`"
    );
}
