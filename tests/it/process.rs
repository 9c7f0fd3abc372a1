//! Children under the program's own keeper, and runners that are killed.
#![cfg(target_os = "linux")]

use std::{
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use deploy_action::{
    event::ProcessIdentity,
    process::{
        self, CommandSpec, Ended, Exit, Output, OutputLine, Patience, ProcessError, SignalTarget,
        Source, StopListener, StopPolicy, StopReason, is_alive,
        kept::{self, Kept, KeptState},
        stopper,
    },
    secret::{Masker, Secret},
};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::sync::mpsc;

/// Nothing in these tests takes so long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a test binary has to know to play a runner.
const ROLE: &str = "TEST_ROLE";
const PLACE: &str = "TEST_PLACE";

const SECRET: &str = "correct horse battery";

/// Says that it runs, waits for a word, and says a secret in two parts.
const PATIENT: &str = "echo before; touch started; while test -e started && ! test -e go; do sleep 0.05; done\n\
    printf 'correct horse '; sleep 0.2; echo battery >&1; echo \"id=${RUNNER_TRACKING_ID-none}\"; echo after";

/// Counts the signals it gets, and ends on the first.
const COUNTS: &str = "trap 'echo INT >> signals' INT\n\
    touch started; until test -s signals; do sleep 0.05; done; sleep 0.3; exit 3";

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn kept(&self) -> PathBuf {
        self.path("kept")
    }

    fn script(&self, script: &str) -> CommandSpec {
        script_at(self.folder.path(), script)
    }

    async fn start(&self, spec: &CommandSpec) -> Kept {
        let prepared = kept::prepare(spec, program(), &self.kept(), &Masker::default())
            .await
            .expect("the keeper answers");
        prepared.start().await.expect("the child starts")
    }

    /// Waits as a later process would.
    async fn ended(&self) -> Ended {
        match kept::wait(&self.kept(), DEADLINE).await {
            Ok(KeptState::Ended(ended)) => ended,
            other => panic!("{other:?}"),
        }
    }

    /// Starts this test binary as a runner, in a group of its own, and waits until its child runs.
    fn runner(&self, role: &str) -> Child {
        let this = std::env::current_exe().expect("a test has a binary");
        let runner = Command::new(this)
            .args(["--ignored", "--exact", "process::plays_a_runner"])
            .env(ROLE, role)
            .env(PLACE, self.folder.path())
            .env("RUNNER_TRACKING_ID", "github_1234")
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a test binary starts");
        wait_for(&self.path("started"));
        runner
    }
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_deploy-action"))
}

fn script_at(folder: &Path, script: &str) -> CommandSpec {
    CommandSpec::new("bash", "test the keeper")
        .args(["-c", script])
        .dir(folder)
        .env("PATH", "/usr/bin:/bin")
        .secret_env("TOKEN", Secret::new(SECRET))
        // A test that fails leaves nothing behind.
        .timeout(DEADLINE)
        .stop(StopPolicy {
            signal_to: SignalTarget::Group,
            grace: DEADLINE,
        })
}

