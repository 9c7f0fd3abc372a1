//! How a blob reaches a repository: taken over, in one piece, in several, by several processes.

use std::{path::PathBuf, sync::Arc};

use crate::{
    digest::Digest,
    image::{
        Access, BlobCache, Descriptor, ImageError, Lookup, RegistryClient, Repository,
        RepositoryName, Upload,
        fixture::{Registry, Reply, Seen},
    },
};

const PIECE: usize = 4 << 20;

struct Blob {
    descriptor: Descriptor,
    file: PathBuf,
    cache: PathBuf,
    _folder: tempfile::TempDir,
}

/// A blob of three pieces, of which no two are the same.
fn large_blob() -> Blob {
    let bytes: Vec<u8> = (0..2 * PIECE + 100).map(|at| (at / 1000) as u8).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("blob");
    std::fs::write(&file, &bytes).expect("a file");
    Blob {
        descriptor: Descriptor {
            media_type: "application/octet-stream".to_owned(),
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
            platform: None,
            annotations: Default::default(),
            urls: Vec::new(),
        },
        file,
        cache: folder.path().join("blobs.jsonl"),
        _folder: folder,
    }
}

fn api() -> RepositoryName {
    "ghcr.io/acme/api".parse().expect("a repository")
}

/// A client as a process of its own has it: what it knows of blobs comes from the file.
fn process(registry: &Registry, blob: &Blob) -> RegistryClient {
    registry
        .client()
        .with_blob_cache(Arc::new(BlobCache::open(blob.cache.clone())))
}

fn open(client: &RegistryClient) -> Repository<'_> {
    client.repository(&api(), Access::Push).expect("an address")
}

/// Brings the blob to `acme/api`, taken over from one of `from` where that is known to have it.
async fn bring(
    client: &RegistryClient,
    blob: &Blob,
    from: &[String],
) -> Result<Upload, ImageError> {
    let lookup = Lookup::Mount(from);
    open(client)
        .upload_blob(&blob.descriptor, &blob.file, lookup)
        .await
}

fn ranges(registry: &Registry) -> Vec<String> {
    let stored = registry.stored.lock().expect("no panic");
    let seen = stored.seen.iter();
    seen.filter_map(|seen| seen.content_range.clone()).collect()
}

fn status(status: u16) -> Option<Reply> {
    Some((status, Vec::new(), Vec::new()))
}

fn breaks_in_one_piece(seen: &Seen, before: usize) -> Option<Reply> {
    (seen.method == "PUT" && before == 0).then_some((502, Vec::new(), Vec::new()))
}

#[tokio::test]
async fn what_broke_in_one_piece_goes_in_pieces_each_of_them_once() {
    let registry = Registry::with_trick(breaks_in_one_piece).await;
    let blob = large_blob();
    let client = process(&registry, &blob);
    let upload = bring(&client, &blob, &[]).await.expect("an upload");
    assert_eq!(upload, Upload::Sent);
    assert_eq!(
        ranges(&registry),
        ["0-4194303", "4194304-8388607", "8388608-8388707"]
    );
    let stored = registry.stored.lock().expect("no panic");
    assert_eq!(stored.blobs.len(), 1);
}

#[tokio::test]
async fn another_process_goes_on_behind_the_last_piece() {
    let registry = Registry::with_trick(|seen, before| match (seen.method.as_str(), before) {
        ("PUT", 0) => status(502),
        ("PATCH", 1) => status(403),
        _ => None,
    })
    .await;
    let blob = large_blob();
    let first = process(&registry, &blob);
    bring(&first, &blob, &[]).await.expect_err("it is cut off");
    let second = process(&registry, &blob);
    bring(&second, &blob, &[]).await.expect("an upload");
    // The one that was refused is sent again, the one before it is not.
    assert_eq!(
        ranges(&registry),
        [
            "0-4194303",
            "4194304-8388607",
            "4194304-8388607",
            "8388608-8388707"
        ]
    );
    // Nothing is gone on with a third time.
    let third = process(&registry, &blob);
    let again = bring(&third, &blob, &[]);
    assert_eq!(again.await.ok(), Some(Upload::Existing));
    assert_eq!(ranges(&registry).len(), 4);
}

#[tokio::test]
async fn a_registry_that_has_less_than_was_sent_is_asked_and_gets_the_rest() {
    let registry = Registry::with_trick(|seen, before| match (seen.method.as_str(), before) {
        ("PUT", 0) => status(502),
        // The second piece is said to be taken, and is not.
        ("PATCH", 1) => Some((202, vec![("location", seen.target.clone())], Vec::new())),
        _ => None,
    })
    .await;
    let blob = large_blob();
    let client = process(&registry, &blob);
    bring(&client, &blob, &[]).await.expect("an upload");
    assert_eq!(
        ranges(&registry),
        [
            "0-4194303",
            "4194304-8388607",
            "8388608-8388707",
            "4194304-8388607",
            "8388608-8388707"
        ]
    );
}

#[tokio::test]
async fn an_upload_that_comes_no_further_is_given_up_and_begun_anew() {
    let registry = Registry::with_trick(|seen, before| match (seen.method.as_str(), before) {
        ("PUT", 0) => status(502),
        ("PATCH", 1..=3) => status(500),
        _ => None,
    })
    .await;
    let blob = large_blob();
    let client = process(&registry, &blob);
    bring(&client, &blob, &[]).await.expect("an upload");
    assert_eq!(registry.seen("DELETE").len(), 1);
}

