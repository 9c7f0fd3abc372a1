//! What an environment holds is destroyed backwards, once somebody confirmed it.

use std::sync::Arc;

use camino::Utf8PathBuf;
use deploy_action::{
    rehearse::hub::{Approval, ApprovalState, Hub, HubOptions, Progress, WorkflowRun},
    secret::Secret,
};
use deploy_action_test_support::github_api::{Asker, problems_of_log};
use serde_json::Value;

use super::needs_terraform;
use crate::world::{Ran, World};

const PLAN: &str = r#"name: app
environments: { staging: {}, production: { reviewers: "@ops" } }
phases:
  - id: provision
    environment: staging
    tasks:
      - id: network
        terraform: { dir: network }
        rollback: { by: destroy, data-loss: All of its addresses }
      - id: node
        terraform: { dir: node, variables: { network: "${{ tasks.network.outputs.id }}" } }
      - id: configure
        needs: node
        run: { script: 'echo configured >> $OUT/configured' }
        rollback: { by: none, reason: It goes with its node }
"#;

/// A module with one resource, which leaves a trace when it goes.
fn module(name: &str, more: &str) -> String {
    format!(
        "resource \"terraform_data\" \"{name}\" {{\n  input = \"{name}\"\n{more}  provisioner \"local-exec\" {{\n    when    = destroy\n    command = \"echo {name} >> $OUT/gone\"\n  }}\n}}\noutput \"id\" {{ value = terraform_data.{name}.id }}\n"
    )
}

/// Waits for the trace `go` before it goes.
const SLOW: &str = "  provisioner \"local-exec\" {\n    when    = destroy\n    command = \"echo begin >> $OUT/trace; until test -e $OUT/go; do sleep 0.02; done\"\n  }\n";

fn world_of(plan: &str, network: &str, node: &str) -> World {
    needs_terraform();
    let world = World::new(plan);
    world.write("network/main.tf", network);
    world.write(
        "node/main.tf",
        &format!("variable \"network\" {{ type = string }}\n{node}"),
    );
    world.write(".gitignore", "*.tfstate\n*.tfstate.*\n.terraform/\n");
    world.commit();
    world
}

fn applied(plan: &str, network: &str, node: &str) -> World {
    let world = world_of(plan, network, node);
    let ran = world.run(&["--environment", "staging"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    world
}

fn world() -> World {
    applied(PLAN, &module("net", ""), &module("node", ""))
}

const DESTROY: [&str; 3] = ["destroy", "--environment", "staging"];

fn destroy(world: &World, more: &[&str]) -> Ran {
    let args: Vec<&str> = DESTROY.iter().chain(more).copied().collect();
    world.call(&args)
}

/// Type and task of each record of the walk, of these types.
fn recorded(world: &World, kinds: &[&str]) -> Vec<String> {
    let text = std::fs::read_to_string(world.records("staging")).expect("a ledger");
    let events = text.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        Some(line["record"]["event"].clone())
    });
    events
        .filter(|event| kinds.contains(&event["type"].as_str().unwrap_or_default()))
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            format!(
                "{} {}: {}{}",
                text("type"),
                text("task"),
                text("because"),
                text("way")
            )
        })
        .collect()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn without_a_confirmation_nothing_goes_and_with_it_exactly_what_was_shown_the_latest_first() {
    let world = world();
    let closed = destroy(&world, &[]);
    assert_eq!(closed.code, Some(4), "{}", closed.all());
    assert_eq!(
        closed.stdout,
        "node@staging: 1 resource to destroy\n  terraform_data.node\n  data loss: the plan does not say\nnetwork@staging: 1 resource to destroy\n  terraform_data.net\n  data loss: All of its addresses\n"
    );
    says(
        &closed.stderr,
        &[
            "configure@staging: not destroyed: the plan says that nothing leads back: It goes with its node",
            "next: deploy-action destroy --environment staging --confirm staging",
        ],
    );
    assert_eq!(world.read("gone"), "");
    world.run(&["--environment", "staging"]).tells(
        "0: configure@staging up-to-date, network@staging up-to-date, node@staging up-to-date",
    );

    let opened = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(opened.code, Some(0), "{}", opened.all());
    assert_eq!(world.read("gone"), "node\nnet\n");
    assert_eq!(
        recorded(&world, &["task-invalidated", "task-rolled-back"]),
        [
            "task-invalidated node@staging: its destruction began, confirmed by ada",
            "task-rolled-back node@staging: destroy",
            "task-invalidated configure@staging: `node@staging`, on which it depends, was destroyed",
            "task-invalidated network@staging: its destruction began, confirmed by ada",
            "task-rolled-back network@staging: destroy",
        ]
    );
    // Nothing of it is read any more, and the next run makes it anew.
    let reader = world.run(&["--task", "node"]);
    assert_ne!(reader.code, Some(0), "{}", reader.all());
    world
        .run(&["--environment", "staging"])
        .tells("0: configure@staging succeeded, network@staging succeeded, node@staging succeeded");
    assert_eq!(world.read("configured"), "configured\nconfigured\n");
}

