//! The registry over real HTTP on the loopback address.

use std::collections::HashMap;

use camino::{Utf8Path, Utf8PathBuf};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    Registry, RegistryError, RegistryOptions,
    content_digest::{Algorithm, ContentDigest},
    contents,
    manifest::LONGEST_MANIFEST,
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A registry over a folder of its own, and a client.
struct World {
    folder: TempDir,
    registry: Registry,
    client: Client,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let registry = start(&utf8(&folder));
        Self {
            folder,
            registry,
            client: client(),
        }
    }

    fn path(&self) -> Utf8PathBuf {
        utf8(&self.folder)
    }

    /// Builds a request for a path of the registry.
    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let base = self.registry.base_url();
        self.client.request(method, format!("{base}{path}"))
    }

    async fn send(&self, method: &str, path: &str) -> Answered {
        answered(self.request(method, path)).await
    }

    async fn send_body(&self, method: &str, path: &str, body: &[u8]) -> Answered {
        answered(self.request(method, path).body(body.to_vec())).await
    }

    async fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let answer = self.send_body("POST", &path, bytes).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        digest
    }

    async fn push_manifest(&self, repository: &str, reference: &str, manifest: &Value) -> Answered {
        let media_type = manifest["mediaType"].as_str().expect("a media type");
        let path = format!("/v2/{repository}/manifests/{reference}");
        let request = self.request("PUT", &path);
        answered(
            request
                .header("Content-Type", media_type)
                .body(manifest.to_string()),
        )
        .await
    }

    /// Pushes an image of one layer and returns its digest.
    async fn push_image(&self, repository: &str, tag: &str, layer: &[u8]) -> String {
        self.push_blob(repository, b"{}").await;
        self.push_blob(repository, layer).await;
        let answer = self.push_manifest(repository, tag, &image(layer)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.header("docker-content-digest").to_owned()
    }

    async fn begin_upload(&self, repository: &str) -> String {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let answer = self.send("POST", &path).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.header("location").to_owned()
    }

    async fn send_chunk(&self, location: &str, range: &str, bytes: &[u8]) -> Answered {
        let request = self.request("PATCH", location);
        answered(request.header("Content-Range", range).body(bytes.to_vec())).await
    }
}

/// What came back.
#[derive(Debug)]
struct Answered {
    status: u16,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Answered {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// Returns the code of the first error.
    fn code(&self) -> String {
        self.json()["errors"][0]["code"]
            .as_str()
            .expect("an error code")
            .to_owned()
    }
}

async fn answered(request: RequestBuilder) -> Answered {
    let response: Response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let mut headers: HashMap<String, String> = HashMap::new();
    for (name, value) in response.headers() {
        let value = value.to_str().expect("a header of text");
        headers
            .entry(name.to_string())
            .and_modify(|found| *found = format!("{found}, {value}"))
            .or_insert_with(|| value.to_owned());
    }
    let body = response.bytes().await.expect("a whole body").to_vec();
    Answered {
        status,
        headers,
        body,
    }
}

fn client() -> Client {
    let tls = rustls::ClientConfig::builder_with_provider(
        rustls::crypto::ring::default_provider().into(),
    )
    .with_safe_default_protocol_versions()
    .expect("the provider knows the default versions")
    .with_root_certificates(rustls::RootCertStore::empty())
    .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .build()
        .expect("a client")
}

fn start(folder: &Utf8Path) -> Registry {
    Registry::start(RegistryOptions {
        folder: folder.to_owned(),
        port: None,
    })
    .expect("a registry")
}

fn utf8(folder: &TempDir) -> Utf8PathBuf {
    Utf8PathBuf::try_from(folder.path().to_owned()).expect("a path of UTF-8")
}

fn sha256(bytes: &[u8]) -> String {
    ContentDigest::of(Algorithm::Sha256, bytes).to_string()
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(bytes), "size": bytes.len()})
}

fn image(layer: &[u8]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", b"{}"),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
    })
}

