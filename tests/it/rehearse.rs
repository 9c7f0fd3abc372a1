//! `deploy-action rehearse`: what it carries out, what it says, what it leaves, and how it goes on.
#![cfg(target_os = "linux")]

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    rehearse_world::{Rehearsals, Started, files_below},
    world::wait_until,
};

/// All that a rehearsal tells apart: real, stand-in, not run, and waiting for what is not run.
const SHOP: &str = r#"
version: 1
name: shop
inputs: { greeting: { default: hello } }
secrets: { PASSWORD: {} }
connections: { ghcr: { registry: { host: ghcr.io } } }
decisions: { window: { question: When?, answer: now, by: "@shop/operators", at: 2026-01-01 } }
phases:
  - id: build
    tasks:
      - id: page
        run: { command: [bash, page.sh], changes: false }
        env: { GREETING: "${{ inputs.greeting }}" }
        paths: page.sh
        artifacts: { page: { path: out/page.html } }
      - id: image
        image:
          assemble: { files: { /srv/page.html: "${{ tasks.page.artifacts.page }}" }, entrypoint: [/srv/none] }
          push: ghcr
          tags: type=sha
        verify:
          - { id: listed, image: { reference: "${{ tasks.image.outputs.reference }}" }, expect: { listed: true } }
  - id: release
    tasks:
      - { id: agreed, gate: { decisions: window } }
      - { id: seen, gate: { confirm: Somebody has seen the page } }
      - { id: notes, render: { template: notes.tera, to: out/notes.txt, with: { greeting: "${{ inputs.greeting }}" } } }
      - id: announce
        needs: [agreed, seen]
        run: { command: [bash, announce.sh], permissions: { contents: read } }
        env: { PASSWORD: "${{ secrets.PASSWORD }}" }
        paths: announce.sh
      - id: cloud
        terraform: { dir: terraform, variables: { greeting: "${{ inputs.greeting }}" } }
        rollback: { by: destroy, data-loss: Everything }
      - { id: address, needs: cloud, run: { command: [bash, -c, "exit 1"] }, paths: announce.sh }
workflows:
  publish: { on: { push: { branches: [main] } }, phases: build }
  release: { on: { workflow_dispatch: {} }, phases: release }
"#;

const SHOP_FILES: &[(&str, &str)] = &[
    (
        "page.sh",
        "test ! -e left\ntouch left\nmkdir -p out\necho \"<p>$GREETING</p>\" > out/page.html\necho page >> ~/trace\n",
    ),
    // Whatever a task says of a secret, in whatever encoding, is not to be read anywhere.
    (
        "announce.sh",
        "test ! -e left\ntouch left\n\
         for secret in \"$PASSWORD\" \"$GITHUB_TOKEN\"; do\n\
         echo \"as it is: $secret\"\nprintf %s \"$secret\" | base64 -w0\necho\n\
         printf %s \"$secret\" | od -An -v -tx1 | tr -d ' \\n'\necho\ndone\n\
         printf %s \"$GITHUB_TOKEN\" > ~/token\nprintf %s \"$PASSWORD\" > ~/password\necho announce >> ~/trace\n",
    ),
    ("notes.tera", "{{ greeting }}\n"),
    (
        "terraform/main.tf",
        "variable \"greeting\" { type = string }\n",
    ),
    // Nobody stands in for this one, so what needs it is not run.
    (
        "terraform/.terraform.lock.hcl",
        "provider \"registry.terraform.io/shop/cloud\" {\n  version = \"1.0.0\"\n}\n",
    ),
];

