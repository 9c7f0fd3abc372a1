//! What `run` carries out, in which order, with which values, and how it ends.
#![cfg(target_os = "linux")]

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

use rustix::process::Signal;

use crate::world::{World, wait_until};

/// A plan with one phase, from its tasks and what stands before.
fn plan(head: &str, tasks: &str) -> String {
    format!("name: app\n{head}\nphases:\n  - id: ship\n    tasks:\n{tasks}\n")
}

fn world(tasks: &str) -> World {
    World::new(&plan("", tasks))
}

// ------------------------------------------------------------------ selection and exit codes

const THREE: &str = "
name: app
phases:
  - id: build
    tasks:
      - { id: one, run: { script: 'echo one >> $OUT/trace' } }
      - { id: two, needs: one, run: { script: 'echo two >> $OUT/trace' } }
  - id: ship
    tasks:
      - { id: three, run: { script: 'echo three >> $OUT/trace' } }
";

#[test]
fn a_selection_runs_what_it_names_and_believes_the_ledger_about_the_rest() {
    let world = World::new(THREE);
    world.run(&["--task", "two"]).tells("1: two blocked on one");
    world.run(&["--task", "one"]).tells("0: one succeeded");
    world
        .run(&["--phase", "ship"])
        .tells("1: three blocked on two");
    world
        .run(&["--from", "two"])
        .tells("0: three succeeded, two succeeded");
    assert_eq!(world.read("trace"), "one\ntwo\nthree\n");
}

#[test]
fn a_force_repeats_that_task_alone() {
    let world = World::new(THREE);
    world
        .run(&[])
        .tells("0: one succeeded, three succeeded, two succeeded");
    let forced = world.run(&["--force", "two"]);
    forced.tells("0: one up-to-date, three up-to-date, two succeeded");
    assert_eq!(world.read("trace"), "one\ntwo\nthree\ntwo\n");
}

#[test]
fn an_unknown_name_ends_with_2_and_the_nearest_one() {
    let world = World::new(THREE);
    for option in ["--task", "--from", "--force", "--done", "--confirm"] {
        let ran = world.run(&[option, "thre"]);
        assert_eq!(ran.code, Some(2), "{option}: {}", ran.all());
        assert!(ran.stderr.contains("`thre`"), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("did you mean `three`?"),
            "{}",
            ran.stderr
        );
    }
    let phase = world.run(&["--phase", "shp"]);
    assert_eq!(phase.code, Some(2));
    assert!(
        phase.stderr.contains("did you mean `ship`?"),
        "{}",
        phase.stderr
    );
    assert_eq!(world.read("trace"), "");
}

#[test]
fn a_valid_selection_without_a_task_ends_with_5() {
    let world = World::new(THREE);
    assert_eq!(
        world.run(&["--phase", "build", "--task", "three"]).code,
        Some(5)
    );
}

#[test]
fn a_dry_run_says_what_would_run_and_writes_nothing() {
    let world = World::new(THREE);
    world.run(&["--task", "one"]).tells("0: one succeeded");
    let records = std::fs::read(world.records("none")).expect("records");
    let ran = world.call(&["run", "--dry-run"]);
    assert_eq!(ran.code, Some(0));
    assert_eq!(
        ran.stdout,
        "one    up to date\ntwo    would run\nthree  would run\n"
    );
    assert_eq!(world.read("trace"), "one\n");
    assert_eq!(
        std::fs::read(world.records("none")).expect("records"),
        records
    );
}

#[test]
fn a_state_folder_that_is_named_holds_the_ledger() {
    let world = World::new(THREE);
    let elsewhere = world.out("ledgers").to_string_lossy().into_owned();
    world
        .run(&["--state", &elsewhere, "--task", "one"])
        .tells("0: one succeeded");
    world
        .run(&["--state", &elsewhere, "--task", "one"])
        .tells("0: one up-to-date");
    world.run(&["--task", "one"]).tells("0: one succeeded");
}