#[test]
fn what_is_gone_is_passed_over() {
    let world = world();
    let first = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(first.code, Some(0), "{}", first.all());
    let again = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(again.code, Some(0), "{}", again.all());
    says(&again.stderr, &["nothing in `staging` can be destroyed"]);
    assert_eq!(world.read("gone"), "node\nnet\n");
}

#[test]
fn a_dry_run_shows_what_would_go_even_where_it_is_confirmed() {
    let world = world();
    let dry = destroy(
        &world,
        &["--dry-run", "--confirm", "staging", "--format", "json"],
    );
    assert_eq!(dry.code, Some(0), "{}", dry.all());
    let told: Value = serde_json::from_str(&dry.stdout).expect("it is JSON");
    assert_eq!(told["tasks"][0]["task"], "node@staging");
    assert_eq!(told["tasks"][0]["state"], "planned");
    assert_eq!(told["tasks"][1]["resources"][0], "terraform_data.net");
    assert_eq!(told["tasks"][1]["data-loss"], "All of its addresses");
    assert_eq!(told["not-destroyed"][0]["task"], "configure@staging");
    assert_eq!(world.read("gone"), "");
    assert_eq!(world.files_with("tfplan"), [] as [std::path::PathBuf; 0]);
}

#[test]
fn what_must_not_be_destroyed_is_refused_at_its_file_and_line_and_nothing_goes() {
    let kept = "  lifecycle { prevent_destroy = true }\n";
    let world = applied(PLAN, &module("net", kept), &module("node", ""));
    let refused = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(refused.code, Some(1), "{}", refused.all());
    says(
        &refused.stderr,
        &[
            "network@staging: network/main.tf:1: Instance cannot be destroyed",
            "nothing was destroyed",
        ],
    );
    assert_eq!(world.read("gone"), "");
}

#[test]
fn a_task_on_which_something_depends_that_stays_is_not_destroyed() {
    let world = world();
    let named = destroy(&world, &["--confirm", "staging", "--task", "network"]);
    assert_eq!(named.code, Some(1), "{}", named.all());
    says(
        &named.stderr,
        &["network@staging: not destroyed: `node@staging` depends on it and is not destroyed"],
    );
    assert_eq!(world.read("gone"), "");
    let other = destroy(&world, &["--confirm", "staging", "--task", "node"]);
    assert_eq!(other.code, Some(0), "{}", other.all());
    assert_eq!(world.read("gone"), "node\n");
}

#[test]
fn the_first_failure_stops_it_and_the_next_call_goes_on() {
    let stubborn = "  provisioner \"local-exec\" {\n    when    = destroy\n    command = \"test -e $OUT/let\"\n  }\n";
    let world = applied(PLAN, &module("net", ""), &module("node", stubborn));
    let failed = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(failed.code, Some(1), "{}", failed.all());
    says(
        &failed.stderr,
        &[
            "error: node@staging: ",
            "network@staging: not destroyed: it stopped at `node@staging`",
        ],
    );
    assert_eq!(world.read("gone"), "");
    world.allow("let");
    let next = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(next.code, Some(0), "{}", next.all());
    assert_eq!(world.read("gone"), "node\nnet\n");
}

