//! Files that are too large, too deep, too wide, or no text.

use std::fmt::Write as _;

use super::{lint, refused, world};

const TASKS: &str = "name: shop\nphases: [{ id: ship, tasks: [{ id: app, run: { command: ls, changes: false } }] }]\n";

/// A valid plan with a value under a key of the user's own.
fn with_value(value: &str) -> String {
    format!("x-value: {value}\n{TASKS}")
}

#[test]
fn a_plan_of_a_mebibyte_is_read_and_a_byte_more_is_refused_with_the_figure() {
    let fill = 1024 * 1024 - TASKS.len() - 2;
    let plan = format!("{TASKS}#{}\n", "x".repeat(fill));
    assert_eq!(plan.len(), 1024 * 1024);
    assert_eq!(lint(&plan).code, Some(0));
    refused(
        format!("{plan}\n"),
        "the plan has 1048577 bytes; a plan has at most 1048576",
    );
}

#[test]
fn a_file_without_an_end_is_refused_in_time() {
    let ended = world().run(["lint", "/dev/zero"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("error[too-large]"),
        "{}",
        ended.stderr
    );
}

#[test]
fn sixty_four_levels_are_read_and_one_more_is_refused() {
    // The plan itself is a level.
    let nested =
        |levels: usize| with_value(&format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
    assert_eq!(lint(nested(63)).code, Some(0));
    refused(
        nested(64),
        "nested 65 levels deep or more; a plan has at most 64",
    );
    refused(
        nested(200_000),
        "nested 65 levels deep or more; a plan has at most 64",
    );
    refused(with_value(&"{".repeat(500_000)), "error[");
    refused(with_value(&format!("\n{}", "- ".repeat(100_000))), "error[");
    refused(with_value(&format!("\n{}", "? ".repeat(100_000))), "error[");
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut bomb = "x-a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..10 {
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "x-a{level}: &a{level} [{inner}]").expect("a text can be written to");
    }
    refused(
        format!("{bomb}{TASKS}"),
        "values or more once its aliases are followed; a plan has at most 200000",
    );
}

#[test]
fn aliases_of_a_large_text_are_refused() {
    let text = "x".repeat(500_000);
    let aliases = vec!["*a"; 10_000].join(", ");
    refused(
        format!("x-a: &a {text}\nx-b: [{aliases}]\n{TASKS}"),
        "bytes of text or more once its aliases are followed; a plan has at most 1048576",
    );
}

#[test]
fn anchors_inside_anchors_cost_no_copies() {
    let anchors: String = (0..60).map(|level| format!("&a{level} [")).collect();
    let items = vec!["1"; 150_000].join(",");
    let plan = with_value(&format!("{anchors}{items}{}", "]".repeat(60)));
    assert_eq!(lint(plan).code, Some(0));
}

#[test]
fn bytes_that_are_no_text_are_refused_at_their_place() {
    let mut plan = TASKS.as_bytes().to_vec();
    plan.extend(b"description: caf\xe9\n");
    refused(plan, "--> deploy.yaml:3:17");
    for bytes in [
        &b"\xff\xfe"[..],
        b"\0",
        b"\x1b[31m",
        b"\xef\xbb\xbf",
        b"%YAML 9.9\n---\n",
        b"\r\r\r",
        b"&",
        b"*",
        b"!",
        b"\"",
        b"'",
        b"|",
        b">",
        b"? :",
        b"{]",
        b"...",
        b"---",
    ] {
        let ended = lint(bytes);
        assert_eq!(ended.code, Some(2), "{bytes:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("error["),
            "{bytes:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_plan_with_a_byte_order_mark_and_lines_of_another_system_is_read() {
    assert_eq!(lint(format!("\u{feff}{TASKS}")).code, Some(0));
    let plan = TASKS
        .replace('\n', "\r\n")
        .replace("command: ls", "comand: ls");
    refused(&plan, "--> deploy.yaml:2:48");
    refused(format!("\u{feff}{plan}"), "--> deploy.yaml:2:48");
}

#[test]
fn a_condition_of_many_parentheses_is_refused() {
    for condition in [
        "(".repeat(100_000),
        "!".repeat(100_000),
        format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        "a.".repeat(100_000),
        "format(".repeat(50_000),
        "a[".repeat(50_000),
    ] {
        let plan = TASKS.replace("run:", &format!("if: \"{condition}\", run:"));
        refused(plan, "error[");
    }
}

#[test]
fn many_unknown_names_are_refused_in_time() {
    let known: String = (0..5_000)
        .map(|n| format!("      - {{ id: known-{n}, run: {{ command: a, changes: false }} }}\n"))
        .collect();
    let needs: Vec<String> = (0..5_000).map(|n| format!("knwon-{n}")).collect();
    let plan = format!(
        "name: shop\nphases:\n  - id: ship\n    tasks:\n{known}      - {{ id: app, run: {{ command: ls, changes: false }}, needs: [{}] }}\n",
        needs.join(", ")
    );
    refused(plan, "5000 errors");
}
