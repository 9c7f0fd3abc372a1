//! `action.yml` in workflows as a person writes them, carried out by act: no image, no network, no GitHub.
#![cfg(target_os = "linux")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use camino::Utf8PathBuf;
use deploy_action::{
    rehearse::hub::{Hub, HubOptions, PullRequest, PullRequestState},
    secret::Secret,
};
use deploy_action_test_support::github_api::{Asker, problems_of_log};
use rustix::process::Signal;
use serde_json::Value;

use crate::{rehearse_world::Started, world::World};

const TOKEN: &str = "token-of-the-test-0123456789";
const PROGRAM: &str = env!("CARGO_BIN_EXE_deploy-action");

/// How workflows name the action: by a commit, as they should.
const ACTION: &str = "org/deploy-action@82e940f804c2a4070a235382fb3e1d14a7301ccb";

const PLAN: &str = r#"
version: 1
name: app
phases:
  - id: ship
    tasks:
      - { id: build, run: { script: 'echo building', changes: false } }
      - { id: send, needs: build, run: { script: 'echo sent >> "$OUT/sent"' } }
"#;

/// What a person writes around a deployment.
const WORKFLOW: &str = r#"
name: deploy
on: push
permissions: {}
jobs:
  ship:
    runs-on: ubuntu-latest
    permissions:
      contents: read
    steps:
      - name: Check out
        uses: actions/checkout@8e8c483db84b4bee98b60c0593521ed34d9990e8 # v6.0.1
        with:
          persist-credentials: false
      - name: Plan
        id: plan
        uses: ACTION # v0.1.0
        with:
          command: run
          arguments: --dry-run
      - name: Deploy
        uses: ACTION # v0.1.0
        with:
          command: run
      - name: Tell
        env:
          JOBS: ${{ steps.plan.outputs.jobs }}
          DIGEST: ${{ steps.plan.outputs.digest }}
        run: echo "jobs=$JOBS digest=$DIGEST"
      - name: Report
        if: always()
        uses: ACTION # v0.1.0
        with:
          command: checkpoint
          arguments: --post
      - name: Close
        if: always()
        uses: ACTION # v0.1.0
        with:
          command: close
"#;

/// A repository with a plan and a workflow.
fn world(plan: &str, workflow: &str) -> World {
    let world = World::new(plan).with("GITHUB_TOKEN", TOKEN);
    git(
        &world,
        &["remote", "add", "origin", "https://github.com/acme/app"],
    );
    let workflow = workflow.replace("ACTION", ACTION);
    world.write(".github/workflows/deploy.yml", &workflow);
    world.commit();
    world
}

fn git(world: &World, args: &[&str]) -> String {
    let output = world.command("git").args(args).output();
    let output = output.expect("git starts");
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A GitHub whose pull request 7 became the commit of a world.
fn hub(world: &World) -> Hub {
    let commit = git(world, &["rev-parse", "HEAD"]);
    let hub = Hub::start(HubOptions {
        folder: Utf8PathBuf::try_from(world.out("github")).expect("it is UTF-8"),
        port: None,
        repository: "acme/app".to_owned(),
        token: Secret::new(TOKEN),
        pull_request: Some(PullRequest {
            number: 7,
            title: "Deploy".to_owned(),
            state: PullRequestState::Merged,
            author: "ada".to_owned(),
            head_branch: "change".to_owned(),
            head_sha: commit.clone(),
            base_branch: "main".to_owned(),
            merge_commit_sha: Some(commit),
        }),
        packages: Arc::new(Vec::new),
    });
    let hub = hub.expect("it starts");
    // act knows GitHub's own address alone.
    fs::write(world.out("api-url"), hub.api_url()).expect("a file");
    hub
}

/// The program act.
fn program_act(world: &World) -> Command {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).any(|folder| folder.join("act").is_file());
    assert!(
        found,
        "act is not on the PATH: `cargo xtask setup` brings it, `cargo xtask test` finds it"
    );
    world.command("act")
}

/// Runs the event `push` of a world's workflow.
fn act(world: &World) -> Command {
    // The action alone: act copies the whole folder for each step.
    let folder = world.out("action");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("action.yml"), include_str!("../../action.yml")).expect("a file");
    let cache = world.out("act");
    let mut command = program_act(world);
    command
        .arg("push")
        .args(["--json", "--no-cache-server", "--pull=false"])
        .arg("--action-offline-mode")
        .arg("--action-cache-path")
        .arg(&cache)
        .args(["--platform", "ubuntu-latest=-self-hosted"])
        .args(["--platform", "ubuntu-24.04=-self-hosted"])
        .arg("--local-repository")
        .arg(format!("{ACTION}={}", folder.display()))
        .args(["--secret", "GITHUB_TOKEN"])
        .arg("--env")
        .arg(format!("DEPLOY_ACTION_BINARY={}", binary(world).display()))
        .env("XDG_CACHE_HOME", cache);
    command
}

