//! What GitHub's runner does to the step of `action.yml` on Linux, and a stricter one.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    rehearse_world::Started,
    world::{Ran, World},
};

/// What a cancelled step has before SIGTERM (docs.github.com, "Workflow cancellation reference").
const UNTIL_TERM: Duration = Duration::from_millis(7_500);
/// What it has from there before SIGKILL.
const UNTIL_KILL: Duration = Duration::from_millis(2_500);

/// A job of a machine: all that it starts carries its sign.
pub struct Job<'w> {
    world: &'w World,
    tracking: String,
}

/// A step that goes on.
#[must_use]
pub struct Step {
    started: Started,
    tracking: String,
}

/// How a cancelled step ended.
#[derive(Debug)]
pub struct Left {
    pub ran: Ran,
    /// The last signal that it took.
    pub after: Signal,
    /// How long it went on behind the first one.
    pub took: Duration,
}

impl<'w> Job<'w> {
    pub fn new(world: &'w World) -> Self {
        // Unique among the tests of a machine: the folder's name is.
        let tracking = format!("github_{}", world.repository().display());
        Self { world, tracking }
    }

    /// Starts the step of `action.yml` with these inputs.
    pub fn step(&self, inputs: &[(&str, &str)]) -> Step {
        let script = self.world.out("step.sh");
        fs::write(&script, script_of_the_action()).expect("a script");
        let mut command = self.world.command("bash");
        command
            .args(["--noprofile", "--norc", "-e", "-o", "pipefail"])
            .arg(script)
            .env("RUNNER_TRACKING_ID", &self.tracking)
            .env("DEPLOY_ACTION_BINARY", env!("CARGO_BIN_EXE_deploy-action"));
        for (name, value) in inputs {
            command.env(format!("DEPLOY_ACTION_INPUT_{name}"), value);
        }
        let name = inputs.first().map_or("step", |(_, value)| value);
        Step {
            started: Started::of(command, self.world, name),
            tracking: self.tracking.clone(),
        }
    }

    /// Ends the job: whatever still carries its sign is killed. Returns the command lines of that.
    pub fn end(&self) -> Vec<String> {
        let left = tracked(&self.tracking);
        left.into_iter()
            .map(|pid| {
                let line = fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid()));
                kill(pid);
                String::from_utf8_lossy(&line.unwrap_or_default()).replace('\0', " ")
            })
            .collect()
    }
}

impl Step {
    /// Cancels it: SIGINT to the entry process alone, SIGTERM to it 7.5 s later, and 2.5 s later SIGKILL to all that it started.
    pub fn cancel(mut self) -> Left {
        let began = Instant::now();
        let mut after = Signal::INT;
        self.started.signal(Signal::INT);
        if !self.ends_within(UNTIL_TERM) {
            after = Signal::TERM;
            self.started.signal(Signal::TERM);
            if !self.ends_within(UNTIL_KILL) {
                after = Signal::KILL;
                self.kill_tree();
            }
        }
        Left {
            took: began.elapsed(),
            ran: self.started.end(),
            after,
        }
    }

    /// Kills the entry process alone, at once.
    pub fn kill_entry(self) {
        kill(pid(self.started.id()));
        drop(self.started.end());
    }

    /// Kills the entry process and all that descends from it or carries the sign of its job, at once.
    pub fn vanish(self) {
        self.kill_tree();
        drop(self.started.end());
    }

    pub fn is_running(&mut self) -> bool {
        self.started.is_running()
    }

    pub fn end(self) -> Ran {
        self.started.end()
    }

    fn ends_within(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            if !self.started.is_running() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    fn kill_tree(&self) {
        let mut all = tracked(&self.tracking);
        all.extend(descendants(pid(self.started.id())));
        all.into_iter().for_each(kill);
    }
}

/// The script of `action.yml`.
fn script_of_the_action() -> String {
    let action = include_str!("../../../action.yml");
    let (_, script) = action.split_once("run: |\n").expect("it has a script");
    let lines = script.lines();
    lines
        .flat_map(|line| [line.strip_prefix("        ").unwrap_or(line), "\n"])
        .collect()
}

fn pid(number: u32) -> Pid {
    let number = i32::try_from(number).expect("a process number");
    Pid::from_raw(number).expect("a process number")
}

fn kill(pid: Pid) {
    // It may have ended by itself just now.
    kill_process(pid, Signal::KILL).ok();
}

/// The processes whose environment names this job.
fn tracked(tracking: &str) -> HashSet<Pid> {
    let mark = format!("RUNNER_TRACKING_ID={tracking}");
    processes(|folder| {
        let environment = fs::read(folder.join("environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        variables
            .any(|variable| variable == mark.as_bytes())
            .then_some(())
    })
    .into_iter()
    .map(|(pid, ())| pid)
    .collect()
}

/// A process and all that descend from it.
fn descendants(ancestor: Pid) -> HashSet<Pid> {
    // Behind the name, which may hold anything, come state and parent (proc_pid_stat(5)).
    let all = processes(|folder| {
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        parent.parse::<i32>().ok()
    });
    let mut found = HashSet::from([ancestor]);
    loop {
        let before = found.len();
        for (pid, parent) in &all {
            if Pid::from_raw(*parent).is_some_and(|parent| found.contains(&parent)) {
                found.insert(*pid);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn processes<T>(read: impl Fn(&Path) -> Option<T>) -> Vec<(Pid, T)> {
    let entries = fs::read_dir("/proc").expect("this is Linux").flatten();
    entries
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((Pid::from_raw(number)?, read(&entry.path())?))
        })
        .collect()
}
