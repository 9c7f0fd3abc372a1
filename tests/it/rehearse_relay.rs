//! Relay's cloudspace, from its own plan and module: made in a rehearsal, changed by hand and found, destroyed behind the gate.
#![cfg(target_os = "linux")]

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{rehearse_world::Rehearsals, terraform::needs_terraform, world::Ran};

const RELAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/workflows/relay");

/// What the image and the cluster need is left out: `cargo xtask rehearse relay` carries out all of it.
const LEFT_OUT: [&str; 4] = ["goals:", "exclusions:", "risks:", "outputs:"];

fn read(path: &str) -> String {
    let path = format!("{RELAY}/{path}");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The parts of a text, each with the line that begins it.
fn parts(text: &str, begins: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found: Vec<String> = vec![String::new()];
    for line in text.lines() {
        if begins(line) {
            found.push(String::new());
        }
        let last = found.last_mut().expect("there is one");
        last.push_str(line);
        last.push('\n');
    }
    found
}

/// Relay's plan with its phase `provision` alone.
fn provision() -> String {
    let plan = read("deploy.yaml");
    let is_top = |line: &str| !line.is_empty() && !line.starts_with([' ', '#']);
    let mut kept = String::new();
    for part in parts(&plan, is_top) {
        if LEFT_OUT.iter().any(|name| part.starts_with(name)) {
            continue;
        }
        if part.starts_with("workflows:") {
            kept.push_str(
                "workflows: { deploy: { on: { pull_request: {}, workflow_dispatch: {} } } }\n",
            );
            continue;
        }
        for phase in parts(&part, |line| line.starts_with("  - id: ")) {
            let is_other = ["  - id: publish", "  - id: release"];
            if !is_other.iter().any(|other| phase.starts_with(other)) {
                kept.push_str(&phase);
            }
        }
    }
    // Its address is the application's.
    let without_url = kept
        .lines()
        .filter(|line| !line.starts_with("    url: "))
        .map(|line| format!("{line}\n"));
    without_url.collect()
}

fn relay() -> Rehearsals {
    const FILES: [&str; 10] = [
        ".gitignore",
        "PLAN.md",
        "terraform/rackspace-spot/.gitignore",
        "terraform/rackspace-spot/.terraform.lock.hcl",
        "terraform/rackspace-spot/main.tf",
        "terraform/rackspace-spot/outputs.tf",
        "terraform/rackspace-spot/terraform.tfvars.example",
        "terraform/rackspace-spot/terraform.tfvars.example.tera",
        "terraform/rackspace-spot/variables.tf",
        "terraform/rackspace-spot/versions.tf",
    ];
    let texts = FILES.map(read);
    let files = FILES.iter().zip(&texts);
    let files: Vec<(&str, &str)> = files.map(|(path, text)| (*path, text.as_str())).collect();
    Rehearsals::new(&provision(), &files)
}

/// Calls a verb on what the rehearsal left: its ledger, and its stand-ins by this file.
fn call(relay: &Rehearsals, stand_ins: &str, args: &[&str]) -> Ran {
    let stage = relay.stage();
    let mut command = relay.world.program(args);
    command.arg("--state").arg(stage.join("state"));
    command.env("DEPLOY_ACTION_STAND_INS", stage.join(stand_ins));
    // The repository that the rehearsal's ledger is of.
    command.env("GITHUB_REPOSITORY", "rehearsal/relay");
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ran {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

#[track_caller]
fn ends(ran: &Ran, code: i32, parts: &[&str]) {
    let words = ran.all();
    assert_eq!(ran.code, Some(code), "{words}");
    for part in parts {
        assert!(words.contains(part), "no {part:?} in\n{words}");
    }
}

fn cloud(relay: &Rehearsals) -> Value {
    serde_json::from_str(&relay.staged("terraform/cloud.json")).expect("it is JSON")
}

/// The token in the kubeconfig, out of the only place where that may be: the state.
fn token_of_kubeconfig(relay: &Rehearsals) -> String {
    let state = relay.staged("terraform/states/cloudspace@production.tfstate");
    let state: Value = serde_json::from_str(&state).expect("it is JSON");
    let kubeconfig = state["outputs"]["kubeconfig"]["value"].as_str();
    let kubeconfig = kubeconfig.expect("a kubeconfig");
    let (_, token) = kubeconfig.split_once("token: ").expect("a token");
    token
        .split([' ', '\n', '}'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Another file of stand-ins, in which nobody gives approvals.
fn without_a_person(relay: &Rehearsals) {
    let stand_ins = relay.staged("stand-ins.json");
    let mut stand_ins: Value = serde_json::from_str(&stand_ins).expect("it is JSON");
    stand_ins["person"] = Value::Null;
    let path = relay.stage().join("nobody.json");
    fs::write(path, stand_ins.to_string()).expect("a file");
}

#[test]
fn relays_cloudspace_is_made_drifts_by_hand_and_goes_behind_the_gate() {
    needs_terraform();
    let relay = relay();
    let mut printed = relay.rehearse_to(0, &[]).all();
    let task = relay.task("cloudspace@production");
    assert_eq!(task["state"], "automated-unproved", "{task}");
    let what = task["effects"][0]["what"].as_str().unwrap_or_default();
    assert!(
        what.starts_with("terraform terraform/rackspace-spot: 2 to add"),
        "{what}"
    );
    let mut calls = |stand_ins: &str, args: &[&str], code: i32, parts: &[&str]| {
        let ran = call(&relay, stand_ins, args);
        ends(&ran, code, parts);
        printed.push_str(&ran.all());
    };
    let again = ["run", "--task", "cloudspace", "--force", "cloudspace"];
    let again = [&again[..], &["--format", "json"]].concat();
    calls("stand-ins.json", &again, 0, &["rackspace-spot: no changes"]);
    calls("stand-ins.json", &["drift"], 0, &["0 of 1 task drifted"]);

    let path = relay.stage().join("terraform/cloud.json");
    let held = fs::read_to_string(&path).expect("a cloud");
    let changed = held.replace("\"desired_server_count\": 1", "\"desired_server_count\": 3");
    assert_ne!(held, changed, "{held}");
    fs::write(&path, changed).expect("it is ours");
    let found = ["spot_spotnodepool.this", "desired_server_count: 1 -> 3"];
    calls("stand-ins.json", &["drift"], 3, &found);

    without_a_person(&relay);
    let destroy = ["destroy", "--environment", "production"];
    let named = [
        "cloudspace@production: 2 resources to destroy\n",
        "  spot_cloudspace.this\n",
        "  spot_spotnodepool.this\n",
        "  data loss: Everything on the node; it has no volume\n",
        "nothing was destroyed: `production` is destroyed once `@relay/operators` approved the run on GitHub",
    ];
    calls("nobody.json", &destroy, 4, &named);
    let confirmed = [&destroy[..], &["--confirm", "production"]].concat();
    calls("nobody.json", &confirmed, 4, &named);
    for kind in ["spot_cloudspace", "spot_spotnodepool"] {
        let held = &cloud(&relay)["objects"][kind];
        assert_eq!(held.as_object().map(|held| held.len()), Some(1), "{held}");
    }
    let token = token_of_kubeconfig(&relay);
    let gone = ["cloudspace@production: destroyed, confirmed by the rehearsal"];
    calls("stand-ins.json", &destroy, 0, &gone);
    assert_eq!(cloud(&relay)["objects"], serde_json::json!({}));
    calls("stand-ins.json", &["status"], 0, &["by `destroy`"]);
    is_nowhere(&relay, &token, &printed);
}

#[test]
fn what_relays_preview_seals_is_applied_and_leaves_nothing_to_do() {
    needs_terraform();
    let relay = relay();
    let ran = relay.rehearse_to(0, &["--reviewed", "--verbose"]);
    let words = ran.all();
    let digest = words
        .split("sealed: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let digest = digest.unwrap_or_else(|| panic!("nothing was sealed: {words}"));
    for part in [
        "cloudspace@production: planned (2 to add, 3 outputs to change)",
        // The reviewers are asked for this digest and no other.
        &format!("provision / approval (production) of {digest}"),
        "cloudspace@production: no changes (no changes)",
    ] {
        assert!(words.contains(part), "no {part:?} in\n{words}");
    }
    let records = relay.staged("state/rehearsal/relay/relay/production/records.jsonl");
    let is_of_bundle = |line: &&str| line.contains("\"run-started\"") && line.contains(digest);
    assert!(records.lines().any(|line| is_of_bundle(&line)), "{records}");
    let kept: Vec<&str> = records
        .lines()
        .filter(|line| line.contains("\"child-kept\""))
        .collect();
    assert!(
        matches!(&kept[..], [apply] if apply.contains("terraform apply")),
        "{kept:?}"
    );
    let hex = digest.trim_start_matches("sha256:");
    let bundles = relay.files_with(&[relay.folder()], "BEGIN AGE ENCRYPTED FILE");
    let sealed = bundles
        .iter()
        .any(|path| path.to_string_lossy().contains(hex));
    assert!(sealed, "{bundles:?}");
    is_nowhere(&relay, &token_of_kubeconfig(&relay), &words);
}

/// Besides the stand-ins' own world (the cloud, the provider's files, the states), no file holds it, and nobody printed it.
fn is_nowhere(relay: &Rehearsals, token: &str, printed: &str) {
    assert!(token.len() > 8, "{token}");
    assert!(!printed.contains(token), "{printed}");
    let mut found: Vec<PathBuf> = relay.files_with(&[relay.folder()], token);
    let theirs = relay.stage().join("terraform");
    let n_all = found.len();
    found.retain(|path| !path.starts_with(&theirs));
    assert_eq!(found, [] as [PathBuf; 0]);
    assert!(n_all > 0, "the search finds what is there");
}
