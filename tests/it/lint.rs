//! `lint`: what a wrong plan is told, and that nothing in a file can make the program fall over.
//!
//! Each file of `tests/plans/invalid` has its words beside it, in `NAME.stderr`.

use std::path::PathBuf;

use deploy_action_test_support::{Ended, World, compare_with_file, files_ending_in};

mod limits;
mod mutations;
mod spans;

/// Runs `lint` in a world of its own.
fn world() -> World {
    World::new(env!("CARGO_BIN_EXE_deploy-action"))
}

fn plans(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/plans")
        .join(folder)
}

/// Writes a plan into a world and lints it.
fn lint(plan: impl AsRef<[u8]>) -> Ended {
    let world = world();
    world.write("deploy.yaml", plan);
    world.run(["lint"])
}

/// Asserts that a plan is refused with a text among its words.
fn refused(plan: impl AsRef<[u8]>, words: &str) {
    let ended = lint(plan);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains(words), "{}", ended.stderr);
}

/// A plan that gives one variable to a module.
fn with_module(variable: &str) -> Ended {
    let world = world();
    world.write(
        "deploy.yaml",
        format!("name: app\nsecrets: {{ TOKEN: {{}} }}\nphases: [{{ id: a, tasks: [{{ id: net, terraform: {{ dir: infra, variables: {{ {variable} }} }} }}] }}]\n"),
    );
    world.write(
        "infra/variables.tf",
        "# Theirs.\nvariable \"kept\" {}\n\nvariable \"token\" {\n  ephemeral = true\n}\n",
    );
    world.run(["lint"])
}

#[test]
fn a_secret_that_terraform_would_keep_is_told_with_the_line_that_helps() {
    let ended = with_module("token: \"${{ secrets.TOKEN }}\"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ended = with_module("kept: \"${{ secrets.TOKEN }}\"");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for part in [
        "error[secret-variable]: terraform would keep `kept` in its plan and its state",
        "write `ephemeral = true`, at variables.tf:2",
    ] {
        assert!(
            ended.stderr.contains(part),
            "no {part:?} in\n{}",
            ended.stderr
        );
    }
}

#[test]
fn a_variable_that_a_module_does_not_have_is_told_with_the_nearest() {
    let ended = with_module("tokne: x");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for part in [
        "error[unknown-variable]: `infra` declares no variable `tokne`",
        "did you mean `token`?",
    ] {
        assert!(
            ended.stderr.contains(part),
            "no {part:?} in\n{}",
            ended.stderr
        );
    }
}

