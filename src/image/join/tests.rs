//! Parts of every kind become one index, or are refused.

use super::*;
use crate::{
    digest::Digest,
    image::{Assembly, Depth, PublishTarget, assemble, fixture::Registry, inspect_layout, publish},
};

fn image(folder: &Path, platforms: &[&str]) -> Layout {
    let file = folder.join("server");
    std::fs::write(&file, "the same everywhere").expect("a file");
    let assembly = Assembly {
        files: [("/bin/server".to_owned(), file)].into(),
        annotations: [("org.example.made".to_owned(), "here".to_owned())].into(),
        platforms: platforms
            .iter()
            .map(|platform| platform.parse().expect("a platform"))
            .collect(),
        ..Assembly::default()
    };
    assemble(
        &assembly,
        folder.join(platforms.join("+").replace('/', "-")),
    )
    .expect("an image")
    .layout
}

fn platforms(layout: &Layout) -> Vec<String> {
    let facts = inspect_layout(layout, Depth::Config).expect("an image");
    facts.platforms.iter().map(Platform::to_string).collect()
}

/// Writes an index of the image and of an attestation beside it, as buildx does.
fn with_attestation(layout: &Layout) -> Layout {
    let writer = LayoutWriter::create(layout.folder()).expect("a folder");
    let image = layout.root().expect("an image").clone();
    let mut attestation = writer.put(&image.media_type, &layout.blob(&image).expect("a blob"));
    let statement = attestation.as_mut().expect("a blob");
    statement.digest = Digest::of("a statement");
    statement.platform = "unknown/unknown".parse().ok();
    let index = Index {
        schema_version: 2,
        media_type: Some(INDEX.to_owned()),
        manifests: vec![image, statement.clone()],
        annotations: [("org.example.run".to_owned(), "7".to_owned())].into(),
    };
    let index = writer
        .put(INDEX, &to_json(&index).expect("JSON"))
        .expect("a blob");
    writer.finish(vec![index]).expect("a layout")
}

#[test]
fn layouts_become_one_index_in_any_order_without_attestations() {
    let folder = tempfile::tempdir().expect("a folder");
    let amd = with_attestation(&image(folder.path(), &["linux/amd64"]));
    let arm = image(folder.path(), &["linux/arm64"]);
    let one = join_layouts(&[arm.clone(), amd.clone()], folder.path().join("one")).expect("joined");
    let two = join_layouts(&[amd, arm], folder.path().join("two")).expect("joined");
    assert_eq!(one.manifests(), two.manifests());
    assert_eq!(platforms(&one), ["linux/amd64", "linux/arm64"]);
    // The index, two manifests, two configurations and one layer for both.
    let contents = one.verify().expect("it is whole");
    assert_eq!((contents.manifests, contents.blobs), (3, 3));
    let root = one.blob(one.root().expect("an index")).expect("its bytes");
    let text = String::from_utf8(root).expect("JSON");
    assert!(text.contains(r#""org.example.run":"7""#), "{text}");
    assert!(!text.contains("unknown"), "{text}");
}

#[test]
fn parts_that_do_not_fit_together_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let amd = image(folder.path(), &["linux/amd64"]);
    let both = image(folder.path(), &["linux/amd64", "linux/arm64"]);
    for (parts, because) in [
        (vec![], "there is no part"),
        (vec![amd.clone(), both], "are both for `linux/amd64`"),
        (vec![amd.clone(), amd], "are both for `linux/amd64`"),
        (
            vec![image(folder.path(), &["unknown/unknown"])],
            "says no platform",
        ),
    ] {
        let problem = join_layouts(&parts, folder.path().join("out")).expect_err(because);
        assert!(problem.to_string().contains(because), "{problem}");
    }
}

#[tokio::test]
async fn parts_on_a_registry_are_joined_without_their_layers() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::start().await;
    let client = registry.client();
    let target = [PublishTarget {
        repository: "ghcr.io/acme/api".parse().expect("a repository"),
        tags: Vec::new(),
    }];
    let mut parts = Vec::new();
    for platform in ["linux/arm64", "linux/amd64"] {
        let layout = image(folder.path(), &[platform]);
        let published = publish(&client, &layout, &target).await.expect("published");
        parts.push(published.targets[0].reference.clone());
    }
    registry.stored.lock().expect("no panic").seen.clear();
    let joined = join(&client, &parts, folder.path().join("joined"))
        .await
        .expect("joined");
    assert_eq!(platforms(&joined), ["linux/amd64", "linux/arm64"]);
    // A manifest and a configuration for each, and no layer.
    assert_eq!(registry.seen("GET").len(), 4);

    let done = publish(&client, &joined, &target).await.expect("published");
    assert_eq!(done.traffic.uploaded, 0);
    let tagged: ImageReference = "ghcr.io/acme/api:1".parse().expect("a reference");
    let problem = join(&client, &[tagged], folder.path().join("tag"))
        .await
        .expect_err("a tag can move");
    assert!(problem.to_string().contains("names a tag"), "{problem}");
}
