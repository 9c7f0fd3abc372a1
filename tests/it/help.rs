//! `--help`, and what somebody is told who mistyped.

use deploy_action::cli::Exit;
use deploy_action_test_support::World;

fn call<const N: usize>(arguments: [&str; N]) -> (Option<i32>, String, String) {
    let ended = World::new(env!("CARGO_BIN_EXE_deploy-action")).run(arguments);
    (ended.code, ended.stdout, ended.stderr)
}

/// The verbs that the program's help lists.
fn verbs() -> Vec<String> {
    let (code, help, _) = call(["--help"]);
    assert_eq!(code, Some(0));
    let (_, list) = help.split_once("Commands:\n").expect("a list of verbs");
    let lines = list.lines().take_while(|line| !line.is_empty());
    // What a narrow terminal wraps stands further in.
    lines
        .filter_map(|line| {
            line.strip_prefix("  ")
                .filter(|line| !line.starts_with(' '))
        })
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

#[test]
fn the_help_of_each_verb_says_in_one_line_what_it_does_and_shows_an_example() {
    let verbs = verbs();
    assert!(verbs.len() >= 14, "{verbs:?}");
    for verb in verbs {
        let (code, help, _) = call([&verb, "--help"]);
        assert_eq!(code, Some(0), "{verb}");
        let first = help.lines().next().unwrap_or_default();
        assert!(
            first.len() > 20 && first.len() < 100 && !first.ends_with('.'),
            "{verb}: {first}"
        );
        assert!(help.contains("\nExamples:\n  "), "{verb}\n{help}");
    }
}

#[test]
fn the_exit_codes_stand_in_the_help_of_run_and_in_the_readme() {
    let (_, help, _) = call(["run", "--help"]);
    let readme = include_str!("../../README.md");
    for exit in Exit::ALL {
        let code = exit.code().to_string();
        let line = help
            .lines()
            .find(|line| line.split_whitespace().next() == Some(code.as_str()));
        assert!(
            line.is_some_and(|line| line.contains(exit.meaning())),
            "{help}"
        );
        let row = readme.lines().find(|line| {
            let first = line
                .strip_prefix("| ")
                .and_then(|row| row.split(" | ").next());
            first.is_some_and(|codes| codes.split(", ").any(|other| other == code))
        });
        assert!(row.is_some(), "{code}");
    }
}

#[test]
fn every_verb_stands_in_the_readme() {
    let readme = include_str!("../../README.md");
    for verb in verbs() {
        let row = format!("| `{verb}");
        assert!(readme.lines().any(|line| line.starts_with(&row)), "{verb}");
    }
}

#[test]
fn somebody_who_mistyped_is_told_the_nearest_word_and_ends_with_2() {
    for (arguments, nearest) in [
        (["rehaerse", "deploy.yaml"], "'rehearse'"),
        (["run", "--fail-fas"], "'--fail-fast'"),
        (["completion", "bsh"], "'bash'"),
    ] {
        let (code, _, words) = call(arguments);
        assert_eq!(code, Some(2), "{words}");
        assert!(words.contains(nearest), "{words}");
    }
}
