//! Which event lets which task be carried out.

use camino::Utf8Path;
use serde_json::json;

use super::*;
use crate::plan::{Plan, read_text};

fn runner(event: &str, payload: serde_json::Value) -> RunnerContext {
    RunnerContext {
        on_actions: true,
        event: TriggerEvent::new(event, Value::from(payload)),
        ..RunnerContext::default()
    }
}

fn trust(event: &str, payload: serde_json::Value) -> Trust {
    Trust::of(&runner(event, payload))
}

fn pull_request(head: serde_json::Value) -> serde_json::Value {
    json!({ "pull_request": {
        "number": 7, "head": { "repo": head }, "base": { "repo": { "full_name": "acme/web" } },
    }})
}

fn earlier_run(event: &str, head: &str) -> serde_json::Value {
    json!({
        "repository": { "full_name": "acme/web" },
        "workflow_run": {
            "event": event, "head_branch": "main", "head_repository": { "full_name": head },
        },
    })
}

#[test]
fn a_person_at_a_machine_and_whoever_may_write_are_trusted_with_everything() {
    assert_eq!(Trust::of(&RunnerContext::default()), Trust::Own);
    for event in OWN {
        assert_eq!(trust(event, json!({})), Trust::Own, "{event}");
    }
}

#[test]
fn a_pull_request_is_told_from_that_of_a_fork_by_its_payload_and_by_nothing_else() {
    let own = || json!({ "full_name": "acme/web" });
    for event in WITHHELD {
        assert_eq!(
            trust(event, pull_request(own())),
            Trust::Proposed,
            "{event}"
        );
        for head in [json!({ "full_name": "eve/web" }), json!(null), json!({})] {
            assert_eq!(trust(event, pull_request(head)), Trust::Fork, "{event}");
        }
        for payload in [
            json!(null),
            json!({}),
            json!({ "pull_request": { "number": 7 } }),
        ] {
            assert_eq!(trust(event, payload), Trust::Fork, "{event}");
        }
    }
    assert_eq!(trust("merge_group", json!({})), Trust::Proposed);
}

#[test]
fn an_event_that_lends_the_rights_of_the_default_branch_has_to_prove_whose_changes_it_holds() {
    let own = pull_request(json!({ "full_name": "acme/web" }));
    assert_eq!(trust("pull_request_target", own), Trust::Proposed);
    let strange = pull_request(json!({ "full_name": "eve/web" }));
    assert_eq!(trust("pull_request_target", strange), Trust::Unproven);
    let run = |event, head| trust("workflow_run", earlier_run(event, head));
    assert_eq!(run("push", "acme/web"), Trust::Own);
    assert_eq!(run("pull_request", "acme/web"), Trust::Proposed);
    // Its branch is named `main`, as that of the repository is.
    assert_eq!(run("push", "eve/web"), Trust::Unproven);
    assert_eq!(run("pull_request", "eve/web"), Trust::Unproven);
    assert_eq!(run("issue_comment", "acme/web"), Trust::Unproven);
    assert_eq!(
        trust("workflow_run", json!({ "workflow_run": {} })),
        Trust::Unproven
    );
    for event in ["issue_comment", "issues", "watch", "an_event_of_tomorrow"] {
        assert_eq!(trust(event, json!({})), Trust::Unproven, "{event}");
    }
    let nameless = RunnerContext {
        on_actions: true,
        ..RunnerContext::default()
    };
    assert_eq!(Trust::of(&nameless), Trust::Unproven);
}

const PLAN: &str = "
name: app
connections:
  ghcr: { registry: { host: ghcr.io, username: bot, password: '${{ secrets.TOKEN }}' } }
  cloud: { google: { project: acme } }
  database: { postgres: { host: db, user: app, database: app, password: '${{ secrets.TOKEN }}' } }
secrets: { TOKEN: {} }
phases:
  - id: ship
    tasks:
      - { id: pushed, image: { context: ., push: ghcr }, verify: [{ id: rows, sql: { connection: database, query: 'select 1' } }] }
      - { id: built, image: { context: . } }
      - { id: built-with-secret, image: { context: ., secrets: { npm: '${{ secrets.TOKEN }}' } } }
      - { id: changing, run: { script: 'true' } }
      - { id: looking, run: { script: 'true', changes: false } }
      - { id: looking-with-secret, env: { T: '${{ secrets.TOKEN }}' }, run: { script: 'true', changes: false } }
      - { id: logged-in, login: cloud, run: { script: 'true', changes: false } }
      - { id: module, terraform: { dir: infra } }
      - { id: asked, check: [{ id: c, http: { url: 'https://acme.example' } }] }
      - { id: queried, check: [{ id: q, sql: { connection: database, query: 'select 1' } }] }
      - { id: confirmed, gate: { confirm: Somebody looked } }
";

fn plan() -> Plan {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("infra")).expect("a folder");
    std::fs::write(folder.path().join("infra/main.tf"), "").expect("a file");
    let folder = Utf8Path::from_path(folder.path()).expect("text");
    let read = read_text("deploy.yaml", PLAN.to_owned(), folder);
    read.plan
        .unwrap_or_else(|| panic!("a plan: {:?}", read.problems))
}

/// The tasks that are carried out.
fn allowed(trust: Trust, moment: Moment) -> String {
    let plan = plan();
    let tasks = plan.tasks.iter();
    let tasks = tasks.filter(|task| trust.refuses(task, moment).is_none());
    let names: Vec<&str> = tasks.map(|task| task.id.as_str()).collect();
    names.join(" ")
}

#[test]
fn who_is_trusted_runs_everything_and_who_proposes_what_changes_nothing() {
    let all = "pushed built built-with-secret changing looking looking-with-secret logged-in module asked queried confirmed";
    for moment in [Moment::Preview, Moment::Run] {
        assert_eq!(allowed(Trust::Own, moment), all);
        assert_eq!(allowed(Trust::Unproven, moment), "");
    }
    assert_eq!(allowed(Trust::Proposed, Moment::Preview), all);
    assert_eq!(
        allowed(Trust::Proposed, Moment::Run),
        "built built-with-secret looking looking-with-secret logged-in asked queried confirmed"
    );
}

#[test]
fn a_fork_gets_what_changes_nothing_and_reads_nothing_of_the_repositorys() {
    assert_eq!(
        allowed(Trust::Fork, Moment::Run),
        "built looking asked confirmed"
    );
    // A preview builds what a run pushes, without the connection that it is pushed by.
    assert_eq!(
        allowed(Trust::Fork, Moment::Preview),
        "pushed built changing looking asked confirmed"
    );
}

#[test]
fn a_refusal_names_the_task_the_reason_and_what_to_do() {
    let plan = plan();
    let refusal = |trust: Trust, name: &str| {
        let task = plan.tasks.iter().find(|task| task.id.as_str() == name);
        let refusal = trust.refuses(task.expect("it is there"), Moment::Run);
        refusal.expect("it is refused")
    };
    let fork = refusal(Trust::Fork, "looking-with-secret");
    assert_eq!(
        fork.because,
        "`looking-with-secret` reads `secrets.TOKEN`, and a pull request of a fork gets nothing of this repository's"
    );
    assert_eq!(fork.hint, OWN_BRANCH);
    assert!(
        refusal(Trust::Fork, "logged-in")
            .because
            .contains("uses connection `cloud`")
    );
    assert!(
        refusal(Trust::Fork, "module")
            .because
            .contains("changes something")
    );
    assert_eq!(refusal(Trust::Proposed, "changing").hint, AFTER_MERGE);
    assert_eq!(refusal(Trust::Unproven, "asked").hint, OTHER_EVENT);
}
