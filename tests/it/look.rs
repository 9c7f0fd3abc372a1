//! How a run looks on a terminal: the program in a pseudo terminal, and what an emulator shows of its bytes.
#![cfg(target_os = "linux")]

mod pty;

use std::path::Path;

use deploy_action_test_support::compare_with_file;
use regex::Regex;
use rustix::process::Signal;

use self::pty::Terminal;
use crate::world::World;

/// Two tasks that go on until they are let go, behind one that has ended; another phase is to come.
const PLAN: &str = r#"
name: app
phases:
  - id: build
    tasks:
      - { id: style, run: { script: 'true', changes: false } }
      - id: server
        needs: style
        run: { changes: false, script: 'printf "Fetching\r\033[32m   Compiling\033[0m server v0.1.0 (src/server), with more words than stand in a row of eighty columns\n"; until test -e $OUT/server; do sleep 0.02; done' }
      - id: site
        needs: style
        run: { changes: false, script: 'echo "翻訳ファイルを読み込んでいます：日本語、한국어、中文。それから画像を縮小しています。もう少しお待ちください。"; until test -e $OUT/site; do sleep 0.02; done' }
  - id: ship
    tasks:
      - { id: deploy, run: { script: 'echo one; echo two; exit 3', changes: false } }
      - { id: announce, needs: deploy, run: { script: 'true' } }
"#;

fn world() -> World {
    World::new(PLAN).with("TERM", "xterm-256color")
}

fn let_go(world: &World) {
    world.allow("server");
    world.allow("site");
}

fn is_half_way(screen: &str) -> bool {
    ["Compiling", "翻訳", "2 running, 1 done, 2 to come"]
        .iter()
        .all(|part| screen.contains(part))
}

