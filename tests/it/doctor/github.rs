//! What GitHub needs: the commands that set it up, and what is there when it is asked.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{bin, findings, has, next, program, world};

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
