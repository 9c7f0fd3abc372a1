//! Pushing, reading, listing and deleting manifests.

use serde_json::{Value, json};

use super::{
    super::manifest::LONGEST_MANIFEST,
    world::{INDEX, MANIFEST, World, answered, descriptor, image, sha256},
};

#[tokio::test]
async fn a_manifest_is_read_by_tag_and_by_digest_byte_for_byte() {
    let world = World::new();
    let digest = world.push_image("acme/api", "1.0", b"layer").await;
    let expected = image(b"layer").to_string().into_bytes();
    for reference in ["1.0", digest.as_str()] {
        let path = format!("/v2/acme/api/manifests/{reference}");
        let get = world.send("GET", &path).await;
        assert_eq!((get.status, get.header("content-type")), (200, MANIFEST));
        assert_eq!(get.header("docker-content-digest"), digest);
        assert_eq!(get.body, expected);
        let head = world.send("HEAD", &path).await;
        assert_eq!(head.header("content-length"), expected.len().to_string());
        assert_eq!(head.body, b"");
    }
    let elsewhere = format!("/v2/acme/other/manifests/{digest}");
    assert_eq!(
        world.send("GET", &elsewhere).await.code(),
        "MANIFEST_UNKNOWN"
    );
}

#[tokio::test]
async fn a_manifest_that_needs_what_is_not_there_is_refused_with_every_digest_named() {
    let world = World::new();
    let answer = world
        .push_manifest("acme/api", "1.0", &image(b"layer"))
        .await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (404, "MANIFEST_BLOB_UNKNOWN")
    );
    let errors = answer.json()["errors"].clone();
    assert_eq!(errors[0]["detail"]["digest"], sha256(b"{}"));
    assert_eq!(errors[1]["detail"]["digest"], sha256(b"layer"));

    let child = image(b"layer").to_string();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(MANIFEST, child.as_bytes())]});
    let answer = world.push_manifest("acme/api", "1.0", &index).await;
    assert_eq!(answer.code(), "MANIFEST_BLOB_UNKNOWN");
    world.push_image("acme/api", "child", b"layer").await;
    assert_eq!(
        world.push_manifest("acme/api", "1.0", &index).await.status,
        201
    );
}

#[tokio::test]
async fn a_layer_that_lies_elsewhere_need_not_be_pushed() {
    let world = World::new();
    world.push_blob("acme/api", b"{}").await;
    let mut manifest = image(b"layer");
    manifest["layers"][0]["mediaType"] =
        json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
    manifest["layers"][0]["urls"] = json!(["https://store.example.com/layer"]);
    let answer = world.push_manifest("acme/api", "1.0", &manifest).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn a_manifest_that_is_not_what_it_says_is_refused() {
    let world = World::new();
    world.push_image("acme/api", "good", b"layer").await;
    let put = |reference: &str, media_type: &str, body: Vec<u8>| {
        let request = world.request("PUT", &format!("/v2/acme/api/manifests/{reference}"));
        let request = match media_type {
            "" => request,
            media_type => request.header("Content-Type", media_type),
        };
        answered(request.body(body))
    };
    let good = image(b"layer").to_string().into_bytes();
    let other = sha256(b"another manifest");
    let too_long = vec![b' '; LONGEST_MANIFEST + 1];
    for (reference, media_type, body, status, code) in [
        (
            other.as_str(),
            MANIFEST,
            good.clone(),
            400,
            "DIGEST_INVALID",
        ),
        (
            "sha256:baddigeststring",
            MANIFEST,
            good.clone(),
            400,
            "DIGEST_INVALID",
        ),
        ("-bad", MANIFEST, good.clone(), 400, "MANIFEST_INVALID"),
        ("x", INDEX, good, 400, "MANIFEST_INVALID"),
        ("x", MANIFEST, b"not json".to_vec(), 400, "MANIFEST_INVALID"),
        ("x", "", b"{}".to_vec(), 400, "MANIFEST_INVALID"),
        ("x", MANIFEST, too_long, 413, "SIZE_INVALID"),
    ] {
        let answer = put(reference, media_type, body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{reference}"
        );
    }
    let mut longest = image(b"layer").to_string().into_bytes();
    longest.resize(LONGEST_MANIFEST, b' ');
    assert_eq!(put("longest", MANIFEST, longest).await.status, 201);
}

#[tokio::test]
async fn one_push_sets_several_tags() {
    let world = World::new();
    let digest = world.push_image("acme/api", "1.0.0", b"layer").await;
    let reference = format!("{digest}?tag=1.0&tag=1&tag=latest");
    let answer = world
        .push_manifest("acme/api", &reference, &image(b"layer"))
        .await;
    assert_eq!(
        (answer.status, answer.header("oci-tag")),
        (201, "1.0, 1, latest")
    );
    let tags = world.send("GET", "/v2/acme/api/tags/list").await.json();
    assert_eq!(tags["tags"], json!(["1", "1.0", "1.0.0", "latest"]));

    let bad = format!("{digest}?tag=2&tag=-bad");
    let answer = world
        .push_manifest("acme/api", &bad, &image(b"layer"))
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        world.send("GET", "/v2/acme/api/manifests/2").await.status,
        404
    );
}

