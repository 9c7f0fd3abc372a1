//! The stand-in for terraform providers, asked by real terraform.
#![cfg(target_os = "linux")]

mod faults;
mod schema;
mod stack;

use std::fs;

use serde_json::{Value, json};

use self::stack::{RELAY, Stack};

const CLOUDSPACE: &str = r#"
resource "spot_cloudspace" "this" {
  cloudspace_name = "relay"
  region          = "us-central-dfw-1"
}
"#;

/// A token, as terraform gives it to the provider.
const TOKEN: &str = "canary-of-the-provider";

#[test]
fn relays_own_module_is_planned_applied_read_and_destroyed() {
    let stack = Stack::relay();
    stack.ok(&["validate"]);
    stack.ends(&["plan", "-out=saved.tfplan", "-detailed-exitcode"], 2);
    stack.ok(&["apply", "saved.tfplan"]);
    stack.ends(&["plan", "-detailed-exitcode"], 0);
    assert_eq!(
        stack.json(&["output", "-json", "kubeconfig"]),
        "of the rehearsal's own cluster"
    );
    assert_eq!(
        stack.object("spot_cloudspace", "relay")["region"],
        "us-central-dfw-1"
    );
    stack.ok(&["destroy", "-auto-approve"]);
    assert_eq!(stack.cloud()["objects"], json!({}));
}

#[test]
fn the_lock_file_without_hashes_is_left_as_it_is() {
    let stack = Stack::relay();
    let committed = format!("{RELAY}/.terraform.lock.hcl");
    assert_eq!(
        stack.read(".terraform.lock.hcl"),
        fs::read_to_string(committed).expect("the module's lock file")
    );
}

#[test]
fn the_token_of_the_provider_is_written_nowhere() {
    let stack = Stack::relay();
    stack.ok(&["apply", "-auto-approve"]);
    assert_eq!(stack.files_with(TOKEN), Vec::<String>::new());
    // The search finds what is there.
    assert!(!stack.files_with("us-central-dfw-1").is_empty());
}

#[test]
fn two_rehearsals_of_the_same_end_in_the_same_cloud() {
    let clouds = [(), ()].map(|()| {
        let stack = Stack::relay();
        stack.ok(&["apply", "-auto-approve"]);
        stack.cloud()
    });
    assert_eq!(clouds[0], clouds[1]);
}

#[test]
fn what_was_changed_by_hand_is_drift_that_the_next_apply_takes_back() {
    let stack = Stack::relay();
    stack.ok(&["apply", "-auto-approve"]);
    let name = stack.only("spot_spotnodepool");
    stack.change(|cloud| cloud["objects"]["spot_spotnodepool"][&name]["bid_price"] = json!(0.004));
    let planned = stack.ends(&["plan", "-detailed-exitcode"], 2);
    assert!(
        planned.contains("bid_price            = 0.004 -> 0.002"),
        "{planned}"
    );
    stack.ok(&["apply", "-auto-approve"]);
    assert_eq!(stack.object("spot_spotnodepool", &name)["bid_price"], 0.002);
    stack.ends(&["plan", "-detailed-exitcode"], 0);
}

#[test]
fn what_was_deleted_by_hand_is_made_again() {
    let stack = Stack::relay();
    stack.ok(&["apply", "-auto-approve"]);
    stack.change(|cloud| cloud["objects"]["spot_spotnodepool"] = json!({}));
    let planned = stack.ends(&["plan", "-detailed-exitcode"], 2);
    assert!(
        planned.contains("spot_spotnodepool.this will be created"),
        "{planned}"
    );
    stack.ok(&["apply", "-auto-approve"]);
    stack.only("spot_spotnodepool");
}

#[test]
fn a_hand_that_wrote_what_the_schema_lacks_is_told() {
    let stack = Stack::spot(CLOUDSPACE);
    stack.ok(&["apply", "-auto-approve"]);
    stack.change(|cloud| cloud["objects"]["spot_cloudspace"]["relay"]["regoin"] = json!("x"));
    let told = stack.ends(&["plan"], 1);
    assert!(
        told.contains("`regoin` is \"x\", expected nothing"),
        "{told}"
    );
}

