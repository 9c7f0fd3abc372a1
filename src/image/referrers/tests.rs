//! Attaching and listing, where the registry keeps the list and where clients do.

use std::collections::BTreeMap;

use super::{Attachment, Form, Keeper, Same, attach, attached_bytes, companion_tag, referrers};
use crate::{
    digest::Digest,
    image::{
        Access, Descriptor, Endpoints, ImageError, ManifestName, RegistryClient, Repository,
        RepositoryName, RetryPolicy,
        fixture::{Registry, Reply, Seen},
        http_client,
        spec::{INDEX, MANIFEST},
    },
    rehearse::registry::{Registry as Embedded, RegistryOptions},
};

fn api() -> RepositoryName {
    "ghcr.io/acme/api".parse().expect("a repository")
}

/// The image that things are attached to; registries take attachments before their subject too.
fn subject() -> Descriptor {
    super::attach::plain(MANIFEST, Digest::of("an image"), 8)
}

fn note(text: &'static str) -> Attachment {
    Attachment {
        artifact_type: "application/x-note".to_owned(),
        media_type: "text/plain".to_owned(),
        bytes: text.into(),
        annotations: BTreeMap::from([("by".to_owned(), "ada".to_owned())]),
        form: Form::Referrer,
        same: Same::Bytes,
    }
}

fn tagged(text: &'static str) -> Attachment {
    Attachment {
        form: Form::Tagged { suffix: "note" },
        ..note(text)
    }
}

fn repository(client: &RegistryClient) -> Repository<'_> {
    client.repository(&api(), Access::Push).expect("an address")
}

async fn fallback_of(repository: &Repository<'_>) -> serde_json::Value {
    let tag = companion_tag(subject().digest, "").expect("a tag");
    let found = repository.get_manifest(&ManifestName::Tag(tag)).await;
    let found = found.expect("an answer").expect("a list");
    assert_eq!(found.media_type, INDEX);
    serde_json::from_slice(&found.bytes).expect("JSON")
}

/// An embedded registry, which keeps the list itself, and a client to which `ghcr.io` is that registry.
fn embedded(folder: &tempfile::TempDir) -> (Embedded, RegistryClient) {
    let folder = folder.path().to_str().expect("a text").into();
    let registry = Embedded::start(RegistryOptions { folder, port: None }).expect("a registry");
    let base = registry.base_url().parse().expect("an address");
    let client = RegistryClient::new(http_client("test").expect("a client"))
        .with_endpoints(Endpoints::default().lead("ghcr.io", base))
        .with_retries(RetryPolicy::immediate());
    (registry, client)
}

#[tokio::test]
async fn what_is_attached_is_listed_by_a_registry_that_keeps_the_list_and_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_registry, client) = embedded(&folder);
    let repository = repository(&client);
    let made = attach(&repository, &subject(), &[note("one"), note("two")]).await;
    let made = made.expect("attached");
    assert_eq!((made.added.len(), made.present), (2, 0));
    let listed = referrers(&repository, subject().digest)
        .await
        .expect("a list");
    assert_eq!(listed.keeper, Keeper::Registry);
    let mut digests: Vec<_> = listed.list.iter().map(|other| other.digest).collect();
    let mut added = made.added.clone();
    digests.sort();
    added.sort();
    assert_eq!(digests, added);
    assert_eq!(listed.list[0].annotations["by"], "ada");
    assert_eq!(
        listed.list[0].artifact_type.as_deref(),
        Some("application/x-note")
    );
    let (layer, bytes) = attached_bytes(&repository, made.added[0], 100)
        .await
        .expect("bytes");
    assert_eq!(
        (layer.media_type.as_str(), &bytes[..]),
        ("text/plain", &b"one"[..])
    );
    assert!(attached_bytes(&repository, made.added[0], 2).await.is_err());
    // No tag is made where none is needed.
    let tag = companion_tag(subject().digest, "").expect("a tag");
    let tag = repository.head_manifest(&ManifestName::Tag(tag)).await;
    assert_eq!(tag.expect("an answer"), None);
}

