//! Faults on demand, as terraform meets them.

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use std::os::unix::process::CommandExt as _;

use super::{CLOUDSPACE, stack::Stack};
use crate::world::wait_until;

const WITH_DATA: &str = r#"
resource "spot_cloudspace" "this" {
  cloudspace_name = "relay"
  region          = "us-central-dfw-1"
}

data "spot_cloudspace" "this" {
  name = spot_cloudspace.this.name
}

output "phase" {
  value = data.spot_cloudspace.this.phase
}
"#;

#[test]
fn an_interrupted_apply_ends_gracefully_and_the_next_one_finishes() {
    let stack = Stack::spot(CLOUDSPACE);
    stack.faults(&json!({ "spot_cloudspace": { "slow": { "create": 3600 } } }));
    let mut command = stack.terraform(&["apply", "-auto-approve"]);
    let child = command.process_group(0).spawn().expect("terraform starts");
    wait_until("the cloudspace is being made", || {
        stack.cloud()["objects"]["spot_cloudspace"]["relay"]
            .is_object()
            .then_some(())
    });
    // As a terminal does: the provider gets it as well, and leaves it to terraform.
    let group = Pid::from_child(&child);
    kill_process_group(group, Signal::INT).expect("it runs");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("create was interrupted"), "{said}");
    let shown = stack.ends(&["state", "show", "spot_cloudspace.this"], 0);
    assert!(shown.contains("(tainted)"), "{shown}");
    stack.faults(&json!({}));
    stack.ok(&["apply", "-auto-approve"]);
    stack.ends(&["plan", "-detailed-exitcode"], 0);
}

#[test]
fn a_killed_terraform_leaves_the_object_in_the_cloud_and_no_provider_behind() {
    let stack = Stack::spot(CLOUDSPACE);
    stack.faults(&json!({ "spot_cloudspace": { "slow": { "create": 3600 } } }));
    let mut command = stack.terraform(&["apply", "-auto-approve"]);
    let mut child = command.spawn().expect("terraform starts");
    wait_until("the cloudspace is being made", || {
        stack.names("spot_cloudspace").first().cloned()
    });
    assert_eq!(stack.sockets(), 1);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    wait_until("the provider has ended", || {
        (stack.sockets() == 0).then_some(())
    });
    assert_eq!(stack.names("spot_cloudspace"), ["relay"]);
}

#[test]
fn an_interrupted_destroy_leaves_the_object_where_it_is() {
    let stack = Stack::spot(CLOUDSPACE);
    stack.ok(&["apply", "-auto-approve"]);
    stack.faults(&json!({ "spot_cloudspace.relay": { "slow": { "delete": 3600 } } }));
    let mut command = stack.terraform(&["destroy", "-auto-approve", "-json"]);
    let mut child = command.process_group(0).spawn().expect("terraform starts");
    let stdout = child.stdout.take().expect("it is piped");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(stdout));
    lines
        .find(|line| line.as_ref().is_ok_and(|line| line.contains("apply_start")))
        .expect("it begins")
        .expect("a line");
    kill_process_group(Pid::from_child(&child), Signal::INT).expect("it runs");
    let rest: Vec<String> = lines.map(|line| line.expect("a line")).collect();
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "{rest:?}");
    assert_eq!(stack.names("spot_cloudspace"), ["relay"]);
    stack.faults(&json!({}));
    stack.ok(&["destroy", "-auto-approve"]);
    assert_eq!(stack.names("spot_cloudspace"), Vec::<String>::new());
}

#[test]
fn a_failure_is_told_as_often_as_it_was_asked_for() {
    let stack = Stack::spot(CLOUDSPACE);
    let failure = json!({ "message": "503: try again later", "times": 2 });
    stack.faults(&json!({ "spot_cloudspace": { "fail": { "create": failure } } }));
    for _attempt in 0..2 {
        let said = stack.ends(&["apply", "-auto-approve"], 1);
        assert!(said.contains("Error: 503: try again later"), "{said}");
        assert!(said.contains("on main.tf line 2"), "{said}");
        assert_eq!(stack.names("spot_cloudspace"), Vec::<String>::new());
    }
    stack.ok(&["apply", "-auto-approve"]);
}

#[test]
fn a_read_that_fails_fails_the_plan() {
    let stack = Stack::spot(CLOUDSPACE);
    stack.ok(&["apply", "-auto-approve"]);
    stack.faults(&json!({ "spot_cloudspace": { "fail": { "read": { "message": "500" } } } }));
    for _attempt in 0..2 {
        let said = stack.ends(&["plan"], 1);
        assert!(said.contains("Error: 500"), "{said}");
    }
}

#[test]
fn a_quota_lets_so_many_through_and_no_more() {
    let stack = Stack::spot(&CLOUDSPACE.replace(
        "cloudspace_name = \"relay\"",
        "count = 3\n  cloudspace_name = \"relay-${count.index}\"",
    ));
    stack.faults(&json!({ "spot_cloudspace": { "quota": 2 } }));
    let said = stack.ends(&["apply", "-auto-approve"], 1);
    assert!(
        said.contains("quota exceeded: 2 of 2 spot_cloudspace are used"),
        "{said}"
    );
    assert_eq!(stack.names("spot_cloudspace").len(), 2);
    stack.faults(&json!({}));
    stack.ok(&["apply", "-auto-approve"]);
}

#[test]
fn an_object_that_is_there_only_later_is_waited_for() {
    let stack = Stack::spot(WITH_DATA);
    stack.faults(&json!({ "spot_cloudspace": { "later": { "reads": 3 } } }));
    stack.ok(&["apply", "-auto-approve"]);
    assert_eq!(stack.json(&["output", "-json", "phase"]), "Ready");
    assert_eq!(stack.cloud()["unseen"], json!({}));
}

#[test]
fn an_object_that_is_there_only_later_is_shown_as_missing_when_asked_for() {
    let stack = Stack::spot(WITH_DATA);
    stack.faults(&json!({ "spot_cloudspace": { "later": { "reads": 1, "shown": true } } }));
    let said = stack.ends(&["apply", "-auto-approve"], 1);
    assert!(said.contains("404: not found"), "{said}");
    stack.ok(&["apply", "-auto-approve"]);
}

#[test]
fn a_mistake_in_the_faults_is_told() {
    let stack = Stack::spot(CLOUDSPACE);
    stack.faults(&json!({ "spot_cloudspace": { "slwo": {} } }));
    let said = stack.ends(&["apply", "-auto-approve"], 1);
    assert!(said.contains("unknown field `slwo`"), "{said}");
}
