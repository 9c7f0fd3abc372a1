//! What real terraform makes of the schemas, and what it refuses by them.

use std::{collections::BTreeMap, fs};

use deploy_action::rehearse::provider::{MirrorOptions, ProviderVersion, install};
use serde_json::Value;
use tempfile::TempDir;

use super::{CLOUDSPACE, diagnostics, stack::Stack};

#[test]
fn terraform_reads_the_schemas_as_the_real_providers_print_them() {
    for (name, address) in [
        ("spot", "registry.terraform.io/rackerlabs/spot"),
        ("google", "registry.terraform.io/hashicorp/google"),
        ("cloudflare", "registry.terraform.io/cloudflare/cloudflare"),
    ] {
        let file = format!(
            "{}/src/rehearse/provider/schemas/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let mut real: Value =
            serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON");
        let stack = Stack::of(&[(address, "1.2.3")], "");
        let mut ours = stack.json(&["providers", "schema", "-json"]);
        for schemas in [&mut real, &mut ours] {
            without_descriptions(schemas);
        }
        assert_eq!(
            ours["provider_schemas"][address], real["provider_schemas"][address],
            "{name}"
        );
    }
}

/// Descriptions, and what terraform leaves out or prints as the default of the same.
fn without_descriptions(json: &mut Value) {
    match json {
        Value::Object(members) => {
            for name in ["description", "description_kind"] {
                if members.get(name).is_some_and(Value::is_string) {
                    members.remove(name);
                }
            }
            members.values_mut().for_each(without_descriptions);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_descriptions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn mistakes_in_a_module_are_refused_with_their_lines() {
    let stack = Stack::spot(CLOUDSPACE);
    for (mistake, summary, line) in [
        (
            CLOUDSPACE.replace("region ", "regoin "),
            vec!["Missing required argument", "Unsupported argument"],
            2,
        ),
        (
            CLOUDSPACE.replace("\"us-central-dfw-1\"", "[\"us-central-dfw-1\"]"),
            vec!["Incorrect attribute value type"],
            4,
        ),
        (
            CLOUDSPACE.replace("\"us-central-dfw-1\"", "spot_cloudspace.other.region"),
            vec!["Reference to undeclared resource"],
            4,
        ),
        (
            CLOUDSPACE.replace("region ", "id = \"mine\"\n  region "),
            vec!["Value for unconfigurable attribute"],
            4,
        ),
        (
            CLOUDSPACE.replace("spot_cloudspace", "spot_server"),
            vec!["Invalid resource type"],
            2,
        ),
        (
            CLOUDSPACE.replace("region ", "name = \"relay\"\n  region "),
            vec!["Conflicting attributes"],
            4,
        ),
        (
            CLOUDSPACE.replace("cloudspace_name = \"relay\"", ""),
            vec!["Missing attribute"],
            2,
        ),
        (
            CLOUDSPACE.replace("region ", "cni = \"flannel\"\n  region "),
            vec!["Invalid value"],
            4,
        ),
    ] {
        stack.write("main.tf", &mistake);
        let found = diagnostics(&stack);
        let summaries: Vec<&str> = found.iter().map(|(summary, ..)| summary.as_str()).collect();
        assert_eq!(summaries, summary, "{mistake}");
        assert_eq!(
            (found[0].1.as_str(), found[0].2),
            ("main.tf", line),
            "{mistake}"
        );
    }
    stack.write("main.tf", CLOUDSPACE);
    assert_eq!(diagnostics(&stack), []);
}

#[test]
fn a_provider_without_its_token_is_refused() {
    let stack = Stack::spot(CLOUDSPACE);
    let output = stack
        .terraform(&["plan"])
        .env_remove("RXTSPOT_TOKEN")
        .output()
        .expect("terraform runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Missing token"), "{said}");
}

fn options(folder: &TempDir, providers: &[(&str, &str)]) -> MirrorOptions {
    MirrorOptions {
        folder: folder.path().to_owned(),
        program: "deploy-action".into(),
        providers: providers
            .iter()
            .map(|(address, version)| ProviderVersion {
                address: (*address).to_owned(),
                version: (*version).to_owned(),
            })
            .collect(),
        state: folder.path().join("cloud.json"),
        faults: folder.path().join("faults.json"),
        given: BTreeMap::new(),
    }
}

#[test]
fn providers_without_a_stand_in_are_refused_with_what_there_is() {
    let folder = TempDir::new().expect("a folder");
    let asked = [
        ("registry.terraform.io/hashicorp/aws", "6.0.0"),
        ("registry.terraform.io/rackerlabs/spot", "0.1.4"),
        ("registry.opentofu.org/rackerlabs/spot", "0.1.4"),
    ];
    let refused = install(&options(&folder, &asked)).expect_err("there is none");
    assert_eq!(
        refused.to_string(),
        "there is no stand-in for `registry.terraform.io/hashicorp/aws`, `registry.opentofu.org/rackerlabs/spot`, only for \
         `registry.terraform.io/cloudflare/cloudflare`, `registry.terraform.io/hashicorp/google`, \
         `registry.terraform.io/rackerlabs/spot`"
    );
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
}

#[test]
fn what_is_no_version_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let asked = [("registry.terraform.io/rackerlabs/spot", "../0.1.4")];
    let refused = install(&options(&folder, &asked)).expect_err("it is none");
    assert_eq!(
        refused.to_string(),
        "`../0.1.4` is no version of the provider `registry.terraform.io/rackerlabs/spot`"
    );
}

#[test]
fn a_mirror_is_made_anew_with_the_versions_of_now() {
    let folder = TempDir::new().expect("a folder");
    let address = "registry.terraform.io/rackerlabs/spot";
    for version in ["0.1.3", "0.1.4"] {
        install(&options(&folder, &[(address, version)])).expect("a mirror");
    }
    let versions = folder.path().join("mirror").join(address);
    let versions: Vec<_> = fs::read_dir(versions)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(versions, ["0.1.4"]);
}

#[test]
fn terraform_fetches_nothing_that_the_mirror_lacks() {
    let stack = Stack::spot(CLOUDSPACE);
    stack.write(
        "more.tf",
        "resource \"random_id\" \"this\" {\n  byte_length = 4\n}\n",
    );
    let said = stack.ends(&["init"], 1);
    assert!(said.contains("hashicorp/random"), "{said}");
    assert!(said.contains("was not"), "{said}");
}

#[test]
fn the_mirror_says_who_stands_in() {
    let stack = Stack::empty(&[("registry.terraform.io/rackerlabs/spot", "0.1.4")]);
    assert_eq!(
        stack.who(),
        [concat!(
            "deploy-action's stand-in for terraform providers ",
            env!("CARGO_PKG_VERSION"),
            ": registry.terraform.io/rackerlabs/spot 0.1.4, by the schema of rackerlabs/spot 706bf8f (2025-03-21), descriptions removed"
        )]
    );
}
