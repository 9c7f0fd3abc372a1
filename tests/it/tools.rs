//! Programs that a plan pins: fetched once, held against their digest, and taken from where they are.
#![cfg(target_os = "linux")]

mod releases;

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use deploy_action::tools::platform;

use self::releases::{Answer, Releases, digest, tar_gz, zip};
use crate::{
    rehearse_world::Rehearsals,
    world::{Ran, World, wait_until},
};

/// A program that nobody knows; it leaves a trace of where it is called from.
const OWN: &str = "#!/bin/sh\necho own \"$@\" >> $OUT/trace\ncommand -v own > $OUT/where\n";

/// A plan whose only task calls a pinned program.
fn plan(name: &str, tool: &str) -> String {
    format!(
        "name: app\ntools: {{ {name}: {{ {tool} }} }}\nphases:\n  - id: ship\n    tasks:\n      - {{ id: call, run: {{ script: '{name} version', tools: {name}, changes: false }} }}\n"
    )
}

/// What the plan says of a release on this machine.
fn pinned(version: &str, url: &str, sha256: &str) -> String {
    format!(
        "version: {version}, url: \"{url}\", sha256: {{ {}: {sha256} }}",
        platform()
    )
}

fn world(name: &str, tool: &str) -> World {
    let world = World::new(&plan(name, tool));
    let cache = world.out("cache");
    world.with("XDG_CACHE_HOME", cache.to_str().expect("text"))
}

/// What lies in the folder of tools, besides the locks.
fn kept(world: &World) -> Vec<String> {
    let folder = world.out("cache").join("deploy-action/tools");
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.ends_with(".lock")).collect();
    names.sort();
    names
}

/// Puts a program first on the PATH of a world.
fn on_path(world: &mut World, name: &str, script: &str) -> PathBuf {
    let folder = world.out("bin");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be started");
    let rest = std::env::var("PATH").expect("there is a PATH");
    world.set("PATH", &format!("{}:{rest}", folder.display()));
    path
}