#[tokio::test]
async fn what_is_there_is_found_by_one_request_and_not_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_registry, client) = embedded(&folder);
    let repository = repository(&client);
    attach(&repository, &subject(), &[note("one")])
        .await
        .expect("attached");
    let before = client.requests();
    let again = attach(&repository, &subject(), &[note("one")])
        .await
        .expect("attached");
    assert_eq!((again.added.len(), again.present), (0, 1));
    assert_eq!(client.requests() - before, 1);
}

#[tokio::test]
async fn a_document_that_differs_each_time_is_attached_once_by_what_it_says_of_itself() {
    for registry_keeps_the_list in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let (_embedded, with_list) = embedded(&folder);
        let plain = Registry::start().await;
        let client = match registry_keeps_the_list {
            true => with_list,
            false => plain.client(),
        };
        let repository = repository(&client);
        for form in [Form::Referrer, Form::Tagged { suffix: "sig" }] {
            let signature = |text: &'static str, by: &str| Attachment {
                annotations: BTreeMap::from([("by".to_owned(), by.to_owned())]),
                form: form.clone(),
                same: Same::Annotations(&["by"]),
                ..note(text)
            };
            for (attachment, added) in [
                (signature("first", "ada"), 1),
                (signature("second", "ada"), 0),
                (signature("third", "bob"), 1),
            ] {
                let made = attach(&repository, &subject(), &[attachment]).await;
                assert_eq!(made.expect("attached").added.len(), added, "{form:?}");
            }
        }
    }
}

#[tokio::test]
async fn where_the_registry_keeps_no_list_it_grows_under_a_tag_without_doubles() {
    let registry = Registry::start().await;
    let client = registry.client();
    let repository = repository(&client);
    attach(&repository, &subject(), &[note("one")])
        .await
        .expect("attached");
    attach(&repository, &subject(), &[note("one"), note("two")])
        .await
        .expect("attached");
    let puts = registry.seen("PUT").len();
    let again = attach(&repository, &subject(), &[note("two"), note("one")]).await;
    assert_eq!(again.expect("attached").present, 2);
    assert_eq!(registry.seen("PUT").len(), puts);
    let index = fallback_of(&repository).await;
    let manifests = index["manifests"].as_array().expect("a list");
    assert_eq!(manifests.len(), 2);
    assert_eq!(manifests[0]["artifactType"], "application/x-note");
    assert_eq!(manifests[0]["annotations"]["by"], "ada");
    let listed = referrers(&repository, subject().digest)
        .await
        .expect("a list");
    assert_eq!((listed.keeper, listed.list.len()), (Keeper::Clients, 2));
}