/// Becomes the program, with the address of this world's GitHub.
fn binary(world: &World) -> PathBuf {
    let script = format!(
        "#!/bin/bash\nif test -e \"$OUT/api-url\"; then export GITHUB_API_URL=$(cat \"$OUT/api-url\"); fi\n\
        exec {PROGRAM} \"$@\"\n"
    );
    let path = world.out("binary");
    fs::write(&path, script).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    path
}

/// What act did.
struct Acted {
    code: Option<i32>,
    lines: Vec<Value>,
}

impl Acted {
    fn run(world: &World) -> Self {
        Self::with(world, &[])
    }

    fn with(world: &World, args: &[&str]) -> Self {
        let mut act = act(world);
        act.args(args);
        let output = tokio::task::block_in_place(|| act.output()).expect("act starts");
        Self::of(
            output.status.code(),
            &String::from_utf8_lossy(&output.stdout),
        )
    }

    fn of(code: Option<i32>, stdout: &str) -> Self {
        let lines = stdout.lines();
        Self {
            code,
            lines: lines
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect(),
        }
    }

    /// All that was said, for a test that fails.
    fn all(&self) -> String {
        let lines = self.lines.iter();
        let said = lines.filter(|line| line["stage"] == "Main" || line["jobResult"].is_string());
        said.map(|line| format!("{}: {}\n", line["step"], line["msg"]))
            .collect()
    }

    /// The lines of a step of the workflow.
    fn of_step(&self, step: &str) -> Vec<&Value> {
        let lines = self.lines.iter();
        lines
            .filter(|line| line["step"] == step && line["stage"] == "Main")
            .collect()
    }

    /// What a step printed.
    fn printed(&self, step: &str) -> String {
        self.of_step(step)
            .into_iter()
            .filter(|line| line["raw_output"] == true)
            .filter_map(|line| line["msg"].as_str())
            .collect()
    }

    /// How a step ended; nothing where it never began.
    fn result(&self, step: &str) -> Option<&str> {
        self.of_step(step)
            .into_iter()
            .filter_map(|line| line["stepResult"].as_str())
            .next_back()
    }

    /// With which exit code the program ended a step; 0 is not told.
    fn exit_code(&self, step: &str) -> i32 {
        self.of_step(step)
            .into_iter()
            .filter_map(|line| line["msg"].as_str()?.strip_prefix("exit status "))
            .next_back()
            .map_or(0, |code| code.parse().expect("a number"))
    }

    /// The summary that a step left.
    fn summary(&self, step: &str) -> &str {
        let lines = self.of_step(step);
        let mut summaries = lines.iter().filter(|line| line["command"] == "summary");
        let last = summaries.next_back();
        last.and_then(|line| line["content"].as_str())
            .unwrap_or_default()
    }

    /// The errors that a step annotated: file and title.
    fn errors(&self, step: &str) -> Vec<(&str, &str)> {
        let lines = self.of_step(step);
        let errors = lines.iter().filter(|line| line["command"] == "error");
        errors
            .map(|line| {
                let text = |key: &str| line["kvPairs"][key].as_str().unwrap_or_default();
                (text("file"), text("title"))
            })
            .collect()
    }

    /// How the last job ended.
    fn job(&self) -> Option<&str> {
        self.jobs().last().map(|(_, result)| *result)
    }

