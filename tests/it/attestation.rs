//! What is said of images: what is in them, how they were made, and who vouches for both.
#![cfg(target_os = "linux")]

mod cosign;
mod keyless;
mod run;

pub use self::cosign::Cosign;

use std::{collections::BTreeMap, fs, path::Path};

use deploy_action::{
    attestation::{
        Builder, Input, PROVENANCE, RunFacts, Statement, Subject, contents, provenance, spdx,
    },
    digest::Digest,
    image::{Assembly, Layout, assemble},
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// An image of these files: path in the image, content.
pub fn image(folder: &Path, files: &[(&str, &[u8])]) -> Layout {
    let mut assembly = Assembly::default();
    for (number, (inside, content)) in files.iter().enumerate() {
        let path = folder.join(format!("file-{number}"));
        fs::write(&path, content).expect("a file");
        assembly.files.insert((*inside).to_owned(), path);
    }
    assembled(folder, &assembly)
}

fn assembled(folder: &Path, assembly: &Assembly) -> Layout {
    let assembled = assemble(assembly, folder.join("layout"));
    assembled.expect("an image").layout
}

fn sbom(layout: &Layout) -> Vec<u8> {
    let images = layout.images().expect("images");
    let [(image, platform)] = images.as_slice() else {
        panic!("one image");
    };
    let found = contents(layout, image).expect("contents");
    let time = Timestamp::from_second(1_700_000_000).expect("a time");
    spdx(image.digest, platform, &found, time).expect("a document")
}

fn document(layout: &Layout) -> Value {
    serde_json::from_slice(&sbom(layout)).expect("JSON")
}

fn problems(document: &Value) -> Vec<String> {
    let schema = include_str!("../data/spdx-2.3.schema.json");
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    validator
        .iter_errors(document)
        .map(|error| error.to_string())
        .collect()
}

const DPKG: &[u8] =
    b"Package: bash\nStatus: install ok installed\nVersion: 5.2\nArchitecture: amd64\n";
const RELEASE: &[u8] = b"ID=debian\nVERSION_ID=12\n";

#[test]
fn what_is_in_an_image_is_written_as_the_schema_of_spdx_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let crane = fs::read(crate::registries::program("crane")).expect("a program");
    let layout = image(
        folder.path(),
        &[
            ("/usr/bin/crane", &crane),
            ("/usr/bin/data file", b"x"),
            ("/var/lib/dpkg/status", DPKG),
            ("/etc/os-release", RELEASE),
        ],
    );
    let mut document = document(&layout);
    assert_eq!(problems(&document), [""; 0]);
    document["files"][0]["checksums"] = json!("none");
    assert_eq!(problems(&document).len(), 1, "the schema is looked at");
}

#[test]
fn every_file_of_an_image_stands_in_the_document_with_its_digests() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = image(folder.path(), &[("/a/b", b"content"), ("/empty", b"")]);
    let document = document(&layout);
    let files: BTreeMap<&str, [&str; 2]> = document["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| {
            let sums = [0, 1].map(|n| {
                file["checksums"][n]["checksumValue"]
                    .as_str()
                    .expect("a sum")
            });
            (file["fileName"].as_str().expect("a name"), sums)
        })
        .collect();
    let of_content = Digest::of("content").hex();
    let of_nothing = Digest::of("").hex();
    let expected = BTreeMap::from([
        (
            "./a/b",
            ["040f06fd774092478d450774f5ba30c5da78acc8", &of_content],
        ),
        (
            "./empty",
            ["da39a3ee5e6b4b0d3255bfef95601890afd80709", &of_nothing],
        ),
    ]);
    assert_eq!(files, expected);
}

/// The addresses of the packages of a document, besides the image itself.
fn packages(document: &Value) -> Vec<&str> {
    let packages = document["packages"].as_array().expect("packages").iter();
    packages
        .filter_map(|package| package["externalRefs"][0]["referenceLocator"].as_str())
        .collect()
}

#[test]
fn packages_of_a_list_and_of_programs_stand_in_the_document_with_what_holds_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let crane = folder.path().join("crane");
    fs::copy(crate::registries::program("crane"), &crane).expect("a program");
    fs::write(folder.path().join("status"), DPKG).expect("a file");
    let files = BTreeMap::from([
        ("/crane".to_owned(), crane),
        (
            "/var/lib/dpkg/status".to_owned(),
            folder.path().join("status"),
        ),
    ]);
    let layout = assembled(
        folder.path(),
        &Assembly {
            files,
            ..Assembly::default()
        },
    );
    let document = document(&layout);
    let packages = packages(&document);
    assert!(
        packages.contains(&"pkg:deb/debian/bash@5.2?arch=amd64"),
        "{packages:?}"
    );
    for beginning in [
        "pkg:golang/github.com/google/go-containerregistry@v0.",
        "pkg:golang/stdlib@1.",
        "pkg:golang/golang.org/x/sync@v0.",
    ] {
        assert!(
            packages.iter().any(|url| url.starts_with(beginning)),
            "{packages:?}"
        );
    }
    let relations = document["relationships"].as_array().expect("relations");
    let of_kind = |kind: &str| {
        let relations = relations.iter();
        relations
            .filter(|relation| relation["relationshipType"] == kind)
            .count()
    };
    assert_eq!(of_kind("DESCRIBES"), 1);
    assert_eq!(of_kind("CONTAINS"), 2 + packages.len());
    assert_eq!(of_kind("GENERATED_FROM"), 1);
    assert_eq!(of_kind("STATIC_LINK"), packages.len() - 2);
}

