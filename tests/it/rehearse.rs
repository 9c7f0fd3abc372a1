//! `deploy-action rehearse`: what it carries out, what it says, what it leaves, and how it goes on.
#![cfg(target_os = "linux")]

mod again;
mod apart;
mod ends;
mod events;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    rehearse_world::{Rehearsals, files_below},
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