#[tokio::test]
async fn pieces_that_are_taken_and_never_make_a_blob_end_as_well() {
    let registry = Registry::with_trick(|seen, _| {
        (seen.method == "PUT").then_some((429, Vec::new(), Vec::new()))
    })
    .await;
    let blob = large_blob();
    let client = process(&registry, &blob);
    let problem = bring(&client, &blob, &[])
        .await
        .expect_err("no upload is ever ended");
    assert_eq!(problem.kind(), crate::event::FailureKind::Quota);
    // One in one piece, and as many in pieces as there are tries.
    assert_eq!(registry.seen("PUT").len(), 1 + 5);
}

#[tokio::test]
async fn a_line_that_never_carries_a_piece_ends_with_its_own_words() {
    let registry = Registry::with_trick(|seen, before| match (seen.method.as_str(), before) {
        ("PUT", 0) => status(502),
        ("PATCH", _) => status(500),
        _ => None,
    })
    .await;
    let blob = large_blob();
    let client = process(&registry, &blob);
    let problem = bring(&client, &blob, &[])
        .await
        .expect_err("nothing is taken");
    assert_eq!(
        problem.to_string(),
        format!(
            "registry `ghcr.io` refused to upload bytes 0 to 4194304 of the blob {}: 500",
            blob.descriptor.digest.short()
        )
    );
}

#[tokio::test]
async fn a_blob_is_taken_over_from_where_another_process_saw_it() {
    let registry = Registry::start().await;
    let blob = large_blob();
    let first = process(&registry, &blob);
    let upload = bring(&first, &blob, &[]);
    assert_eq!(upload.await.ok(), Some(Upload::Sent));
    let second = process(&registry, &blob);
    let copy = "ghcr.io/acme/copy".parse().expect("a repository");
    let copy = second.repository(&copy, Access::Push).expect("an address");
    let from = ["acme/api".to_owned()];
    let upload = copy.upload_blob(&blob.descriptor, &blob.file, Lookup::Mount(&from));
    assert_eq!(upload.await.ok(), Some(Upload::Mounted));
    assert_eq!(second.requests(), 1);
    let asked = registry.seen("POST").pop().expect("a request");
    assert!(asked.ends_with("&from=acme%2Fapi"), "{asked}");
}

#[tokio::test]
async fn a_repository_that_lost_a_blob_is_not_asked_for_it_again() {
    let blob = large_blob();
    let registry = Registry::start().await;
    let client = process(&registry, &blob);
    let key = open(&client).key().to_owned();
    let cache = BlobCache::open(blob.cache.clone());
    cache.saw(&key, blob.descriptor.digest, "acme/gone");
    let client = process(&registry, &blob);
    let from = ["acme/gone".to_owned()];
    let upload = bring(&client, &blob, &from);
    assert_eq!(upload.await.ok(), Some(Upload::Sent));
    let cache = BlobCache::open(blob.cache.clone());
    assert_eq!(cache.places(&key, blob.descriptor.digest), ["acme/api"]);
}

#[tokio::test]
async fn a_registry_that_refuses_to_take_over_gets_the_blob() {
    let registry = Registry::with_trick(|seen, _| {
        (seen.method == "POST" && seen.target.contains("mount=")).then_some((
            405,
            Vec::new(),
            Vec::new(),
        ))
    })
    .await;
    let blob = large_blob();
    let client = process(&registry, &blob);
    let upload = bring(&client, &blob, &[]);
    assert_eq!(upload.await.ok(), Some(Upload::Sent));
}

#[tokio::test]
async fn of_two_that_bring_the_same_blob_at_one_time_one_sends_it() {
    let registry = Registry::start().await;
    let blob = large_blob();
    let client = process(&registry, &blob);
    let copy = "ghcr.io/acme/copy".parse().expect("a repository");
    let copy = client.repository(&copy, Access::Push).expect("an address");
    let api = open(&client);
    let from = ["acme/api".to_owned()];
    let (one, two) = futures_util::future::join(
        api.upload_blob(&blob.descriptor, &blob.file, Lookup::Mount(&[])),
        copy.upload_blob(&blob.descriptor, &blob.file, Lookup::Mount(&from)),
    )
    .await;
    assert_eq!(
        (one.ok(), two.ok()),
        (Some(Upload::Sent), Some(Upload::Mounted))
    );
    assert_eq!(registry.seen("PUT").len(), 1);
}

#[tokio::test]
async fn a_blob_that_is_damaged_on_the_disk_is_not_sent_in_pieces_either() {
    let registry = Registry::with_trick(breaks_in_one_piece).await;
    let blob = large_blob();
    let mut bytes = std::fs::read(&blob.file).expect("a file");
    bytes[5] ^= 1;
    std::fs::write(&blob.file, bytes).expect("a file");
    let client = process(&registry, &blob);
    let problem = bring(&client, &blob, &[]).await.expect_err("damaged");
    assert!(
        matches!(problem, ImageError::WrongDigest { .. }),
        "{problem}"
    );
    assert!(ranges(&registry).is_empty());
}