#[test]
fn the_same_image_has_the_same_document_and_another_one_another() {
    let folders = [0, 1, 2].map(|_| tempfile::tempdir().expect("a folder"));
    let files: [(&str, &[u8]); 3] = [("/z", b"z"), ("/a", b"a"), ("/var/lib/dpkg/status", DPKG)];
    let mut turned = files;
    turned.reverse();
    let first = sbom(&image(folders[0].path(), &files));
    assert_eq!(first, sbom(&image(folders[1].path(), &turned)));
    assert_ne!(first, sbom(&image(folders[2].path(), &files[..2])));
}

#[test]
fn a_damaged_image_has_no_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = image(folder.path(), &[("/a", b"a")]);
    let (image, _) = layout.images().expect("images").remove(0);
    let blobs = layout.folder().join("blobs/sha256");
    for entry in fs::read_dir(blobs).expect("blobs") {
        let path = entry.expect("a blob").path();
        let bytes = fs::read(&path).expect("a blob");
        // The layer is the only blob that is compressed.
        if bytes.starts_with(&[0x1f, 0x8b]) {
            fs::write(&path, &bytes[..bytes.len() - 1]).expect("a blob");
        }
    }
    contents(&layout, &image).expect_err("a damaged layer");
}

/// A run on GitHub.
pub fn facts() -> RunFacts {
    let at = |second| Timestamp::from_second(second).expect("a time");
    RunFacts {
        builder: Builder {
            id: "https://github.com/acme/api/.github/workflows/ship.yml@refs/heads/main".to_owned(),
        },
        workflow: Some((
            "https://github.com/acme/api".to_owned(),
            ".github/workflows/ship.yml".to_owned(),
            "refs/heads/main".to_owned(),
        )),
        plan: "deploy.yaml".to_owned(),
        task: "publish/image".to_owned(),
        environment: None,
        event: Some("push".to_owned()),
        source: Some((
            "git+https://github.com/acme/api@refs/heads/main".to_owned(),
            "0123456789012345678901234567890123456789".to_owned(),
        )),
        inputs: vec![Input {
            name: "deploy.yaml".to_owned(),
            digest: Digest::of("version: 1"),
        }],
        invocation: "https://github.com/acme/api/actions/runs/7/attempts/1".to_owned(),
        started: at(1_700_000_000),
        finished: at(1_700_000_060),
    }
}

pub fn provenance_of(digest: Digest) -> Statement {
    let subject = |name: &str| Subject {
        name: name.to_owned(),
        digest,
    };
    let subjects = [subject("ghcr.io/acme/api"), subject("quay.io/acme/api")];
    provenance(&subjects, &facts()).expect("a statement")
}

#[test]
fn a_provenance_names_every_place_of_the_image_and_the_run_that_made_it() {
    let statement = provenance_of(Digest::of("an image"));
    assert_eq!(statement.predicate_type, PROVENANCE);
    let found: Value = serde_json::from_slice(&statement.bytes).expect("JSON");
    let digest = json!({ "sha256": Digest::of("an image").hex() });
    let expected = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            { "name": "ghcr.io/acme/api", "digest": digest },
            { "name": "quay.io/acme/api", "digest": digest },
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://github.com/org/deploy-action/blob/main/docs/attestations.md#build-v1",
                "externalParameters": {
                    "workflow": {
                        "repository": "https://github.com/acme/api",
                        "path": ".github/workflows/ship.yml",
                        "ref": "refs/heads/main",
                    },
                    "plan": "deploy.yaml",
                    "task": "publish/image",
                },
                "internalParameters": { "event": "push" },
                "resolvedDependencies": [
                    {
                        "uri": "git+https://github.com/acme/api@refs/heads/main",
                        "digest": { "gitCommit": "0123456789012345678901234567890123456789" },
                    },
                    { "name": "deploy.yaml", "digest": { "sha256": Digest::of("version: 1").hex() } },
                ],
            },
            "runDetails": {
                "builder": {
                    "id": "https://github.com/acme/api/.github/workflows/ship.yml@refs/heads/main",
                    "version": { "deploy-action": env!("CARGO_PKG_VERSION") },
                },
                "metadata": {
                    "invocationId": "https://github.com/acme/api/actions/runs/7/attempts/1",
                    "startedOn": "2023-11-14T22:13:20Z",
                    "finishedOn": "2023-11-14T22:14:20Z",
                },
            },
        },
    });
    assert_eq!(found, expected);
}
