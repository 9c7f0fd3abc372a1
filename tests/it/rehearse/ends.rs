//! How a rehearsal ends that does not end well, or begins with little.

use rustix::process::Signal;

use super::{EVENTS, WAITING};
use crate::rehearse_world::{Rehearsals, files_below};

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