#[test]
fn each_invalid_plan_is_told_what_is_kept_beside_it() {
    let folder = plans("invalid");
    let files = files_ending_in(&folder, "yaml");
    assert!(files.len() >= 30, "{} invalid plans", files.len());
    let world = world();
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().expect("a file of the folder has a name");
        let ended = world.run_in(&folder, ["lint".as_ref(), name]);
        let words = world.redact(&ended.stderr);
        if ended.code != Some(2) || !ended.stdout.is_empty() {
            wrong.push(format!(
                "{}: exit {:?}\n{words}",
                file.display(),
                ended.code
            ));
        } else if let Err(difference) = compare_with_file(&file.with_extension("stderr"), &words) {
            wrong.push(difference);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_name_of_each_invalid_plan_begins_with_a_code_that_it_is_told() {
    for file in files_ending_in(&plans("invalid"), "yaml") {
        let words = std::fs::read_to_string(file.with_extension("stderr")).expect("words are kept");
        let name = file
            .file_stem()
            .expect("a file has a name")
            .to_string_lossy();
        let mut codes = words.lines().filter_map(|line| {
            let (_, rest) = line
                .split_once('[')
                .filter(|(severity, _)| *severity == "error" || *severity == "warning")?;
            Some(rest.split_once("]: ")?.0)
        });
        assert!(codes.any(|code| name.starts_with(code)), "{name}\n{words}");
    }
}

#[test]
fn each_problem_names_its_place_its_line_and_a_next_step() {
    for file in files_ending_in(&plans("invalid"), "stderr") {
        let words = std::fs::read_to_string(&file).expect("the file is there");
        let (problems, closing) = words.trim_end().rsplit_once('\n').expect("a closing line");
        assert!(closing.contains("error"), "{words}");
        for problem in problems.split("\n\n") {
            let plan = file.with_extension("yaml");
            let place = format!("{}:", plan.file_name().expect("a name").to_string_lossy());
            assert!(
                problem.contains("--> ") && problem.contains(&place),
                "{problem}"
            );
            assert!(problem.contains(" = help: "), "{problem}");
        }
    }
}

#[test]
fn each_valid_plan_is_valid_without_a_warning() {
    let folder = plans("valid");
    let world = world();
    for file in files_ending_in(&folder, "yaml") {
        let name = file.file_name().expect("a file of the folder has a name");
        let ended = world.run_in(&folder, ["lint".as_ref(), name, "--deny=warnings".as_ref()]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains("is valid: "), "{}", ended.stderr);
    }
}

#[test]
fn the_plans_of_the_example_systems_are_valid() {
    let systems = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("workflows");
    let mut n_plans = 0;
    for entry in std::fs::read_dir(systems).expect("the folder is there") {
        let folder = entry.expect("the folder can be read").path();
        if folder.join("deploy.yaml").is_file() {
            let ended = world().run_in(&folder, ["lint", "--deny", "warnings"]);
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            n_plans += 1;
        }
    }
    assert!(n_plans > 0);
}

#[test]
fn a_late_task_is_named() {
    let ended = world().run_in(&plans("valid"), ["lint", "late.yaml"]);
    assert_eq!(
        ended.stderr,
        "late.yaml is valid: 4 tasks in 2 phases\n\
         task `certificates` is late: it stands in phase `dns` and counts as part of `deploy`, for whose tasks it waits\n"
    );
}

#[test]
fn warnings_end_with_2_only_where_they_are_denied() {
    let plan =
        "name: shop\nphases: [{ id: ship, tasks: [{ id: app, run: { command: deploy } }] }]\n";
    let world = world();
    world.write("deploy.yaml", plan);
    let ended = world.run(["lint"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("warning[no-way-back]: "),
        "{}",
        ended.stderr
    );
    assert!(
        ended
            .stderr
            .ends_with("valid: 1 task in 1 phase, with 1 warning\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(world.run(["lint", "--deny", "warnings"]).code, Some(2));
}

#[test]
fn a_retry_that_names_nothing_to_repeat_is_warned_of() {
    let ended = lint(
        "name: shop
defaults: { retry: { attempts: 2 } }
phases: [{ id: ship, tasks: [
  { id: app, run: { command: deploy, changes: false }, retry: { attempts: 3 } },
  { id: other, run: { command: deploy, changes: false }, retry: { attempts: 3, exit: 75 } }] }]
",
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let warned = ended
        .stderr
        .matches("warning[idle-retry]: this `retry` repeats nothing");
    assert_eq!(warned.count(), 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("deploy.yaml:4:63"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_plan_may_have_as_many_comments_as_it_likes() {
    let comments = "    # A line of many.\n".repeat(1_000);
    let plan = format!(
        "name: shop\nphases:\n  - id: ship\n    tasks:\n{comments}      - id: app\n        run: {{ command: deploy, changes: false }}\n{comments}"
    );
    let ended = lint(plan);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn problems_are_printed_for_programs_too() {
    let ended = world().run_in(
        &plans("invalid"),
        ["lint", "cycle-of-two.yaml", "--format=json"],
    );
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.stderr, "");
    let problems: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(problems[0]["code"], "cycle");
    assert_eq!(problems[0]["line"], 5);
    assert_eq!(problems.as_array().map(Vec::len), Some(1));
}

#[test]
fn the_coverage_names_each_item_and_what_covers_it() {
    let ended = world().run_in(&plans("valid"), ["lint", "data.yaml", "--coverage"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    for line in [
        "A1\ta secret\tBuild the image",
        "A2\ta workflow\tRelease the application",
        "A3\tlook\tLook at it from outside",
        "A4\tan exclusion\tWindows",
    ] {
        assert!(lines.contains(&line), "{line}\n{}", ended.stdout);
    }
}

#[test]
fn a_file_that_is_not_there_ends_with_2_and_names_the_one_that_is() {
    let world = world();
    world.write("deploy.yml", "name: shop\n");
    let ended = world.run(["lint"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("`deploy.yml` is there"),
        "{}",
        ended.stderr
    );
}
