//! `doctor`: what is missing, and how to get it; with programs and a GitHub of our own.
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::world::{Ran, World};

/// A world whose PATH holds git, and nothing else.
fn world(plan: &str) -> World {
    let world = World::new(plan);
    let bin = bin(&world);
    fs::create_dir(&bin).expect("a folder");
    let path = std::env::var_os("PATH").expect("there is a PATH");
    let git = std::env::split_paths(&path)
        .map(|folder| folder.join("git"))
        .find(|path| path.is_file())
        .expect("git is there; get it by `cargo xtask setup`");
    symlink(git, bin.join("git")).expect("a link");
    world.with("PATH", &bin.display().to_string())
}

fn bin(world: &World) -> PathBuf {
    world.out("bin")
}

/// Puts a program on the world's PATH.
fn program(world: &World, name: &str, script: &str) {
    let path = bin(world).join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be started");
}

/// The findings as `state what: found`.
fn findings(ran: &Ran) -> Vec<String> {
    let report: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.all()));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let found = report["findings"].as_array().expect("findings").iter();
    found
        .map(|finding| {
            format!(
                "{} {}: {}",
                text(&finding["state"]),
                text(&finding["what"]),
                text(&finding["found"])
            )
        })
        .collect()
}

/// What to do about a finding.
fn next(ran: &Ran, what: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let found = report["findings"].as_array().expect("findings").iter();
    let mut finding = found.filter(|finding| finding["what"] == what);
    let finding = finding
        .next()
        .unwrap_or_else(|| panic!("no `{what}`: {}", ran.stdout));
    let steps = finding["next"].as_array().expect("steps").iter();
    steps
        .map(|step| step.as_str().expect("a text").to_owned())
        .collect()
}

#[track_caller]
fn has(ran: &Ran, line: &str) {
    let findings = findings(ran);
    assert!(
        findings.iter().any(|finding| finding == line),
        "{line}\n{findings:#?}\n{}",
        ran.stderr
    );
}

const BUILD: &str = "name: app\nphases: [{ id: build, tasks: [{ id: build, run: { script: ./build.sh, tools: [jq], changes: false } }] }]\n";

#[test]
fn a_program_that_is_missing_comes_with_the_command_that_brings_it() {
    let world = world(BUILD);
    program(&world, "apt-get", "exit 1");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    has(&ran, "missing jq: not on the PATH");
    let command = &next(&ran, "jq")[0];
    assert!(command.ends_with("apt-get install --yes jq"), "{command}");
    let text = world.call(&["doctor"]);
    assert_eq!(text.code, Some(1));
    assert!(
        text.stdout.contains(
            "  missing   jq: not on the PATH\n            expected: any version, for task `build`\n"
        ),
        "{}",
        text.stdout
    );
    assert!(
        text.stdout.ends_with("\n2 things are missing\n"),
        "{}",
        text.stdout
    );
}

#[test]
fn nothing_is_missing_where_everything_is_there() {
    let world = world(BUILD);
    program(&world, "bash", "echo 'GNU bash, version 5.2.15(1)-release'");
    program(&world, "jq", "echo jq-1.6");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let bin = bin(&world);
    has(
        &ran,
        &format!("ok bash: 5.2.15(1)-release at {}/bash", bin.display()),
    );
    has(&ran, &format!("ok jq: at {}/jq", bin.display()));
    let text = world.call(&["doctor"]);
    assert!(
        text.stdout.ends_with("\nnothing is missing\n"),
        "{}",
        text.stdout
    );
}

#[test]
fn a_builder_counts_as_there_when_it_works() {
    let world = world(
        "name: app\nphases: [{ id: build, tasks: [{ id: image, image: { context: ., name: app } }] }]\n",
    );
    program(&world, "docker", "echo 'no daemon is there' >&2; exit 1");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    has(
        &ran,
        "missing a builder of images: nothing here builds images from Dockerfiles: docker buildx (no daemon is there), \
         docker (no daemon is there), podman (`podman` is not on the PATH), buildah (`buildah` is not on the PATH)",
    );
    program(&world, "podman", "echo 5.2.1");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    has(&ran, "ok a builder of images: podman 5.2.1");
}