/// Replaces what differs from run to run by as many other characters, so that columns stay where they are.
fn redacted(screen: &str) -> String {
    let long = |text: &str, with: &str| with.repeat(text.chars().count());
    let commit = Regex::new("[0-9a-f]{40}").expect("a pattern");
    let text = commit.replace_all(screen, |found: &regex::Captures<'_>| long(&found[0], "c"));
    let spinner = Regex::new("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]").expect("a pattern");
    let text = spinner.replace_all(&text, "⠿");
    let folder = Regex::new("log: .*").expect("a pattern");
    let text = folder.replace_all(&text, "log: …");
    let run = Regex::new("logs/local-[^/]*/").expect("a pattern");
    let text = run.replace_all(&text, "logs/RUN/");
    let took = Regex::new(r"(in|after) [0-9.]+ (ms|s|min)").expect("a pattern");
    let text = took.replace_all(&text, "$1 N s");
    let clock = Regex::new(r" \d+ s\b").expect("a pattern");
    let text = clock.replace_all(&text, |found: &regex::Captures<'_>| {
        format!("{:>1$}", " N s", found[0].len())
    });
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// Half way and at the end, as the transcripts in `tests/terminal` keep them.
fn transcript(columns: usize) {
    let world = world();
    let mut terminal = Terminal::start(&world, &["run", "--jobs", "4"], (columns, 24));
    terminal.wait_until("both tasks run", is_half_way);
    let half_way = terminal.screen();
    assert!(!terminal.has_broken_rows(), "{half_way}");
    world.allow("server");
    terminal.wait_until("one has ended", |screen| {
        screen.contains("1 running, 2 done")
    });
    world.allow("site");
    assert_eq!(terminal.end(), Some(1));
    let whole = format!(
        "{}\n{}\n{}",
        redacted(&half_way),
        "=".repeat(columns),
        redacted(&terminal.unwrapped())
    );
    let name = format!(
        "{}/tests/terminal/{columns}-columns.txt",
        env!("CARGO_MANIFEST_DIR")
    );
    if let Err(differs) = compare_with_file(Path::new(&name), &whole) {
        panic!("{differs}");
    }
}

#[test]
fn a_run_is_a_tree_below_finished_lines_at_eighty_columns() {
    transcript(80);
}

#[test]
fn a_run_is_a_tree_below_finished_lines_at_120_columns() {
    transcript(120);
}

#[test]
fn a_narrow_and_low_terminal_is_enough() {
    let world = world();
    let mut terminal = Terminal::start(&world, &["run", "--jobs", "4"], (24, 6));
    terminal.wait_until("the tree is drawn", |screen| {
        redacted(screen).contains("  ⠿ server")
    });
    assert!(!terminal.has_broken_rows(), "{}", terminal.screen());
    let_go(&world);
    assert_eq!(terminal.end(), Some(1));
    assert!(
        terminal
            .unwrapped()
            .contains("5 tasks: 1 failed, 1 blocked, 3 done")
    );
}

#[test]
fn a_terminal_that_changes_its_size_shows_one_tree_and_loses_no_line() {
    let world = world();
    let mut terminal = Terminal::start(&world, &["run", "--jobs", "4"], (120, 24));
    terminal.wait_until("both tasks run", is_half_way);
    for columns in [70, 33, 100] {
        terminal.resize((columns, 24));
        terminal.wait_for_next_drawing();
        // What was read last may end in the middle of a drawing.
        terminal.wait_until(&format!("one tree in {columns} columns"), |screen| {
            ["5 tasks: ", "ship "]
                .iter()
                .all(|part| screen.matches(part).count() == 1)
        });
        let told = terminal.unwrapped();
        assert!(told.contains("done       style"), "{columns}:\n{told}");
    }
    let_go(&world);
    assert_eq!(terminal.end(), Some(1));
}

#[test]
fn a_cancelled_run_leaves_no_tree_and_the_terminal_as_it_was() {
    let world = world();
    let mut terminal = Terminal::start(&world, &["run", "--jobs", "4"], (80, 24));
    terminal.wait_until("both tasks run", is_half_way);
    terminal.signal(Signal::INT);
    assert_eq!(terminal.end(), Some(130));
    let screen = terminal.screen();
    assert!(
        screen.contains("stopping   SIGINT asked for it"),
        "{screen}"
    );
    assert!(!screen.contains("to come"), "{screen}");
    assert!(terminal.is_as_it_was(), "{}", terminal.escapes());
}

#[test]
fn lines_are_written_where_a_tree_would_be_in_the_way() {
    for (name, value, args) in [
        ("TERM", "dumb", &["run"][..]),
        ("CI", "true", &["run"]),
        ("TERM", "xterm", &["run", "--progress", "plain"]),
    ] {
        let world = world().with(name, value);
        let_go(&world);
        let mut terminal = Terminal::start(&world, args, (80, 24));
        assert_eq!(terminal.end(), Some(1));
        let escapes = terminal.escapes();
        assert!(!escapes.contains("[J"), "{name}={value}: {escapes}");
        assert!(terminal.unwrapped().contains("5 tasks: 1 failed"));
    }
}

#[test]
fn colours_are_asked_for_and_refused_by_the_usual_variables() {
    for (variables, is_coloured) in [
        (&[][..], true),
        (&[("NO_COLOR", "1")], false),
        (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
        (&[("CLICOLOR", "0")], false),
    ] {
        let mut world = world();
        variables
            .iter()
            .for_each(|(name, value)| world.set(name, value));
        let_go(&world);
        let mut terminal = Terminal::start(&world, &["run"], (80, 24));
        assert_eq!(terminal.end(), Some(1));
        let escapes = terminal.escapes();
        assert!(
            escapes.contains("[J"),
            "a tree is drawn without colours too"
        );
        assert_eq!(escapes.contains("[1;31m"), is_coloured, "{variables:?}");
        assert_eq!(escapes.contains('✓'), is_coloured, "{variables:?}");
    }
    let piped = |world: World| {
        let_go(&world);
        world.call(&["run"]).stderr
    };
    assert!(!piped(world()).contains('\u{1b}'));
    assert!(piped(world().with("CLICOLOR_FORCE", "1")).contains("\u{1b}[1;31m"));
}

#[test]
fn a_tree_without_a_terminal_is_refused() {
    let ran = world().call(&["run", "--progress", "live"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("needs a terminal"), "{}", ran.stderr);
}