#[test]
fn one_that_is_killed_is_waited_for_and_gone_on_with() {
    let world = applied(PLAN, &module("net", ""), &module("node", SLOW));
    let args = [&DESTROY[..], &["--confirm", "staging"]].concat();
    let running = world.start_verb(&args);
    world.wait_for("trace");
    running.kill();
    assert_ne!(world.files_with("tfplan"), [] as [std::path::PathBuf; 0]);
    let next = world.start_verb(&args);
    world.allow("go");
    let next = next.end();
    assert_eq!(next.code, Some(0), "{}", next.all());
    assert_eq!(world.read("trace"), "begin\n", "it was destroyed once");
    assert_eq!(world.files_with("tfplan"), [] as [std::path::PathBuf; 0]);
    assert_eq!(world.read("gone"), "node\nnet\n");
    world
        .run(&["--environment", "staging"])
        .tells("0: configure@staging succeeded, network@staging succeeded, node@staging succeeded");
}

#[test]
fn a_cancelled_one_stops_after_what_it_is_at_and_the_next_goes_on() {
    let world = applied(PLAN, &module("net", ""), &module("node", SLOW));
    let args = [&DESTROY[..], &["--confirm", "staging"]].concat();
    let running = world.start_verb(&args);
    world.wait_for("trace");
    running.signal(rustix::process::Signal::INT);
    world.allow("go");
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.all());
    assert!(!world.read("gone").contains("net"), "{}", ended.all());
    let next = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(next.code, Some(0), "{}", next.all());
    says(&world.read("gone"), &["node\nnet\n"]);
}

