//! Children of this very process.

use std::io;

use rustix::process::Pid;

use super::{
    ended::Ended,
    error::ProcessError,
    output::Output,
    scope::Scope,
    spec::{CommandSpec, RemovedAtEnd},
    start::Start,
    stop::StopListener,
    supervise::{Limits, supervise},
    tee::{Keep, Live, Log, Tee},
};

/// Runs a child to its end: for what changes nothing outside.
///
/// An exit code is no error. Should the caller lose interest and drop the future, the child's group is killed.
///
/// # Errors
/// Where the child cannot be started. A log that cannot be written is a note of its end.
pub async fn run(
    spec: &CommandSpec,
    output: Output<'_>,
    stop: StopListener,
) -> Result<Ended, ProcessError> {
    let _removed = RemovedAtEnd(spec.removed().to_vec());
    let start = Start::of(spec)?;
    let masker = spec
        .cover(output.masker)
        .map_err(|source| ProcessError::Unmaskable {
            program: start.program.clone(),
            source,
        })?;
    let tee = Tee::new(
        &masker,
        Log::when_needed(output.log),
        Live::new(output.live),
        spec.capture().map(Keep::in_memory),
    );
    let mut child = start.spawn().map_err(|source| ProcessError::NotStarted {
        program: start.program.clone(),
        purpose: spec.purpose().to_owned(),
        source,
    })?;
    let lost = |source| ProcessError::Lost {
        program: start.program.clone(),
        source,
    };
    let group = child
        .id()
        .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        .ok_or_else(|| lost(io::ErrorKind::NotFound.into()))?;
    let guard = KillOnDrop(Some(Scope::Group(group)));
    let limits = Limits {
        policy: spec.stop_policy(),
        timeout: spec.time_limit(),
    };
    let ended = supervise(&mut child, tee, Scope::Group(group), limits, stop).await;
    if ended.is_ok() {
        guard.release();
    }
    ended.map_err(lost)
}

/// Kills a group whose supervision was given up.
struct KillOnDrop(Option<Scope>);

impl KillOnDrop {
    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(Err(refusal)) = self.0.map(Scope::kill) {
            tracing::warn!(%refusal, "a child that nobody waits for could not be killed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        time::Duration,
    };

    use tokio::sync::mpsc;

    use super::*;
    use crate::{
        process::{
            Exit, Note, OutputLine, Patience, SignalTarget, Source, StopPolicy, StopReason,
            Stopper, stopper,
        },
        secret::{Masker, Secret},
    };

    /// Nothing in these tests takes so long, unless it hangs.
    const DEADLINE: Duration = Duration::from_secs(60);

    /// A script that says on standard output when it is ready, and writes a line into `signals` for every SIGINT.
    const COUNTS: &str = "trap 'echo INT >> signals' INT\necho ready\n";

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

        fn script(&self, script: &str) -> CommandSpec {
            CommandSpec::new("sh", "test")
                .args(["-c", script])
                .dir(self.folder.path())
                .env("PATH", "/usr/bin:/bin")
        }

        async fn run(&self, spec: &CommandSpec) -> Ended {
            self.run_with(spec, None, StopListener::never()).await
        }

        async fn run_with(
            &self,
            spec: &CommandSpec,
            live: Option<mpsc::Sender<OutputLine>>,
            stop: StopListener,
        ) -> Ended {
            let masker = Masker::default();
            let log = self.path("log");
            let output = Output {
                masker: &masker,
                log: Some(&log),
                live,
            };
            tokio::time::timeout(DEADLINE, run(spec, output, stop))
                .await
                .expect("it ends in time")
                .expect("it starts")
        }

        /// Runs a child and asks it to stop, thrice, once it has said that it is ready.
        async fn run_and_stop(&self, spec: &CommandSpec, patience: Patience) -> Ended {
            let (stopper, listener) = stopper();
            let (sender, mut lines) = mpsc::channel(16);
            let stops = async {
                let first = lines.recv().await.map(|line: OutputLine| line.text);
                assert_eq!(first.as_deref(), Some("ready"));
                ask_thrice(&stopper, patience);
            };
            let (ended, ()) = tokio::join!(self.run_with(spec, Some(sender), listener), stops);
            ended
        }
    }

    fn ask_thrice(stopper: &Stopper, patience: Patience) {
        for _ in 0..3 {
            stopper.stop(patience);
        }
    }

    fn policy(signal_to: SignalTarget, grace: Duration) -> StopPolicy {
        StopPolicy { signal_to, grace }
    }

