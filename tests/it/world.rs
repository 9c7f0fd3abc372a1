//! A repository with a plan in it, a home and a state folder of its own, and the built program.
#![cfg(target_os = "linux")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use deploy_action_test_wire::processes;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Nothing in these tests takes so long, unless it hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Where a plan is carried out. Scripts of the plan find the folder for their traces in `$OUT`.
pub struct World {
    folder: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl World {
    /// A committed repository that holds this plan.
    pub fn new(plan: &str) -> Self {
        let world = Self {
            folder: tempfile::tempdir().expect("a folder"),
            variables: BTreeMap::new(),
        };
        for name in ["repository", "home", "state", "tmp", "out"] {
            fs::create_dir(world.folder.path().join(name)).expect("a folder");
        }
        world.write("deploy.yaml", plan);
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world.commit();
        world
    }

    /// The same world with one variable more in the environment of the program.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// The same world as a job of run 7 on GitHub, which a push started.
    pub fn on_actions(self) -> Self {
        self.with("GITHUB_ACTIONS", "true")
            .with("GITHUB_EVENT_NAME", "push")
            .with("GITHUB_RUN_ID", "7")
            .with("GITHUB_REPOSITORY", "acme/app")
            .with("GITHUB_ACTOR", "ada")
    }

    /// The same world as a job that another event started.
    pub fn of_event(self, name: &str, payload: &Value) -> Self {
        let path = self.out("event.json");
        fs::write(&path, payload.to_string()).expect("an event");
        self.with("GITHUB_EVENT_NAME", name)
            .with("GITHUB_EVENT_PATH", &path.to_string_lossy())
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// Writes a file of the repository. It is tracked after the next commit.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.repository().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "state"]);
    }

    fn git(&self, args: &[&str]) {
        let mut command = Command::new("git");
        command.args(args).current_dir(self.repository());
        self.set_environment(&mut command);
        let output = command.output().expect("git is there");
        assert!(output.status.success(), "git {args:?}: {output:?}");
    }

    pub fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// The path of a trace that a script leaves.
    pub fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    /// What a script left; nothing where it left nothing.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.out(name)).unwrap_or_default()
    }

    /// Lets a script go on that waits for this trace.
    pub fn allow(&self, name: &str) {
        fs::write(self.out(name), "").expect("a trace");
    }

    /// Waits until a script has left this trace, with something in it.
    pub fn wait_for(&self, name: &str) -> String {
        wait_until(&format!("`{name}` is written"), || {
            Some(self.read(name)).filter(|text| !text.is_empty())
        })
    }

    fn set_environment(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path().join("home"))
            .env("XDG_STATE_HOME", self.state())
            .env("TMPDIR", self.tmp())
            .env("OUT", self.folder.path().join("out"))
            .env("USER", "ada")
            .env("LANG", "C.UTF-8")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CEILING_DIRECTORIES", self.folder.path())
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.org")
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@example.org")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
            .envs(&self.variables);
    }

    /// The program, in the repository.
    pub fn program(&self, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_deploy-action"));
        command.args(args);
        command
    }

    /// Any program, in the repository and with this world's environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.repository()).stdin(Stdio::null());
        self.set_environment(&mut command);
        command
    }

    /// Runs any verb to its end.
    pub fn call(&self, args: &[&str]) -> Ran {
        Ran::of(self.program(args).output().expect("the program starts"))
    }

    /// Runs `run` to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.call(&with_json(args))
    }

    /// Kills all that was started here, keepers too, as where a machine goes.
    pub fn kill_all(&self) {
        processes::kill_all("HOME", &self.folder.path().join("home"));
    }

    /// Kills what a keeper holds, once it is there; the keeper sees it.
    pub fn kill_kept(&self) {
        let kept = wait_until("a keeper holds something", || {
            let kept = processes::kept(&self.processes());
            (!kept.is_empty()).then_some(kept)
        });
        processes::kill(&kept);
    }

    /// All that was started here and goes on, by number, and the keepers of it.
    pub fn processes(&self) -> std::collections::BTreeSet<u32> {
        processes::with_variable("HOME", &self.folder.path().join("home"))
    }

    /// Starts `run` and stays with it.
    pub fn start(&self, args: &[&str]) -> Running {
        self.start_verb(&with_json(args))
    }

    /// Starts any verb and stays with it.
    pub fn start_verb(&self, args: &[&str]) -> Running {
        let mut child = self
            .program(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut stderr = child.stderr.take().expect("it is piped");
        let (sender, lines) = channel();
        let reader = std::thread::spawn(move || {
            let mut all = String::new();
            for line in stdout.lines().map_while(Result::ok) {
                all.push_str(&line);
                all.push('\n');
                // Nobody listens any more once the test knows enough.
                drop(sender.send(line));
            }
            all
        });
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            // What a killed program had no time to say is not said.
            drop(stderr.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        Running {
            child,
            lines,
            reader: Some(reader),
            errors: Some(errors),
        }
    }

    /// All files below the state and temporary folders that contain this text.
    pub fn files_with(&self, text: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in [self.state(), self.tmp()] {
            collect_files_with(&folder, text.as_bytes(), &mut found);
        }
        found
    }

    /// The file of records of a walk of plan `app`.
    pub fn records(&self, walk: &str) -> PathBuf {
        let mut found = Vec::new();
        collect_files_with(&self.state(), b"", &mut found);
        let wanted = format!("{walk}/records.jsonl");
        let mut found = found
            .into_iter()
            .filter(|path| path.to_string_lossy().ends_with(&wanted));
        found.next().expect("the walk has a ledger")
    }
}

fn with_json<'a>(args: &[&'a str]) -> Vec<&'a str> {
    ["run", "--format", "json"]
        .into_iter()
        .chain(args.iter().copied())
        .collect()
}