#[test]
fn a_program_that_nobody_knows_is_found_and_never_started() {
    let world = world(
        "name: app\nphases: [{ id: ship, tasks: [{ id: ship, run: { command: [ship-it], changes: false } }] }]\n",
    );
    program(&world, "ship-it", "touch \"$OUT/shipped\"");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    has(
        &ran,
        &format!("ok ship-it: at {}/ship-it", bin(&world).display()),
    );
    assert!(!world.out("shipped").exists());
}

#[test]
fn what_only_a_kind_of_a_later_version_needs_is_a_note() {
    let world = world(
        "name: app\ntools: { terraform: { version: 1.11.4 } }\nphases: [{ id: infra, tasks: [{ id: net, terraform: { dir: infra } }] }]\n",
    );
    world.write("infra/main.tf", "");
    let ran = world.call(&["doctor", "--format", "json"]);
    if deploy_action::execute::not_there_yet(deploy_action::plan::model::Kind::Terraform).is_some()
    {
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        has(&ran, "note terraform: not on the PATH");
    } else {
        assert_eq!(ran.code, Some(1), "{}", ran.all());
        has(&ran, "missing terraform: not on the PATH");
    }
    program(&world, "terraform", "echo Terraform v1.0.0");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    has(
        &ran,
        &format!(
            "note terraform: 1.0.0 at {}/terraform",
            bin(&world).display()
        ),
    );
}

const SECRETS: &str = "\
name: app
secrets:
  TOKEN: {}
  KEY: { file: key.txt }