    #[tokio::test]
    async fn the_environment_is_empty_besides_what_is_named() {
        let world = World::new();
        let parent = [("HOME", "/home/x"), ("OTHER", "y")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let spec = CommandSpec::new("/usr/bin/env", "show the environment")
            .env("NAME", "value")
            .pass_env(&parent, ["HOME", "NOT_SET"]);
        let ended = world.run(&spec).await;
        assert!(ended.succeeded(), "{ended:?}");
        assert_eq!(world.read("log"), "HOME=/home/x\nNAME=value\n");
    }

    #[tokio::test]
    async fn there_is_no_input() {
        let world = World::new();
        let ended = world.run(&world.script("cat; echo end")).await;
        assert_eq!((world.read("log").as_str(), ended.log_bytes), ("end\n", 4));
    }

    #[tokio::test]
    async fn an_exit_code_and_a_signal_are_told_apart() {
        let world = World::new();
        let code = world.run(&world.script("exit 7")).await;
        let signal = world.run(&world.script("kill -9 $$")).await;
        assert_eq!((code.how, code.how.code()), (Exit::Code(7), 7));
        assert_eq!((signal.how, signal.how.code()), (Exit::Signal(9), 137));
        assert!(!signal.killed, "nobody here killed it");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named_with_the_path_that_was_searched() {
        let world = World::new();
        let spec = CommandSpec::new("no-such-tool", "plan stack `network`").env("PATH", "/bin");
        let masker = Masker::default();
        let output = Output {
            masker: &masker,
            log: Some(&world.path("log")),
            live: None,
        };
        let error = run(&spec, output, StopListener::never())
            .await
            .expect_err("nobody has such a tool");
        assert_eq!(
            error.to_string(),
            "`no-such-tool` is not in the PATH of the child, which is `/bin`: wanted to plan stack `network`"
        );
    }

    #[tokio::test]
    async fn secrets_of_the_environment_are_masked_even_where_the_mask_does_not_know_them() {
        let world = World::new();
        let spec = world
            .script("printf hunt; sleep 0.2; echo er2; echo $TOKEN | od -An -tx1 | tr -d ' \\n'")
            .secret_env("TOKEN", Secret::new("hunter2"));
        world.run(&spec).await;
        assert_eq!(world.read("log"), "***\n***0a");
    }

    #[tokio::test]
    async fn captured_output_is_raw_and_its_log_masked() {
        let world = World::new();
        let spec = world
            .script("echo $TOKEN; echo warning >&2")
            .secret_env("TOKEN", Secret::new("hunter2"));
        let shown = world.run(&spec.clone().capture_stdout(100)).await;
        let shown = shown.stdout.expect("it was asked for");
        assert_eq!(shown.expose(), b"hunter2\n");
        assert!(world.read("log").contains("***\n"));

        std::fs::remove_file(world.path("log")).expect("it was written");
        let withheld = world.run(&spec.capture_secret_stdout(3)).await;
        let withheld = withheld.stdout.expect("it was asked for");
        assert_eq!(
            (withheld.expose(), withheld.is_complete()),
            (&b"hun"[..], false)
        );
        assert_eq!(world.read("log"), "warning\n");
    }

    /// Runs a command in the background of a script. A shell lets those ignore SIGINT; this one hears it.
    fn in_background(script: &str) -> String {
        format!("env --default-signal=INT sh -c {script:?} >/dev/null 2>&1 &")
    }

    #[tokio::test]
    async fn a_stopped_leader_gets_one_sigint_and_its_group_none() {
        let world = World::new();
        let tool = "trap 'echo TOOL >> signals' INT; until test -e over; do sleep 0.05; done";
        let spec = world
            .script(&format!(
                "{}\ntrap 'echo LEADER >> signals; touch over' INT\necho ready\nwait; wait; exit 0",
                in_background(tool)
            ))
            .stop(policy(SignalTarget::Leader, DEADLINE));
        let ended = world.run_and_stop(&spec, Patience::Policy).await;
        assert_eq!(world.read("signals"), "LEADER\n");
        assert_eq!(ended.stopped, Some(StopReason::Cancelled));
        assert_eq!((ended.how, ended.succeeded()), (Exit::Code(0), false));
    }

    #[tokio::test]
    async fn a_stopped_group_gets_one_sigint_each() {
        let world = World::new();
        let script =
            format!("{COUNTS}until test -s signals; do sleep 0.05; done; sleep 0.3; exit 5");
        let spec = world
            .script(&script)
            .stop(policy(SignalTarget::Group, DEADLINE));
        let ended = world.run_and_stop(&spec, Patience::Policy).await;
        assert_eq!(world.read("signals"), "INT\n");
        assert_eq!((ended.how, ended.killed), (Exit::Code(5), false));
    }

    #[tokio::test]
    async fn patience_with_a_script_is_patience_with_the_tool_that_it_started() {
        let world = World::new();
        let tool = "until test -e stopping; do sleep 0.05; done; sleep 0.3; echo done > tool";
        let spec = world
            .script(&format!(
                "{}\ntrap 'touch stopping; exit 1' INT\necho ready\nwait",
                in_background(tool)
            ))
            .stop(policy(SignalTarget::Leader, DEADLINE));
        let ended = world.run_and_stop(&spec, Patience::Policy).await;
        assert_eq!(world.read("tool"), "done\n");
        assert_eq!((ended.how, ended.killed), (Exit::Code(1), false));
    }

    #[tokio::test]
    async fn a_child_that_ignores_the_signal_is_killed_with_its_group() {
        let world = World::new();
        let spec = world
            .script("trap '' INT\nsleep 1000 &\necho ready\nsleep 1000")
            .stop(policy(SignalTarget::Group, DEADLINE));
        let patience = Patience::AtMost(Duration::from_millis(200));
        let ended = world.run_and_stop(&spec, patience).await;
        assert_eq!((ended.how, ended.killed), (Exit::Signal(9), true));
        assert_eq!(ended.notes, [], "its sleeping child holds no pipe any more");
        assert!(ended.took < DEADLINE);
    }

    #[tokio::test]
    async fn a_time_out_is_one_sigint_too() {
        let world = World::new();
        let script = format!("{COUNTS}until test -s signals; do sleep 0.05; done; exit 0");
        let spec = world
            .script(&script)
            .stop(policy(SignalTarget::Group, DEADLINE))
            .timeout(Duration::from_millis(500));
        let ended = world.run(&spec).await;
        assert_eq!(world.read("signals"), "INT\n");
        assert_eq!(ended.stopped, Some(StopReason::TimedOut));
        assert!(!ended.succeeded());
    }

    #[tokio::test]
    async fn a_process_that_is_left_behind_with_the_pipe_holds_nobody_up() {
        let world = World::new();
        let spec = world.script("sleep 1000 & echo $! > left; echo end");
        let ended = world.run(&spec).await;
        let left = world.read("left").trim().parse().expect("its number");
        if let Some(pid) = Pid::from_raw(left) {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it lives");
        }
        assert_eq!(ended.notes, [Note::OutputHeld]);
        assert_eq!(
            (ended.how, world.read("log").as_str()),
            (Exit::Code(0), "end\n")
        );
    }

    #[tokio::test]
    async fn a_listener_that_takes_nothing_stalls_no_child() {
        let world = World::new();
        let (sender, mut lines) = mpsc::channel(1);
        let spec =
            world.script("i=0; while test $i -lt 9000; do echo 0123456789; i=$((i+1)); done");
        let ended = world
            .run_with(&spec, Some(sender), StopListener::never())
            .await;
        assert_eq!(ended.log_bytes, 99_000);
        assert_eq!(ended.notes, [Note::LinesNotShown(8_999)]);
        let first = lines.recv().await.expect("it had room");
        assert_eq!(
            (first.from, first.text.as_str()),
            (Source::Stdout, "0123456789")
        );
    }

    #[tokio::test]
    async fn a_future_that_is_dropped_kills_what_it_started() {
        let world = World::new();
        let (sender, mut lines) = mpsc::channel(1);
        let spec = world.script("echo $$; sleep 1000");
        let pid = tokio::select! {
            ended = world.run_with(&spec, Some(sender), StopListener::never()) => panic!("{ended:?}"),
            line = lines.recv() => line.expect("it says its number").text.parse().expect("a number"),
        };
        wait_until_gone(pid).await;
    }

    async fn wait_until_gone(pid: i32) {
        let gone = async {
            while crate::process::identity_of(pid)
                .is_some_and(|seen| crate::process::is_alive(&seen))
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, gone)
            .await
            .expect("a killed process ends");
    }

    async fn run_with_log(spec: &CommandSpec, log: &Path) -> Ended {
        let masker = Masker::default();
        let output = Output {
            masker: &masker,
            log: Some(log),
            live: None,
        };
        let run = run(spec, output, StopListener::never()).await;
        run.expect("it starts")
    }

    #[tokio::test]
    async fn a_log_is_made_with_its_folder_by_the_first_words_and_not_before() {
        let world = World::new();
        let log = world.path("logs/task/log");
        let silent = run_with_log(&world.script("true"), &log).await;
        assert_eq!((silent.log_bytes, silent.notes), (0, vec![]));
        assert!(!world.path("logs").exists());
        let loud = run_with_log(&world.script("echo word"), &log).await;
        assert_eq!((loud.log_bytes, loud.notes), (5, vec![]));
        assert_eq!(world.read("logs/task/log"), "word\n");
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_made_is_a_note_and_the_child_ends_well() {
        let world = World::new();
        std::fs::write(world.path("taken"), "").expect("room");
        let spec = world.script("echo one; echo two; touch ended");
        let ended = run_with_log(&spec, &world.path("taken/log")).await;
        assert!(ended.succeeded(), "{ended:?}");
        assert!(
            matches!(&ended.notes[..], [Note::LogIncomplete(_)]),
            "{ended:?}"
        );
        assert!(world.path("ended").exists());
    }
}