#[tokio::test]
async fn referrers_are_listed_by_type_until_they_are_deleted() {
    let world = World::new();
    let subject = world.push_image("acme/api", "1.0", b"layer").await;
    let mut digests = Vec::new();
    for (artifact_type, name) in [(json!("application/a+json"), "a"), (Value::Null, "b")] {
        let mut artifact = image(b"layer");
        artifact["subject"] = json!({"mediaType": MANIFEST, "digest": subject, "size": 1});
        artifact["annotations"] = json!({"name": name});
        artifact["artifactType"] = artifact_type;
        let digest = sha256(artifact.to_string().as_bytes());
        let pushed = world.push_manifest("acme/api", &digest, &artifact).await;
        assert_eq!(
            (pushed.status, pushed.header("oci-subject")),
            (201, subject.as_str())
        );
        digests.push(digest);
    }
    let path = format!("/v2/acme/api/referrers/{subject}");
    let all = world.send("GET", &path).await;
    assert_eq!((all.status, all.header("content-type")), (200, INDEX));
    assert_eq!(all.header("oci-filters-applied"), "");
    assert_eq!(all.json()["manifests"].as_array().map(Vec::len), Some(2));

    for (filter, digest, name) in [
        ("application/a+json", &digests[0], "a"),
        ("application/a%2Bjson", &digests[0], "a"),
        ("application/vnd.oci.image.config.v1+json", &digests[1], "b"),
    ] {
        let filtered = world
            .send("GET", &format!("{path}?artifactType={filter}"))
            .await;
        assert_eq!(filtered.header("oci-filters-applied"), "artifactType");
        let found = filtered.json()["manifests"].clone();
        assert_eq!(found.as_array().map(Vec::len), Some(1), "{filter}");
        assert_eq!(found[0]["digest"], digest.as_str());
        assert_eq!(found[0]["annotations"], json!({"name": name}));
    }

    let deleted = format!("/v2/acme/api/manifests/{}", digests[0]);
    assert_eq!(world.send("DELETE", &deleted).await.status, 202);
    let left = world.send("GET", &path).await.json();
    assert_eq!(left["manifests"][0]["digest"], digests[1].as_str());
    assert_eq!(left["manifests"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_subject_need_not_exist_and_nobody_refers_to_a_stranger() {
    let world = World::new();
    world.push_image("acme/api", "1.0", b"layer").await;
    let stranger = sha256(b"nobody");
    let mut artifact = image(b"layer");
    artifact["subject"] = json!({"mediaType": MANIFEST, "digest": stranger, "size": 1});
    let pushed = world.push_manifest("acme/api", "sbom", &artifact).await;
    assert_eq!(
        (pushed.status, pushed.header("oci-subject")),
        (201, stranger.as_str())
    );
    let none = world
        .send("GET", &format!("/v2/acme/none/referrers/{stranger}"))
        .await;
    assert_eq!(
        (none.status, none.json()["manifests"].clone()),
        (200, json!([]))
    );
    let malformed = world.send("GET", "/v2/acme/api/referrers/sha256:zz").await;
    assert_eq!(malformed.status, 400);
}

#[tokio::test]
async fn tags_come_in_lexical_order_and_in_pages() {
    let world = World::new();
    assert_eq!(
        world.send("GET", "/v2/acme/api/tags/list").await.code(),
        "NAME_UNKNOWN"
    );
    for tag in ["b", "C", "a", "D"] {
        world.push_image("acme/api", tag, b"layer").await;
    }
    let mut path = "/v2/acme/api/tags/list?n=3".to_owned();
    let mut pages = Vec::new();
    while !path.is_empty() {
        let page = world.send("GET", &path).await;
        pages.push(page.json()["tags"].clone());
        let link = page.header("link").to_owned();
        let target = link.strip_suffix(">; rel=\"next\"");
        path = target.map_or(String::new(), |target| target[1..].to_owned());
    }
    assert_eq!(pages, [json!(["a", "b", "C"]), json!(["D"])]);

    let none = world.send("GET", "/v2/acme/api/tags/list?n=0").await;
    assert_eq!(
        (none.json()["tags"].clone(), none.header("link")),
        (json!([]), "")
    );
    let after = world
        .send("GET", "/v2/acme/api/tags/list?last=B")
        .await
        .json();
    assert_eq!(after["tags"], json!(["b", "C", "D"]));
    assert_eq!(
        world.send("GET", "/v2/acme/api/tags/list?n=x").await.status,
        400
    );
}

#[tokio::test]
async fn a_tag_is_deleted_alone_and_a_manifest_with_its_tags() {
    let world = World::new();
    let digest = world.push_image("acme/api", "1", b"layer").await;
    let other = world.push_image("acme/api", "2", b"other").await;
    for tag in ["1.0", "1.0.0"] {
        world.push_manifest("acme/api", tag, &image(b"layer")).await;
    }
    let manifest = |reference: &str| format!("/v2/acme/api/manifests/{reference}");
    assert_eq!(world.send("DELETE", &manifest("1.0")).await.status, 202);
    assert_eq!(world.send("DELETE", &manifest("1.0")).await.status, 404);
    assert_eq!(world.send("GET", &manifest(&digest)).await.status, 200);
    assert_eq!(world.send("DELETE", &manifest(&digest)).await.status, 202);
    for gone in [digest.as_str(), "1", "1.0.0"] {
        assert_eq!(
            world.send("GET", &manifest(gone)).await.status,
            404,
            "{gone}"
        );
    }
    assert_eq!(world.send("GET", &manifest(&other)).await.status, 200);
}