    /// How each job that began ended, in that order.
    fn jobs(&self) -> Vec<(&str, &str)> {
        let lines = self.lines.iter();
        lines
            .filter_map(|line| Some((line["jobID"].as_str()?, line["jobResult"].as_str()?)))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_deploys_hands_outputs_on_reports_and_closes() {
    let world = world(PLAN, WORKFLOW);
    let hub = hub(&world);
    let acted = Acted::run(&world);
    assert_eq!(
        (acted.code, acted.job()),
        (Some(0), Some("success")),
        "{}",
        acted.all()
    );
    assert_eq!(world.read("sent"), "sent\n");
    let told = acted.printed("Tell");
    let (jobs, digest) = told.trim().split_once(' ').expect("two outputs");
    assert_eq!(jobs, r#"jobs=["ship--build","ship--send"]"#);
    let hex = digest.strip_prefix("digest=sha256:").expect("a digest");
    assert_eq!(hex.len(), 64, "{digest}");
    assert_eq!(acted.printed("Close"), "nothing was left running\n");
    for step in ["Deploy", "Report"] {
        let summary = acted.summary(step);
        assert!(summary.contains("## Deployment of app: "), "{summary}");
    }
    assert_eq!(acted.errors("Deploy"), []);
    let comments = hub.comments(7).expect("comments");
    assert_eq!(comments.len(), 1, "{}", acted.all());
    assert!(comments[0].body.contains("## Deployment of app: "));

    let again = Acted::run(&world);
    assert_eq!(again.code, Some(0), "{}", again.all());
    assert_eq!(again.printed("Tell"), format!("jobs=[] {digest}\n"));
    assert_eq!(world.read("sent"), "sent\n", "nothing is sent twice");
    assert_eq!(hub.comments(7).expect("comments").len(), 1);
    hub.stop().await;
    let log = world.out("github/requests.jsonl");
    assert_eq!(problems_of_log(&log, Asker::Client), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_fails_makes_the_job_red_and_what_follows_tells_the_truth() {
    let plan = PLAN.replace("echo building", "echo the reason >&2; exit 3");
    let world = world(&plan, WORKFLOW);
    let hub = hub(&world);
    let acted = Acted::run(&world);
    assert_eq!(
        (acted.code, acted.job()),
        (Some(1), Some("failure")),
        "{}",
        acted.all()
    );
    assert_eq!(acted.exit_code("Deploy"), 1);
    let printed = acted.printed("Deploy");
    assert!(printed.contains("the reason"), "{printed}");
    assert!(printed.contains("ended with exit code 3"), "{printed}");
    assert_eq!(acted.result("Tell"), None, "it follows a failure");
    assert_eq!(acted.result("Close"), Some("success"));
    assert_eq!(acted.printed("Close"), "nothing was left running\n");
    assert_eq!(acted.errors("Deploy"), [("deploy.yaml", "build")]);
    for step in ["Deploy", "Report"] {
        let summary = acted.summary(step);
        assert!(
            summary.contains("## Deployment of app: failed"),
            "{summary}"
        );
    }
    let comments = hub.comments(7).expect("comments");
    assert!(comments[0].body.contains("## Deployment of app: failed"));
    assert_eq!(world.read("sent"), "");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_verb_ends_its_step_with_its_own_exit_code() {
    let steps: String = [
        ("Lint", "lint", ""),
        ("Nothing", "run", "task: none-such"),
        ("Deploy", "run", "phase: ship"),
        ("Paused", "run", "phase: ask"),
        ("Confirmed", "run", "{ phase: ask, confirm: seen }"),
        ("Drifted", "render", "arguments: --check"),
        ("Itself", "action", ""),
    ]
    .into_iter()
    .map(|(name, command, with)| {
        let with = with.trim_matches(['{', ' ', '}']).replace(", ", "\n          ");
        format!("      - name: {name}\n        continue-on-error: true\n        uses: ACTION\n        with:\n          command: {command}\n          {with}\n")
    })
    .collect();
    let (head, _) = WORKFLOW.split_once("      - name: Plan").expect("steps");
    let plan = format!(
        "{PLAN}  - id: ask\n    tasks: [{{ id: seen, gate: {{ confirm: Is it seen? }} }}]\n"
    );
    let world = world(&plan, &format!("{head}{steps}"));
    let acted = Acted::run(&world);
    assert_eq!(acted.code, Some(0), "{}", acted.all());
    let codes: Vec<i32> = [
        "Lint",
        "Nothing",
        "Deploy",
        "Paused",
        "Confirmed",
        "Drifted",
        "Itself",
    ]
    .into_iter()
    .map(|step| acted.exit_code(step))
    .collect();
    assert_eq!(codes, [0, 2, 0, 4, 0, 3, 2], "{}", acted.all());
}

/// act kills a step's process at once where GitHub's runner asks it to stop; the closing step has to bear both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_workflow_is_closed_and_the_next_one_takes_over_what_went_on() {
    let plan = PLAN.replace(
        r#"echo sent >> "$OUT/sent""#,
        r#"echo begin >> "$OUT/sent"; until test -e "$OUT/go"; do sleep 0.02; done; echo sent >> "$OUT/sent""#,
    );
    // Without a report: it would ask the real GitHub.
    let (head, tail) = WORKFLOW.split_once("      - name: Report").expect("a step");
    let (_, tail) = tail.split_once("      - name: Close").expect("a step");
    let world = world(&plan, &format!("{head}      - name: Close{tail}"));
    let started = Started::of(act(&world), &world, "cancelled");
    world.wait_for("sent");
    started.signal(Signal::INT);
    crate::world::wait_until("the closing step begins", || {
        let stdout = started.stdout();
        let lines = stdout.lines();
        let begins =
            |line: &str| line.contains("Run Main Run") && line.contains(r#""step":"Close""#);
        lines.into_iter().any(begins).then_some(())
    });
    world.allow("go");
    let ended = started.end();
    let acted = Acted::of(ended.code, &ended.stdout);
    assert_ne!(acted.code, Some(0), "{}", ended.all());
    assert_eq!(acted.result("Tell"), None, "it follows a cancel");
    let closed = acted.printed("Close");
    assert!(closed.contains("send: "), "{closed}");
    assert!(closed.contains("ended with exit code 0"), "{closed}");
    let next = Acted::run(&world);
    assert_eq!(next.code, Some(0), "{}", next.all());
    assert_eq!(world.read("sent"), "begin\nsent\n", "it is not done twice");
}

/// The rendered files of the example systems: act refuses what is made for GitHub, and reads what is made for it.
#[test]
fn what_is_rendered_for_act_is_the_same_graph_and_act_reads_it() {
    let world = World::new(PLAN);
    let systems = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows");
    let plan = systems.join("relay/deploy.yaml");
    let plan = plan.to_str().expect("the path is text");
    let folder = world.out("for-act");
    let to = folder.to_str().expect("the path is text");
    let rendered = world.call(&["render", plan, "--for", "act", "--dir", to, "--check"]);
    assert_eq!(
        rendered.code,
        Some(3),
        "nothing is there: {}",
        rendered.all()
    );
    let rendered = world.call(&["render", plan, "--for", "act", "--dir", to]);
    assert_eq!(rendered.code, Some(0), "{}", rendered.all());
    for name in ["deploy.yml", "docker-publish.yml", "drift.yml"] {
        let for_github = systems.join("relay/.github/workflows").join(name);
        let for_act = folder.join(name);
        let read = |path: &Path| {
            let text = fs::read_to_string(path).expect("it is rendered");
            deploy_action::workflow::read(&text).expect("it is a workflow")
        };
        assert_eq!(read(&for_act), read(&for_github), "{name}");
        let listed = |path: &Path| {
            let mut act = program_act(&world);
            act.arg("--list").arg("--workflows").arg(path);
            act.output().expect("act starts")
        };
        let output = listed(&for_act);
        assert!(output.status.success(), "{name}: {output:?}");
        let refused = !listed(&for_github).status.success();
        let text = fs::read_to_string(&for_github).expect("it is rendered");
        let is_new = text.contains("queue: max") || text.contains("deployment: false");
        assert_eq!(refused, is_new, "{name}: act has learnt the keys");
    }
    let refused = world.call(&["render", "--for", "act"]);
    assert_eq!(refused.code, Some(2), "{}", refused.all());
    assert!(refused.stderr.contains("--dir"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rendered_workflow_runs_job_by_job_and_a_second_time_only_what_has_work() {
    let plan = format!("{PLAN}workflows: {{ deploy: {{ on: push }} }}\n");
    let world = World::new(&plan).with("GITHUB_TOKEN", TOKEN);
    git(
        &world,
        &["remote", "add", "origin", "https://github.com/acme/app"],
    );
    for args in [
        &["render"][..],
        &["render", "--for", "act", "--dir", "for-act"],
    ] {
        let rendered = world.call(args);
        assert_eq!(rendered.code, Some(0), "{}", rendered.all());
    }
    world.commit();
    let hub = hub(&world);
    let for_act = [
        "--workflows",
        "for-act/deploy.yml",
        "--concurrent-jobs",
        "1",
    ];
    let acted = Acted::with(&world, &for_act);
    assert_eq!(acted.code, Some(0), "{}", acted.all());
    let all = ["plan", "ship--build", "ship--send", "checkpoint"];
    assert_eq!(
        acted.jobs(),
        all.map(|job| (job, "success")),
        "{}",
        acted.all()
    );
    assert_eq!(world.read("sent"), "sent\n");
    let again = Acted::with(&world, &for_act);
    assert_eq!(again.code, Some(0), "{}", again.all());
    let began: Vec<&str> = again.jobs().into_iter().map(|(job, _)| job).collect();
    assert_eq!(began, ["plan", "checkpoint"], "{}", again.all());
    assert_eq!(world.read("sent"), "sent\n");
    assert_eq!(hub.comments(7).expect("comments").len(), 1);
    hub.stop().await;
}
