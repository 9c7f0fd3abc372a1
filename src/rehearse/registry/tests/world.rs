//! A registry over a folder of its own, and a client.

use std::collections::HashMap;

use camino::{Utf8Path, Utf8PathBuf};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::{
    Registry, RegistryOptions,
    content_digest::{Algorithm, ContentDigest},
};
use crate::rehearse::loopback::plain_client;

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A registry over a folder of its own, and a client.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) registry: Registry,
    pub(super) client: Client,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let registry = start(&utf8(&folder));
        Self {
            folder,
            registry,
            client: plain_client(),
        }
    }

    pub(super) fn path(&self) -> Utf8PathBuf {
        utf8(&self.folder)
    }

    /// Builds a request for a path of the registry.
    pub(super) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let base = self.registry.base_url();
        self.client.request(method, format!("{base}{path}"))
    }

    pub(super) async fn send(&self, method: &str, path: &str) -> Answered {
        answered(self.request(method, path)).await
    }

    pub(super) async fn send_body(&self, method: &str, path: &str, body: &[u8]) -> Answered {
        answered(self.request(method, path).body(body.to_vec())).await
    }

    pub(super) async fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let answer = self.send_body("POST", &path, bytes).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        digest
    }

    pub(super) async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Value,
    ) -> Answered {
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
    pub(super) async fn push_image(&self, repository: &str, tag: &str, layer: &[u8]) -> String {
        self.push_blob(repository, b"{}").await;
        self.push_blob(repository, layer).await;
        let answer = self.push_manifest(repository, tag, &image(layer)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.header("docker-content-digest").to_owned()
    }

    pub(super) async fn begin_upload(&self, repository: &str) -> String {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let answer = self.send("POST", &path).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.header("location").to_owned()
    }

    pub(super) async fn send_chunk(&self, location: &str, range: &str, bytes: &[u8]) -> Answered {
        let request = self.request("PATCH", location);
        answered(request.header("Content-Range", range).body(bytes.to_vec())).await
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Answered {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// Returns the code of the first error.
    pub(super) fn code(&self) -> String {
        self.json()["errors"][0]["code"]
            .as_str()
            .expect("an error code")
            .to_owned()
    }
}

pub(super) async fn answered(request: RequestBuilder) -> Answered {
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

pub(super) fn start(folder: &Utf8Path) -> Registry {
    Registry::start(RegistryOptions {
        folder: folder.to_owned(),
        port: None,
    })
    .expect("a registry")
}

pub(super) fn utf8(folder: &TempDir) -> Utf8PathBuf {
    Utf8PathBuf::try_from(folder.path().to_owned()).expect("a path of UTF-8")
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    ContentDigest::of(Algorithm::Sha256, bytes).to_string()
}

pub(super) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(bytes), "size": bytes.len()})
}

pub(super) fn image(layer: &[u8]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", b"{}"),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
    })
}
