//! `cargo xtask tidy`: the rules of this repository that no other tool holds.

use std::{fs, path::Path, process::ExitCode};

use crate::{repository, words};

/// Most lines of a source file.
const LONGEST_SOURCE: usize = 600;
/// Most lines of a file of tests, whose parts are independent of each other.
const LONGEST_TESTS: usize = 1_000;
/// Most lines of the README.
const LONGEST_README: usize = 200;

/// Names of files that say nothing about what is in them.
const EMPTY_NAMES: [&str; 5] = ["common.rs", "helpers.rs", "misc.rs", "util.rs", "utils.rs"];

/// Phrases about how something came to be; they age at once.
const PHRASES: [&str; 2] = [concat!("as ", "requested"), concat!("as an ", "ai")];

/// Beginnings of paths that exist on one machine only.
const MACHINE_PATHS: [&str; 3] = [
    concat!("/", "root/"),
    concat!("/", "work/"),
    concat!("/", "Users/"),
];

/// A folder with documents of other people, which are read as they are.
const DOCUMENTS: &str = "/seeds/";

/// Says each breach of a rule.
pub(crate) fn tidy() -> anyhow::Result<ExitCode> {
    let breaches = breaches(&repository::root()?)?;
    for breach in &breaches {
        words::say(breach);
    }
    Ok(if breaches.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Every breach of a rule, as `FILE:LINE: what`.
fn breaches(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut breaches = Vec::new();
    let files = repository::files(root)?;
    for name in files.into_iter().filter(|name| !name.contains(DOCUMENTS)) {
        // What is not text has no words to look at.
        let Ok(text) = fs::read_to_string(root.join(&name)) else {
            continue;
        };
        breaches.extend(of_file(&name, &text));
    }
    Ok(breaches)
}

fn of_file(name: &str, text: &str) -> Vec<String> {
    let mut found = of_whole(name, text);
    for (line, number) in text.lines().zip(1..) {
        found.extend(of_line(line).map(|what| format!("{name}:{number}: {what}")));
    }
    found
}

/// What concerns a file as a whole.
fn of_whole(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let n_lines = text.lines().count();
    let file = name.rsplit('/').next().unwrap_or(name);
    if name == "README.md" && n_lines > LONGEST_README {
        found.push(format!(
            "{name}: {n_lines} lines, {LONGEST_README} are enough"
        ));
    }
    if !name.ends_with(".rs") {
        return found;
    }
    if file == "mod.rs" {
        found.push(format!("{name}: a module's root is named after the module"));
    }
    if EMPTY_NAMES.contains(&file) {
        found.push(format!("{name}: name what is in it"));
    }
    let longest = if is_test(name) {
        LONGEST_TESTS
    } else {
        LONGEST_SOURCE
    };
    if n_lines > longest {
        found.push(format!("{name}: {n_lines} lines, {longest} are enough"));
    }
    if name.contains("src/") && !is_test(name) && !text.starts_with("//!") {
        found.push(format!(
            "{name}:1: a source file says first, by `//!`, what it is for"
        ));
    }
    found
}

/// Whether a file is a module of tests, whose names say what it is for.
fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/") || name.starts_with("tests/")
}

/// What concerns one line.
fn of_line(line: &str) -> Option<String> {
    if let Some((_, rest)) = line.split_once(concat!("TO", "DO")) {
        let numbered = rest.trim_start_matches(['(', ' ']).strip_prefix('#');
        let numbered =
            numbered.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
        if !numbered {
            return Some(concat!("a TO", "DO names its issue: TO", "DO(#12)").to_owned());
        }
    }
    let lower = line.to_lowercase();
    if let Some(phrase) = PHRASES.iter().find(|phrase| contains_word(&lower, phrase)) {
        return Some(format!("`{phrase}` says nothing about the program"));
    }
    let path = MACHINE_PATHS
        .iter()
        .find(|path| contains_path(line, path))?;
    Some(format!("`{path}` is a path of one machine"))
}

/// Whether `phrase` stands in `text` as words of their own.
fn contains_word(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// Whether an absolute path that begins so stands in `line`.
fn contains_path(line: &str, beginning: &str) -> bool {
    line.match_indices(beginning).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        // Inside a longer path or an address it is somebody else's folder.
        let absolute =
            !before.is_some_and(|before| before.is_alphanumeric() || "./-_}$>*".contains(before));
        let named = line[at + beginning.len()..]
            .starts_with(|next: char| next.is_ascii_alphanumeric() || next == '.');
        absolute && named
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_keeps_its_own_rules() {
        let root = repository::root().expect("cargo runs the tests");
        let breaches = breaches(&root).expect("the files can be listed");
        assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    }

    #[test]
    fn each_rule_finds_its_breach() {
        let long = "//! Long.\n".repeat(LONGEST_SOURCE + 1);
        let unnumbered = concat!("//! X.\n// TO", "DO later");
        let user = concat!("see /", "Users/somebody/x");
        for (name, text, breach) in [
            (
                "src/plan/mod.rs",
                "//! X.",
                "src/plan/mod.rs: a module's root is named after the module",
            ),
            ("src/utils.rs", "//! X.", "src/utils.rs: name what is in it"),
            (
                "src/x.rs",
                "use x;",
                "src/x.rs:1: a source file says first, by `//!`, what it is for",
            ),
            ("src/x.rs", &long, "src/x.rs: 601 lines, 600 are enough"),
            (
                "src/x.rs",
                unnumbered,
                concat!("src/x.rs:2: a TO", "DO names its issue: TO", "DO(#12)"),
            ),
            (
                "README.md",
                &"\n".repeat(201),
                "README.md: 201 lines, 200 are enough",
            ),
            (
                "docs/x.md",
                concat!("As ", "requested."),
                concat!(
                    "docs/x.md:1: `as ",
                    "requested` says nothing about the program"
                ),
            ),
            (
                "docs/x.md",
                user,
                concat!("docs/x.md:1: `/", "Users/` is a path of one machine"),
            ),
        ] {
            assert_eq!(of_file(name, text), [breach], "{name}");
        }
    }

    #[test]
    fn what_only_looks_like_a_breach_is_left_alone() {
        for line in [
            concat!("// TO", "DO(#7): wait for the release"),
            concat!("in /home/runner/", "work/repo"),
            concat!("https://example.com/", "work/page"),
            concat!("was ", "requested"),
        ] {
            assert_eq!(of_line(line), None, "{line}");
        }
    }
}