#[test]
fn an_immutable_attribute_makes_a_new_object() {
    let stack = Stack::spot(CLOUDSPACE);
    stack.ok(&["apply", "-auto-approve"]);
    stack.write(
        "main.tf",
        &CLOUDSPACE.replace("us-central-dfw-1", "us-east-iad-1"),
    );
    let planned = stack.ends(&["plan", "-detailed-exitcode"], 2);
    assert!(planned.contains("# forces replacement"), "{planned}");
    stack.ok(&["apply", "-auto-approve"]);
    assert_eq!(
        stack.object("spot_cloudspace", "relay")["region"],
        "us-east-iad-1"
    );
}

#[test]
fn a_mutable_attribute_is_changed_in_place() {
    let stack = Stack::spot(CLOUDSPACE);
    stack.ok(&["apply", "-auto-approve"]);
    let before = stack.object("spot_cloudspace", "relay");
    stack.write(
        "main.tf",
        &CLOUDSPACE.replace(
            "region ",
            "preemption_webhook = \"https://hook.example\"\n  region ",
        ),
    );
    let planned = stack.ends(&["plan", "-detailed-exitcode"], 2);
    assert!(planned.contains("will be updated in-place"), "{planned}");
    stack.ok(&["apply", "-auto-approve"]);
    let after = stack.object("spot_cloudspace", "relay");
    assert_eq!(after["preemption_webhook"], "https://hook.example");
    assert_eq!(
        after["first_ready_timestamp"],
        before["first_ready_timestamp"]
    );
    assert_ne!(after["last_updated"], before["last_updated"]);
}

#[test]
fn equal_objects_have_names_of_their_own_and_a_new_one_has_another() {
    let pools = r#"
resource "spot_spotnodepool" "this" {
  count                = 3
  cloudspace_name      = "relay"
  server_class         = "gp.vs1.small-dfw"
  bid_price            = 0.002
  desired_server_count = 1
}
"#;
    let stack = Stack::spot(pools);
    stack.ok(&["apply", "-auto-approve"]);
    let first = stack.names("spot_spotnodepool");
    assert_eq!(first.len(), 3);
    stack.ok(&[
        "apply",
        "-auto-approve",
        "-replace=spot_spotnodepool.this[0]",
    ]);
    let second = stack.names("spot_spotnodepool");
    assert_eq!(
        second.iter().filter(|name| !first.contains(name)).count(),
        1
    );
}

#[test]
fn an_object_is_imported_by_its_name() {
    let stack = Stack::spot(CLOUDSPACE);
    stack.ok(&["apply", "-auto-approve"]);
    stack.ok(&["state", "rm", "spot_cloudspace.this"]);
    stack.ok(&["import", "spot_cloudspace.this", "relay"]);
    stack.ends(&["plan", "-detailed-exitcode"], 0);
    stack.ok(&["state", "rm", "spot_cloudspace.this"]);
    let told = stack.ends(&["import", "spot_cloudspace.this", "rely"], 1);
    assert!(told.contains("404: not found"), "{told}");
}

#[test]
fn an_object_that_is_there_already_is_not_made_twice() {
    let stack = Stack::spot(CLOUDSPACE);
    stack.ok(&["apply", "-auto-approve"]);
    stack.ok(&["state", "rm", "spot_cloudspace.this"]);
    let told = stack.ends(&["apply", "-auto-approve"], 1);
    assert!(told.contains("409: it exists already"), "{told}");
}

#[test]
fn two_units_at_once_lose_nothing_in_one_cloud() {
    let first = Stack::spot(&many("one"));
    let second = first.beside(&many("two"));
    let running = [&first, &second].map(|stack| {
        let mut command = stack.terraform(&["apply", "-auto-approve", "-parallelism=20"]);
        command.spawn().expect("terraform starts")
    });
    for mut child in running {
        assert!(child.wait().expect("it ends").success());
    }
    assert_eq!(first.names("spot_cloudspace").len(), 40);
    for stack in [&first, &second] {
        stack.ends(&["plan", "-detailed-exitcode"], 0);
    }
}

