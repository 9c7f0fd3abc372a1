//! Relay's module on the stand-in of its provider, in a whole rehearsal: the real terraform, a sealed kubeconfig.
#![cfg(target_os = "linux")]

use std::path::PathBuf;

use crate::{rehearse_world::Rehearsals, terraform::needs_terraform};

const CLOUD: &str = r#"
version: 1
name: cloud
secrets: { AGE_KEY: {}, TOKEN: {} }
environments:
  production: { recipient: age1ngvrlms0tqgh3newfcv7rah7lkq8lgrhnap3sf4l0tnxk2vhtfkqyphmkk, key: AGE_KEY }
phases:
  - id: provision
    environment: production
    tasks:
      - id: cloudspace
        terraform:
          dir: infra/spot
          backend-config: { bucket: nowhere, region: nowhere }
          sensitive: data.spot_kubeconfig.this.*
          variables: { bid_price: 0.004, rackspace_spot_token: "${{ secrets.TOKEN }}" }
          policy: [{ resource: spot_spotnodepool.*, count: 1, expect: { desired_server_count: 1, bid_price: 0.004 } }]
        verify:
          - { id: one-node, terraform: { task: cloudspace, resource: spot_spotnodepool.* }, expect: { count: 1, desired_server_count: 1 } }
          - { id: sealed, terraform: { task: cloudspace, resource: data.spot_kubeconfig.this }, expect: { raw: sensitive } }
      - id: reader
        needs: cloudspace
        env: { KUBECONFIG_TEXT: "${{ tasks.cloudspace.outputs.kubeconfig }}" }
        run: { changes: false, command: [bash, read.sh] }
        paths: read.sh
workflows:
  deploy: { on: { workflow_dispatch: {} } }
"#;

const FILES: &[(&str, &str)] = &[
    (
        "read.sh",
        "echo \"$KUBECONFIG_TEXT\"\nprintf '%s\\n' \"$KUBECONFIG_TEXT\" > ~/kubeconfig\n",
    ),
    (
        "infra/spot/main.tf",
        include_str!("../../workflows/relay/terraform/rackspace-spot/main.tf"),
    ),
    (
        "infra/spot/variables.tf",
        include_str!("../../workflows/relay/terraform/rackspace-spot/variables.tf"),
    ),
    (
        "infra/spot/outputs.tf",
        include_str!("../../workflows/relay/terraform/rackspace-spot/outputs.tf"),
    ),
    (
        "infra/spot/versions.tf",
        include_str!("../../workflows/relay/terraform/rackspace-spot/versions.tf"),
    ),
    // As the real registry would have it; the stand-in's package has another hash.
    (
        "infra/spot/.terraform.lock.hcl",
        "provider \"registry.terraform.io/rackerlabs/spot\" {\n  version     = \"0.1.4\"\n  constraints = \"0.1.4\"\n  hashes = [\n    \"h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\n  ]\n}\n",
    ),
];

#[test]
fn a_cloudspace_is_made_on_a_stand_in_and_its_kubeconfig_is_nowhere_in_clear() {
    needs_terraform();
    let cloud = Rehearsals::new(CLOUD, FILES);
    let first = cloud.rehearse_to(0, &[]);
    let words = &first.stderr;
    for part in [
        "stand-in for provider registry.terraform.io/rackerlabs/spot: deploy-action's stand-in for terraform providers ",
        "stand-in for terraform's backends: local files in ",
    ] {
        assert!(words.contains(part), "no {part:?} in\n{words}");
    }
    let task = cloud.task("cloudspace@production");
    assert_eq!(task["reality"]["type"], "stand-in", "{task}");
    let what = task["effects"][0]["what"].as_str().unwrap_or_default();
    assert!(what.starts_with("terraform infra/spot: 2 to add"), "{what}");
    let checks = task["checks"].as_array().expect("checks");
    for check in checks {
        assert_eq!(check["word"], "held", "{check}");
        let answered = &check["answered"];
        assert_eq!(answered["reality"]["type"], "stand-in", "{check}");
    }
    assert_eq!(checks.len(), 2, "{task}");
    let held = cloud.staged("terraform/cloud.json");
    for kind in ["spot_cloudspace", "spot_spotnodepool"] {
        assert!(held.contains(kind), "{held}");
    }
    hides_the_kubeconfig(&cloud, &first.all());
    let second = cloud.rehearse_to(0, &[]);
    let known = "cloudspace@production  up to date";
    assert!(second.stderr.contains(known), "{}", second.stderr);
    hides_the_kubeconfig(&cloud, &second.all());
    finds_what_somebody_else_changed(&cloud);
}

/// Somebody adds a server by hand, as the console of the cloud would let them.
fn finds_what_somebody_else_changed(cloud: &Rehearsals) {
    let drift = || {
        let stage = cloud.stage();
        let state = stage.join("state");
        let mut command = cloud.world.program(&["drift", "--state"]);
        command.arg(state);
        command.env("DEPLOY_ACTION_STAND_INS", stage.join("stand-ins.json"));
        // The repository that the rehearsal's ledger is of.
        command.env("GITHUB_REPOSITORY", "rehearsal/cloud");
        let output = command.output().expect("the program starts");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let (code, words) = drift();
    assert_eq!(code, Some(0), "{words}");
    assert!(
        words.contains("cloudspace@production: as it was applied"),
        "{words}"
    );
    let path = cloud.stage().join("terraform/cloud.json");
    let held = std::fs::read_to_string(&path).expect("a cloud");
    let changed = held.replace("\"desired_server_count\": 1", "\"desired_server_count\": 3");
    assert_ne!(held, changed, "{held}");
    std::fs::write(&path, changed).expect("it is ours");
    let (code, words) = drift();
    assert_eq!(code, Some(3), "{words}");
    for part in [
        "spot_spotnodepool.this",
        "desired_server_count: 1 -> 3",
        "1 of 1 task drifted",
    ] {
        assert!(words.contains(part), "no {part:?} in\n{words}");
    }
}

fn hides_the_kubeconfig(cloud: &Rehearsals, printed: &str) {
    let read = cloud.trace("kubeconfig");
    let token = read
        .lines()
        .find_map(|line| line.trim().split_once("token: "))
        .map(|(_, token)| token.trim_matches(['}', ' ', '"']).to_owned());
    let token = token.unwrap_or_else(|| panic!("no kubeconfig was handed over: {read}"));
    assert!(!printed.contains(&token), "{printed}");
    let folders = [cloud.stage(), cloud.world.tmp()];
    let mut found: Vec<PathBuf> = cloud.files_with(&folders, &token);
    // What the provider's cloud and the state hold is theirs: that is where a kubeconfig comes from.
    found.retain(|path| !path.starts_with(cloud.stage().join("terraform")));
    assert_eq!(found, [] as [PathBuf; 0]);
}
