//! What the processes of a task get of its `login`, and that nothing of it stays.
#![cfg(target_os = "linux")]

mod registry;

use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::json;

use crate::{
    rehearse_world::Rehearsals,
    world::{Ran, World, wait_until},
};

const PROVIDER: &str =
    "projects/123/locations/global/workloadIdentityPools/github/providers/actions";

const TOKEN: &str = "request-token-of-the-job";

/// Notes the mode of the file, where it is, and what it says; then what the test wants.
const NOTE: &str = "stat -c %a \"$GOOGLE_APPLICATION_CREDENTIALS\" > $OUT/mode; \
     echo \"$GOOGLE_APPLICATION_CREDENTIALS\" > $OUT/path; cat \"$GOOGLE_APPLICATION_CREDENTIALS\" > $OUT/document; \
     echo \"$GOOGLE_CLOUD_PROJECT ${ACTIONS_ID_TOKEN_REQUEST_TOKEN-}\" > $OUT/named; ";

/// A plan of one task that is logged in to Google, from what else it says.
fn plan_of(task: &str) -> String {
    format!(
        "name: app\n\
         connections:\n  cloud: {{ google: {{ project: acme-prod, workload-identity-provider: {PROVIDER}, service-account: deploy@acme.example, preview-service-account: look@acme.example }} }}\n\
         phases:\n  - id: ship\n    tasks:\n      - {{ id: a, login: cloud, {task} }}\n"
    )
}

fn plan(script: &str, rest: &str) -> String {
    plan_of(&format!("run: {{ script: '{script}'{rest} }}"))
}

/// A job that may have OIDC tokens. Nobody is asked for one here: what reads the file asks.
fn job(plan: &str) -> World {
    let world = World::new(plan).on_actions();
    let temporary = world.tmp().join("runner");
    std::fs::create_dir(&temporary).expect("a folder");
    let temporary = temporary.to_str().expect("text").to_owned();
    world
        .with("RUNNER_TEMP", &temporary)
        .with(
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "https://oidc.example/token?v=2",
        )
        .with("ACTIONS_ID_TOKEN_REQUEST_TOKEN", TOKEN)
}

fn world(script: &str, rest: &str) -> World {
    job(&plan(&format!("{NOTE}{script}"), rest))
}

/// Where the file was, which was right while it was there.
#[track_caller]
fn file(world: &World) -> PathBuf {
    let path = PathBuf::from(world.read("path").trim());
    assert_eq!(world.read("mode"), "600\n");
    assert!(path.starts_with(world.tmp().join("runner")), "{path:?}");
    assert!(!path.starts_with(world.repository()), "{path:?}");
    path
}

/// Nothing below the folders of the run says the token, and nothing that was printed.
#[track_caller]
fn no_file_says_it(world: &World) {
    let found = world.files_with(TOKEN);
    assert!(found.is_empty(), "{found:?}");
}

#[track_caller]
fn nothing_stays(world: &World, ran: &Ran) {
    assert!(!file(world).exists(), "the file stays");
    no_file_says_it(world);
    let masks = ran
        .all()
        .replace("::add-mask::request-token-of-the-job", "");
    assert!(!masks.contains(TOKEN), "{masks}");
}

#[test]
fn a_task_gets_a_file_that_is_its_own_and_gone_when_it_has_succeeded() {
    for rest in ["", ", changes: false"] {
        let world = world("cat $OUT/document", rest);
        let ran = world.run(&[]);
        ran.tells("0: a succeeded");
        nothing_stays(&world, &ran);
        // The child gets what leads to tokens in the file alone, and the project under its names.
        assert_eq!(world.read("named"), "acme-prod \n");
        let document: serde_json::Value =
            serde_json::from_str(&world.read("document")).expect("it is JSON");
        let audience = format!("//iam.googleapis.com/{PROVIDER}");
        assert_eq!(document["type"], "external_account");
        assert_eq!(document["audience"], audience);
        let escaped = PROVIDER.replace('/', "%2F");
        let url = format!(
            "https://oidc.example/token?v=2&audience=https%3A%2F%2Fiam.googleapis.com%2F{escaped}"
        );
        assert_eq!(document["credential_source"]["url"], url);
        let account = document["service_account_impersonation_url"].as_str();
        assert!(account.is_some_and(|url| url.contains("/deploy@acme.example:")));
    }
}

#[test]
fn the_file_is_gone_when_the_task_has_failed_or_was_never_started() {
    for rest in ["", ", changes: false"] {
        let world = world("exit 3", rest);
        let ran = world.run(&[]);
        ran.tells("1: a failed (task)");
        nothing_stays(&world, &ran);
    }
    for rest in ["", ", changes: false"] {
        let task = format!("run: {{ command: [there-is-no-such-program]{rest} }}");
        let world = job(&plan_of(&task));
        world.run(&[]).tells("1: a failed (task)");
        no_file_says_it(&world);
    }
}