connections:
  ghcr: { registry: { host: ghcr.io } }
  other: { registry: { host: registry.example.org, username: ci, password: \"${{ secrets.KEY }}\" } }
phases:
  - id: ship
    tasks:
      - { id: tell, run: { command: [git, --version], changes: false }, env: { TOKEN: \"${{ secrets.TOKEN }}\", KEY: \"${{ secrets.KEY }}\" } }
      - { id: image, image: { assemble: { files: { /app: deploy.yaml } }, push: [ghcr, other], name: app } }
";

#[test]
fn secrets_and_logins_are_looked_for_and_never_printed() {
    let mut world = world(SECRETS);
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    has(&ran, "missing secret TOKEN: has no value here");
    has(&ran, "missing secret KEY: has no value here");
    has(
        &ran,
        "missing registry `ghcr`, ghcr.io: no token for GitHub is there to log in with",
    );
    has(
        &ran,
        "missing registry `other`, registry.example.org: its password has no value here",
    );
    assert_eq!(
        next(&ran, "secret KEY"),
        ["set the variable `KEY`, or write it to `key.txt`"]
    );

    world.write("key.txt", "hunter2-of-a-file\n");
    world.set("TOKEN", "hunter2-of-a-variable");
    world.set("GITHUB_TOKEN", "hunter2-of-github");
    for form in ["json", "text"] {
        let ran = world.call(&["doctor", "--format", form]);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert!(!ran.all().contains("hunter2"), "{}", ran.all());
    }
    let ran = world.call(&["doctor", "--format", "json"]);
    has(&ran, "ok secret TOKEN: has a value here");
    has(&ran, "ok token for GitHub: GITHUB_TOKEN is set");
    has(
        &ran,
        "ok registry `other`, registry.example.org: the connection's own password",
    );
}

const CLOUD: &str = "\
name: app
connections:
  cloud: { google: { project: acme, workload-identity-provider: projects/1/locations/global/workloadIdentityPools/p/providers/q } }
  kept: { registry: { host: registry.example.org } }
  images: { registry: { host: europe-docker.pkg.dev, path: acme, login: cloud } }
phases:
  - id: ship
    tasks:
      - { id: image, image: { assemble: { files: { /app: deploy.yaml } }, push: [kept, images], name: app } }
";

#[test]
fn logins_that_are_kept_on_the_machine_or_lead_to_google_are_found() {
    let mut world = world(CLOUD);
    world.set("NO_GCE_CHECK", "true");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    has(
        &ran,
        "missing registry `kept`, registry.example.org: the connection names no `password`, and no login is kept here",
    );
    assert_eq!(
        next(&ran, "registry `kept`, registry.example.org"),
        [
            "`docker login registry.example.org`, or give `username` and `password` in the connection"
        ]
    );
    let home = world.repository().parent().expect("a folder").join("home");
    let write = |path: &str, text: &str| {
        let path = home.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write(
        ".docker/config.json",
        r#"{"auths":{"registry.example.org":{"auth":"YTpodW50ZXIy"}}}"#,
    );
    write(
        ".config/gcloud/application_default_credentials.json",
        r#"{"type":"authorized_user","client_id":"c","client_secret":"hunter2","refresh_token":"hunter2"}"#,
    );
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let kept = home.join(".docker/config.json");
    has(
        &ran,
        &format!(
            "ok registry `kept`, registry.example.org: `{}`",
            kept.display()
        ),
    );
    has(
        &ran,
        "ok registry `images`, europe-docker.pkg.dev: connection `cloud`, by Google's application default credentials",
    );
    assert!(!ran.all().contains("hunter2") && !ran.all().contains("YTpodW50ZXIy"));
    // A job on GitHub is itself, and needs the permission for it.
    let mut world = world.on_actions();
    let ran = world.call(&["doctor", "--format", "json"]);
    let what = "registry `images`, europe-docker.pkg.dev";
    assert!(
        next(&ran, what)[0].contains("id-token: write"),
        "{}",
        ran.all()
    );
    world.set("ACTIONS_ID_TOKEN_REQUEST_URL", "https://oidc.example/");
    world.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2");
    let ran = world.call(&["doctor", "--format", "json"]);
    has(
        &ran,
        &format!("ok {what}: connection `cloud`, by Workload Identity Federation"),
    );
    assert!(!ran.all().contains("hunter2"), "{}", ran.all());
}

#[test]
fn what_signs_an_image_is_found_without_asking_anybody() {
    let plan = |more: &str| {
        format!(
            "version: 1\nname: shop\nconnections: {{ hub: {{ registry: {{ host: registry.example.org, username: u, password: p }} }} }}\n\
             phases: [{{ id: build, tasks: [{{ id: page, image: {{ layout: out, push: hub{more} }} }}] }}]\n"
        )
    };
    let unsigned = world(&plan("")).call(&["doctor", "--format", "json"]);
    assert!(!unsigned.all().contains("signature"), "{}", unsigned.all());
    let mut world = world(&plan(", sign: true"));
    let ran = world.call(&["doctor", "--format", "json"]);
    has(
        &ran,
        "note signature of task `page`: COSIGN_PRIVATE_KEY holds no key here; on GitHub the job signs without one",
    );
    world = world.on_actions();
    let ran = world.call(&["doctor", "--format", "json"]);
    assert!(
        next(&ran, "signature of task `page`")[0].contains("id-token: write"),
        "{}",
        ran.all()
    );
    world.set("ACTIONS_ID_TOKEN_REQUEST_URL", "https://oidc.example/");
    world.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2");
    let ran = world.call(&["doctor", "--format", "json"]);
    has(&ran, "ok signature of task `page`: this job, without a key");
    world.set("COSIGN_PRIVATE_KEY", "hunter2");
    let ran = world.call(&["doctor", "--format", "json"]);
    has(
        &ran,
        "ok signature of task `page`: the key in COSIGN_PRIVATE_KEY",
    );
    assert!(!ran.all().contains("hunter2"), "{}", ran.all());
}

#[test]
fn a_login_of_gh_is_seen_and_its_token_is_not_read() {
    let world = world(BUILD);
    program(
        &world,
        "gh",
        "test \"$1 $2\" = 'auth token' && echo hunter2-of-gh",
    );
    let ran = world.call(&["doctor", "--format", "json"]);
    has(
        &ran,
        "note token for GitHub: not set; `gh` is logged in and can give one",
    );
    assert!(!ran.all().contains("hunter2"), "{}", ran.all());
}

const CONTAINER: &str = "name: app\nphases: [{ id: look, tasks: [{ id: starts, check: [{ container: { image: \"example.org/a@sha256:0000000000000000000000000000000000000000000000000000000000000000\" } }] }] }]\n";

#[test]
fn an_engine_that_answers_starts_images() {
    let world = world(CONTAINER);
    program(&world, "docker", "echo 99.1");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    has(&ran, "ok starting an image: docker 99.1 answers");
}

#[test]
fn without_engine_and_namespaces_an_image_cannot_be_started() {
    let world = world(CONTAINER);
    program(&world, "docker", "exit 1");
    program(&world, "unshare", "exit 1");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let found = findings(&ran);
    let found = found
        .iter()
        .find(|line| line.contains("starting an image"))
        .expect("a finding");
    assert!(
        found.starts_with("missing starting an image: no engine answers, and "),
        "{found}"
    );
    assert_eq!(next(&ran, "starting an image").len(), 2);
}

#[test]
fn a_folder_of_state_that_cannot_be_written_is_named() {
    // The kernel's own folder is read-only even for root.
    let world = world(BUILD).with("XDG_STATE_HOME", "/proc/state");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let found = findings(&ran);
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("missing state: /proc cannot be written: ")),
        "{found:#?}"
    );
}

#[test]
fn without_a_plan_the_machine_is_looked_at_and_a_wrong_plan_is_missing() {
    let world = world(BUILD);
    fs::rename(
        world.repository().join("deploy.yaml"),
        world.repository().join("other.yaml"),
    )
    .expect("it is there");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    has(&ran, "note plan: there is no deploy.yaml here");
    assert_eq!(world.call(&["doctor", "nowhere.yaml"]).code, Some(2));
    world.write("wrong.yaml", "name: app\n");
    let ran = world.call(&["doctor", "wrong.yaml", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    has(&ran, "missing plan: `wrong.yaml` is not valid");
    assert_eq!(next(&ran, "plan"), ["deploy-action lint wrong.yaml"]);
}

const ENVIRONMENT: &str = "\
name: app
secrets: { TOKEN: {}, KEY: { file: \"it's.txt\" } }
inputs: { region: { default: \"${{ vars.REGION }}\", example: eu } }
environments: { production: { reviewers: [\"@acme/operators\", ada] } }
phases:
  - id: build
    tasks: [{ id: build, run: { command: [git, \"${{ inputs.region }}\"], changes: false }, env: { KEY: \"${{ secrets.KEY }}\" } }]
  - id: ship
    environment: production
    tasks: [{ id: ship, run: { command: [git] }, env: { TOKEN: \"${{ secrets.TOKEN }}\" }, rollback: { by: none, reason: it is a test } }]
";

#[test]
fn the_commands_for_github_can_be_run_as_they_are_printed() {
    let world = world(ENVIRONMENT).with("GITHUB_REPOSITORY", "acme/app");
    let ran = world.call(&["doctor", "--format", "json"]);
    let mut commands = String::new();
    for what in [
        "environment production",
        "environment production-approval",
        "secret TOKEN of environment production",
        "secret KEY of the repository",
        "variable REGION",
    ] {
        for command in next(&ran, what) {
            commands.push_str(&format!("{command}\n"));
        }
    }
    // Each call leaves its arguments in one line, and its input, where it reads one, in the next.
    program(
        &world,
        "gh",
        "echo \"$*\" >> \"$OUT/gh\"\ncase \"$*\" in *--input*|'secret set KEY'*) read -r line; echo \"$line\" >> \"$OUT/gh\";; *--jq*) echo 7;; esac",
    );
    world.write("it's.txt", "value\n");
    let mut shell = Command::new("/bin/bash")
        .current_dir(world.repository())
        .env("PATH", bin(&world))
        .env("OUT", world.out(""))
        .stdin(Stdio::piped())
        .spawn()
        .expect("bash is there");
    let mut input = shell.stdin.take().expect("it is piped");
    input
        .write_all(format!("set -e\n{commands}").as_bytes())
        .expect("bash reads");
    drop(input);
    assert!(shell.wait().expect("it ends").success(), "{commands}");
    let called = world.read("gh");
    for line in [
        "api --method PUT repos/acme/app/environments/production --input -",
        "{\"deployment_branch_policy\":{\"protected_branches\":false,\"custom_branch_policies\":true}}",
        "api --method POST repos/acme/app/environments/production/deployment-branch-policies -f type=branch -f name=7",
        "api orgs/acme/teams/operators --jq .id",
        "api users/ada --jq .id",
        "api --method PUT repos/acme/app/environments/production-approval --input -",
        "{\"reviewers\":[{\"type\":\"Team\",\"id\":7},{\"type\":\"User\",\"id\":7}]}",
        "secret set TOKEN --env production --repo acme/app",
        "secret set KEY --repo acme/app",
        "value",
        "api --method POST repos/acme/app/actions/variables -f name=REGION -f value=VALUE",
    ] {
        assert!(
            called.lines().any(|found| found == line),
            "{line}\n{called}\n{commands}"
        );
    }
}

/// A GitHub that answers each path with a body, and with 404 where there is none; returns its address.
fn github(answers: Vec<(&'static str, Value)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    // It ends with the test's process: whoever asks is gone by then.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
            let mut first = String::new();
            drop(reader.read_line(&mut first));
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let path = first.split(' ').nth(1).unwrap_or_default();
            let path = path.split('?').next().unwrap_or_default().to_owned();
            let answer = answers.iter().find(|(known, _)| *known == path);
            let (status, body) = match answer {
                Some((_, body)) => ("200 OK", body.to_string()),
                None => (
                    "404 Not Found",
                    json!({ "message": "Not Found" }).to_string(),
                ),
            };
            let now = jiff_now();
            let mut stream = stream;
            drop(write!(
                stream,
                "HTTP/1.1 {status}\r\nDate: {now}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                body.len(),
                if first.starts_with("HEAD") { "" } else { &body }
            ));
        }
    });
    address
}

fn jiff_now() -> String {
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[test]
fn online_github_is_asked_what_is_set_up() {
    let reviewers =
        json!({ "protection_rules": [{ "type": "required_reviewers", "reviewers": [{}, {}] }] });
    let address = github(vec![
        ("/", json!({})),
        (
            "/repos/acme/app",
            json!({ "permissions": { "push": true, "admin": false } }),
        ),
        (
            "/repos/acme/app/environments/production",
            json!({ "protection_rules": [], "deployment_branch_policy": { "custom_branch_policies": true } }),
        ),
        (
            "/repos/acme/app/environments/production-approval",
            reviewers,
        ),
        (
            "/repos/acme/app/environments/production/secrets",
            json!({ "secrets": [{ "name": "TOKEN" }] }),
        ),
        ("/repos/acme/app/actions/secrets", json!({ "secrets": [] })),
    ]);
    let world = world(ENVIRONMENT)
        .with("GITHUB_REPOSITORY", "acme/app")
        .with("GITHUB_API_URL", &address)
        .with("GITHUB_TOKEN", "hunter2-of-github")
        .with("TOKEN", "hunter2-of-a-variable")
        .with("KEY", "hunter2-of-another");
    let ran = world.call(&["doctor", "--online", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    has(&ran, "ok rights in acme/app: the token may push");
    has(
        &ran,
        "ok environment production: is there, with a rule for branches",
    );
    has(
        &ran,
        "ok environment production-approval: is there, with 2 to approve",
    );
    has(&ran, "ok secret TOKEN of environment production: is there");
    has(&ran, "missing secret KEY of the repository: is not there");
    let found = findings(&ran);
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("ok clock against GitHub's: ")),
        "{found:#?}"
    );
    assert_eq!(
        found
            .iter()
            .filter(|line| line.starts_with("missing"))
            .count(),
        1,
        "{found:#?}"
    );
    assert!(!ran.all().contains("hunter2"), "{}", ran.all());
}

#[test]
fn online_an_environment_without_reviewers_or_of_another_name_is_missing() {
    let address = github(vec![
        ("/", json!({})),
        (
            "/repos/acme/app",
            json!({ "permissions": { "push": false } }),
        ),
        (
            "/repos/acme/app/environments/production-approval",
            json!({ "protection_rules": [] }),
        ),
    ]);
    let world = world(ENVIRONMENT)
        .with("GITHUB_REPOSITORY", "acme/app")
        .with("GITHUB_API_URL", &address)
        .with("GITHUB_TOKEN", "hunter2-of-github");
    let ran = world.call(&["doctor", "--online", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    has(&ran, "missing rights in acme/app: the token may only read");
    has(&ran, "missing environment production: is not there");
    has(
        &ran,
        "missing environment production-approval: is there without reviewers: nothing would wait",
    );
    assert!(
        next(&ran, "environment production")[0].contains("gh api --method PUT"),
        "{}",
        ran.stdout
    );
}

#[test]
fn offline_nothing_is_asked_of_the_network() {
    // Whoever asks this address is told nothing, and the answer of `doctor` would be another.
    let world = world(ENVIRONMENT)
        .with("GITHUB_REPOSITORY", "acme/app")
        .with("GITHUB_API_URL", "http://127.0.0.1:1")
        .with("GITHUB_TOKEN", "hunter2-of-github");
    let ran = world.call(&["doctor", "--format", "json"]);
    has(
        &ran,
        "not-asked environment production: not asked; these commands set it up",
    );
    assert!(!ran.all().contains("127.0.0.1:1"), "{}", ran.all());
}
