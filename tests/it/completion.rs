//! `completion`: the script of each shell, and bash really completing by it.

use std::process::Command;

use deploy_action_test_support::World;

fn script(shell: &str) -> String {
    let ended = World::new(env!("CARGO_BIN_EXE_deploy-action")).run(["completion", shell]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

/// What bash offers for the last of these words, by the function that the script registered.
fn offered(words: &[&str]) -> Vec<String> {
    let world = World::new(env!("CARGO_BIN_EXE_deploy-action"));
    let path = world.write("completion.bash", script("bash"));
    let ask = format!(
        "source '{}'; COMP_WORDS=({}); COMP_CWORD={}; function=$(complete -p deploy-action | sed 's/.* -F \\([^ ]*\\).*/\\1/'); \"$function\" deploy-action '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        path.display(),
        words.join(" "),
        words.len() - 1,
        words[words.len() - 1],
        words[words.len() - 2],
    );
    let output = Command::new("bash")
        .args(["--noprofile", "--norc", "-c", &ask])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir(world.folder())
        .output()
        .expect("bash is there; get it by `apt-get install bash`");
    assert!(output.status.success(), "{output:?}");
    let offered = String::from_utf8_lossy(&output.stdout);
    offered.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_verbs_options_and_values() {
    assert_eq!(offered(&["deploy-action", "expl"]), ["explain"]);
    assert_eq!(
        offered(&["deploy-action", "run", "--fail"]),
        ["--fail-fast"]
    );
    assert_eq!(
        offered(&["deploy-action", "graph", "--format", "m"]),
        ["mermaid"]
    );
    assert_eq!(offered(&["deploy-action", "schema", "pl"]), ["plan"]);
}

#[test]
fn what_only_the_program_itself_calls_is_not_offered() {
    let verbs = offered(&["deploy-action", "\"\""]);
    assert!(verbs.contains(&"rehearse".to_owned()), "{verbs:?}");
    assert!(!verbs.contains(&"action".to_owned()), "{verbs:?}");
}

#[test]
fn each_shell_has_a_script_that_names_every_verb() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = script(shell);
        for verb in ["lint", "run", "doctor", "init", "completion", "man"] {
            assert!(script.contains(verb), "{shell}: {verb}");
        }
    }
}
