//! One repository with its stage, and the rehearsals of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    facts::{Facts, sent_twice},
    held,
};

const PLAN: &str = include_str!("plan.yaml");

/// How often something is looked at that nobody announces.
const LOOK: Duration = Duration::from_millis(20);

/// How long anything may take that has to come.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a rehearsal gave.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) code: Option<i32>,
    pub(super) words: String,
}

/// What has to be the same whatever happened in between.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EndState {
    tasks: BTreeMap<String, String>,
    registry: BTreeSet<PathBuf>,
}

pub(super) struct World {
    folder: TempDir,
    program: PathBuf,
}

impl World {
    /// Makes a repository with rendered workflows in a folder of its own.
    pub(super) fn new(program: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("soak-").tempdir()?;
        let world = Self {
            folder,
            program: program.to_owned(),
        };
        for name in ["home", "tmp", "repository/.github"] {
            fs::create_dir_all(world.path(name))?;
        }
        fs::write(world.path("repository/deploy.yaml"), PLAN)?;
        // Large enough that pushing it takes a moment.
        let server: Vec<u8> = (0..4_000_000_u32)
            .flat_map(|number| (number ^ (number >> 7)).to_le_bytes())
            .collect();
        fs::write(world.path("repository/server"), server)?;
        let rendered = world.call(&["render"])?;
        ensure!(
            rendered.code == Some(0),
            "the plan is not rendered:\n{}",
            rendered.words
        );
        for arguments in [
            &["init", "--quiet", "--initial-branch=main"][..],
            &[
                "remote",
                "add",
                "origin",
                "https://github.com/rehearsal/soak",
            ],
            &["add", "--all"],
            &["commit", "--quiet", "--message", "Begin"],
        ] {
            let status = world.command("git").args(arguments).status()?;
            ensure!(status.success(), "git {arguments:?} ended with {status}");
        }
        Ok(world)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        isolated(program.as_ref(), self.folder.path())
    }

