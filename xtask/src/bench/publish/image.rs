//! Images of random layers, as files of an OCI layout.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// An image in a folder that goes with this value.
pub(super) struct Image {
    folder: tempfile::TempDir,
    digest: String,
}

impl Image {
    /// Makes an image of so many layers of so many bytes, none of which can be compressed.
    pub(super) fn of_layers(number: usize, bytes: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir_all(folder.path().join("blobs/sha256"))?;
        let mut layers = Vec::new();
        let mut diff_ids = Vec::new();
        for layer in 0..number {
            let tar = tar(layer, bytes);
            diff_ids.push(digest(&tar));
            // The blocks are stored: what is measured is pushing, and the header is what tells clients that it is compressed.
            let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
            gzip.write_all(&tar)?;
            let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
            layers.push(put(folder.path(), kind, &gzip.finish()?)?);
        }
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let kind = "application/vnd.oci.image.config.v1+json";
        let config = put(folder.path(), kind, config.to_string().as_bytes())?;
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers });
        let mut manifest = put(folder.path(), kind, manifest.to_string().as_bytes())?;
        let digest = manifest["digest"].as_str().unwrap_or_default().to_owned();
        // skopeo and regctl name an image of a layout by this.
        manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": "bench" });
        let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
        fs::write(folder.path().join("index.json"), index.to_string())?;
        let version = json!({ "imageLayoutVersion": "1.0.0" });
        fs::write(folder.path().join("oci-layout"), version.to_string())?;
        Ok(Self { folder, digest })
    }

    /// The folder of the layout.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The image's digest.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }
}

fn put(folder: &Path, kind: &str, bytes: &[u8]) -> anyhow::Result<Value> {
    let digest = digest(bytes);
    let name = digest.trim_start_matches("sha256:");
    let path: PathBuf = folder.join("blobs/sha256").join(name);
    fs::write(path, bytes)?;
    Ok(json!({ "mediaType": kind, "digest": digest, "size": bytes.len() }))
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// A tar archive of one file of noise, a different one for each layer.
fn tar(layer: usize, bytes: usize) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut field =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(0, &format!("layer-{layer}"));
    field(100, "0000644");
    field(108, "0000000");
    field(116, "0000000");
    field(124, &format!("{bytes:011o}"));
    field(136, "00000000000");
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\u{0}00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\u{0}").as_bytes());
    let mut tar = header.to_vec();
    // Xorshift: noise that is the same on every machine.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (layer as u64 + 1);
    while tar.len() < 512 + bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        tar.extend_from_slice(&state.to_le_bytes());
    }
    tar.truncate(512 + bytes);
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    tar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layers_of_an_image_are_of_the_size_asked_for_and_none_is_another() {
        let image = Image::of_layers(3, 10_000).expect("an image");
        let blobs = fs::read_dir(image.folder().join("blobs/sha256")).expect("blobs");
        let large = blobs.filter(|blob| {
            let metadata = blob.as_ref().expect("a blob").metadata().expect("a file");
            metadata.len() > 10_000
        });
        assert_eq!(large.count(), 3);
        assert!(image.digest().starts_with("sha256:"));
    }
}
