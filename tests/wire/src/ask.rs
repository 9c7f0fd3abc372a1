//! What a registry holds, asked directly and without any of the program's code.

use std::{
    io::{BufReader, Write as _},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use crate::{
    http::{Head, relay},
    layout::digest,
    tool::LOGIN,
};

/// Everything that tools accept as a manifest.
const ACCEPT: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

/// The digest of the manifest that a tag names, hashed from its bytes; nothing where there is none.
pub fn tag_digest(registry: SocketAddr, repository: &str, tag: &str) -> Option<String> {
    let bytes = get(registry, &format!("/v2/{repository}/manifests/{tag}"))?;
    Some(digest(&bytes))
}

/// Fetches an image with all of its blobs and hashes each.
///
/// # Errors
///
/// What is missing or not what its digest says.
pub fn whole(registry: SocketAddr, repository: &str, image: &str) -> Result<(), String> {
    let bytes = get(registry, &format!("/v2/{repository}/manifests/{image}"))
        .ok_or_else(|| format!("no manifest {image}"))?;
    if digest(&bytes) != image {
        return Err(format!("manifest {image} is {}", digest(&bytes)));
    }
    let manifest: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let layers = manifest["layers"].as_array().into_iter().flatten();
    for blob in layers.chain([&manifest["config"]]) {
        let name = blob["digest"].as_str().unwrap_or_default();
        let found = get(registry, &format!("/v2/{repository}/blobs/{name}"))
            .ok_or_else(|| format!("no blob {name}"))?;
        if digest(&found) != name {
            return Err(format!("blob {name} is {}", digest(&found)));
        }
    }
    Ok(())
}

/// Gets a path; nothing by 404.
///
/// # Panics
///
/// The registry does not answer, or by another status.
fn get(registry: SocketAddr, path: &str) -> Option<Vec<u8>> {
    let stream = TcpStream::connect(registry).expect("the registry listens");
    let mut writer = stream.try_clone().expect("a stream");
    // Version 1.0 knows no chunks.
    write!(
        writer,
        "GET {path} HTTP/1.0\r\nHost: {registry}\r\nAccept: {ACCEPT}\r\nAuthorization: Basic {LOGIN}\r\n\r\n"
    )
    .expect("the registry reads");
    let mut reader = BufReader::new(stream);
    let head = Head::read(&mut reader)
        .expect("HTTP")
        .expect("the registry answers");
    let mut body = Vec::new();
    let framing = head.answer_framing("GET");
    relay(&mut reader, &mut body, framing, u64::MAX).expect("a body");
    match head.status() {
        Some(200) => Some(body),
        Some(404) => None,
        other => panic!("GET {path}: {other:?}"),
    }
}