#[tokio::test]
async fn what_others_wrote_into_the_list_stays() {
    let registry = Registry::start().await;
    let client = registry.client();
    let repository = repository(&client);
    let foreign = serde_json::json!({
        "schemaVersion": 2, "mediaType": INDEX, "annotations": { "mine": "yes" },
        "manifests": [{ "mediaType": MANIFEST, "digest": format!("sha512:{}", "0".repeat(128)), "size": 1, "data": "e30=" }],
    });
    let tag = ManifestName::Tag(companion_tag(subject().digest, "").expect("a tag"));
    let bytes = foreign.to_string().into();
    repository
        .put_manifest(&tag, INDEX, &bytes)
        .await
        .expect("stored");
    attach(&repository, &subject(), &[note("one")])
        .await
        .expect("attached");
    let index = fallback_of(&repository).await;
    assert_eq!(index["annotations"]["mine"], "yes");
    assert_eq!(index["manifests"][0], foreign["manifests"][0]);
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_tag_that_holds_something_else_is_not_overwritten() {
    let registry = Registry::start().await;
    let client = registry.client();
    let repository = repository(&client);
    for (suffix, media_type, attachment) in
        [("", MANIFEST, note("one")), ("note", INDEX, tagged("one"))]
    {
        let tag = ManifestName::Tag(companion_tag(subject().digest, suffix).expect("a tag"));
        let bytes = "{}".into();
        repository
            .put_manifest(&tag, media_type, &bytes)
            .await
            .expect("stored");
        let refused = attach(&repository, &subject(), &[attachment]).await;
        let refused = refused.expect_err("something else");
        assert!(matches!(refused, ImageError::Malformed { .. }), "{refused}");
        let kept = repository.get_manifest(&tag).await.expect("an answer");
        assert_eq!(kept.map(|kept| kept.bytes), Some(bytes));
    }
}

/// What GHCR answers, and others, to whoever asks for the list.
fn without_list(answer: u16, to: &'static str) -> impl Fn(&Seen, usize) -> Option<Reply> {
    move |seen, _| {
        let asked = seen.target.contains("/referrers/");
        asked.then(|| (answer, vec![("location", to.to_owned())], Vec::new()))
    }
}

#[tokio::test]
async fn a_registry_that_leads_elsewhere_or_limits_the_rate_instead_of_answering_keeps_no_list() {
    for (answer, to) in [
        (303, "/v2/elsewhere"),
        (307, "https://internal.example/list"),
        (429, ""),
        (404, ""),
        (400, ""),
        (405, ""),
        (200, "a page without the type of a list"),
    ] {
        let registry = Registry::with_trick(without_list(answer, to)).await;
        let client = registry.client();
        let listed = referrers(&repository(&client), subject().digest).await;
        let listed = listed.unwrap_or_else(|problem| panic!("{answer}: {problem}"));
        assert_eq!(
            (listed.keeper, listed.list.len()),
            (Keeper::Clients, 0),
            "{answer}"
        );
        assert_eq!(client.requests(), 2, "{answer}");
    }
    let down = Registry::with_trick(without_list(503, "")).await;
    let client = down.client();
    assert!(
        referrers(&repository(&client), subject().digest)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_list_under_a_tag_that_does_not_move_is_a_warning_and_the_document_is_there() {
    let registry = Registry::with_trick(|seen, before| {
        let is_companion = seen.method == "PUT" && seen.target.contains("/manifests/sha256-");
        let words = br#"{"errors":[{"code":"DENIED","message":"tags are immutable"}]}"#;
        (is_companion && before > 0).then(|| (400, Vec::new(), words.to_vec()))
    })
    .await;
    let client = registry.client();
    let repository = repository(&client);
    let (first, second) = ([note("one"), tagged("one")], [note("two"), tagged("two")]);
    let made = attach(&repository, &subject(), &first)
        .await
        .expect("attached");
    assert_eq!(made.warnings, Vec::<String>::new());
    let made = attach(&repository, &subject(), &second)
        .await
        .expect("attached");
    assert_eq!(made.warnings.len(), 2, "{:?}", made.warnings);
    assert!(
        made.warnings[0].contains("tags are immutable"),
        "{:?}",
        made.warnings
    );
    let (_, bytes) = attached_bytes(&repository, made.added[0], 100)
        .await
        .expect("bytes");
    assert_eq!(bytes, b"two");
}

#[tokio::test]
async fn a_list_that_another_client_writes_at_the_same_time_holds_both() {
    // The first list of ours is answered as stored and is gone: another client wrote over it.
    let registry = Registry::with_trick(|seen, before| {
        let is_list = seen.method == "PUT" && seen.target.contains("/manifests/sha256-");
        (is_list && before == 0).then(|| (201, Vec::new(), Vec::new()))
    })
    .await;
    let client = registry.client();
    let repository = repository(&client);
    attach(&repository, &subject(), &[note("one")])
        .await
        .expect("attached");
    let listed = referrers(&repository, subject().digest)
        .await
        .expect("a list");
    assert_eq!(listed.list.len(), 1);
}

#[tokio::test]
async fn documents_under_a_tag_are_its_layers_in_the_order_in_which_they_came() {
    let registry = Registry::start().await;
    let client = registry.client();
    let repository = repository(&client);
    for text in ["one", "two", "one"] {
        attach(&repository, &subject(), &[tagged(text)])
            .await
            .expect("attached");
    }
    let tag = ManifestName::Tag(companion_tag(subject().digest, "note").expect("a tag"));
    let found = repository
        .get_manifest(&tag)
        .await
        .expect("an answer")
        .expect("documents");
    let manifest: serde_json::Value = serde_json::from_slice(&found.bytes).expect("JSON");
    let layers = manifest["layers"].as_array().expect("layers");
    let digests: Vec<_> = layers.iter().map(|layer| layer["digest"].clone()).collect();
    let expected = ["one", "two"].map(|text| Digest::of(text).to_string());
    assert_eq!(digests, expected);
    assert_eq!(layers[0]["annotations"]["by"], "ada");
}