#[test]
fn the_file_is_gone_when_the_run_was_asked_to_stop() {
    for rest in ["", ", changes: false"] {
        let world = world(
            "trap \"exit 3\" INT; echo up > $OUT/up; while true; do sleep 0.02; done",
            rest,
        );
        let run = world.start(&[]);
        world.wait_for("up");
        assert!(file(&world).exists());
        run.signal(Signal::TERM);
        let ran = run.end();
        ran.tells("143: a cancelled");
        nothing_stays(&world, &ran);
    }
}

#[test]
fn a_child_that_outlives_its_run_has_the_file_until_it_ends() {
    let world = world(
        "echo up > $OUT/up; while test -d $OUT && ! test -e $OUT/go; do sleep 0.02; done; \
         test -e \"$GOOGLE_APPLICATION_CREDENTIALS\" && echo there > $OUT/end",
        "",
    );
    let run = world.start(&[]);
    world.wait_for("up");
    run.kill();
    let path = file(&world);
    assert!(path.exists());
    world.allow("go");
    world.wait_for("end");
    wait_until("its keeper has removed the file", || {
        (!path.exists()).then_some(())
    });
    no_file_says_it(&world);
}

#[test]
fn a_check_of_the_task_is_logged_in_too() {
    let note = "echo $GOOGLE_APPLICATION_CREDENTIALS > $OUT/path; test -s $(cat $OUT/path)";
    let check = format!("verify: [{{ id: c, run: {{ script: '{note}' }} }}]");
    let world = job(&plan_of(&format!("run: {{ script: 'true' }}, {check}")));
    world.run(&[]).tells("0: a succeeded");
    assert!(!PathBuf::from(world.read("path").trim()).exists());
    no_file_says_it(&world);
}

#[test]
fn a_job_of_a_pull_request_is_the_account_that_only_reads() {
    let own = json!({ "repo": { "full_name": "acme/app" } });
    let payload = json!({ "pull_request": { "number": 1, "head": own, "base": own } });
    let queue =
        json!({ "merge_group": { "head_ref": "refs/heads/gh-readonly-queue/main/pr-1-0a1b" } });
    for (event, payload) in [("pull_request", &payload), ("merge_group", &queue)] {
        let world = world("true", ", changes: false").of_event(event, payload);
        world.run(&[]).tells("0: a succeeded");
        let document = world.read("document");
        assert!(document.contains("/look@acme.example:"), "{document}");
    }
    let plan = plan(&format!("{NOTE}true"), ", changes: false");
    let without = plan.replace(", preview-service-account: look@acme.example", "");
    let world = job(&without).of_event("pull_request", &payload);
    let ran = world.run(&[]);
    ran.tells("1: a failed (invalid)");
    let failure = ran.failure("a");
    assert!(
        failure.contains("no account that a pull request may take on; `deploy@acme.example`"),
        "{failure}"
    );
    assert_eq!(world.read("mode"), "", "nothing was started");
}

#[test]
fn a_job_without_the_permission_fails_before_its_process_with_what_it_needs() {
    let mut world = world("true", "");
    world.unset("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    let ran = world.run(&[]);
    ran.tells("1: a failed (task)");
    let outcome = &ran.last("task-finished", "a")["outcome"];
    let hint = outcome["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("permissions: id-token: write"), "{outcome}");
    assert_eq!(world.read("mode"), "", "nothing was started");
}

#[test]
fn a_rehearsal_logs_in_to_a_stand_in_and_says_so() {
    let script = "cp \"$GOOGLE_APPLICATION_CREDENTIALS\" ~/document; stat -c %a \"$GOOGLE_APPLICATION_CREDENTIALS\" > ~/mode";
    let plan = format!(
        "{}workflows:\n  ship: {{ on: {{ push: {{ branches: [main] }} }}, phases: ship }}\n",
        plan(script, "")
    );
    let rehearsals = Rehearsals::new(&plan, &[]);
    let ran = rehearsals.rehearse_to(0, &[]);
    assert!(
        ran.all().contains("stand-in for Google's identity services: deploy-action's stand-in for Google's identity services"),
        "{}",
        ran.all()
    );
    assert_eq!(rehearsals.trace("mode"), "600\n");
    let document: serde_json::Value =
        serde_json::from_str(&rehearsals.trace("document")).expect("it is JSON");
    let token_url = document["token_url"].as_str().unwrap_or_default();
    assert!(token_url.starts_with("http://127.0.0.1:"), "{document}");
    let effects = rehearsals.task("a")["effects"].to_string();
    assert!(
        effects.contains("log in to Google Cloud by `cloud`"),
        "{effects}"
    );
}