fn wait_for(path: &Path) {
    let deadline = Instant::now() + DEADLINE;
    while !path.exists() {
        assert!(Instant::now() < deadline, "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn wait_until_gone(identity: &ProcessIdentity) {
    let deadline = Instant::now() + DEADLINE;
    while is_alive(identity) {
        assert!(Instant::now() < deadline, "{identity:?} never ended");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn pid(number: i32) -> Pid {
    Pid::from_raw(number).expect("process numbers are positive")
}

fn pid_of(child: &Child) -> Pid {
    pid(i32::try_from(child.id()).expect("process numbers fit"))
}

fn signal(identity: &ProcessIdentity, signal: Signal) {
    kill_process(pid(identity.pid), signal).expect("it runs");
}

/// Returns all processes that descend from this one.
fn descendants(ancestor: Pid) -> Vec<Pid> {
    let parent_of = |process: &Path| -> Option<(i32, i32)> {
        let stat = std::fs::read_to_string(process.join("stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        let number = process.file_name()?.to_str()?.parse().ok()?;
        Some((number, parent.parse().ok()?))
    };
    let processes: Vec<(i32, i32)> = std::fs::read_dir("/proc")
        .expect("this is Linux")
        .filter_map(|entry| parent_of(&entry.ok()?.path()))
        .collect();
    let mut found = vec![ancestor.as_raw_pid()];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        let children = processes.iter().filter(|(_, of)| *of == parent);
        found.extend(children.map(|(number, _)| number));
        next += 1;
    }
    found[1..].iter().map(|&number| pid(number)).collect()
}

/// Is no test: it is what other tests start as the runner that they signal and kill.
#[test]
#[ignore = "plays the runner of other tests"]
fn plays_a_runner() {
    let (Ok(role), Some(place)) = (std::env::var(ROLE), std::env::var_os(PLACE)) else {
        return;
    };
    let place = PathBuf::from(place);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        match role.as_str() {
            "keeps" => {
                let spec = script_at(&place, PATIENT);
                let masker = Masker::default();
                let prepared = kept::prepare(&spec, program(), &place.join("kept"), &masker)
                    .await
                    .expect("the keeper answers");
                let kept = prepared.start().await.expect("the child starts");
                kept.wait(None, StopListener::never())
                    .await
                    .expect("nobody lets it wait so long");
            }
            "runs" => {
                let (stopper, listener) = stopper();
                let masker = Masker::default();
                let output = Output {
                    masker: &masker,
                    log: None,
                    live: None,
                };
                let spec = script_at(&place, COUNTS);
                let mut interrupts =
                    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
                        .expect("signals can be caught");
                let pass_on = async {
                    while interrupts.recv().await.is_some() {
                        stopper.stop(Patience::Policy);
                    }
                };
                let ended = tokio::select! {
                    ended = process::run(&spec, output, listener) => ended.expect("it starts"),
                    () = pass_on => unreachable!("signals never end"),
                };
                let words = format!("{:?} {:?}", ended.how, ended.stopped);
                std::fs::write(place.join("ended"), words).expect("the folder is there");
            }
            other => panic!("nobody plays `{other}`"),
        }
    });
}

#[test]
fn ctrl_c_for_the_whole_group_of_the_runner_is_one_sigint_for_the_child() {
    let world = World::new();
    let mut runner = world.runner("runs");
    for _ in 0..3 {
        kill_process_group(pid_of(&runner), Signal::INT).expect("it runs");
    }
    runner.wait().expect("it ends");
    assert_eq!(world.read("signals"), "INT\n");
    assert_eq!(world.read("ended"), "Code(3) Some(Cancelled)");
}

#[test]
fn a_signal_for_the_runner_alone_reaches_the_child() {
    let world = World::new();
    let mut runner = world.runner("runs");
    kill_process(pid_of(&runner), Signal::INT).expect("it runs");
    runner.wait().expect("it ends");
    assert_eq!(world.read("signals"), "INT\n");
}

#[tokio::test]
async fn a_kept_child_finishes_when_its_runner_is_killed() {
    let world = World::new();
    let mut runner = world.runner("keeps");
    kill_process(pid_of(&runner), Signal::KILL).expect("it runs");
    finishes_without_a_runner(&world, &mut runner).await;
}

#[tokio::test]
async fn a_kept_child_finishes_when_the_whole_tree_and_group_of_its_runner_are_killed() {
    let world = World::new();
    let mut runner = world.runner("keeps");
    let descendants = descendants(pid_of(&runner));
    kill_process_group(pid_of(&runner), Signal::KILL).expect("it runs");
    for descendant in descendants {
        kill_process(descendant, Signal::KILL).expect("it runs");
    }
    finishes_without_a_runner(&world, &mut runner).await;
}

async fn finishes_without_a_runner(world: &World, runner: &mut Child) {
    runner.wait().expect("it was killed");
    let state = kept::look(&world.kept()).expect("its records are whole");
    let KeptState::Running(keeper) = state else {
        panic!("{state:?}");
    };
    std::fs::write(world.path("go"), "").expect("the folder is there");
    let ended = world.ended().await;
    assert!(ended.succeeded(), "{ended:?}");
    let log = world.read("kept/log");
    assert_eq!(log, "before\n***\nid=none\nafter\n");
    assert_eq!(ended.log_bytes, log.len() as u64);
    wait_until_gone(&keeper);
}

/// The session of a process, from `/proc/PID/stat` (proc_pid_stat(5)). Behind the name, which may hold anything, come state, parent, group
/// and session.
fn session_of(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let (_, behind_name) = stat.rsplit_once(')').expect("a name in parentheses");
    let session = behind_name.split_ascii_whitespace().nth(3);
    session.expect("a session").parse().expect("a number")
}

#[tokio::test]
async fn neither_keeper_nor_child_can_be_found_by_the_clean_up_of_the_runner() {
    let world = World::new();
    let mut runner = world.runner("keeps");
    let Ok(KeptState::Running(keeper)) = kept::look(&world.kept()) else {
        panic!("it was started");
    };
    let environment = std::fs::read(format!("/proc/{}/environ", keeper.pid));
    assert_eq!(environment.expect("it runs"), b"");
    let line = std::fs::read(format!("/proc/{}/cmdline", keeper.pid)).expect("it runs");
    assert!(line.ends_with(b"\0keep\0--detached\0"), "{line:?}");
    assert!(!descendants(pid_of(&runner)).contains(&pid(keeper.pid)));
    assert_eq!(session_of(keeper.pid), keeper.pid);
    std::fs::write(world.path("go"), "").expect("the folder is there");
    runner.wait().expect("it ends");
    assert!(world.read("kept/log").contains("id=none\n"));
}

#[tokio::test]
async fn a_keeper_does_not_heed_the_signals_of_terminals_and_runners() {
    let world = World::new();
    let spec = world.script("trap 'echo hit >> signals' INT TERM HUP\ntouch started; while test -e started && ! test -e go; do sleep 0.05; done");
    let kept = world.start(&spec).await;
    wait_for(&world.path("started"));
    for each in [Signal::INT, Signal::TERM, Signal::HUP, Signal::PIPE] {
        signal(&kept.keeper(), each);
    }
    std::fs::write(world.path("go"), "").expect("the folder is there");
    let ended = kept.wait(None, StopListener::never()).await;
    assert!(ended.expect("it left a record").succeeded());
    assert_eq!(world.read("signals"), "");
}

#[tokio::test]
async fn a_later_process_stops_a_kept_child_with_one_sigint_however_often_it_asks() {
    let world = World::new();
    let kept = world.start(&world.script(COUNTS)).await;
    let keeper = kept.keeper();
    drop(kept);
    wait_for(&world.path("started"));
    for _ in 0..3 {
        let state = kept::stop(&world.kept()).expect("its keeper can be asked");
        assert_eq!(state, KeptState::Running(keeper));
    }
    let ended = world.ended().await;
    assert_eq!(world.read("signals"), "INT\n");
    assert_eq!(ended.stopped, Some(StopReason::Cancelled));
    assert_eq!((ended.how, ended.killed), (Exit::Code(3), false));
    let after = kept::stop(&world.kept()).expect("the record can be read");
    assert_eq!(after, KeptState::Ended(ended));
}

#[tokio::test]
async fn the_runner_passes_one_stop_on_to_the_keeper() {
    let world = World::new();
    let kept = world.start(&world.script(COUNTS)).await;
    wait_for(&world.path("started"));
    let (stopper, listener) = stopper();
    stopper.stop(Patience::AtMost(Duration::ZERO));
    stopper.stop(Patience::Policy);
    let ended = kept.wait(None, listener).await.expect("it left a record");
    assert_eq!(world.read("signals"), "INT\n");
    assert_eq!((ended.how, ended.killed), (Exit::Code(3), false));
}

#[tokio::test]
async fn the_keeper_itself_ends_a_child_whose_time_is_over() {
    let world = World::new();
    let spec = world.script(COUNTS).timeout(Duration::from_millis(300));
    drop(world.start(&spec).await);
    let ended = world.ended().await;
    assert_eq!(ended.stopped, Some(StopReason::TimedOut));
    assert_eq!(world.read("signals"), "INT\n");
}

#[tokio::test]
async fn a_kept_child_without_patience_is_killed_with_its_whole_session() {
    let world = World::new();
    // With job control the sleeping one gets a group of its own.
    let script = "trap '' INT; set -m; sleep 1000 & echo $! > other; touch started; sleep 1000";
    let spec = world.script(script).stop(StopPolicy {
        signal_to: SignalTarget::Leader,
        grace: Duration::from_millis(200),
    });
    drop(world.start(&spec).await);
    wait_for(&world.path("started"));
    let other = world.read("other").trim().parse().expect("a number");
    let other = process::identity_of(other).expect("it runs");
    kept::stop(&world.kept()).expect("its keeper can be asked");
    let ended = world.ended().await;
    assert_eq!((ended.how, ended.killed), (Exit::Signal(9), true));
    assert!(!is_alive(&other));
}

#[tokio::test]
async fn captured_output_is_private_until_its_reader_removes_it() {
    let world = World::new();
    let spec = world
        .script("echo \"$TOKEN\"; echo seen >&2")
        .capture_stdout(1000);
    drop(world.start(&spec).await);
    let ended = world.ended().await;
    let mode = |name| {
        let found = world.path(name).metadata().expect("it is there");
        found.permissions().mode() & 0o777
    };
    assert_eq!((mode("kept"), mode("kept/stdout")), (0o700, 0o600));
    assert_eq!(ended.stdout, None);
    let captured = kept::take_stdout(&world.kept()).expect("it can be read");
    let captured = captured.expect("it was asked for");
    assert_eq!(captured.expose(), format!("{SECRET}\n").as_bytes());
    assert!(captured.is_complete());
    assert!(!world.path("kept/stdout").exists());
    assert_eq!(
        kept::take_stdout(&world.kept()).expect("nothing is read"),
        None
    );
}

#[tokio::test]
async fn no_file_of_a_keeper_holds_a_secret() {
    let world = World::new();
    let spec = world.script("echo \"a $TOKEN b\"; echo \"$TOKEN\" | base64 >&2");
    let kept = world.start(&spec).await;
    let ended = kept.wait(None, StopListener::never()).await;
    assert!(ended.expect("it left a record").succeeded());
    assert!(world.read("kept/log").contains("a *** b\n"));
    for entry in std::fs::read_dir(world.kept()).expect("it is there") {
        let path = entry.expect("it is there").path();
        let text = std::fs::read_to_string(&path).expect("it is text");
        assert!(
            !text.contains(SECRET) && !text.contains("Y29ycmVjdCBob3Jz"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn the_runner_shows_the_log_of_a_kept_child_and_takes_its_output() {
    let world = World::new();
    let spec = world
        .script("echo one; echo two >&2; printf three")
        .capture_stdout(1000);
    let kept = world.start(&spec).await;
    let (sender, mut lines) = mpsc::channel(16);
    let ended = kept.wait(Some(sender), StopListener::never()).await;
    let captured = ended.expect("it left a record").stdout;
    assert_eq!(captured.expect("it was asked for").expose(), b"one\nthree");
    let mut texts = Vec::new();
    while let Some(OutputLine { from, text }) = lines.recv().await {
        assert_eq!(from, Source::Log);
        texts.push(text);
    }
    texts.sort();
    assert_eq!(texts, ["one", "three", "two"]);
}

#[tokio::test]
async fn a_keeper_that_gets_no_word_starts_nothing() {
    let world = World::new();
    let spec = world.script("touch started");
    let prepared = kept::prepare(&spec, program(), &world.kept(), &Masker::default())
        .await
        .expect("the keeper answers");
    let keeper = prepared.keeper();
    assert_eq!(
        kept::look(&world.kept()).expect("its record is whole"),
        KeptState::Running(keeper)
    );
    drop(prepared);
    wait_until_gone(&keeper);
    assert_eq!(
        kept::look(&world.kept()).expect("nothing is there"),
        KeptState::NeverStarted
    );
    assert!(!world.path("started").exists());
}

#[tokio::test]
async fn a_program_that_the_system_refuses_was_never_started() {
    let world = World::new();
    std::fs::write(world.path("tool"), "no program").expect("the folder is there");
    let spec = CommandSpec::new("./tool", "fail").dir(world.folder.path());
    let prepared = kept::prepare(&spec, program(), &world.kept(), &Masker::default())
        .await
        .expect("the keeper answers");
    let error = prepared.start().await.expect_err("it is not executable");
    assert!(matches!(error, ProcessError::NotKept { .. }), "{error}");
    assert!(error.to_string().contains("ermission denied"), "{error}");
    assert_eq!(
        kept::look(&world.kept()).expect("nothing is there"),
        KeptState::NeverStarted
    );
}

#[tokio::test]
async fn no_second_child_is_started_in_the_folder_of_one_that_runs() {
    let world = World::new();
    let spec = world.script(PATIENT);
    let kept = world.start(&spec).await;
    let error = kept::prepare(&spec, program(), &world.kept(), &Masker::default())
        .await
        .expect_err("it is in use");
    assert!(matches!(error, ProcessError::NotKept { .. }), "{error}");
    std::fs::write(world.path("go"), "").expect("the folder is there");
    let ended = kept.wait(None, StopListener::never()).await;
    assert!(ended.expect("it left a record").succeeded());
}

#[tokio::test]
async fn a_child_whose_keeper_is_killed_runs_until_it_vanishes() {
    let world = World::new();
    let kept = world
        .start(&world.script("touch started; sleep 1000"))
        .await;
    wait_for(&world.path("started"));
    let (keeper, child) = (kept.keeper(), kept.child());
    signal(&keeper, Signal::KILL);
    let error = kept.wait(None, StopListener::never()).await;
    let error = error.expect_err("it left no record");
    assert!(
        matches!(error, ProcessError::KeeperVanished { .. }),
        "{error}"
    );
    wait_until_gone(&keeper);
    assert_eq!(
        kept::look(&world.kept()).expect("its record is whole"),
        KeptState::Running(child)
    );
    kill_process_group(pid(child.pid), Signal::KILL).expect("it runs");
    wait_until_gone(&child);
    assert_eq!(
        kept::look(&world.kept()).expect("its record is whole"),
        KeptState::Vanished
    );
}

#[test]
fn a_folder_without_records_never_had_a_child() {
    let world = World::new();
    assert_eq!(
        kept::look(&world.kept()).expect("nothing is there"),
        KeptState::NeverStarted
    );
}