#[test]
fn a_rehearsal_says_what_was_real_and_a_second_one_repeats_no_finished_task() {
    let shop = Rehearsals::new(SHOP, SHOP_FILES);
    let first = shop.rehearse_to(0, &[]);
    assert_eq!(first.stdout, "", "stdout is data, and there is none");
    says_what_was_real(&shop, &first.stderr);
    leaves_the_checkpoint(&shop, &first.stderr);
    keeps_jobs_apart(&shop);
    hides_secrets(&shop, &first.all());

    let before = shop.comments();
    let traces = shop.trace("trace");
    let second = shop.rehearse_to(1, &["--strict"]);
    assert_eq!(shop.trace("trace"), traces, "a finished task was repeated");
    assert!(
        second.stderr.contains("up to date   image since "),
        "{}",
        second.stderr
    );
    assert!(
        second.stderr.contains("    announce  up to date\n"),
        "{}",
        second.stderr
    );
    assert!(
        second
            .stderr
            .contains("2 tasks not run, for the reasons above; with `--strict` that is a failure"),
        "{}",
        second.stderr
    );
    let after = shop.comments();
    assert_eq!(after.len(), 1);
    assert_ne!(after, before, "the comment says which run it tells of");
    assert_eq!(
        shop.count("github", "POST"),
        1,
        "the comment is edited, not written twice"
    );
    assert_eq!(
        shop.count("registry", "POST"),
        6,
        "each blob once, and once the question whether any may be sent"
    );
}

fn says_what_was_real(shop: &Rehearsals, words: &str) {
    for line in [
        "  stand-in for registries: deploy-action's embedded registry ",
        "  stand-in for GitHub: deploy-action's recording GitHub ",
        "  stand-in for approvals and confirmations: given by the rehearsal\n",
        "  stand-in (deploy-action's embedded registry ",
        "  not run: cloud, address\n",
        "2 tasks not run, for the reasons above\n",
    ] {
        assert!(words.contains(line), "no {line:?} in\n{words}");
    }
    for noise in ["begins  ", "starts  ", "1 task: ", "nothing was left"] {
        assert!(!words.contains(noise), "{noise:?} in\n{words}");
    }
    assert!(words.contains("    done         page in "), "{words}");
    assert!(
        words.contains("    ghcr.io/rehearsal/shop@sha256:"),
        "{words}"
    );
    let word = |task: &str| shop.task(task)["reality"]["type"].clone();
    assert_eq!(word("page"), "real");
    assert_eq!(word("image"), "stand-in");
    assert_eq!(word("seen"), "stand-in");
    assert_eq!(word("announce"), "real");
    let image = shop.task("image");
    let effects: Vec<&Value> = image["effects"]
        .as_array()
        .expect("effects")
        .iter()
        .collect();
    let told: Vec<(&str, &Value)> = effects
        .iter()
        .map(|effect| {
            let what = effect["what"].as_str().expect("a text");
            (
                what.split(' ').next().unwrap_or_default(),
                &effect["reality"]["type"],
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("assemble", &"real".into()),
            ("attach", &"stand-in".into()),
            ("push", &"stand-in".into())
        ]
    );
    let states = shop.states();
    assert_eq!(states["cloud"], "not-run");
    let why = shop.task("cloud")["why"].clone();
    let nobody = "nobody stands in for provider `registry.terraform.io/shop/cloud`";
    assert_eq!(why, nobody);
    assert_eq!(states["address"], "not-run");
    let why = shop.task("address")["why"].clone();
    assert_eq!(why, "it waits for `cloud`, which is not run here");
}

fn leaves_the_checkpoint(shop: &Rehearsals, words: &str) {
    let reference = shop.task("image")["outputs"]["digest"].clone();
    let held = shop.registry();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].name, "rehearsal/shop");
    let tagged = held[0].manifests.iter().find(|held| !held.tags.is_empty());
    let tagged = tagged.expect("an image with a tag").digest.clone();
    assert_eq!(Value::from(tagged), reference);
    assert_eq!(held[0].manifests.len(), 3, "it, and what is attached to it");
    let markdown = shop.staged("report/checkpoint.md");
    assert!(markdown.contains("## Rehearsal of shop: "), "{markdown}");
    let page = shop.staged("report/checkpoint.html");
    assert!(page.contains("</html>"), "{page}");
    let links: Vec<&str> = page
        .split("href=\"logs/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(!links.is_empty(), "{page}");
    for link in links {
        let log = shop
            .stage()
            .join("report/logs")
            .join(link.replace("%25", "%"));
        assert!(
            log.is_file(),
            "a link of the page leads to {}",
            log.display()
        );
    }
    let comments = shop.comments();
    assert_eq!(comments.len(), 1);
    assert_eq!(shop.staged("report/comment.md"), comments[0]);
    assert!(comments[0].starts_with("<!-- deploy-action:checkpoint plan=shop -->\n"));
    for name in [
        "checkpoint.md",
        "checkpoint.html",
        "checkpoint.json",
        "comment.md",
    ] {
        assert!(words.contains(&format!("/report/{name}")), "{words}");
    }
    let summaries: Vec<PathBuf> = files_below(&shop.stage().join("work"))
        .into_iter()
        .filter(|path| {
            path.ends_with("checkpoint.step-1/summary.md")
                && fs::metadata(path).is_ok_and(|file| file.len() > 0)
        })
        .collect();
    assert_eq!(summaries.len(), 2, "a job summary for each workflow");
}