#[tokio::test]
async fn the_base_says_that_this_is_a_registry() {
    let world = World::new();
    let answer = world.send("GET", "/v2/").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("docker-distribution-api-version"),
        "registry/2.0"
    );
    assert_eq!(world.send("GET", "/").await.status, 404);
    let refused = world.send("POST", "/v2/").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (405, "UNSUPPORTED")
    );
}

#[tokio::test]
async fn a_blob_pushed_at_once_is_read_whole_and_in_parts() {
    let world = World::new();
    let digest = world.push_blob("acme/api", b"0123456789").await;
    let path = format!("/v2/acme/api/blobs/{digest}");

    let head = world.send("HEAD", &path).await;
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
    assert_eq!(head.header("docker-content-digest"), digest);
    assert_eq!(head.body, b"");

    let get = world.send("GET", &path).await;
    assert_eq!(
        (get.status, get.body.as_slice()),
        (200, b"0123456789".as_slice())
    );

    let part = answered(world.request("GET", &path).header("Range", "bytes=2-4")).await;
    assert_eq!(
        (part.status, part.body.as_slice()),
        (206, b"234".as_slice())
    );
    assert_eq!(part.header("content-range"), "bytes 2-4/10");

    let beyond = answered(world.request("GET", &path).header("Range", "bytes=10-")).await;
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, "bytes */10")
    );
}

#[tokio::test]
async fn a_blob_whose_digest_differs_is_refused_and_leaves_nothing() {
    let world = World::new();
    let digest = sha256(b"something else");
    let at_once = format!("/v2/acme/api/blobs/uploads/?digest={digest}");
    let answer = world.send_body("POST", &at_once, b"content").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "DIGEST_INVALID")
    );

    let location = world.begin_upload("acme/api").await;
    let put = format!("{location}?digest={digest}");
    assert_eq!(world.send_body("PUT", &put, b"content").await.status, 400);
    assert_eq!(
        world.send("GET", &location).await.code(),
        "BLOB_UPLOAD_UNKNOWN"
    );

    let malformed = world
        .send("POST", "/v2/a/blobs/uploads/?digest=md5:00")
        .await;
    assert_eq!(malformed.code(), "DIGEST_INVALID");
    let path = format!("/v2/acme/api/blobs/{digest}");
    assert_eq!(world.send("GET", &path).await.code(), "BLOB_UNKNOWN");
}

#[tokio::test]
async fn an_upload_in_chunks_takes_them_in_order_only() {
    let world = World::new();
    let location = world.begin_upload("acme/api").await;
    let first = world.send_chunk(&location, "0-3", b"0123").await;
    assert_eq!((first.status, first.header("range")), (202, "0-3"));

    for gap in ["5-6", "0-1", "3-4"] {
        let refused = world.send_chunk(&location, gap, b"xx").await;
        assert_eq!(
            (refused.status, refused.header("range")),
            (416, "0-3"),
            "{gap}"
        );
    }
    for (range, body) in [("4-5", b"xxx".as_slice()), ("bytes 4-6/7", b"456")] {
        assert_eq!(
            world.send_chunk(&location, range, body).await.status,
            400,
            "{range}"
        );
    }

    let status = world.send("GET", &location).await;
    assert_eq!((status.status, status.header("range")), (204, "0-3"));
    assert_eq!(status.header("location"), location);

    let digest = sha256(b"0123456");
    let put = format!("{location}?digest={digest}");
    let request = world.request("PUT", &put).header("Content-Range", "4-6");
    let created = answered(request.body("456")).await;
    assert_eq!(created.status, 201, "{created:?}");
    let blob = world.send("GET", created.header("location")).await;
    assert_eq!(blob.body, b"0123456");
}

#[tokio::test]
async fn a_chunk_shorter_than_its_range_is_taken_back() {
    let world = World::new();
    let location = world.begin_upload("acme/api").await;
    // Without a Content-Length only the body itself shows the difference.
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>("012")]);
    let request = world
        .request("PATCH", &location)
        .header("Content-Range", "0-9");
    let refused = answered(request.body(reqwest::Body::wrap_stream(pieces))).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "SIZE_INVALID")
    );
    let digest = sha256(b"abc");
    let put = format!("{location}?digest={digest}");
    assert_eq!(world.send_body("PUT", &put, b"abc").await.status, 201);
}

