//! `man`: a page for the program and one a verb, without a warning of the formatter.

use std::{fs, path::Path, process::Command};

use deploy_action_test_support::{World, files_ending_in};

fn world() -> World {
    World::new(env!("CARGO_BIN_EXE_deploy-action"))
}

/// What groff makes of a page, and what it warns of.
fn formatted(page: &Path) -> (String, String) {
    let output = Command::new("groff")
        .args(["-man", "-Tutf8", "-P-c", "-P-b", "-P-u", "-ww"])
        .arg(page)
        .output()
        .expect("groff is there; `cargo xtask setup` brings it, or `apt-get install groff-base`");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn each_verb_has_a_page_and_groff_warns_of_nothing() {
    let world = world();
    let ended = world.run(["man", "pages/man1"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let pages = files_ending_in(&world.folder().join("pages/man1"), "1");
    let printed: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(pages.len(), printed.len(), "{printed:?}");
    for verb in ["lint", "run", "rehearse", "doctor", "init", "schema", "man"] {
        let path = format!("pages/man1/deploy-action-{verb}.1");
        assert!(printed.contains(&path.as_str()), "{path}\n{printed:?}");
    }
    assert!(
        !ended.stdout.contains("deploy-action-action"),
        "{}",
        ended.stdout
    );
    for page in pages {
        let (text, warnings) = formatted(&page);
        assert_eq!(warnings, "", "{}", page.display());
        assert!(text.contains("SYNOPSIS"), "{text}");
    }
}

#[test]
fn the_page_of_run_tells_its_options_and_exit_codes() {
    let world = world();
    let ended = world.run(["man", "."]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let (text, _) = formatted(&world.folder().join("deploy-action-run.1"));
    for words in [
        "deploy-action run",
        "--fail-fast",
        "130 cancelled by SIGINT",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn without_a_folder_the_page_of_the_program_is_printed() {
    let ended = world().run(["man"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains(".TH deploy-action 1"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_folder_that_cannot_be_made_ends_with_2() {
    let world = world();
    fs::write(world.folder().join("file"), "").expect("a file");
    let ended = world.run(["man", "file/pages"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("cannot make `file/pages`"),
        "{}",
        ended.stderr
    );
}