/// Two scripts fail where a file of the other is in their work tree; here the trees are gone.
fn keeps_jobs_apart(shop: &Rehearsals) {
    for run in fs::read_dir(shop.stage().join("work"))
        .expect("runs")
        .flatten()
    {
        for entry in fs::read_dir(run.path()).expect("jobs").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(
                name == "event.json" || name.contains(".step-"),
                "`{name}` of a job that succeeded is still there"
            );
        }
    }
}

fn hides_secrets(shop: &Rehearsals, printed: &str) {
    let stand_ins: Value = serde_json::from_str(&shop.staged("stand-ins.json")).expect("JSON");
    let canary = stand_ins["secrets"]["PASSWORD"]
        .as_str()
        .expect("a canary")
        .to_owned();
    assert_eq!(
        shop.trace("password"),
        canary,
        "the task did not get its secret"
    );
    let token = shop.trace("token");
    assert!(token.len() > 20, "the task did not get its token");
    for secret in [canary, token] {
        for shape in shapes(&secret) {
            let found = shop.files_with(&[shop.stage(), shop.world.tmp()], &shape);
            let others: Vec<&PathBuf> = found
                .iter()
                .filter(|path| !path.ends_with("stand-ins.json"))
                .collect();
            assert!(others.is_empty(), "{shape} is in {others:?}");
            assert!(!printed.contains(&shape), "{shape} is in\n{printed}");
        }
    }
}

/// A secret as it is, in base64 and in hexadecimal, as tools of the system write them.
fn shapes(secret: &str) -> Vec<String> {
    let told = |script: &str| {
        let mut command = std::process::Command::new("sh");
        let output = command.args(["-c", script]).env("SECRET", secret).output();
        String::from_utf8(output.expect("a shell").stdout).expect("text")
    };
    vec![
        secret.to_owned(),
        told("printf %s \"$SECRET\" | base64 -w0"),
        told("printf %s \"$SECRET\" | od -An -v -tx1 | tr -d ' \\n'"),
    ]
}

// ------------------------------------------------------------------ edited and rehearsed again

/// `second` reads what `first` gives; `other` reads a file.
const CHAIN: &str = r#"
version: 1
name: chain
inputs: { greeting: { default: one } }
phases:
  - id: all
    one-job: true
    tasks:
      - id: first
        run: { script: 'echo "text=$GREETING" >> "$GITHUB_OUTPUT"; echo "first $GREETING" >> ~/trace' }
        env: { GREETING: "${{ inputs.greeting }}" }
        paths: none
        outputs: { text: {} }
      - id: second
        run: { script: 'echo "second $TEXT" >> ~/trace' }
        env: { TEXT: "${{ tasks.first.outputs.text }}" }
        paths: none
      - id: other
        needs: second
        run: { script: 'echo "other $(cat version)" >> ~/trace' }
        paths: version
