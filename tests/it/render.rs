//! `deploy-action render`: the files of the example systems, drift, and what is removed.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_fs::{TempDir, prelude::*};

const PLAN: &str = r#"
version: 1
name: shop
inputs: { port: { type: number, default: 8088 } }
phases:
  - id: build
    tasks:
      - { id: app, run: { command: make } }
      - { id: settings, render: { template: settings.tera, to: settings.ini, with: { port: "${{ inputs.port }}" }, committed: true } }
workflows: { deploy: { on: push }, checks: { on: pull_request } }
"#;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn world(plan: &str) -> TempDir {
    let world = TempDir::new().expect("a folder");
    world
        .child("deploy.yaml")
        .write_str(plan)
        .expect("the plan is written");
    world
        .child("settings.tera")
        .write_str("port = {{ port }}\n")
        .expect("the template is written");
    world
}

fn render(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("deploy-action").expect("the program is built");
    let output = command
        .current_dir(folder)
        .env_clear()
        .arg("render")
        .args(arguments)
        .output()
        .expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
    (
        output.status.code().expect("it ends by itself"),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn the_files_of_the_example_systems_are_what_their_plans_say() {
    let systems = std::fs::read_dir(repository().join("workflows")).expect("there are systems");
    let mut n_plans = 0;
    for system in systems {
        let plan = system.expect("it can be listed").path().join("deploy.yaml");
        if plan.is_file() {
            n_plans += 1;
            let (code, diff, words) = render(
                &repository(),
                &[plan.to_str().expect("the path is text"), "--check"],
            );
            assert_eq!(code, 0, "{diff}{words}");
        }
    }
    assert!(n_plans > 0);
}

#[test]
fn paths_are_printed_one_a_line_and_a_second_time_changes_nothing() {
    let world = world(PLAN);
    let (code, paths, words) = render(world.path(), &[]);
    assert_eq!((code, words.as_str()), (0, ""));
    assert_eq!(
        paths,
        "./.github/workflows/checks.yml\n./.github/workflows/deploy.yml\n./settings.ini\n"
    );
    world.child("settings.ini").assert("port = 8088\n");
    let first =
        std::fs::read(world.path().join(".github/workflows/deploy.yml")).expect("it is there");
    assert_eq!(render(world.path(), &[]).1, paths);
    assert_eq!(
        std::fs::read(world.path().join(".github/workflows/deploy.yml")).expect("it is there"),
        first
    );
    assert_eq!(render(world.path(), &["--check"]).0, 0);
}

#[test]
fn an_edit_is_drift_with_a_diff_and_the_command_that_mends_it() {
    let world = world(PLAN);
    render(world.path(), &[]);
    world
        .child("settings.ini")
        .write_str("port = 80\n")
        .expect("it is written");
    let (code, diff, words) = render(world.path(), &["--check"]);
    assert_eq!(code, 3);
    insta::assert_snapshot!(diff, @r"
    --- ./settings.ini
    +++ ./settings.ini
    @@ -1 +1 @@
    -port = 80
    +port = 8088
    ");
    insta::assert_snapshot!(words, @"1 file is not what the plan says; `deploy-action render deploy.yaml` writes what it says");
    world.child("settings.ini").assert("port = 80\n");
}

#[test]
fn a_file_that_is_missing_is_drift_and_other_line_ends_are_none() {
    let world = world(PLAN);
    render(world.path(), &[]);
    let file = world.child(".github/workflows/deploy.yml");
    let text = std::fs::read_to_string(file.path()).expect("it is there");
    file.write_str(&text.replace('\n', "\r\n"))
        .expect("it is written");
    assert_eq!(render(world.path(), &["--check"]).0, 0);
    std::fs::remove_file(file.path()).expect("it is removed");
    let (code, diff, _) = render(world.path(), &["--check"]);
    assert_eq!(code, 3);
    assert!(
        diff.starts_with("--- /dev/null\n+++ ./.github/workflows/deploy.yml\n"),
        "{diff}"
    );
}

#[test]
fn a_workflow_that_the_plan_declares_no_more_is_reported_and_then_removed() {
    let world = world(PLAN);
    render(world.path(), &[]);
    let by_hand = world.child(".github/workflows/own.yml");
    by_hand.write_str("name: own\n").expect("it is written");
    let other = world.child(".github/workflows/other.yml");
    other
        .write_str("# Rendered by deploy-action from other/deploy.yaml; edit that file\n")
        .expect("it is written");
    world
        .child("deploy.yaml")
        .write_str(&PLAN.replace(", checks: { on: pull_request }", ""))
        .expect("the plan is written");
    let (code, _, words) = render(world.path(), &["--check"]);
    assert_eq!(code, 3);
    assert!(words.contains("`./.github/workflows/checks.yml` was rendered from this plan, which declares it no more"), "{words}");
    let (code, _, words) = render(world.path(), &[]);
    assert_eq!(code, 0);
    assert!(
        words.contains("removed `./.github/workflows/checks.yml`"),
        "{words}"
    );
    assert!(!world.path().join(".github/workflows/checks.yml").exists());
    assert!(
        by_hand.path().exists() && other.path().exists(),
        "they are not this plan's"
    );
}

#[test]
fn a_plan_below_the_root_names_its_place_in_the_files_of_the_root() {
    let world = TempDir::new().expect("a folder");
    let plan = PLAN
        .split("      - { id: settings")
        .next()
        .expect("there is a first part");
    world
        .child("deploy/shop.yaml")
        .write_str(plan)
        .expect("the plan is written");
    let (code, paths, words) = render(
        world.path(),
        &["deploy/shop.yaml", "--dir", ".github/workflows"],
    );
    assert_eq!(
        (code, paths.as_str()),
        (0, ".github/workflows/deploy.yml\n"),
        "{words}"
    );
    let text = std::fs::read_to_string(world.path().join(paths.trim_end())).expect("it is there");
    assert!(
        text.starts_with("# Rendered by deploy-action from deploy/shop.yaml;"),
        "{text}"
    );
    assert!(text.contains("plan: deploy/shop.yaml\n"));
    assert_eq!(
        render(
            world.path(),
            &["deploy/shop.yaml", "--dir", ".github/workflows", "--check"]
        )
        .0,
        0
    );
}

#[test]
fn what_cannot_be_rendered_is_said_and_nothing_is_written() {
    let world = world(&PLAN.replace("{ on: push }", "{ on: page_build }"));
    let (code, paths, words) = render(world.path(), &[]);
    assert_eq!((code, paths.as_str()), (2, ""));
    insta::assert_snapshot!(words, @r"
    error: event `page_build` of workflow `deploy` starts nothing by itself
    hint: add `command`: `run`, `preview`, `drift` or `verify`
    ");
    assert!(!world.path().join(".github").exists());
    world
        .child("deploy.yaml")
        .write_str(PLAN)
        .expect("the plan is written");
    world
        .child("settings.tera")
        .write_str("port = {{ prot }}\n")
        .expect("the template is written");
    let (code, paths, words) = render(world.path(), &["--check"]);
    assert_eq!((code, paths.as_str()), (2, ""));
    assert!(
        words.contains("`settings.tera` does not render") && words.contains("prot"),
        "{words}"
    );
}

#[cfg(unix)]
mod action {
    use std::{os::unix::fs::PermissionsExt as _, process::Stdio};

    use super::*;

    const FAKE: &str = "#!/bin/bash\nprintf '%s %s %s\\n' \"$*\" \"$DEPLOY_ACTION_INPUT_COMMAND\" \"$DEPLOY_ACTION_INPUT_TASK\"\n";

    /// The script of `action.yml`, with the lines of a release in its table.
    fn script(released: &str) -> String {
        let action = std::fs::read_to_string(repository().join("action.yml")).expect("it is there");
        let script = action.split_once("run: |\n").expect("it has a script").1;
        let script: String = script
            .lines()
            .flat_map(|line| [line.strip_prefix("        ").unwrap_or(line), "\n"])
            .collect();
        script.replace("<<'RELEASED'\n", &format!("<<'RELEASED'\n{released}"))
    }

    fn run(world: &TempDir, released: &str, variables: &[(&str, &str)]) -> (i32, String) {
        let output = std::process::Command::new("bash")
            .args([
                "--noprofile",
                "--norc",
                "-eo",
                "pipefail",
                "-c",
                &script(released),
            ])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs([
                ("RUNNER_OS", "Linux"),
                ("RUNNER_ARCH", "X64"),
                ("DEPLOY_ACTION_INPUT_COMMAND", "run"),
                ("DEPLOY_ACTION_INPUT_TASK", "a"),
            ])
            .env("RUNNER_TOOL_CACHE", world.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("bash runs");
        (
            output.status.code().expect("it ends by itself"),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    fn program(world: &TempDir, path: &str) -> PathBuf {
        let file = world.child(path);
        file.write_str(FAKE).expect("it is written");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o755))
            .expect("it can be run");
        file.path().to_owned()
    }

    #[test]
    fn a_named_binary_takes_the_place_of_the_step() {
        let world = TempDir::new().expect("a folder");
        let binary = program(&world, "own/deploy-action");
        let binary = binary.to_str().expect("the path is text");
        assert_eq!(
            run(&world, "", &[("DEPLOY_ACTION_INPUT_BINARY", binary)]),
            (0, "action run a\n".to_owned())
        );
        assert_eq!(
            run(&world, "", &[("DEPLOY_ACTION_BINARY", binary)]),
            (0, "action run a\n".to_owned())
        );
    }

    #[test]
    fn a_binary_of_the_cache_runs_only_if_it_is_the_released_one() {
        let world = TempDir::new().expect("a folder");
        let version = env!("CARGO_PKG_VERSION");
        program(
            &world,
            &format!("deploy-action/{version}/x64/deploy-action"),
        );
        world
            .child(format!("deploy-action/{version}/x64.complete"))
            .touch()
            .expect("it is written");
        let digest = deploy_action::digest::Digest::of(FAKE).hex();
        assert_eq!(
            run(&world, &format!("{digest} linux-x64\n"), &[]),
            (0, "action run a\n".to_owned())
        );
        // Nothing is there to be fetched from: a proxy that nobody listens on stands for a network that is down.
        let other = deploy_action::digest::Digest::of("another").hex();
        let (code, words) = run(
            &world,
            &format!("{other} linux-x64\n"),
            &[("https_proxy", "http://127.0.0.1:1")],
        );
        assert!(code != 0 && words.is_empty(), "{code} {words}");
    }

    #[test]
    fn a_platform_without_a_released_binary_is_said() {
        let world = TempDir::new().expect("a folder");
        let (code, words) = run(&world, "", &[]);
        assert_eq!(code, 2);
        assert!(
            words.contains("no released binary for linux-x64"),
            "{words}"
        );
    }
}
