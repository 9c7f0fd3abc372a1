//! What a step says to its runner: the commands in its log, and its files.
#![cfg(target_os = "linux")]

mod runner;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use self::runner::{Annotation, Runner};
use crate::world::World;

/// A world as a step of a job, with the files that a runner makes.
fn step(plan: &str) -> World {
    let mut world = World::new(plan).on_actions();
    let workspace = world.repository();
    world.set("GITHUB_WORKSPACE", workspace.to_str().expect("UTF-8"));
    world.set("GITHUB_JOB", "ship");
    for (variable, name) in [
        ("GITHUB_OUTPUT", "output"),
        ("GITHUB_ENV", "env"),
        ("GITHUB_STEP_SUMMARY", "summary"),
    ] {
        let path = world.out(name);
        fs::write(&path, "").expect("a file");
        world.set(variable, path.to_str().expect("UTF-8"));
    }
    world
}

/// Reads the log of a call of the program; `secrets` must not be seen in it but in the command that masks them.
#[track_caller]
fn logged(world: &World, args: &[&str], code: i32, secrets: &[&str]) -> Runner {
    let ran = world.call(args);
    assert_eq!(ran.code, Some(code), "{}", ran.all());
    Runner::read(&ran.stderr, secrets)
}

const TWO_AT_ONCE: &str = r###"
name: app
phases:
  - id: ship
    tasks:
      - id: loud
        run:
          changes: false
          script: |
            echo "::error::not ours"
            echo "::endgroup::"
            echo "::add-mask::a"
            echo "see ##[set-output name=x]y and ##[endgroup]"
            until test -e $OUT/quiet; do sleep 0.02; done
      - { id: quiet, run: { script: 'echo one; echo two >&2; : > $OUT/quiet', changes: false } }
      - { id: silent, needs: [loud, quiet], run: { script: 'true', changes: false } }
      - { id: last, needs: silent, run: { script: 'echo "::error::x"; echo bad "##[error]y"; exit 3', changes: false } }
"###;

#[test]
fn the_output_of_each_task_is_one_group_in_which_nothing_is_a_command() {
    let world = step(TWO_AT_ONCE);
    let runner = logged(&world, &["run", "--jobs", "2"], 1, &[]);
    let mut titles: Vec<&str> = runner.groups().map(|(title, _)| title).collect();
    titles.sort_unstable();
    assert_eq!(
        titles,
        ["last", "loud", "quiet"],
        "a silent task has no group"
    );
    assert_eq!(
        runner.group("loud"),
        [
            "::error::not ours",
            "::endgroup::",
            "::add-mask::a",
            "see ##[set-output name=x]y and ##[endgroup]"
        ]
    );
    let mut quiet = runner.group("quiet");
    quiet.sort();
    assert_eq!(quiet, ["one", "two"]);
    assert_eq!(runner.text_of("done ").len(), 3, "{runner:?}");
    assert_eq!(runner.text_of("failed ").len(), 1, "{runner:?}");
    let [
        Annotation {
            level,
            title,
            message,
            place,
        },
    ] = runner.annotations()
    else {
        panic!("{runner:?}")
    };
    assert_eq!((level.as_str(), title.as_str()), ("error", "last"));
    assert!(message.contains("ended with exit code 3"), "{message}");
    assert_eq!(place, "deploy.yaml:17:15");
}