#[test]
fn a_task_that_failed_half_way_is_destroyed_with_what_it_holds() {
    let half = format!(
        "{}resource \"terraform_data\" \"never\" {{\n  depends_on = [terraform_data.net]\n  provisioner \"local-exec\" {{ command = \"false\" }}\n}}\n",
        module("net", "")
    );
    let world = world_of(PLAN, &half, &module("node", ""));
    let ran = world.run(&["--environment", "staging"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let gone = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(gone.code, Some(0), "{}", gone.all());
    says(
        &gone.stdout,
        &["terraform_data.net", "terraform_data.never"],
    );
    assert_eq!(world.read("gone"), "net\n");
}

/// What was made by outputs that count no more is destroyed by them.
#[test]
fn a_task_is_destroyed_although_the_one_that_it_reads_failed_later() {
    let world = world();
    world.write(
        "network/main.tf",
        &format!(
            "{}resource \"terraform_data\" \"never\" {{\n  provisioner \"local-exec\" {{ command = \"false\" }}\n}}\n",
            module("net", "")
        ),
    );
    let ran = world.run(&["--environment", "staging"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let gone = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(gone.code, Some(0), "{}", gone.all());
    assert_eq!(world.read("gone"), "node\nnet\n");
}

#[test]
fn what_must_hold_before_is_asked_before() {
    let plan = PLAN.replace(
        "data-loss: All of its addresses",
        "data-loss: All of its addresses, before: [{ id: backup, run: { script: test -e $OUT/backup } }]",
    );
    let plan = plan.replace(", node: {}", "");
    let world = applied(&plan, &module("net", ""), &module("node", ""));
    let failed = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(failed.code, Some(1), "{}", failed.all());
    says(&failed.stderr, &["error: network@staging: check `backup`"]);
    assert_eq!(world.read("gone"), "node\n");
    world.allow("backup");
    let next = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(next.code, Some(0), "{}", next.all());
    assert_eq!(world.read("gone"), "node\nnet\n");
}

#[test]
fn where_there_are_reviewers_a_word_on_the_command_line_does_not_stand_for_theirs() {
    let plan = PLAN.replace("environment: staging", "environment: production");
    let plan = plan.replace("reviewers: \"@ops\"", "");
    let world = world_of(&plan, &module("net", ""), &module("node", ""));
    let ran = world.run(&[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let reviewed = plan.replace("production: {  }", "production: { reviewers: \"@ops\" }");
    assert_ne!(plan, reviewed);
    world.write("deploy.yaml", &reviewed);
    let args = [
        "destroy",
        "--environment",
        "production",
        "--confirm",
        "production",
    ];
    let closed = world.call(&args);
    assert_eq!(closed.code, Some(4), "{}", closed.all());
    says(
        &closed.stderr,
        &["once `@ops` approved the run on GitHub for the environment `production-approval`"],
    );
    assert_eq!(world.read("gone"), "");
}

#[test]
fn another_environment_than_the_confirmed_one_is_refused_and_so_is_none() {
    let world = world_of(PLAN, &module("net", ""), &module("node", ""));
    for args in [
        &[
            "destroy",
            "--environment",
            "staging",
            "--confirm",
            "production",
        ][..],
        &["destroy"],
        &["destroy", "--environment", "stagin"],
    ] {
        let refused = world.call(args);
        assert_eq!(refused.code, Some(2), "{}", refused.all());
    }
    let nothing = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(nothing.code, Some(0), "{}", nothing.all());
}

#[test]
fn the_closing_step_waits_for_a_destruction_that_outlived_its_call() {
    let world = applied(PLAN, &module("net", ""), &module("node", SLOW));
    let running = world.start_verb(&[&DESTROY[..], &["--confirm", "staging"]].concat());
    world.wait_for("trace");
    running.kill();
    world.allow("go");
    let closed = world.call(&["close", "--environment", "staging"]);
    assert_eq!(closed.code, Some(0), "{}", closed.all());
    says(
        &closed.stderr,
        &["node@staging: terraform destroy for `node@staging`: ended with exit code 0"],
    );
    assert_eq!(world.read("gone"), "node\n");
}

const TOKEN: &str = "ghs_of_the_test";

/// A GitHub on which run 7 of this world goes on.
fn hub(world: &World) -> Hub {
    let hub = Hub::start(HubOptions {
        folder: Utf8PathBuf::try_from(world.out("github")).expect("it is UTF-8"),
        port: None,
        repository: "acme/app".to_owned(),
        token: Secret::new(TOKEN),
        pull_request: None,
        packages: Arc::new(Vec::new),
    });
    let hub = hub.expect("it starts");
    let run = WorkflowRun {
        id: 7,
        attempt: 1,
        workflow: "destroy".to_owned(),
        path: ".github/workflows/destroy.yml".to_owned(),
        event: "workflow_dispatch".to_owned(),
        branch: "main".to_owned(),
        sha: "1111111111111111111111111111111111111111".to_owned(),
        progress: Progress::InProgress,
        started_at: "2026-02-01T00:00:00Z".parse().expect("a time"),
    };
    hub.put_run(run).expect("it is kept");
    hub
}

/// Their approval of this run for this environment lets it go: no refusal, and no approval for another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviewers_let_an_environment_go_by_approving_the_run() {
    let mut world = world_of(PLAN, &module("net", ""), &module("node", "")).on_actions();
    let ran = world.run(&["--environment", "staging"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let reviewed = PLAN.replace("staging: {}", "staging: { reviewers: \"@ops\" }");
    world.write("deploy.yaml", &reviewed);
    let hub = hub(&world);
    world.set("GITHUB_API_URL", &hub.api_url());
    world.set("GITHUB_TOKEN", TOKEN);
    let others = [
        ("production-approval", ApprovalState::Approved),
        ("staging-approval", ApprovalState::Rejected),
    ];
    let review = |(environment, state): (&str, ApprovalState)| {
        let approval = Approval {
            run: 7,
            environment: environment.to_owned(),
            state,
            user: "grace".to_owned(),
            comment: String::new(),
        };
        hub.review(approval).expect("it is kept");
    };
    others.into_iter().for_each(review);
    let closed = destroy(&world, &["--confirm", "staging"]);
    assert_eq!(closed.code, Some(4), "{}", closed.all());
    assert_eq!(world.read("gone"), "");
    review(("staging-approval", ApprovalState::Approved));
    let opened = destroy(&world, &[]);
    assert_eq!(opened.code, Some(0), "{}", opened.all());
    says(
        &opened.stderr,
        &["node@staging: destroyed, confirmed by grace"],
    );
    assert_eq!(world.read("gone"), "node\nnet\n");
    hub.stop().await;
    let problems = problems_of_log(&world.out("github/requests.jsonl"), Asker::Client);
    assert_eq!(problems, [""; 0]);
}