workflows: { deploy: { on: { push: { branches: [main] } } } }
"#;

#[test]
fn an_edit_repeats_exactly_what_depends_on_it_and_going_back_deploys_again() {
    let chain = Rehearsals::new(CHAIN, &[("version", "v1\n")]);
    let traced = |args: &[&str]| {
        let before = chain.trace("trace");
        let ran = chain.rehearse_to(0, args);
        (chain.trace("trace")[before.len()..].to_owned(), ran.stderr)
    };
    assert_eq!(traced(&[]).0, "first one\nsecond one\nother v1\n");
    // An input, as it is given and as it is written.
    assert_eq!(
        traced(&["--input", "greeting=two"]).0,
        "first two\nsecond two\n"
    );
    assert_eq!(traced(&[]).0, "first one\nsecond one\n");
    assert_eq!(traced(&[]).0, "");
    chain.world.write(
        "deploy.yaml",
        &CHAIN.replace("default: one", "default: three"),
    );
    chain.render();
    let (again, words) = traced(&[]);
    assert_eq!(again, "first three\nsecond three\n");
    assert!(words.contains(", with 1 uncommitted change\n"), "{words}");
    // A file that is not committed.
    chain.world.write("version", "v2\n");
    let (again, words) = traced(&[]);
    assert_eq!(again, "other v2\n");
    assert!(words.contains(", with 2 uncommitted changes\n"), "{words}");
    chain.world.write("version", "v1\n");
    assert_eq!(traced(&[]).0, "other v1\n");
    assert_eq!(
        traced(&["--fresh"]).0,
        "first three\nsecond three\nother v1\n"
    );
}

#[test]
fn a_new_file_is_rehearsed_and_a_removed_one_is_not_there() {
    let plan = r#"
version: 1
name: files
phases: [{ id: all, tasks: [{ id: look, run: { script: 'ls a b c > ~/seen 2> /dev/null || true', changes: false } }] }]
workflows: { deploy: { on: { push: { branches: [main] } } } }
"#;
    let files = Rehearsals::new(plan, &[("a", ""), ("b", "")]);
    files.world.write("c", "");
    fs::remove_file(files.world.repository().join("a")).expect("it is there");
    let ran = files.rehearse_to(0, &[]);
    assert_eq!(files.trace("seen"), "b\nc\n", "{}", ran.all());
}

// ------------------------------------------------------------------ events, drift, failures

const EVENTS: &str = r#"
version: 1
name: events
connections: { ghcr: { registry: { host: ghcr.io } } }
phases:
  - id: publish
    tasks:
      - id: image
        image:
          assemble: { files: { /a: a }, entrypoint: [/a] }
          push: ghcr
          tags: |
            type=ref,event=branch
            type=ref,event=tag
  - id: ship
    tasks: [{ id: hand, run: { script: 'echo hand >> ~/trace' } }]
workflows:
  publish: { on: { push: { branches: [main], tags: ["v*"] } }, phases: publish }
  ship: { on: { workflow_dispatch: {} }, phases: ship }
"#;

#[test]
fn an_event_plays_only_what_it_starts() {
    let events = Rehearsals::new(EVENTS, &[("a", "a\n")]);
    let tag = events.rehearse_to(0, &["--event", "tag"]);
    assert!(
        tag.stderr.contains("events / publish (push of tag v1.0.0)"),
        "{}",
        tag.stderr
    );
    assert!(!tag.stderr.contains("events / ship"), "{}", tag.stderr);
    assert_eq!(events.tags(), ["latest", "v1.0.0"]);
    assert_eq!(events.trace("trace"), "");
    let hand = events.rehearse_to(0, &["--event", "dispatch"]);
    assert!(
        hand.stderr.contains("events / ship (started by hand)"),
        "{}",
        hand.stderr
    );
    assert!(!hand.stderr.contains("events / publish"), "{}", hand.stderr);
    assert_eq!(events.trace("trace"), "hand\n");
}

