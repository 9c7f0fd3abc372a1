//! Calls, their environment, outputs, artifacts, secrets.

use super::{plan, world};
use crate::world::World;

#[test]
fn variables_of_the_task_win_over_the_phase_and_those_over_the_plan() {
    let world = World::new(
        "
name: app
env: { A: plan, B: plan, C: plan }
phases:
  - id: ship
    env: { B: phase, C: phase }
    tasks:
      - { id: a, env: { C: task }, run: { script: 'echo $A $B $C > $OUT/seen' } }
",
    );
    world.run(&[]).tells("0: a succeeded");
    assert_eq!(world.read("seen"), "plan phase task\n");
}

#[test]
fn tokens_and_secrets_of_the_runner_are_not_inherited() {
    let world = World::new(&plan(
        "secrets: { DEPLOY_KEY: {} }",
        "      - { id: a, run: { script: 'env > $OUT/seen' } }",
    ));
    let mut world = world.with("KEPT", "this");
    let withheld = [
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "INPUT_PASSWORD",
        "DEPLOY_KEY",
    ];
    for name in withheld {
        world.set(name, "tell-nobody-1234");
    }
    world.set("ALIAS_OF_KEY", "tell-nobody-1234");
    world.run(&[]).tells("0: a succeeded");
    let seen = world.read("seen");
    assert!(seen.contains("KEPT=this\n"), "{seen}");
    assert!(!seen.contains("tell-nobody-1234"), "{seen}");
}