#[test]
fn the_only_task_that_runs_is_seen_as_it_goes_on() {
    let world = step(
        "
name: app
phases:
  - id: ship
    tasks:
      - { id: slow, run: { changes: false, script: 'echo begun; until test -e $OUT/go; do sleep 0.02; done; echo ended' } }
",
    );
    let mut child = world
        .program(&["run"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut log = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut text = String::new();
    while !text.ends_with("\nbegun\n") {
        assert_ne!(log.read_line(&mut text).expect("text"), 0, "{text}");
    }
    world.allow("go");
    log.read_to_string(&mut text).expect("text");
    assert!(child.wait().expect("it is ours").success(), "{text}");
    assert_eq!(Runner::read(&text, &[]).group("slow"), ["begun", "ended"]);
}

#[test]
fn more_failures_than_a_runner_keeps_are_counted_and_come_first() {
    let tasks: String = (0..13)
        .map(|number| {
            format!(
                "      - {{ id: t{number}, run: {{ script: 'exit {number}', changes: false }} }}\n"
            )
        })
        .collect();
    let plan = format!(
        "name: app\nphases:\n  - id: ship\n    tasks:\n{tasks}      - {{ id: seen, gate: {{ confirm: Somebody has looked }} }}\n"
    );
    let runner = logged(&step(&plan), &["run", "--jobs", "1"], 1, &[]);
    let annotations = runner.annotations();
    let levels: Vec<&str> = annotations
        .iter()
        .map(|found| found.level.as_str())
        .collect();
    assert_eq!(levels[..10], ["error"; 10]);
    assert_eq!(levels[10..], ["notice"], "the gate waits for a person");
    assert_eq!(
        annotations[9].message,
        "3 more errors: see the summary and the log"
    );
}

#[test]
fn an_invalid_plan_is_shown_beside_its_lines() {
    let world = step(
        "name: app\nphases:\n  - id: ship\n    tasks:\n      - { id: a, needs: b, run: { script: 'true' } }\n",
    );
    let runner = logged(&world, &["lint"], 2, &[]);
    let first = &runner.annotations()[0];
    assert_eq!(
        (first.level.as_str(), first.title.as_str()),
        ("error", "unknown-name")
    );
    assert_eq!(first.place, "deploy.yaml:5:25");
    // And a run of it says why nothing ran.
    let run = logged(&world, &["run"], 2, &[]);
    let last = run.annotations().last().expect("an annotation");
    assert_eq!(last.level, "error");
    assert!(last.message.contains("is not a valid plan"), "{last:?}");
}

const OUTPUTS: &str = "
name: app
secrets: { KEY: {} }
environments: { production: {} }
phases:
  - id: ship
    environment: production
    tasks:
      - { id: deploy, env: { K: '${{ secrets.KEY }}' }, run: { script: 'true' } }
";

#[test]
fn outputs_are_written_with_a_delimiter_that_nobody_can_guess() {
    let world = step(OUTPUTS).with("KEY", "correct-horse");
    let runner = logged(&world, &["run", "--dry-run"], 0, &["correct-horse"]);
    assert_eq!(runner.masks(), ["correct-horse"]);
    assert_eq!(runner.annotations(), []);
    let first = world.read("output");
    let outputs = runner::outputs(&first);
    let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["jobs", "digest"]);
    assert!(outputs[0].1.starts_with("[\""), "{first}");
    assert!(outputs[1].1.starts_with("sha256:"), "{first}");
    logged(&world, &["run", "--dry-run"], 0, &["correct-horse"]);
    let both = world.read("output");
    let second = both.strip_prefix(&first).expect("it is appended");
    assert_ne!(second, first, "each call has a delimiter of its own");
    assert_eq!(runner::outputs(second), outputs);
    assert_eq!(
        world.read("env"),
        "",
        "nothing is set for the steps that follow"
    );
}

#[test]
fn an_output_that_would_vanish_because_it_holds_a_secret_is_announced() {
    let world = step(OUTPUTS).with("KEY", "deploy");
    let ran = world.call(&["run", "--dry-run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let runner = Runner::read(&ran.stderr, &[]);
    let [found] = runner.annotations() else {
        panic!("{runner:?}")
    };
    assert_eq!(found.level, "warning");
    assert!(
        found.message.starts_with("output `jobs` holds"),
        "{found:?}"
    );
}

#[test]
fn a_job_that_ran_says_so_in_its_summary() {
    let world = step(TWO_AT_ONCE);
    logged(&world, &["run", "--jobs", "2"], 1, &[]);
    let summary = world.read("summary");
    assert!(
        summary.starts_with("## Deployment of app: failed\n"),
        "{summary}"
    );
    assert!(summary.contains("`last`"), "{summary}");
    assert!(summary.len() < 1_000_000);
}

/// The task prints its secret in the forms in which tools print secrets, hands it on as an output, and fails with it.
const LEAKS: &str = r#"
name: app
secrets: { KEY: {}, PEM: {} }
phases:
  - id: ship
    tasks:
      - id: leak
        env: { K: "${{ secrets.KEY }}", P: "${{ secrets.PEM }}", B: "Bearer ${{ secrets.KEY }}" }
        outputs: { key: { sensitive: true } }
        run:
          script: |
            printf '%s\n' "$K" "$P" "$B" "::error::$K"
            printf '%s' "$K" | base64
            printf 'x%s' "$K" | base64
            printf '%s' "$K" | od -An -tx1 | tr -d ' \n'; echo
            printf '%%%s' "$K"; echo
            printf '%s' "$K" | sed 's/"/\\"/g'; echo
            printf '%s' "$K" | sed 's|/|%2F|g; s|"|%22|g; s| |%20|g'; echo
            printf '%q\n' "$K"
            echo "key=$K" >> $GITHUB_OUTPUT
            echo "$K" >&2
            exit 9
        verify: [{ id: seen, run: { command: [printenv, K] } }]
      - { id: after, needs: leak, run: { script: 'true' } }
"#;

const KEY: &str = "s3cr/et \"quo te";
const PEM: &str = "{\n  \"private\": \"MIIEvgIBADANBg\"\n}\n";

/// Every text that would give the secrets away.
fn given_away() -> Vec<String> {
    let hex: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let inside = STANDARD.encode(format!("x{KEY}"));
    vec![
        KEY.to_owned(),
        hex.to_uppercase(),
        hex,
        STANDARD.encode(KEY),
        inside[4..inside.len() - 4].to_owned(),
        KEY.replace('"', "\\\""),
        KEY.replace('/', "%2F")
            .replace('"', "%22")
            .replace(' ', "%20"),
        KEY.replace(' ', "\\ ").replace('"', "\\\""),
        "MIIEvgIBADANBg".to_owned(),
    ]
}

#[test]
fn no_secret_arrives_anywhere_in_any_form() {
    for (args, on_actions) in [
        (&["run"][..], true),
        (&["run", "--format", "json"], true),
        (&["run", "--dry-run"], true),
        (&["run"], false),
        (&["run", "--format", "json"], false),
    ] {
        let mut world = step(LEAKS).with("KEY", KEY).with("PEM", PEM);
        if !on_actions {
            world.set("GITHUB_ACTIONS", "false");
        }
        let ran = world.call(args);
        let masks = |line: &&str| on_actions && line.starts_with("::add-mask::");
        let told: Vec<&str> = ran.stderr.lines().filter(|line| !masks(line)).collect();
        let files = ["output", "env", "summary"].map(|name| world.read(name));
        let told = format!("{}\n{}\n{}", ran.stdout, told.join("\n"), files.join("\n"));
        assert!(told.contains("***") || args.len() > 1, "{told}");
        for form in given_away() {
            assert!(!told.contains(&form), "{args:?} tells {form:?}:\n{told}");
            let found = world.files_with(&form);
            assert_eq!(found, Vec::<std::path::PathBuf>::new(), "{form:?}");
        }
        if on_actions {
            let first = ran.stderr.lines().next().unwrap_or_default();
            assert!(first.starts_with("::add-mask::"), "{}", ran.stderr);
            Runner::read(&ran.stderr, &[]);
            assert!(!ran.stderr.contains("::add-mask::{"), "{}", ran.stderr);
        }
    }
}

#[test]
fn json_is_all_that_is_on_stdout_and_holds_no_command() {
    let world = step(TWO_AT_ONCE);
    let ran = world.call(&["run", "--format", "json"]);
    assert_eq!(ran.code, Some(1));
    assert!(!ran.stdout.contains("##["), "{}", ran.stdout);
    for line in ran.stdout.lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        assert!(record["event"]["type"].is_string(), "{line}");
    }
    let runner = Runner::read(&ran.stderr, &[]);
    assert_eq!(runner.groups().count(), 0);
    assert_eq!(runner.annotations().len(), 1);
}
