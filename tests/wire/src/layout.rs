//! Small images, as OCI layouts on disk.

use std::{fs, io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

/// Writes an image of these layers, each of which holds one file of this content; returns its digest.
///
/// # Panics
///
/// The folder cannot be written.
pub fn write_layout(folder: &Path, layers: &[&str]) -> String {
    fs::create_dir_all(folder.join("blobs/sha256")).expect("a folder");
    let layers: Vec<Vec<u8>> = layers
        .iter()
        .enumerate()
        .map(|(number, content)| tar(&format!("file-{number}"), content.as_bytes()))
        .collect();
    let diff_ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/file-0"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = put(folder, "config.v1+json", config.to_string().as_bytes());
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| put(folder, "layer.v1.tar+gzip", &gzip(layer)))
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config,
        "layers": layers,
    });
    let manifest = put(folder, "manifest.v1+json", manifest.to_string().as_bytes());
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    fs::write(folder.join("index.json"), index.to_string()).expect("a file");
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .expect("a file");
    manifest["digest"].as_str().expect("a digest").to_owned()
}

/// `sha256:` and the digest of some bytes.
pub fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(bytes);
    let hex: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hex.concat())
}

fn put(folder: &Path, kind: &str, bytes: &[u8]) -> Value {
    let digest = digest(bytes);
    let name = digest.trim_start_matches("sha256:");
    fs::write(folder.join("blobs/sha256").join(name), bytes).expect("a file");
    json!({
        "mediaType": format!("application/vnd.oci.image.{kind}"),
        "digest": digest,
        "size": bytes.len(),
    })
}

/// Wraps without compressing, so that a large layer stays one.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes).expect("memory takes all bytes");
    encoder.finish().expect("memory takes all bytes")
}

/// A tar archive of one file.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let size = format!("{:011o}", content.len());
    for (at, field) in [
        (0, name),
        (100, "0000755"),
        (108, "0000000"),
        (116, "0000000"),
        (124, size.as_str()),
        (136, "00000000000"),
        (148, "        "),
        (156, "0"),
        (257, "ustar"),
        (263, "00"),
    ] {
        header[at..at + field.len()].copy_from_slice(field.as_bytes());
    }
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}