    fn call(&self, arguments: &[&str]) -> anyhow::Result<Outcome> {
        let output = self.command(&self.program).args(arguments).output()?;
        Ok(Outcome {
            code: output.status.code(),
            words: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn rehearsal(&self) -> Command {
        let mut command = self.command(&self.program);
        command
            .args(["rehearse", "--jobs", "2", "--stage"])
            .arg(self.path("stage"));
        command
    }

    /// Rehearses to the end.
    pub(super) fn rehearse(&self) -> anyhow::Result<Outcome> {
        let output = self.rehearsal().output()?;
        Ok(Outcome {
            code: output.status.code(),
            words: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Begins a rehearsal.
    pub(super) fn start(&self) -> anyhow::Result<Running> {
        let words = fs::File::create(self.path("words"))?;
        let mut command = self.rehearsal();
        command.stdout(Stdio::null()).stderr(words).process_group(0);
        Ok(Running(command.spawn()?))
    }

    /// Says of an interrupted task that it is done, where it left its last word, or else that it is to be done again.
    pub(super) fn answer(&self, task: &str) -> anyhow::Result<()> {
        let word = match self.count(&format!("end {task}")) {
            0 => "--force",
            _ => "--done",
        };
        let state = self.path("stage/state");
        let state = state.to_str().context("the folder's name is UTF-8")?;
        let ran = self.call(&["run", "--task", task, word, task, "--state", state])?;
        ensure!(
            ran.code == Some(0),
            "`run {word} {task}` ended with {:?}:\n{}",
            ran.code,
            ran.words
        );
        Ok(())
    }

    /// What the records say by now.
    pub(super) fn facts(&self) -> anyhow::Result<Facts> {
        let mut facts = Facts::default();
        for path in files_below(&self.path("stage/state"))? {
            if path.ends_with("records.jsonl") {
                facts.add(&String::from_utf8_lossy(&fs::read(path)?));
            }
        }
        Ok(facts)
    }

    /// What the rehearsal has come to: the state of each task, and what the registry holds.
    pub(super) fn end_state(&self) -> anyhow::Result<EndState> {
        let report = fs::read_to_string(self.path("stage/report/checkpoint.json"))?;
        let report: Value = serde_json::from_str(&report)?;
        let phases = report["phases"].as_array().into_iter().flatten();
        let tasks = phases.flat_map(|phase| phase["tasks"].as_array().into_iter().flatten());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let registry = self.path("stage/registry");
        let held = files_below(&registry)?.into_iter().filter(|path| {
            let is_open = path.components().any(|part| part.as_os_str() == "_uploads");
            !is_open && !path.ends_with("requests.jsonl")
        });
        let relative = |path: PathBuf| path.strip_prefix(&registry).map(Path::to_owned);
        Ok(EndState {
            tasks: tasks
                .map(|task| (text(&task["key"]), text(&task["state"])))
                .collect(),
            registry: held.map(relative).collect::<Result<_, _>>()?,
        })
    }

    /// Fails where this ended otherwise, or did something twice.
    pub(super) fn compare(&self, wanted: &EndState) -> anyhow::Result<()> {
        let facts = self.facts()?;
        held(&facts)?;
        let mut found = self.end_state()?;
        for task in &facts.settled {
            // Somebody's word is shown as such, and counts as much.
            let state = found
                .tasks
                .get_mut(task)
                .context("it is a task of the plan")?;
            if state == "done-claimed" {
                state.clone_from(&wanted.tasks[task]);
            }
        }
        ensure!(
            found == *wanted,
            "another end: {found:?} in place of {wanted:?}"
        );
        let requests = fs::read_to_string(self.path("stage/registry/requests.jsonl"))?;
        let twice = sent_twice(&requests);
        ensure!(twice.is_empty(), "sent twice: {}", twice.join(", "));
        Ok(())
    }

    /// What the scripts left.
    pub(super) fn trace(&self) -> String {
        fs::read_to_string(self.path("home/trace")).unwrap_or_default()
    }

    /// How often a line stands in the trace.
    pub(super) fn count(&self, line: &str) -> usize {
        self.trace().lines().filter(|found| *found == line).count()
    }

    /// Whether this task's script never began while an earlier one of it still ran.
    pub(super) fn takes_turns(&self, task: &str) -> bool {
        let (begin, end) = (format!("begin {task}"), format!("end {task}"));
        let trace = self.trace();
        let own = trace.lines().filter(|line| *line == begin || *line == end);
        let own: Vec<&str> = own.collect();
        own.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// Waits until a line stands in the trace.
    pub(super) fn wait_for_trace(&self, line: &str) -> anyhow::Result<()> {
        wait_until(line, || self.count(line) > 0)
    }

    /// Lets the script of `app` take a minute from now on.
    pub(super) fn slow_down(&self) -> anyhow::Result<()> {
        Ok(fs::write(self.path("home/slow"), "")?)
    }

    /// Takes that back.
    pub(super) fn hurry(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.path("home/slow"))?)
    }

    /// Waits until no process of this world is left.
    pub(super) fn wait_until_quiet(&self) -> anyhow::Result<()> {
        wait_until("no process is left", || self.processes().is_empty())
    }

    /// Kills all processes of this world at once, again until none is left: they may be starting others.
    pub(super) fn kill_all(&self) -> anyhow::Result<()> {
        wait_until("all processes are killed", || {
            let found = self.processes();
            for process in &found {
                // It may have ended by itself in between.
                signal(*process, "KILL").ok();
            }
            found.is_empty()
        })
    }

    /// The processes that have this world's home, by number.
    fn processes(&self) -> Vec<u32> {
        let mark = format!("HOME={}", self.path("home").display());
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let is_ours = |entry: &fs::DirEntry| {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == mark.as_bytes())
        };
        let ours = entries.filter(is_ours);
        ours.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect()
    }

    /// Leaves the folder where it is, and returns its path.
    pub(super) fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

/// A rehearsal that goes on, the first of a process group.
pub(super) struct Running(Child);

impl Running {
    /// Waits for a moment, or for its end.
    pub(super) fn wait_at_most(&mut self, time: Duration) -> anyhow::Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < time && !self.has_ended()? {
            thread::sleep(LOOK.min(time));
        }
        Ok(())
    }

    pub(super) fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.0.try_wait()?.is_some())
    }

    /// Sends it a signal; nothing where it has ended.
    pub(super) fn signal(&mut self, name: &str) -> anyhow::Result<()> {
        match self.has_ended()? {
            true => Ok(()),
            false => signal(self.0.id(), name),
        }
    }

    /// Kills it and all that descend from it.
    pub(super) fn kill_tree(&mut self) -> anyhow::Result<()> {
        let mut tree = vec![self.0.id()];
        let mut at = 0;
        while let Some(process) = tree.get(at) {
            tree.extend(children(*process));
            at += 1;
        }
        for process in tree {
            // It may have ended with its parent.
            signal(process, "KILL").ok();
        }
        Ok(())
    }

    /// Waits for its end.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        let begin = Instant::now();
        while !self.has_ended()? {
            ensure!(begin.elapsed() < PATIENCE, "the rehearsal does not end");
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

/// The children of a process.
fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists =
        tasks.map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let numbers = lists.flat_map(|list| {
        list.split_whitespace()
            .filter_map(|number| number.parse().ok())
            .collect::<Vec<u32>>()
    });
    numbers.collect()
}

pub(super) fn signal(process: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .stderr(Stdio::null())
        .status()
        .context("`kill` does not start")?;
    ensure!(status.success(), "process {process} cannot be signalled");
    Ok(())
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> anyhow::Result<()> {
    let begin = Instant::now();
    while !holds() {
        if begin.elapsed() > PATIENCE {
            bail!("waited in vain: {what}");
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// All files below a folder; none where there is no folder.
fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !folder.exists() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => found.extend(files_below(&entry.path())?),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    Ok(found)
}

/// A command in the repository of a folder, with a home and a state of its own, and nothing else of this environment than
/// where programs are.
pub(super) fn isolated(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder.join("repository"))
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder.join("home"))
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("TMPDIR", folder.join("tmp"))
        .env("LANG", "C.UTF-8")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null());
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "Ada")
            .env(format!("GIT_{role}_EMAIL"), "ada@example.org")
            .env(format!("GIT_{role}_DATE"), "2026-01-02T03:04:05Z");
    }
    command
}