fn many(prefix: &str) -> String {
    format!(
        "resource \"spot_cloudspace\" \"this\" {{\n  count = 20\n  name = \"{prefix}-${{count.index}}\"\n  region = \"us-central-dfw-1\"\n}}\n"
    )
}

#[test]
fn a_network_of_google_is_made_with_addresses_and_without_its_passwords() {
    let stack = Stack::of(
        &[("registry.terraform.io/hashicorp/google", "7.0.0")],
        include_str!("provider/google.tf"),
    );
    stack.ok(&["apply", "-auto-approve"]);
    stack.ends(&["plan", "-detailed-exitcode"], 0);
    assert_eq!(
        stack.json(&["output", "-json"])
            .as_object()
            .expect("outputs")
            .iter()
            .map(|(name, output)| (name.clone(), output["value"].clone()))
            .collect::<serde_json::Map<_, _>>(),
        *json!({
            "account": "app@acme.iam.gserviceaccount.com",
            "connection": "acme:us-central1:main",
            "network": "https://www.googleapis.com/compute/v1/projects/acme/global/networks/shared",
            "private_ip": stack.object("google_sql_database_instance", "main")["private_ip_address"],
        })
        .as_object()
        .expect("a mapping")
    );
    let cloud = stack.cloud().to_string();
    assert!(!cloud.contains("canary-of-the-user"), "{cloud}");
    let told = stack.ends(&["destroy", "-auto-approve"], 1);
    assert!(
        told.contains("it is protected from being deleted"),
        "{told}"
    );
}

#[test]
fn a_record_of_cloudflare_is_made_changed_and_deleted() {
    let module = r#"
resource "cloudflare_zone" "this" {
  account = { id = "0123456789abcdef0123456789abcdef" }
  name    = "relay.example"
}

resource "cloudflare_dns_record" "this" {
  zone_id = cloudflare_zone.this.id
  name    = "app"
  type    = "A"
  content = "192.0.2.1"
  ttl     = 1
}
"#;
    let stack = Stack::of(
        &[("registry.terraform.io/cloudflare/cloudflare", "5.0.0")],
        module,
    );
    stack.ok(&["apply", "-auto-approve"]);
    stack.ends(&["plan", "-detailed-exitcode"], 0);
    let name = stack.only("cloudflare_dns_record");
    stack.write("main.tf", &module.replace("192.0.2.1", "192.0.2.2"));
    stack.ok(&["apply", "-auto-approve"]);
    assert_eq!(
        stack.object("cloudflare_dns_record", &name)["content"],
        "192.0.2.2"
    );
    stack.ok(&["destroy", "-auto-approve"]);
    assert_eq!(stack.cloud()["objects"], json!({}));
}

#[test]
fn a_person_who_starts_it_is_told_that_terraform_does() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_deploy-action"))
        .args(["stand-in-provider", "--cloud=cloud.json"])
        .arg("--provider=registry.terraform.io/rackerlabs/spot")
        .env_clear()
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: this is a plugin of terraform, which starts it itself\n"
    );
}

/// The diagnostics of `terraform validate -json`: summary, file and line.
fn diagnostics(stack: &Stack) -> Vec<(String, String, u64)> {
    let output = stack
        .terraform(&["validate", "-json"])
        .output()
        .expect("terraform runs");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.success(), json["valid"] == true);
    let diagnostics = json["diagnostics"].as_array().expect("a list");
    diagnostics
        .iter()
        .filter(|diagnostic| diagnostic["severity"] == "error")
        .map(|diagnostic| {
            (
                diagnostic["summary"].as_str().expect("a text").to_owned(),
                diagnostic["range"]["filename"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                diagnostic["range"]["start"]["line"]
                    .as_u64()
                    .unwrap_or_default(),
            )
        })
        .collect()
}