#[test]
fn an_event_that_starts_nothing_ends_with_5() {
    let plan = EVENTS.replace(", tags: [\"v*\"]", "");
    let events = Rehearsals::new(&plan, &[("a", "a\n")]);
    let ran = events.rehearse_to(5, &["--event", "tag"]);
    assert!(
        ran.stderr
            .contains("no workflow of the plan is started by that event"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_workflow_file_that_drifted_ends_with_3_and_runs_nothing() {
    let events = Rehearsals::new(EVENTS, &[("a", "a\n")]);
    let path = ".github/workflows/ship.yml";
    let text = fs::read_to_string(events.world.repository().join(path)).expect("it is rendered");
    events
        .world
        .write(path, &text.replace("ubuntu-24.04", "ubuntu-22.04"));
    let ran = events.rehearse_to(3, &[]);
    assert!(
        ran.stderr.contains(
            "1 file is not what the plan says; `deploy-action render deploy.yaml` writes what it says"
        ),
        "{}",
        ran.stderr
    );
    assert_eq!(events.trace("trace"), "");
    assert!(events.registry().is_empty());
}

#[test]
fn a_task_that_fails_ends_with_1_its_last_words_are_shown_and_its_tree_is_kept() {
    let plan = r#"
version: 1
name: failing
phases:
  - id: one
    tasks: [{ id: bad, run: { script: 'touch left; echo the reason is clear; exit 7', changes: false } }]
  - id: two
    tasks: [{ id: later, run: { script: 'echo later >> ~/trace' } }]
workflows: { deploy: { on: { push: { branches: [main] } } } }
"#;
    let failing = Rehearsals::new(plan, &[]);
    let ran = failing.rehearse_to(1, &[]);
    assert!(
        ran.stderr.contains("failure one / bad (exit code 1)"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("the reason is clear"), "{}", ran.stderr);
    assert_eq!(failing.trace("trace"), "");
    let kept = files_below(&failing.stage().join("work"));
    assert!(
        kept.iter().any(|path| path.ends_with("one--bad/left")),
        "{kept:?}"
    );
    assert_eq!(failing.states()["bad"], "failed");
    assert!(failing.comments()[0].contains("failed"));
    // When it has gone well once, what was kept is removed.
    failing
        .world
        .write("deploy.yaml", &plan.replace("exit 7", "true"));
    let ran = failing.rehearse_to(0, &[]);
    assert!(ran.stderr.contains("success one / bad"), "{}", ran.stderr);
    let kept = files_below(&failing.stage().join("work"));
    assert!(
        !kept.iter().any(|path| path.ends_with("one--bad/left")),
        "{kept:?}"
    );
}

#[test]
fn an_invalid_plan_is_told_before_anything_is_staged() {
    let world = Rehearsals::new(EVENTS, &[("a", "a\n")]);
    world
        .world
        .write("deploy.yaml", &EVENTS.replace("push: ghcr", "push: ghrc"));
    let ran = world.rehearse_to(2, &[]);
    assert!(
        ran.stderr.contains("did you mean `ghcr`?"),
        "{}",
        ran.stderr
    );
    assert!(!world.stage().exists());
}

#[test]
fn a_registry_whose_host_is_an_expression_is_replaced_too() {
    let plan = EVENTS
        .replace(
            "name: events\n",
            "name: events\ninputs: { host: { default: registry.invalid } }\n",
        )
        .replace("host: ghcr.io", "host: \"${{ inputs.host }}\", path: acme");
    let events = Rehearsals::new(&plan, &[("a", "a\n")]);
    let ran = events.rehearse_to(0, &["--event", "push"]);
    assert!(
        ran.stderr.contains("registry.invalid/acme/"),
        "{}",
        ran.stderr
    );
    assert_eq!(events.tags(), ["main"]);
    assert_eq!(events.task("image")["reality"]["type"], "stand-in");
}

// ------------------------------------------------------------------ where

#[test]
fn two_clones_are_rehearsed_at_the_same_time_and_do_not_meet() {
    // Each waits for the other, so both have to run at once.
    let plan = r#"
version: 1
name: meeting
phases:
  - id: all
    one-job: true
    tasks:
      - id: wait
        run: { script: 'mktemp ~/here.XXXXXX; while test -d ~ && [ "$(ls ~/here.* | wc -l)" -lt 2 ]; do sleep 0.05; done' }
        timeout: 50s
workflows: { deploy: { on: { push: { branches: [main] } } } }
"#;
    let meeting = Rehearsals::new(plan, &[]);
    let clone = meeting.world.out("clone");
    let mut git = std::process::Command::new("git");
    git.args(["clone", "--quiet"])
        .args([&meeting.world.repository(), &clone])
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    assert!(git.status().expect("git is there").success());
    let start = |folder: &PathBuf, name: &str| {
        let mut command = meeting.world.program(&["rehearse", "--jobs", "2"]);
        command.current_dir(folder);
        Started::of(command, &meeting.world, name)
    };
    let first = start(&meeting.world.repository(), "first");
    let second = start(&clone, "second");
    for ran in [first.end(), second.end()] {
        assert_eq!(ran.code, Some(0), "{}", ran.all());
    }
    let stages = meeting.world.state().join("deploy-action/rehearsals");
    let names: Vec<String> = fs::read_dir(&stages)
        .expect("stages")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        names.iter().all(|name| name.starts_with("meeting-")),
        "{names:?}"
    );
}

/// `wait` says that it runs and goes on when it may.
const WAITING: &str = r#"
version: 1
name: waiting
phases:
  - id: all
    tasks: [{ id: wait, run: { script: 'echo x > ~/started; while test -d ~ && ! test -e ~/go; do sleep 0.05; done; echo end >> ~/trace' } }]
workflows: { deploy: { on: { push: { branches: [main] } } } }
"#;

#[test]
fn a_second_rehearsal_of_one_clone_ends_with_10_and_names_the_first() {
    let waiting = Rehearsals::new(WAITING, &[]);
    let first = waiting.start(&[]);
    waiting.wait_for("started");
    let second = waiting.rehearse_to(10, &[]);
    let holder = format!("is used by another rehearsal, process {}\n", first.id());
    assert!(second.stderr.contains(&holder), "{}", second.stderr);
    assert!(
        second.stderr.contains("name another folder by `--stage`"),
        "{}",
        second.stderr
    );
    waiting.allow("go");
    let first = first.end();
    assert_eq!(first.code, Some(0), "{}", first.all());
    assert_eq!(waiting.trace("trace"), "end\n");
}

#[test]
fn a_repository_without_a_commit_and_a_folder_without_git_are_rehearsed() {
    for script in ["rm -rf .git", "rm -rf .git && git init --quiet"] {
        let events = Rehearsals::new(EVENTS, &[("a", "a\n")]);
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", script])
            .current_dir(events.world.repository());
        assert!(shell.status().expect("a shell").success());
        let ran = events.rehearse_to(0, &[]);
        assert_eq!(events.trace("trace"), "hand\n", "{script}: {}", ran.all());
        assert_eq!(events.tags(), ["main"]);
    }
}

// ------------------------------------------------------------------ cut off

#[test]
fn a_rehearsal_that_is_interrupted_ends_with_130_and_leaves_no_process() {
    let plan = WAITING.replace(
        "workflows:",
        "  - { id: later, tasks: [{ id: late, run: { script: 'echo late >> ~/trace' } }] }\nworkflows:",
    );
    let waiting = Rehearsals::new(&plan, &[]);
    let started = waiting.start(&[]);
    waiting.wait_for("started");
    started.signal(Signal::INT);
    let ran = started.end();
    assert_eq!(ran.code, Some(130), "{}", ran.all());
    assert_eq!(waiting.processes(), Vec::<String>::new());
    assert_eq!(waiting.trace("trace"), "");
    assert!(
        ran.stderr.contains("cancelled all / wait"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        waiting.comments().len(),
        1,
        "the job that closes a run still tells"
    );
}

/// `page` and `image` are done when `wait` begins.
const KILLED: &str = r#"
version: 1
name: killed
connections: { ghcr: { registry: { host: ghcr.io } } }
phases:
  - id: build
    one-job: true
    tasks:
      - id: page
        run: { script: 'mkdir -p out; echo page > out/page; echo page >> ~/trace', changes: false }
        paths: none
        artifacts: { page: { path: out/page } }
      - id: image
        image:
          assemble: { files: { /page: "${{ tasks.page.artifacts.page }}" }, entrypoint: [/page] }
          push: ghcr
          tags: type=sha
      - id: wait
        needs: image
        run: { script: 'echo begin >> ~/trace; echo x > ~/started; while test -d ~ && ! test -e ~/go; do sleep 0.05; done; touch left; echo end >> ~/trace' }
        paths: none
      - { id: last, needs: wait, run: { script: 'echo last >> ~/trace' }, paths: none }
workflows: { deploy: { on: { push: { branches: [main] } } } }
"#;

#[test]
fn a_killed_rehearsal_goes_on_and_repeats_nothing_that_was_finished() {
    let killed = Rehearsals::new(KILLED, &[]);
    let first = killed.start(&[]);
    killed.wait_for("started");
    first.kill_group();
    // The jobs end with the rehearsal. What changes the outside stays with its keeper, as when a machine's runner is killed.
    killed.wait_until_gone(|line| line.contains(" action"));
    let second = killed.start(&[]);
    killed.allow("go");
    let second = second.end();
    assert_eq!(second.code, Some(0), "{}", second.all());
    assert_eq!(killed.trace("trace"), "page\nbegin\nend\nlast\n");
    let states = killed.states();
    assert!(
        states.values().all(|state| state == "automated-unproved"),
        "{states:?}"
    );
    each_blob_was_sent_once(&killed);
    killed.wait_until_gone(|_| true);
    let third = killed.rehearse_to(0, &[]);
    assert_eq!(
        killed.trace("trace"),
        "page\nbegin\nend\nlast\n",
        "{}",
        third.all()
    );
    each_blob_was_sent_once(&killed);
}

fn each_blob_was_sent_once(rehearsals: &Rehearsals) {
    let requests = rehearsals.requests("registry");
    let uploads: Vec<String> = requests
        .iter()
        .filter(|request| {
            let path = request["path"].as_str().unwrap_or_default();
            request["method"] == "PUT" && path.contains("/blobs/uploads/")
        })
        .map(|request| request["query"].as_str().unwrap_or_default().to_owned())
        .collect();
    let different: BTreeSet<&String> = uploads.iter().collect();
    assert_eq!(uploads.len(), different.len(), "{uploads:?}");
    assert_eq!(
        uploads.len(),
        5,
        "layer and configuration; the list of contents, the provenance, and their empty configuration: {uploads:?}"
    );
    assert_eq!(rehearsals.count("registry", "POST"), uploads.len() + 1);
}

// ------------------------------------------------------------------ the registry alone

#[test]
fn the_registry_alone_prints_its_address_and_serves_until_it_is_stopped() {
    let world = Rehearsals::new(EVENTS, &[("a", "a\n")]);
    for args in [
        &["--registry-only"][..],
        &["--registry-only", "--port", "0"],
    ] {
        let started = world.start(args);
        let url = started.first_line();
        let address = url.strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(address.trim_end_matches('/')).expect("it listens");
        stream
            .write_all(b"GET /v2/ HTTP/1.0\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.contains(" 200 OK"), "{answer}");
        started.signal(Signal::TERM);
        let ran = started.end();
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert_eq!(ran.stdout, format!("{url}\n"));
        assert!(ran.stderr.contains("until it is stopped"), "{}", ran.stderr);
        wait_until("nobody listens", || {
            TcpStream::connect(address.trim_end_matches('/')).err()
        });
    }
}
