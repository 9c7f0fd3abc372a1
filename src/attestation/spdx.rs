//! The contents of an image as a document of SPDX 2.3.

use jiff::Timestamp;
use serde::Serialize;

use super::{Contents, FoundFile, Package};
use crate::{digest::Digest, image::Platform};

const NOTHING_SAID: &str = "NOASSERTION";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
/// A namespace has to be another one for each document; the image's digest is that.
const NAMESPACE: &str = "https://github.com/org/deploy-action/sbom";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<PackageEntry>,
    files: Vec<FileEntry>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct CreationInfo {
    created: String,
    creators: [String; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackageEntry {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version_info: String,
    download_location: &'static str,
    files_analyzed: bool,
    license_concluded: &'static str,
    license_declared: &'static str,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_package_purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileEntry {
    #[serde(rename = "SPDXID")]
    id: String,
    file_name: String,
    checksums: [Checksum; 2],
    license_concluded: &'static str,
    copyright_text: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

/// Writes the document. `created` is not now, or the same image would have another document each time: it is the time of the
/// commit, or what `SOURCE_DATE_EPOCH` says.
///
/// # Errors
/// If a value cannot be written as JSON.
pub fn spdx(
    digest: Digest,
    platform: &Platform,
    contents: &Contents,
    created: Timestamp,
) -> Result<Vec<u8>, serde_json::Error> {
    let image = image_entry(digest, platform);
    let packages = contents.packages.iter().map(package_entry);
    let document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: format!("image {digest}"),
        document_namespace: format!("{NAMESPACE}/sha256-{}", digest.hex()),
        creation_info: CreationInfo {
            created: created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            creators: [format!("Tool: deploy-action-{}", env!("CARGO_PKG_VERSION"))],
        },
        packages: std::iter::once(image).chain(packages).collect(),
        files: contents.files.iter().map(file_entry).collect(),
        relationships: relationships(contents),
    };
    serde_json::to_vec(&document)
}

fn image_entry(digest: Digest, platform: &Platform) -> PackageEntry {
    PackageEntry {
        id: IMAGE.to_owned(),
        name: format!("image for {platform}"),
        version_info: digest.to_string(),
        download_location: NOTHING_SAID,
        files_analyzed: false,
        license_concluded: NOTHING_SAID,
        license_declared: NOTHING_SAID,
        copyright_text: NOTHING_SAID,
        primary_package_purpose: Some("CONTAINER"),
        checksums: vec![sha256(digest)],
        external_refs: Vec::new(),
    }
}

fn package_entry(package: &Package) -> PackageEntry {
    PackageEntry {
        id: package_id(package),
        name: package.name.clone(),
        version_info: package.version.clone(),
        download_location: NOTHING_SAID,
        files_analyzed: false,
        license_concluded: NOTHING_SAID,
        license_declared: NOTHING_SAID,
        copyright_text: NOTHING_SAID,
        primary_package_purpose: None,
        checksums: Vec::new(),
        external_refs: vec![ExternalRef {
            reference_category: "PACKAGE-MANAGER",
            reference_type: "purl",
            reference_locator: package.url(),
        }],
    }
}

fn file_entry(file: &FoundFile) -> FileEntry {
    FileEntry {
        id: file_id(file),
        file_name: format!(".{}", file.path),
        checksums: [
            Checksum {
                algorithm: "SHA1",
                checksum_value: file.sha1.clone(),
            },
            sha256(file.sha256),
        ],
        license_concluded: NOTHING_SAID,
        copyright_text: NOTHING_SAID,
    }
}

fn sha256(digest: Digest) -> Checksum {
    Checksum {
        algorithm: "SHA256",
        checksum_value: digest.hex(),
    }
}

fn relationships(contents: &Contents) -> Vec<Relationship> {
    let relation = |from: &str, kind: &'static str, to: String| Relationship {
        spdx_element_id: from.to_owned(),
        relationship_type: kind,
        related_spdx_element: to,
    };
    let mut relations = vec![relation(DOCUMENT, "DESCRIBES", IMAGE.to_owned())];
    for package in &contents.packages {
        relations.push(relation(IMAGE, "CONTAINS", package_id(package)));
    }
    for file in &contents.files {
        relations.push(relation(IMAGE, "CONTAINS", file_id(file)));
        for (index, package) in file.built_from.iter().enumerate() {
            let kind = if index == 0 {
                "GENERATED_FROM"
            } else {
                "STATIC_LINK"
            };
            relations.push(relation(&file_id(file), kind, package_id(package)));
        }
    }
    relations
}

/// Identifiers are of letters, digits, points and dashes; the digest tells apart what that makes alike.
fn package_id(package: &Package) -> String {
    let name: String = package
        .name
        .chars()
        .map(|sign| {
            if sign.is_ascii_alphanumeric() || sign == '.' {
                sign
            } else {
                '-'
            }
        })
        .collect();
    let kind = package.kind.as_str();
    format!(
        "SPDXRef-{kind}-{name}-{}",
        Digest::of(package.url()).short()
    )
}

fn file_id(file: &FoundFile) -> String {
    format!("SPDXRef-File-{}", &Digest::of(&file.path).hex()[..24])
}