#[test]
fn permissions_give_the_token_and_nothing_else_does() {
    let world = world("
      - { id: with, run: { script: 'printf %s \"$GITHUB_TOKEN\" | rev > $OUT/with', permissions: { contents: read } } }
      - { id: without, run: { script: 'echo \"${GITHUB_TOKEN-none}\" > $OUT/without' } }");
    let world = world.with("GITHUB_TOKEN", "ghs_secret");
    world.run(&[]).tells("0: with succeeded, without succeeded");
    assert_eq!(world.read("with").trim(), "terces_shg");
    assert_eq!(world.read("without"), "none\n");
}

#[test]
fn a_command_takes_an_expression_as_one_argument() {
    let world = World::new(&plan(
        "inputs: { name: {} }",
        "      - { id: a, run: { command: [sh, -c, 'printf \"%s\\n\" \"$#\" \"$1\" > $OUT/seen', sh, '${{ inputs.name }}'] } }",
    ));
    let hostile = "x'; touch $OUT/owned; $(touch $OUT/owned) \"y\" z";
    world
        .run(&["--input", &format!("name={hostile}")])
        .tells("0: a succeeded");
    assert_eq!(world.read("seen"), format!("1\n{hostile}\n"));
    assert!(!world.out("owned").exists());
}

#[test]
fn a_script_ends_with_its_first_failure_also_inside_a_pipe_and_at_an_unset_variable() {
    let world = world(
        "
      - { id: command, run: { script: \"false\\necho on > $OUT/on\" } }
      - { id: pipe, run: { script: \"false | true\\necho on > $OUT/on\" } }
      - { id: unset, run: { script: \"echo $NOT_SET_ANYWHERE\\necho on > $OUT/on\" } }",
    );
    let ran = world.run(&[]);
    ran.tells("1: command failed (task), pipe failed (task), unset failed (task)");
    assert_eq!(world.read("on"), "");
}

#[test]
fn a_working_directory_and_a_make_target_are_used() {
    let world = world(
        "
      - { id: folder, run: { script: 'basename $PWD > $OUT/folder', working-directory: sub } }
      - { id: made, run: { make: hello } }",
    );
    world.write("sub/file", "");
    world.write("Makefile", "hello:\n\techo made > $(OUT)/made\n");
    world.commit();
    world.run(&[]).tells("0: folder succeeded, made succeeded");
    assert_eq!(
        (world.read("folder").as_str(), world.read("made").as_str()),
        ("sub\n", "made\n")
    );
}

#[test]
fn outputs_come_by_match_and_by_file_with_their_types() {
    let world = world("
      - id: a
        run: { script: \"echo port=8080\\necho port=9\\nprintf 'on=true\\\\nlist<<END\\\\n[1,2]\\\\nEND\\\\n' >> $GITHUB_OUTPUT\" }
        outputs: { port: { type: number, match: '^port=(.*)$' }, on: { type: boolean }, list: { type: json } }");
    let ran = world.run(&[]);
    ran.tells("0: a succeeded");
    assert_eq!(ran.output("a", "port")["value"], 8080.0);
    assert_eq!(ran.output("a", "on")["value"], true);
    assert_eq!(ran.output("a", "list")["value"], serde_json::json!([1, 2]));
}

#[test]
fn an_output_of_a_wrong_type_or_pattern_or_none_at_all_fails_the_task() {
    let world = world("
      - { id: typed, run: { script: 'echo v=many >> $GITHUB_OUTPUT' }, outputs: { v: { type: number } } }
      - { id: shaped, run: { script: 'echo v=Abc >> $GITHUB_OUTPUT' }, outputs: { v: { pattern: '^[a-z]+$' } } }
      - { id: missing, run: { script: 'true' }, outputs: { v: {} } }");
    let ran = world.run(&[]);
    ran.tells("1: missing failed (task), shaped failed (task), typed failed (task)");
    assert_eq!(ran.failure("typed"), "output `v`: `many` is not a number");
    assert!(
        ran.failure("shaped").contains("^[a-z]+$"),
        "{}",
        ran.failure("shaped")
    );
    assert_eq!(ran.failure("missing"), "output `v` was not given");
}

#[test]
fn an_artifact_is_a_file_in_the_readers_job() {
    let world = world("
      - { id: make, run: { script: 'mkdir -p made; echo content > made/file' }, artifacts: { file: { path: made/file } } }
      - { id: read, env: { FILE: '${{ tasks.make.artifacts.file }}' }, run: { script: 'cat \"$FILE\" > $OUT/read' } }");
    world.write(".gitignore", "made\n");
    world.commit();
    world.run(&["--task", "make"]).tells("0: make succeeded");
    std::fs::remove_dir_all(world.repository().join("made")).expect("it was made");
    world.run(&["--task", "read"]).tells("0: read succeeded");
    assert_eq!(world.read("read"), "content\n");
}

const SECRET: &str = "hunter2-correct-horse";

#[test]
fn a_secret_is_masked_in_every_place_and_encoding() {
    let world = World::new(&plan(
        "secrets: { PASSWORD: {} }",
        "
      - { id: kept, env: { P: '${{ secrets.PASSWORD }}' }, run: { script: 'echo $P; printf %s $P | base64; printf %s $P | od -An -tx1 | tr -d \" \\n\"; echo; echo $P >&2' } }
      - { id: direct, env: { P: '${{ secrets.PASSWORD }}' }, run: { script: 'echo got $P; printf %s $P | base64; exit 3', changes: false } }
      - { id: check, env: { P: '${{ secrets.PASSWORD }}' }, check: [{ run: { script: 'echo $P; exit 1' } }] }",
    ));
    let world = world.with("PASSWORD", SECRET);
    let ran = world.run(&[]);
    ran.tells("1: check failed (verify-failed), direct failed (task), kept succeeded");
    let verbose = world.call(&["run", "--verbose", "--force", "kept"]);
    let base64 = "aHVudGVyMi1jb3JyZWN0LWhvcnNl";
    let hex = "68756e746572322d636f72726563742d686f727365";
    for text in [SECRET, base64, hex] {
        assert!(!ran.all().contains(text), "{}", ran.all());
        assert!(!verbose.all().contains(text), "{}", verbose.all());
        assert_eq!(
            world.files_with(text),
            Vec::<std::path::PathBuf>::new(),
            "{text}"
        );
    }
    assert!(
        !world.files_with("got ***").is_empty(),
        "the log is there, masked"
    );
}

/// A secret document, of which tasks use one part.
const DOCUMENT: &str = r#"{"user":"app","key":"s3cr3t-part-of-it"}"#;
const PART: &str = "s3cr3t-part-of-it";

fn computing(tasks: &str) -> World {
    World::new(&plan("secrets: { DOCUMENT: {} }", tasks)).with("DOCUMENT", DOCUMENT)
}

fn assert_hidden(world: &World, said: &str, secret: &str) {
    assert!(!said.contains(secret), "{said}");
    let files = world.files_with(secret);
    assert_eq!(files, Vec::<std::path::PathBuf>::new(), "{secret}");
}

#[test]
fn a_part_of_a_secret_document_is_as_secret_as_the_whole() {
    let world = computing(
        "
      - { id: direct, env: { K: '${{ fromJSON(secrets.DOCUMENT).key }}' }, run: { script: 'echo got $K', changes: false } }
      - { id: joined, env: { K: \"${{ format('{0}:{1}', 'x', fromJSON(secrets.DOCUMENT).key) }}\" }, run: { script: 'echo got $K' } }
      - { id: check, env: { K: '${{ fromJSON(secrets.DOCUMENT).key }}' }, check: [{ id: c, run: { script: 'echo $K' }, expect: { stdout: other } }] }",
    );
    let ran = world.call(&["run", "--verbose"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert_hidden(&world, &ran.all(), PART);
    assert!(ran.all().contains("got ***"), "{}", ran.all());
}

#[test]
fn an_output_that_holds_a_secret_is_one_though_nobody_declared_it() {
    let world = computing(
        "
      - { id: make, env: { K: '${{ fromJSON(secrets.DOCUMENT).key }}' }, run: { script: 'echo \"v=url/$K\" >> $GITHUB_OUTPUT', changes: false }, outputs: { v: {} } }
      - { id: read, env: { V: '${{ tasks.make.outputs.v }}' }, run: { script: 'echo got $V; printf %s \"$V\" | rev > $OUT/read', changes: false } }",
    );
    let ran = world.run(&["--verbose"]);
    ran.tells("0: make succeeded, read succeeded");
    assert_eq!(ran.output("make", "v")["type"], "withheld");
    assert!(
        ran.all().contains("output `v` holds a secret"),
        "{}",
        ran.all()
    );
    assert_eq!(world.read("read"), "ti-fo-trap-t3rc3s/lru");
    assert_hidden(&world, &ran.all(), PART);
}

#[test]
fn a_secret_too_short_to_be_masked_is_announced() {
    let world = World::new(&plan(
        "secrets: { PIN: {}, DOCUMENT: {} }",
        "      - { id: a, env: { P: '${{ secrets.PIN }}', Q: '${{ fromJSON(secrets.DOCUMENT).pin }}' }, run: { script: 'true', changes: false } }",
    ));
    let world = world.with("PIN", "123").with("DOCUMENT", r#"{"pin":"45"}"#);
    let ran = world.run(&[]);
    ran.tells("0: a succeeded");
    for what in ["secret `PIN` has", "a secret value of `a` has"] {
        let words = format!("{what} less than four bytes and cannot be masked");
        assert!(ran.all().contains(&words), "{}", ran.all());
    }
}

/// An age key pair of its own for each call: recipient and identity.
fn age_keys() -> (String, String) {
    use age::secrecy::ExposeSecret as _;
    let identity = age::x25519::Identity::generate();
    let key = identity.to_string().expose_secret().to_owned();
    (identity.to_public().to_string(), key)
}

fn sealing(script: &str, declared: &str) -> (World, String) {
    let (recipient, key) = age_keys();
    let world = World::new(&format!("
name: app
secrets: {{ AGE_KEY: {{}} }}
environments: {{ production: {{ recipient: {recipient}, key: AGE_KEY }} }}
phases:
  - id: ship
    environment: production
    tasks:
      - {{ id: make, run: {{ script: '{script}' }}, outputs: {{ token: {{ sensitive: true{declared} }} }} }}
      - {{ id: read, env: {{ TOKEN: '${{{{ tasks.make.outputs.token }}}}' }}, run: {{ script: 'printf %s \"$TOKEN\" | rev > $OUT/read; echo got $TOKEN' }} }}
"));
    (world, key)
}

#[test]
fn a_sensitive_output_is_nowhere_in_clear_and_read_by_a_later_process_that_has_the_key() {
    let made = [
        ("cat value >> $GITHUB_OUTPUT", ""),
        ("cat value", ", match: ^token=(.*)$"),
    ];
    for (script, declared) in made {
        let (mut world, key) = sealing(script, declared);
        world.write("value", "token=s3cr3t-value\n");
        let first = world.run(&["--task", "make"]);
        first.tells("0: make@production succeeded");
        assert_eq!(first.output("make@production", "token")["type"], "sealed");
        let without = world.run(&["--task", "read"]);
        without.tells("1: read@production failed (invalid)");
        world.set("AGE_KEY", &key);
        let second = world.call(&["run", "--verbose", "--task", "read"]);
        assert_eq!(second.code, Some(0), "{}", second.all());
        assert_eq!(world.read("read"), "eulav-t3rc3s");
        let said = format!("{}{}", first.all(), second.all());
        assert!(!said.contains("s3cr3t-value"), "{said}");
        assert_eq!(
            world.files_with("s3cr3t-value"),
            Vec::<std::path::PathBuf>::new()
        );
    }
}

#[test]
fn a_sensitive_number_is_a_secret_too() {
    let (world, _) = sealing("cat value >> $GITHUB_OUTPUT", ", type: number");
    world.write("value", "token=48151623\n");
    let ran = world.run(&[]);
    ran.tells("0: make@production succeeded, read@production succeeded");
    assert_eq!(world.read("read"), "32615184");
    assert!(!ran.all().contains("48151623"), "{}", ran.all());
    assert_eq!(
        world.files_with("48151623"),
        Vec::<std::path::PathBuf>::new()
    );
}