#[test]
fn a_failure_blocks_what_needs_it_directly_or_not_and_the_rest_goes_on() {
    let world = world(
        "
      - { id: bad, run: { script: 'exit 7' } }
      - { id: next, needs: bad, run: { script: 'true' } }
      - { id: last, needs: next, run: { script: 'true' } }
      - { id: other, run: { script: 'true' } }",
    );
    let ran = world.run(&[]);
    ran.tells("1: bad failed (task), last blocked on bad, next blocked on bad, other succeeded");
    assert_eq!(ran.last("task-finished", "bad")["outcome"]["exit"], 7);
}

#[test]
fn fail_fast_starts_nothing_after_a_failure() {
    let world = world(
        "
      - { id: bad, run: { script: 'exit 1' } }
      - { id: other, run: { script: 'echo other > $OUT/other' } }",
    );
    world
        .run(&["--fail-fast", "--jobs", "1"])
        .tells("1: bad failed (task)");
    assert_eq!(world.read("other"), "");
    world
        .run(&["--jobs", "1"])
        .tells("1: bad failed (task), other succeeded");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let world = world("      - { id: a, run: { command: [no-such-tool-anywhere] } }");
    let ran = world.run(&[]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(
        ran.failure("a").contains("`no-such-tool-anywhere`"),
        "{}",
        ran.failure("a")
    );
}

// ------------------------------------------------------------------ calls and environments

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

// ------------------------------------------------------------------ outputs, artifacts, secrets

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

// ------------------------------------------------------------------ conditions, decisions, gates

#[test]
fn a_skipped_task_satisfies_and_its_readers_say_what_they_take_instead() {
    let world = World::new(&plan(
        "inputs: { big: { type: boolean, default: false } }",
        "
      - { id: probe, run: { script: 'echo found=no >> $GITHUB_OUTPUT', changes: false }, outputs: { found: {} } }
      - { id: static, if: inputs.big, run: { script: 'echo v=static >> $GITHUB_OUTPUT' }, outputs: { v: {} } }
      - { id: dynamic, if: tasks.probe.outputs.found == 'yes', run: { script: 'true' } }
      - { id: after, needs: [static, dynamic], env: { V: \"${{ tasks.static.outputs.v || 'none' }}\" }, run: { script: 'echo $V > $OUT/v' } }",
    ));
    world
        .run(&[])
        .tells("0: after succeeded, dynamic skipped, probe succeeded, static skipped");
    assert_eq!(world.read("v"), "none\n");
    let big = world.run(&["--input", "big=true"]);
    big.tells("0: after succeeded, dynamic skipped, probe up-to-date, static succeeded");
    assert_eq!(world.read("v"), "static\n");
}

#[test]
fn a_task_answers_a_decision_and_another_takes_part_by_it() {
    let world = World::new(&plan(
        "decisions: { store: { question: Which?, options: [old, new], answer: '${{ tasks.find.outputs.store }}' } }",
        "
      - { id: find, paths: answer, run: { script: 'echo store=$(cat answer)', changes: false }, outputs: { store: { match: '^store=(.*)$' } } }
      - { id: migrate, if: decisions.store == 'old', env: { S: '${{ decisions.store }}' }, run: { script: 'echo $S > $OUT/migrated' } }",
    ));
    world.write("answer", "new\n");
    let first = world.run(&[]);
    first.tells("0: find succeeded, migrate skipped");
    let answered = first.events("decision-answered");
    assert_eq!(answered[0]["answer"], "new");
    world.write("answer", "old\n");
    world.run(&[]).tells("0: find succeeded, migrate succeeded");
    assert_eq!(world.read("migrated"), "old\n");
    world.write("answer", "maybe\n");
    let wrong = world.run(&[]);
    wrong.tells("1: find failed (task), migrate blocked on find");
    assert!(
        wrong.failure("find").contains("`maybe`"),
        "{}",
        wrong.failure("find")
    );
}

#[test]
fn an_open_decision_pauses_what_reads_it_anywhere_and_the_rest_runs() {
    let open = "decisions: { tls: { question: Where?, options: [a, b] } }";
    let tasks = "
      - { id: env, env: { T: '${{ decisions.tls }}' }, run: { script: 'true' } }
      - { id: condition, if: decisions.tls == 'a', run: { script: 'true' } }
      - { id: verified, run: { script: 'echo body > $OUT/body' }, verify: [{ run: { command: [echo, '${{ decisions.tls }}'] } }] }
      - { id: gate, gate: { decisions: tls } }
      - { id: behind, needs: gate, run: { script: 'true' } }
      - { id: other, run: { script: 'true' } }";
    let world = World::new(&plan(open, tasks));
    world.run(&[]).tells(
        "4: behind blocked on gate, condition paused (decision), env paused (decision), \
         gate paused (decision), other succeeded, verified paused (decision)",
    );
    assert_eq!(
        world.read("body"),
        "",
        "it would have been done without a way to verify it"
    );
    world.write(
        "deploy.yaml",
        &plan(&open.replace("[a, b]", "[a, b], answer: a"), tasks),
    );
    world.run(&["--task", "gate", "--task", "behind", "--task", "env", "--task", "verified", "--task", "condition"]).tells(
        "0: behind succeeded, condition succeeded, env succeeded, gate succeeded, verified succeeded",
    );
}

#[test]
fn a_gate_waits_for_a_confirmation_of_what_it_asks_now() {
    let tasks = "
      - { id: look, gate: { confirm: Somebody looked } }
      - { id: ship-it, needs: look, run: { script: 'true' } }";
    let world = world(tasks);
    world
        .run(&[])
        .tells("4: look paused (confirmation), ship-it blocked on look");
    let confirmed = world.run(&["--confirm", "look"]);
    confirmed.tells("0: look succeeded, ship-it succeeded");
    assert_eq!(confirmed.last("gate-confirmed", "look")["by"], "ada");
    world.run(&["--task", "look"]).tells("0: look up-to-date");
    world.write(
        "deploy.yaml",
        &plan("", &tasks.replace("looked", "looked twice")),
    );
    world
        .run(&["--task", "look"])
        .tells("4: look paused (confirmation)");
    world
        .run(&["--task", "look", "--confirm", "look"])
        .tells("0: look succeeded");
}

#[test]
fn a_dispatched_workflow_confirms_by_its_input() {
    let world = world("      - { id: look, gate: { confirm: Somebody looked } }").on_actions();
    let event = world.out("event.json");
    std::fs::write(&event, r#"{ "inputs": { "confirm": "look" } }"#).expect("an event");
    let world = world
        .with("GITHUB_EVENT_NAME", "workflow_dispatch")
        .with("GITHUB_EVENT_PATH", &event.to_string_lossy());
    let ran = world.run(&[]);
    ran.tells("0: look succeeded");
    assert_eq!(ran.last("gate-confirmed", "look")["by"], "ada");
}

#[test]
fn a_change_in_an_environment_with_reviewers_waits_for_them() {
    let world = World::new(
        "
name: app
environments: { production: { reviewers: '@acme/ops' } }
phases:
  - id: ship
    environment: production
    tasks:
      - { id: look, run: { script: 'true', changes: false } }
      - { id: gate, gate: { confirm: Somebody looked } }
      - { id: change, run: { script: 'echo change > $OUT/change' } }
",
    );
    let ran = world.run(&["--confirm", "gate"]);
    ran.tells("4: change@production paused (approval), gate@production paused (approval), look@production succeeded");
    assert_eq!(world.read("change"), "");
}

// ------------------------------------------------------------------ environments, matrices, order

const WALKS: &str = "
name: app
inputs: { size: { default: small } }
environments: { staging: {}, production: { needs: staging, inputs: { size: large } } }
phases:
  - id: build
    tasks:
      - { id: image, run: { script: 'echo image >> $OUT/trace; echo tag=v1 >> $GITHUB_OUTPUT' }, outputs: { tag: {} } }
  - id: ship
    environment: [staging, production]
    tasks:
      - { id: app, env: { E: '${{ environment.name }}', S: '${{ inputs.size }}', T: '${{ tasks.image.outputs.tag }}' }, run: { script: 'echo $E $S $T >> $OUT/trace' } }
";

#[test]
fn an_environment_is_a_walk_of_its_own_with_its_inputs_behind_the_one_that_it_needs() {
    let world = World::new(WALKS);
    world
        .run(&[])
        .tells("0: app@production succeeded, app@staging succeeded, image succeeded");
    assert_eq!(
        world.read("trace"),
        "image\nstaging small v1\nproduction large v1\n"
    );
    let one = world.run(&["--environment", "production", "--force", "app@production"]);
    one.tells("0: app@production succeeded, image up-to-date");
}

#[test]
fn legs_of_a_matrix_run_each_and_their_outputs_are_a_map() {
    let world = world("
      - id: build
        matrix: { name: [api, web], include: [{ name: web, flag: x }] }
        env: { N: '${{ matrix.name }}' }
        run: { script: 'echo ref=r-$N >> $GITHUB_OUTPUT' }
        outputs: { ref: {} }
      - { id: deploy, env: { REFS: '${{ toJSON(tasks.build.outputs.ref) }}' }, run: { script: 'echo \"$REFS\" | tr -d \" \\n\" > $OUT/refs' } }");
    world
        .run(&[])
        .tells("0: build[api] succeeded, build[web] succeeded, deploy succeeded");
    assert_eq!(world.read("refs"), r#"{"api":"r-api","web":"r-web"}"#);
    world
        .run(&["--task", "build[web]", "--force", "build[web]"])
        .tells("0: build[web] succeeded");
}

#[test]
fn a_late_task_comes_after_the_later_phase_that_it_reads_and_before_the_rest_of_it() {
    let world = World::new(
        "
name: app
phases:
  - id: dns
    tasks:
      - { id: record, needs: cluster, run: { script: 'echo record >> $OUT/trace' } }
      - { id: zone, run: { script: 'echo zone >> $OUT/trace' } }
  - id: deploy
    tasks:
      - { id: release, run: { script: 'echo release >> $OUT/trace' } }
      - { id: cluster, run: { script: 'echo cluster >> $OUT/trace' } }
",
    );
    assert_eq!(world.run(&[]).code, Some(0));
    assert_eq!(world.read("trace"), "zone\ncluster\nrecord\nrelease\n");
}

// ------------------------------------------------------------------ retries, time

#[test]
fn a_retry_counts_across_runs() {
    let world = world("
      - { id: flaky, run: { script: 'echo x >> $OUT/tries; exit 75' }, retry: { attempts: 3, delay: 1s, exit: 75 } }");
    let run = world.start(&[]);
    run.wait_for("retry-scheduled", "flaky");
    run.kill();
    let tries = world.read("tries").len() / 2;
    let second = world.run(&[]);
    second.tells("1: flaky failed (task)");
    let before: Vec<u64> = second
        .events("task-started")
        .iter()
        .filter(|event| event["task"] == "flaky")
        .filter_map(|event| event["attempt"].as_u64())
        .collect();
    assert_eq!((tries, before), (1, vec![2, 3]));
    assert_eq!(world.read("tries"), "x\nx\nx\n");
}

#[test]
fn a_retry_takes_named_exit_codes_alone() {
    let world = world("
      - { id: broken, run: { script: 'echo x >> $OUT/tries; exit 2' }, retry: { attempts: 3, delay: 1s, exit: 75 } }
      - { id: well, run: { script: 'test -e $OUT/second || { touch $OUT/second; exit 75; }' }, retry: { attempts: 3, delay: 1s, exit: 75 } }");
    world
        .run(&[])
        .tells("1: broken failed (task), well succeeded");
    assert_eq!(world.read("tries"), "x\n");
}

#[test]
fn a_time_out_is_one_sigint() {
    let script = "trap \"echo INT >> $OUT/signals\" INT; echo up > $OUT/up; until test -s $OUT/signals; do sleep 0.02 || true; done; exit 0";
    for changes in ["true", "false"] {
        let world = world(&format!(
            "      - {{ id: slow, timeout: 1s, run: {{ script: '{script}', changes: {changes} }} }}"
        ));
        let ran = world.run(&[]);
        ran.tells("1: slow failed (timeout)");
        assert_eq!(world.read("signals"), "INT\n");
    }
}

// ------------------------------------------------------------------ checks

/// Answers this many connections: what stands there, and nothing after that.
fn serve(answers: usize, status: &'static str) -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = std::thread::spawn(move || serve_on(&listener, answers, status));
    (port, server)
}

fn serve_on(listener: &TcpListener, answers: usize, status: &str) {
    for _ in 0..answers {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = [0; 1024];
        // A TCP check asks for nothing and goes away.
        if stream.read(&mut request).unwrap_or_default() == 0 {
            continue;
        }
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        stream
            .write_all(answer.as_bytes())
            .expect("the client listens");
    }
}

#[test]
fn checks_of_http_tcp_file_and_run_observe_and_are_observed_again() {
    let (port, server) = serve(4, "200 OK");
    let world = World::new(&plan(
        &format!("inputs: {{ port: {{ type: number, default: {port} }} }}"),
        "
      - id: all
        check:
          - { id: http, http: { url: 'http://127.0.0.1:${{ inputs.port }}/' }, expect: { status: 200, body: ok } }
          - { id: tcp, tcp: { address: '127.0.0.1:${{ inputs.port }}' } }
          - { id: file, file: { path: deploy.yaml }, expect: { tracked: true } }
          - { id: run, run: { script: 'echo 42' }, expect: { stdout: '~ ^42$' } }",
    ));
    let first = world.run(&[]);
    first.tells("0: all succeeded");
    let second = world.run(&[]);
    second.tells("0: all up-to-date");
    for ran in [&first, &second] {
        let answers: Vec<String> = ran
            .events("check-answered")
            .iter()
            .map(|event| {
                format!("{} {}", event["check"], event["answer"]["answer"]).replace('"', "")
            })
            .collect();
        assert_eq!(answers, ["http held", "tcp held", "file held", "run held"]);
    }
    server.join().expect("it answered four times");
}

#[test]
fn a_check_is_asked_until_the_server_comes_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let world = world(&format!(
        "      - {{ id: up, check: [{{ id: http, http: {{ url: 'http://127.0.0.1:{port}/' }}, within: 40s, every: 1s }}] }}"
    ));
    let run = world.start(&[]);
    run.wait_for("task-started", "up");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    serve_on(&listener, 1, "204 No Content");
    run.end().tells("0: up succeeded");
}

#[test]
fn a_check_is_asked_once_more_when_its_time_is_over_though_every_is_longer() {
    let world = world("
      - { id: a, check: [{ id: c, run: { script: 'echo x >> $OUT/asked; test $(wc -l < $OUT/asked) -ge 2' }, within: 1s, every: 50s }] }");
    world.run(&[]).tells("0: a succeeded");
    assert_eq!(world.read("asked"), "x\nx\n");
}

#[test]
fn a_failed_verify_fails_the_task_and_what_held_before_counts_no_more() {
    let world = world(
        "
      - id: a
        run: { script: 'echo body >> $OUT/trace' }
        verify: [{ id: healthy, run: { script: 'test ! -e $OUT/sick' } }]
      - { id: b, needs: a, run: { script: 'true' } }",
    );
    world.run(&[]).tells("0: a succeeded, b succeeded");
    world.run(&[]).tells("0: a up-to-date, b up-to-date");
    world.allow("sick");
    let sick = world.run(&[]);
    sick.tells("1: a failed (verify-failed), b blocked on a");
    assert_eq!(sick.events("task-invalidated").len(), 1);
    assert!(
        sick.failure("a").contains("check `healthy`"),
        "{}",
        sick.failure("a")
    );
    std::fs::remove_file(world.out("sick")).expect("it was there");
    world.run(&[]).tells("0: a succeeded, b up-to-date");
    assert_eq!(world.read("trace"), "body\nbody\nbody\n");
}

#[test]
fn unavailable_services_alone_end_with_10() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let world = World::new(&plan(
        &format!("connections: {{ registry: {{ registry: {{ host: '127.0.0.1:{port}' }} }} }}"),
        "
      - { id: push, image: { assemble: { files: { /a: deploy.yaml } }, name: app, push: registry, tags: 'type=raw,value=v1' } }
      - { id: other, run: { script: 'test ! -e $OUT/bad' } }",
    ));
    world
        .run(&[])
        .tells("10: other succeeded, push failed (unavailable)");
    world.allow("bad");
    world
        .run(&["--force", "other"])
        .tells("1: other failed (task), push failed (unavailable)");
}

// ------------------------------------------------------------------ signals

const SLOW: &str = "
      - { id: kept, run: { script: 'trap \"echo INT >> $OUT/signals; exit 3\" INT; echo up > $OUT/up; while true; do sleep 0.02; done' } }
      - { id: after, needs: kept, run: { script: 'true' } }";

#[test]
fn a_signal_reaches_the_child_once_and_the_next_run_goes_on() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let world = world(SLOW);
        let run = world.start(&[]);
        world.wait_for("up");
        run.signal(signal);
        run.signal(signal);
        let ran = run.end();
        ran.tells(&format!("{code}: kept cancelled"));
        assert_eq!(world.read("signals"), "INT\n");
        assert_eq!(ran.events("cancel-requested").len(), 1);
        world.write(
            "deploy.yaml",
            &plan("", &SLOW.replace("while true", "while false")),
        );
        world.run(&[]).tells("0: after succeeded, kept succeeded");
    }
}

#[test]
fn a_run_that_is_cancelled_while_it_waits_to_repeat_ends_at_once() {
    let world = world(
        "
      - { id: flaky, run: { script: 'exit 75' }, retry: { attempts: 2, delay: 10m, exit: 75 } }",
    );
    let run = world.start(&[]);
    run.wait_for("retry-scheduled", "flaky");
    let began = std::time::Instant::now();
    run.signal(Signal::INT);
    run.end().tells("130: flaky failed (task)");
    assert!(began.elapsed().as_secs() < 5, "it waited for nothing");
}

#[test]
fn a_run_that_is_cancelled_while_it_verifies_leaves_no_failed_check() {
    let world = world("
      - { id: a, run: { script: 'true' }, verify: [{ id: c, run: { script: 'echo up > $OUT/up; exit 1' }, within: 10m, every: 10m }] }");
    let run = world.start(&[]);
    world.wait_for("up");
    run.signal(Signal::INT);
    run.end().tells("130: a cancelled");
}

#[test]
fn the_run_leaves_in_time_while_a_kept_child_stays_and_the_next_run_takes_over_its_end() {
    let world = world("
      - id: kept
        outputs: { word: {} }
        run: { script: 'trap \"echo INT >> $OUT/signals\" INT; echo up > $OUT/up; until test -e $OUT/go; do sleep 0.02 || true; done; echo word=done >> $GITHUB_OUTPUT; echo end >> $OUT/signals' }
      - { id: after, env: { W: '${{ tasks.kept.outputs.word }}' }, run: { script: 'echo $W > $OUT/after' } }");
    let run = world.start(&[]);
    world.wait_for("up");
    let began = std::time::Instant::now();
    run.signal(Signal::INT);
    run.end().tells("130: kept started");
    let took = began.elapsed().as_millis();
    assert!((5_000..9_500).contains(&took), "{took} ms");
    assert_eq!(world.read("signals"), "INT\n");
    let refused = world.run(&["--force", "kept", "--task", "kept"]);
    refused.tells("10: kept failed (unavailable)");
    world.allow("go");
    wait_until("the child ends", || {
        world.read("signals").contains("end").then_some(())
    });
    let ran = world.run(&[]);
    // A child that was asked to stop was cancelled, whatever its exit code says (C-CAN-12); so it runs again.
    ran.tells("0: after succeeded, kept succeeded");
    assert_eq!(
        ran.events("task-finished")[0]["outcome"]["type"],
        "cancelled"
    );
    assert_eq!(world.read("signals"), "INT\nend\nend\n");
    assert_eq!(world.read("after"), "done\n");
    world.run(&[]).tells("0: after up-to-date, kept up-to-date");
}

// ------------------------------------------------------------------ leases, parallel jobs

const WAITS: &str = "
      - { id: slow, run: { script: 'echo up > $OUT/up; until test -e $OUT/go; do sleep 0.02; done' } }
      - { id: other, run: { script: 'true' } }";

#[test]
fn a_lease_of_a_live_run_ends_another_with_10_and_names_the_holder() {
    let world = world(WAITS).on_actions();
    let run = world.start(&["--task", "slow"]);
    world.wait_for("up");
    let world = world.with("GITHUB_RUN_ID", "8");
    let second = world.run(&["--task", "other"]);
    second.tells("10: ");
    assert!(second.stderr.contains("run `7`"), "{}", second.stderr);
    assert!(
        second
            .stderr
            .contains("https://github.com/acme/app/actions/runs/7"),
        "{}",
        second.stderr
    );
    world.allow("go");
    run.end().tells("0: slow succeeded");
    world.run(&["--task", "other"]).tells("0: other succeeded");
}

#[test]
fn a_run_in_one_environment_does_not_hold_up_another_one() {
    let world = World::new("
name: app
environments: { staging: {}, production: {} }
phases:
  - id: ship
    environment: [staging, production]
    tasks:
      - { id: app, env: { E: '${{ environment.name }}' }, run: { script: 'echo up > $OUT/$E; until test -e $OUT/go-$E; do sleep 0.02; done' } }
");
    let run = world.start(&["--environment", "staging"]);
    world.wait_for("staging");
    world.allow("go-production");
    world
        .run(&["--environment", "production"])
        .tells("0: app@production succeeded");
    world.allow("go-staging");
    run.end().tells("0: app@staging succeeded");
}

#[test]
fn two_jobs_of_one_run_share_the_lease_and_the_ledger() {
    let world = world("
      - { id: a, run: { script: 'echo up > $OUT/a; until test -s $OUT/b; do sleep 0.02; done; echo v=1 >> $GITHUB_OUTPUT' }, outputs: { v: {} } }
      - { id: b, run: { script: 'echo up > $OUT/b; until test -s $OUT/a; do sleep 0.02; done; echo v=2 >> $GITHUB_OUTPUT' }, outputs: { v: {} } }
      - { id: c, env: { A: '${{ tasks.a.outputs.v }}', B: '${{ tasks.b.outputs.v }}' }, run: { script: 'echo $A $B > $OUT/c' } }")
    .on_actions();
    let (a, b) = (world.start(&["--task", "a"]), world.start(&["--task", "b"]));
    a.end().tells("0: a succeeded");
    b.end().tells("0: b succeeded");
    world.run(&["--task", "c"]).tells("0: c succeeded");
    assert_eq!(world.read("c"), "1 2\n");
}

#[test]
fn a_repeated_job_has_the_same_run_and_a_folder_of_its_own() {
    let world = world("      - { id: a, run: { script: 'test -e $OUT/well' } }").on_actions();
    world.run(&[]).tells("1: a failed (task)");
    world.allow("well");
    world.run(&[]).tells("0: a succeeded");
    world.run(&["--force", "a"]).tells("0: a succeeded");
}

#[test]
fn a_torn_last_line_is_dropped_and_reported() {
    let world = World::new(THREE);
    world.run(&["--task", "one"]).tells("0: one succeeded");
    let path = world.records("none");
    let mut records = std::fs::read_to_string(&path).expect("records");
    records.push_str("37 half a rec");
    std::fs::write(&path, records).expect("records");
    let ran = world.call(&["run", "--task", "one"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stderr.contains("dropped 13 bytes"), "{}", ran.stderr);
    world.run(&["--task", "one"]).tells("0: one up-to-date");
    assert_eq!(world.read("trace"), "one\n");
}
