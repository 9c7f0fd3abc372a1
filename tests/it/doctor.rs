//! `doctor`: what is missing, and how to get it; with programs and a GitHub of our own.
#![cfg(target_os = "linux")]

mod containers;
mod github;
mod logins;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
};

use serde_json::Value;

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
fn a_pinned_program_is_there_at_its_very_version_or_missing() {
    let world = world(
        "name: app\ntools: { terraform: { version: 1.11.4 } }\nphases: [{ id: infra, tasks: [{ id: net, terraform: { dir: infra } }] }]\n",
    );
    world.write("infra/main.tf", "");
    let wanted = "the plan's `tools` want 1.11.4, and no digest of its release is known";
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    has(
        &ran,
        &format!("missing terraform: `terraform` is not on the PATH, {wanted}"),
    );
    let steps = next(&ran, "terraform");
    assert!(steps[0].contains("sha256: {"), "{steps:?}");
    let place = bin(&world).join("terraform");
    program(&world, "terraform", "echo Terraform v1.0.0");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    has(
        &ran,
        &format!(
            "missing terraform: `terraform` at {} is 1.0.0, {wanted}",
            place.display()
        ),
    );
    program(&world, "terraform", "echo Terraform v1.11.4");
    let ran = world.call(&["doctor", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    has(
        &ran,
        &format!("ok terraform: 1.11.4 at {}", place.display()),
    );
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