fn hint(ran: &Ran) -> String {
    let hint = &ran.last("task-finished", "call")["outcome"]["hint"];
    hint.as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_release_is_fetched_once_wherever_it_leads_and_is_first_on_the_path_of_the_task() {
    let archive = tar_gz(&[
        ("own-0.1.0/completions/own", 0o644, b"no program"),
        ("own-0.1.0/bin/own", 0o755, OWN.as_bytes()),
    ]);
    let releases = Releases::start([
        ("/0.1.0/own.tar.gz", Answer::Leads("/elsewhere")),
        ("/elsewhere", Answer::Whole(archive.clone())),
    ]);
    let mut world = world(
        "own",
        &pinned(
            "0.1.0",
            &releases.url("/{version}/own.tar.gz"),
            &digest(&archive),
        ),
    );
    // Another one of its name is on the PATH, and does not say its version.
    on_path(&mut world, "own", "exit 1");
    let first = world.call(&["run"]);
    assert_eq!(first.code, Some(0), "{}", first.all());
    assert!(
        first
            .all()
            .contains("own 0.1.0 was fetched, is what the plan says"),
        "{}",
        first.all()
    );
    assert_eq!(world.read("trace"), "own version\n");
    let where_it_is = world.out("cache").join("deploy-action/tools/own-0.1.0/own");
    assert_eq!(
        world.read("where").trim(),
        where_it_is.to_str().expect("text")
    );
    world.run(&["--force", "call"]).tells("0: call succeeded");
    assert_eq!(releases.asked(), ["/0.1.0/own.tar.gz", "/elsewhere"]);
    assert_eq!(kept(&world), ["own-0.1.0"]);
}

#[test]
fn a_release_of_another_digest_is_refused_and_nothing_of_it_stays() {
    let archive = tar_gz(&[("own", 0o755, OWN.as_bytes())]);
    let releases = Releases::start([("/own.tgz", Answer::Whole(archive.clone()))]);
    let world = world(
        "own",
        &pinned("0.1.0", &releases.url("/own.tgz"), &"0".repeat(64)),
    );
    let ran = world.run(&[]);
    ran.tells("1: call failed (task)");
    let failure = ran.failure("call");
    assert!(
        failure.contains(&format!("has the digest {}", digest(&archive))),
        "{failure}"
    );
    assert_eq!(kept(&world), [] as [&str; 0]);
    assert_eq!(world.read("trace"), "");
}

#[test]
fn a_release_that_is_cut_is_unavailable_and_the_next_run_fetches_it_whole() {
    let archive = tar_gz(&[("own", 0o755, OWN.as_bytes())]);
    let releases = Releases::start([("/own.tar.gz", Answer::CutOnce(archive.clone()))]);
    let world = world(
        "own",
        &pinned("0.1.0", &releases.url("/own.tar.gz"), &digest(&archive)),
    );
    world.run(&[]).tells("10: call failed (unavailable)");
    assert_eq!(kept(&world), [] as [&str; 0]);
    world.run(&[]).tells("0: call succeeded");
    assert_eq!(releases.asked().len(), 2);
}

#[test]
fn two_runs_at_once_fetch_a_release_once() {
    let archive = tar_gz(&[("own", 0o755, OWN.as_bytes())]);
    let releases = Releases::start([("/own.tar.gz", Answer::Held(archive.clone()))]);
    let tool = pinned("0.1.0", &releases.url("/own.tar.gz"), &digest(&archive));
    let first = world("own", &tool);
    let cache = first.out("cache");
    let second =
        World::new(&plan("own", &tool)).with("XDG_CACHE_HOME", cache.to_str().expect("text"));
    let ahead = first.start(&[]);
    wait_until("the release is asked for", || {
        (!releases.asked().is_empty()).then_some(())
    });
    let behind = second.start(&[]);
    behind.wait_for("task-started", "call");
    releases.go_on();
    ahead.end().tells("0: call succeeded");
    behind.end().tells("0: call succeeded");
    assert_eq!(releases.asked().len(), 1);
    assert_eq!(second.read("trace"), "own version\n");
}

#[test]
fn what_was_installed_and_is_not_what_it_was_is_fetched_again() {
    let archive = tar_gz(&[("own", 0o755, OWN.as_bytes())]);
    let releases = Releases::start([("/own.tar.gz", Answer::Whole(archive.clone()))]);
    let world = world(
        "own",
        &pinned("0.1.0", &releases.url("/own.tar.gz"), &digest(&archive)),
    );
    world.run(&[]).tells("0: call succeeded");
    let program = world.out("cache").join("deploy-action/tools/own-0.1.0/own");
    fs::write(&program, "#!/bin/sh\necho another >> $OUT/trace\n").expect("it is ours");
    world.run(&["--force", "call"]).tells("0: call succeeded");
    assert_eq!(world.read("trace"), "own version\nown version\n");
    assert_eq!(releases.asked().len(), 2);
    // What another plan installed from another release is not this one's.
    let plan = plan(
        "own",
        &pinned("0.1.0", &releases.url("/own.tar.gz"), &"0".repeat(64)),
    );
    world.write("deploy.yaml", &plan);
    world
        .run(&["--force", "call"])
        .tells("1: call failed (task)");
    assert_eq!(world.read("trace"), "own version\nown version\n");
}

#[test]
fn a_program_of_the_version_on_the_path_is_taken_and_nothing_is_fetched() {
    let releases = Releases::start::<&str>([]);
    let mut world = world(
        "kubectl",
        &pinned("1.34.3", &releases.url("/kubectl"), &"0".repeat(64)),
    );
    on_path(
        &mut world,
        "kubectl",
        "echo Client Version: v1.34.3; echo $1 >> $OUT/trace",
    );
    world.run(&[]).tells("0: call succeeded");
    assert_eq!(releases.asked(), [] as [&str; 0]);
    assert_eq!(kept(&world), [] as [&str; 0]);
}

#[test]
fn a_release_whose_program_says_another_version_is_refused() {
    let script = b"#!/bin/sh\necho Client Version: v1.0.0\n".to_vec();
    let releases = Releases::start([("/kubectl", Answer::Whole(script.clone()))]);
    let mut world = world(
        "kubectl",
        &pinned("1.34.3", &releases.url("/kubectl"), &digest(&script)),
    );
    on_path(&mut world, "kubectl", "echo Client Version: v1.33.0");
    let ran = world.run(&[]);
    ran.tells("1: call failed (task)");
    let failure = ran.failure("call");
    assert!(
        failure.contains("says that it is 1.0.0, and the plan's `tools` want 1.34.3"),
        "{failure}"
    );
    assert_eq!(kept(&world), [] as [&str; 0]);
}

#[test]
fn without_a_digest_nothing_is_asked_for_and_the_words_say_where_one_stands() {
    let releases = Releases::start::<&str>([]);
    let mut world = world(
        "kubectl",
        &format!("version: 1.34.3, url: \"{}\"", releases.url("/kubectl")),
    );
    let found = on_path(&mut world, "kubectl", "echo Client Version: v1.33.0");
    let ran = world.run(&[]);
    ran.tells("1: call failed (invalid)");
    assert_eq!(
        ran.failure("call"),
        format!(
            "`kubectl` at {} is 1.33.0, the plan's `tools` want 1.34.3, and no digest of its release is known",
            found.display()
        )
    );
    let sha256 = format!("sha256: {{ {}: … }}", platform());
    assert!(hint(&ran).contains(&sha256), "{}", hint(&ran));
    assert_eq!(releases.asked(), [] as [&str; 0]);
}

#[test]
fn a_rehearsal_fetches_nothing_and_says_what_is_missing() {
    let archive = tar_gz(&[("own", 0o755, b"#!/bin/sh\necho own >> $HOME/trace\n")]);
    let releases = Releases::start([("/own.tar.gz", Answer::Whole(archive.clone()))]);
    let tool = pinned("0.1.0", &releases.url("/own.tar.gz"), &digest(&archive));
    let plan = format!(
        "{}workflows:\n  ship: {{ on: {{ push: {{ branches: [main] }} }}, phases: ship }}\n",
        plan("own", &tool)
    );
    let rehearsals = Rehearsals::new(&plan, &[]);
    let ran = rehearsals.rehearse_to(1, &[]);
    assert!(
        ran.all().contains("a rehearsal downloads nothing"),
        "{}",
        ran.all()
    );
    assert_eq!(releases.asked(), [] as [&str; 0]);
    // What a run has installed, a rehearsal takes.
    rehearsals.world.run(&[]).tells("0: call succeeded");
    drop(rehearsals.rehearse_to(0, &[]));
    assert_eq!(releases.asked(), ["/own.tar.gz"]);
}

#[test]
fn doctor_says_what_a_run_would_fetch_and_what_it_has_installed() {
    let archive = tar_gz(&[("own", 0o755, OWN.as_bytes())]);
    let releases = Releases::start([("/own.tar.gz", Answer::Whole(archive.clone()))]);
    let url = releases.url("/own.tar.gz");
    let world = world("own", &pinned("0.1.0", &url, &digest(&archive)));
    let before = world.call(&["doctor"]);
    assert_eq!(before.code, Some(0), "{}", before.all());
    let words = format!("`own` is not on the PATH; a run fetches {url}");
    assert!(before.stdout.contains(&words), "{}", before.stdout);
    assert_eq!(releases.asked(), [] as [&str; 0]);
    world.run(&[]).tells("0: call succeeded");
    let after = world.call(&["doctor"]);
    assert!(
        after.stdout.contains("own-0.1.0/own, installed by a run"),
        "{}",
        after.stdout
    );
}

#[test]
fn terraform_is_taken_out_of_its_zip_and_is_what_a_module_is_applied_by() {
    crate::terraform::needs_terraform();
    let found = std::process::Command::new("sh")
        .args(["-c", "command -v terraform"])
        .output()
        .expect("there is a shell");
    let real = String::from_utf8(found.stdout).expect("a path");
    let said = std::process::Command::new("terraform")
        .args(["version", "-json"])
        .env("CHECKPOINT_DISABLE", "1")
        .output()
        .expect("it is there");
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).expect("it is JSON");
    let version = said["terraform_version"].as_str().expect("a version");
    let program = fs::read(real.trim()).expect("it can be read");
    let archive = zip(&[
        ("LICENSE.txt", 0o644, b"words"),
        ("terraform", 0o755, &program),
    ]);
    let name = format!("/terraform_{version}.zip");
    let releases = Releases::start([(name.clone(), Answer::Whole(archive.clone()))]);
    let tool = pinned(version, &releases.url(&name), &digest(&archive));
    let mut world = crate::terraform::world_with(
        &format!("tools: {{ terraform: {{ {tool} }} }}\n"),
        "output \"address\" {\n  value = \"10.0.0.1\"\n}\n",
        "",
    );
    let cache = world.out("cache");
    world.set("XDG_CACHE_HOME", cache.to_str().expect("text"));
    on_path(&mut world, "terraform", "echo Terraform v1.0.0");
    world
        .run(&[])
        .tells("0: network succeeded, reader succeeded");
    assert_eq!(world.read("read"), "10.0.0.1\n");
    assert_eq!(releases.asked().len(), 1);
    let drift = world.call(&["drift"]);
    assert_eq!(drift.code, Some(0), "{}", drift.all());
    assert_eq!(releases.asked().len(), 1);
}
