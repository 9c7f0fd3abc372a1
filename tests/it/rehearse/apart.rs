//! Rehearsals at the same time.

use std::{fs, path::PathBuf};

use super::WAITING;
use crate::rehearse_world::{Rehearsals, Started};

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