#[tokio::test]
async fn a_stream_without_a_range_is_appended_and_finished_without_a_body() {
    let world = World::new();
    let location = world.begin_upload("acme/api").await;
    let pieces = ["one ", "two ", "three"].map(Ok::<_, std::io::Error>);
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let patched = answered(world.request("PATCH", &location).body(body)).await;
    assert_eq!((patched.status, patched.header("range")), (202, "0-12"));
    let digest = sha256(b"one two three");
    let created = world
        .send("PUT", &format!("{location}?digest={digest}"))
        .await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("docker-content-digest"), digest);
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let world = World::new();
    let digest = sha256(b"");
    let location = world.begin_upload("acme/api").await;
    let created = world
        .send("PUT", &format!("{location}?digest={digest}"))
        .await;
    assert_eq!(created.status, 201);
    let read = world
        .send("GET", &format!("/v2/acme/api/blobs/{digest}"))
        .await;
    assert_eq!((read.status, read.header("content-length")), (200, "0"));
}

#[tokio::test]
async fn an_upload_that_is_given_up_is_unknown_afterwards() {
    let world = World::new();
    let location = world.begin_upload("acme/api").await;
    assert_eq!(world.send("DELETE", &location).await.status, 204);
    for method in ["GET", "DELETE", "PATCH"] {
        let answer = world.send(method, &location).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "BLOB_UPLOAD_UNKNOWN")
        );
    }
    let strange = world
        .send("GET", "/v2/acme/api/blobs/uploads/..%2F..%2Fsecret")
        .await;
    assert_eq!(strange.status, 404);
}

#[tokio::test]
async fn a_second_writer_of_one_upload_is_turned_away() {
    let world = World::new();
    let location = world.begin_upload("acme/api").await;
    let session = location.rsplit('/').next().expect("a session");
    let path = world
        .path()
        .join("repositories/acme/api/_uploads")
        .join(session);
    let file = std::fs::File::open(path).expect("the session's file");
    file.lock().expect("nobody else holds it");
    let refused = world.send_body("PATCH", &location, b"x").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "BLOB_UPLOAD_INVALID")
    );
    drop(file);
    assert_eq!(world.send_body("PATCH", &location, b"x").await.status, 202);
}

#[tokio::test]
async fn a_mount_links_what_another_repository_holds_and_else_begins_an_upload() {
    let world = World::new();
    let digest = world.push_blob("acme/base", b"layer").await;
    for query in [
        format!("mount={digest}&from=acme/base"),
        format!("mount={digest}"),
    ] {
        let path = format!("/v2/acme/api/blobs/uploads/?{query}");
        let mounted = world.send("POST", &path).await;
        assert_eq!(mounted.status, 201, "{query}");
        let blob = mounted.header("location").to_owned();
        assert_eq!(world.send("GET", &blob).await.body, b"layer");
        assert_eq!(world.send("DELETE", &blob).await.status, 202);
        assert_eq!(world.send("GET", &blob).await.status, 404);
    }
    let elsewhere = format!("/v2/acme/api/blobs/uploads/?mount={digest}&from=acme/other");
    let begun = world.send("POST", &elsewhere).await;
    assert_eq!(begun.status, 202);
    assert!(begun.header("location").contains("/blobs/uploads/"));
    let source = format!("/v2/acme/base/blobs/{digest}");
    assert_eq!(world.send("GET", &source).await.status, 200);
}

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

#[tokio::test]
async fn content_in_sha512_is_kept_under_that_digest() {
    let world = World::new();
    let digest = ContentDigest::of(Algorithm::Sha512, b"content").to_string();
    let location = world.begin_upload("acme/api").await;
    world.send_chunk(&location, "0-2", b"con").await;
    let put = format!("{location}?digest={digest}");
    assert_eq!(world.send_body("PUT", &put, b"tent").await.status, 201);
    let read = world
        .send("GET", &format!("/v2/acme/api/blobs/{digest}"))
        .await;
    assert_eq!(read.body, b"content");
    let as_sha256 = format!("/v2/acme/api/blobs/{}", sha256(b"content"));
    assert_eq!(world.send("GET", &as_sha256).await.status, 404);
}