fn collect_files_with(folder: &Path, text: &[u8], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect_files_with(&path, text, found);
        } else if let Ok(content) = fs::read(&path)
            && (text.is_empty() || content.windows(text.len()).any(|window| window == text))
        {
            found.push(path);
        }
    }
}

/// Asks again and again, until there is an answer or the deadline is over.
pub fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A `run` that goes on.
#[must_use]
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    reader: Option<JoinHandle<String>>,
    errors: Option<JoinHandle<String>>,
}

impl Running {
    /// Waits for this many records.
    pub fn wait_for_records(&self, number: usize) -> Vec<Value> {
        let deadline = Instant::now() + DEADLINE;
        let mut events = Vec::new();
        while events.len() < number {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => events.extend(event_of(&line)),
                Err(RecvTimeoutError::Timeout) => panic!("{} records in time", events.len()),
                Err(RecvTimeoutError::Disconnected) => return events,
            }
        }
        events
    }

    /// Waits for a record of this type about this task.
    pub fn wait_for(&self, kind: &str, task: &str) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => panic!("no {kind} of `{task}` in time"),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended without {kind} of `{task}`")
                }
            };
            let event = event_of(&line).unwrap_or_default();
            if event["type"] == kind && event["task"] == task {
                return;
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Pid {
        let number = i32::try_from(self.child.id()).expect("a process number");
        Pid::from_raw(number).expect("a process number")
    }

    /// Waits for the end.
    pub fn end(mut self) -> Ran {
        let status = wait_until("it ends", || self.child.try_wait().expect("it is ours"));
        let joined = |handle: Option<JoinHandle<String>>| {
            let handle = handle.expect("it ends once");
            handle.join().expect("the reader ends")
        };
        Ran::of(Output {
            status,
            stdout: joined(self.reader.take()).into_bytes(),
            stderr: joined(self.errors.take()).into_bytes(),
        })
    }

    /// Kills the program, and nothing that it started.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is ours");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        drop(self.child.kill());
    }
}

/// What a call of the program gave.
#[must_use]
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

fn event_of(line: &str) -> Option<Value> {
    let record: Value = serde_json::from_str(line).ok()?;
    record.get("event").cloned()
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Everything that it printed.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// All events of a type.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        let events = self.stdout.lines().filter_map(event_of);
        events.filter(|event| event["type"] == kind).collect()
    }

    /// Exit code, and the last word on each task: `0: a succeeded, b up-to-date`.
    pub fn told(&self) -> String {
        let mut words: BTreeMap<String, String> = BTreeMap::new();
        for event in self.stdout.lines().filter_map(event_of) {
            if let (Some(task), Some(word)) = (event["task"].as_str(), word(&event)) {
                words.insert(task.to_owned(), word);
            }
        }
        let words: Vec<String> = words
            .into_iter()
            .map(|(task, word)| format!("{task} {word}"))
            .collect();
        let code = self
            .code
            .map_or("killed".to_owned(), |code| code.to_string());
        format!("{code}: {}", words.join(", "))
    }

    /// Says what it told, or all that it printed where that was something else.
    #[track_caller]
    pub fn tells(&self, expected: &str) -> &Self {
        assert_eq!(self.told(), expected, "\n{}", self.all());
        self
    }

    /// The last event of this type about this task.
    #[track_caller]
    pub fn last(&self, kind: &str, task: &str) -> Value {
        let mut events = self.events(kind);
        events.retain(|event| event["task"] == task);
        let last = events.pop();
        last.unwrap_or_else(|| panic!("no {kind} of `{task}`:\n{}", self.all()))
    }

    /// The words of the failure of a task.
    #[track_caller]
    pub fn failure(&self, task: &str) -> String {
        let outcome = &self.last("task-finished", task)["outcome"];
        let message = outcome["message"].as_str();
        message
            .unwrap_or_else(|| panic!("`{task}` did not fail: {outcome}"))
            .to_owned()
    }

    /// An output of a task, as it was recorded.
    #[track_caller]
    pub fn output(&self, task: &str, name: &str) -> Value {
        self.last("task-finished", task)["outputs"][name].clone()
    }
}

fn word(event: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    Some(match event["type"].as_str()? {
        "task-started" => "started".to_owned(),
        "task-finished" => match event["outcome"]["type"].as_str()? {
            "failed" => format!("failed ({})", text(&event["outcome"]["kind"])),
            other => other.to_owned(),
        },
        "task-up-to-date" => "up-to-date".to_owned(),
        "task-skipped" => "skipped".to_owned(),
        "task-blocked" => format!("blocked on {}", text(&event["on"])),
        "task-paused" => format!("paused ({})", text(&event["waiting"]["type"])),
        "task-not-run" => "not-run".to_owned(),
        "task-interrupted" => "interrupted".to_owned(),
        "task-settled" if event["done"] == true => "settled".to_owned(),
        _ => return None,
    })
}