#[tokio::test]
async fn the_catalog_lists_nested_repositories_that_hold_something() {
    let world = World::new();
    world.begin_upload("acme/empty").await;
    for repository in ["acme", "acme/api/server", "b"] {
        world.push_blob(repository, b"x").await;
    }
    let catalog = world.send("GET", "/v2/_catalog").await.json();
    assert_eq!(
        catalog["repositories"],
        json!(["acme", "acme/api/server", "b"])
    );
    let page = world.send("GET", "/v2/_catalog?n=1&last=acme").await;
    assert_eq!(page.json()["repositories"], json!(["acme/api/server"]));
    assert_eq!(
        page.header("link"),
        "</v2/_catalog?n=1&last=acme/api/server>; rel=\"next\""
    );
}

#[tokio::test]
async fn a_folder_outlives_its_registry_and_serves_two_at_once() {
    let World {
        folder,
        registry,
        client,
    } = World::new();
    let path = utf8(&folder);
    let second = World {
        registry: start(&path),
        folder,
        client,
    };
    let location = second.begin_upload("acme/api").await;
    second.send_chunk(&location, "0-2", b"con").await;
    second.registry.stop().await;

    let first = World {
        registry,
        ..World::new()
    };
    let digest = sha256(b"content");
    let put = format!("{location}?digest={digest}");
    assert_eq!(first.send_body("PUT", &put, b"tent").await.status, 201);
    first.push_image("acme/api", "1.0", b"layer").await;
    first.registry.stop().await;

    let held = contents(&path).expect("a readable folder");
    assert_eq!(held.len(), 1);
    assert_eq!(
        (held[0].name.as_str(), held[0].manifests[0].tags.as_slice()),
        ("acme/api", ["1.0".to_owned()].as_slice())
    );
    let again = start(&path);
    let requests = again.requests().expect("a readable log");
    assert_eq!(
        requests
            .iter()
            .filter(|request| request.method == "PATCH")
            .count(),
        1
    );
    again.stop().await;
}

#[tokio::test]
async fn the_log_names_each_request_and_how_much_came_with_it() {
    let world = World::new();
    let digest = world.push_blob("acme/api", b"content").await;
    world
        .send("HEAD", &format!("/v2/acme/api/blobs/{digest}"))
        .await;
    let requests = world.registry.requests().expect("a readable log");
    let seen: Vec<_> = requests
        .iter()
        .map(|request| {
            (
                request.method.as_str(),
                request.path.as_str(),
                request.status,
                request.bytes,
            )
        })
        .collect();
    let blob = format!("/v2/acme/api/blobs/{digest}");
    assert_eq!(
        seen,
        [
            ("POST", "/v2/acme/api/blobs/uploads/", 201, 7),
            ("HEAD", blob.as_str(), 200, 0)
        ]
    );
    assert_eq!(
        requests[0].query.as_deref(),
        Some(format!("digest={digest}").as_str())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_push_the_same_and_different_blobs_at_once() {
    let world = World::new();
    let pushes = (0..40_u8).map(|number| {
        let world = &world;
        async move {
            world
                .push_blob("acme/api", &vec![number % 8; 100_000])
                .await
        }
    });
    let digests = futures_util::future::join_all(pushes).await;
    for digest in digests {
        let read = world
            .send("GET", &format!("/v2/acme/api/blobs/{digest}"))
            .await;
        assert_eq!(sha256(&read.body), digest);
    }
    let staged = world
        .path()
        .join("staging")
        .read_dir_utf8()
        .expect("a folder");
    assert_eq!(staged.count(), 0);
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = utf8(&folder).join("file");
    std::fs::write(&file, "").expect("a file");
    let error = Registry::start(RegistryOptions {
        folder: file.clone(),
        port: None,
    })
    .expect_err("a file is no folder");
    assert!(matches!(&error, RegistryError::Folder { folder, .. } if *folder == file));
    assert_eq!(
        error.to_string(),
        format!("the embedded registry cannot use folder `{file}`")
    );
}
