//! A repository whose workflows are rendered, and the stage on which it is rehearsed.
#![cfg(target_os = "linux")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
};

use camino::Utf8PathBuf;
use deploy_action::rehearse::registry::{HeldRepository, contents};
use deploy_action_test_support::github_api::{Asker, problems_of_log};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;

use crate::world::{Ran, World, wait_until};

/// Where a plan is rehearsed. Scripts of the plan find the folder for their traces in `$HOME`.
pub struct Rehearsals {
    pub world: World,
}

impl Drop for Rehearsals {
    /// Holds what the stand-in for GitHub was asked, and what it answered, against GitHub's own description.
    fn drop(&mut self) {
        let log = self.stage().join("github/requests.jsonl");
        // A test that fails has its own words.
        if log.exists() && !std::thread::panicking() {
            let problems = problems_of_log(&log, Asker::Client);
            assert!(problems.is_empty(), "{}", problems.join("\n"));
        }
    }
}

impl Rehearsals {
    /// A committed repository with this plan, these files, and the workflows that are rendered from it.
    pub fn new(plan: &str, files: &[(&str, &str)]) -> Self {
        let world = World::new(plan);
        for (path, text) in files {
            world.write(path, text);
        }
        let rehearsals = Self { world };
        rehearsals.render();
        rehearsals.world.commit();
        rehearsals
    }

    /// Writes the workflows anew.
    pub fn render(&self) {
        fs::create_dir_all(self.world.repository().join(".github")).expect("a folder");
        let rendered = self.world.call(&["render"]);
        assert_eq!(rendered.code, Some(0), "{}", rendered.all());
    }

    /// The folder of all of it: repository, home, state, stage, temporary files.
    pub fn folder(&self) -> PathBuf {
        let repository = self.world.repository();
        repository.parent().expect("it is in a folder").to_owned()
    }

    /// The folder of the stage.
    pub fn stage(&self) -> PathBuf {
        self.folder().join("stage")
    }

    /// The command of a rehearsal on this world's stage.
    pub fn command(&self, args: &[&str]) -> Command {
        let stage = self.stage();
        let stage = stage.to_str().expect("it is UTF-8");
        let common = ["rehearse", "--jobs", "2", "--stage", stage];
        let all: Vec<&str> = common.iter().chain(args).copied().collect();
        self.world.program(&all)
    }

    /// Rehearses to the end.
    pub fn rehearse(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().expect("the program starts");
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Rehearses to the end, and says what it printed unless it ended with this code.
    #[track_caller]
    pub fn rehearse_to(&self, code: i32, args: &[&str]) -> Ran {
        let ran = self.rehearse(args);
        assert_eq!(ran.code, Some(code), "{}", ran.all());
        ran
    }

    /// Starts a rehearsal, as the first of a process group of its own.
    pub fn start(&self, args: &[&str]) -> Started {
        Started::of(self.command(args), &self.world, "rehearsal")
    }

    /// The path of a trace that a script leaves in its `$HOME`.
    pub fn home(&self, name: &str) -> PathBuf {
        self.folder().join("home").join(name)
    }

    /// What a script left in its `$HOME`; nothing where it left nothing.
    pub fn trace(&self, name: &str) -> String {
        fs::read_to_string(self.home(name)).unwrap_or_default()
    }

    /// Lets a script go on that waits for this trace.
    pub fn allow(&self, name: &str) {
        fs::write(self.home(name), "").expect("a trace");
    }

    /// Waits until a script has left this trace, with something in it.
    pub fn wait_for(&self, name: &str) {
        wait_until(&format!("`{name}` is written"), || {
            (!self.trace(name).is_empty()).then_some(())
        });
    }

    /// A file of the stage.
    pub fn staged(&self, path: &str) -> String {
        let path = self.stage().join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The report as data.
    pub fn report(&self) -> Value {
        serde_json::from_str(&self.staged("report/checkpoint.json")).expect("it is JSON")
    }

    /// What the report says of one task.
    #[track_caller]
    pub fn task(&self, key: &str) -> Value {
        let report = self.report();
        let phases = report["phases"].as_array().expect("phases").iter();
        let mut tasks = phases.flat_map(|phase| phase["tasks"].as_array().expect("tasks"));
        let found = tasks.find(|task| task["key"] == key).cloned();
        found.unwrap_or_else(|| panic!("no task `{key}` in {report:#}"))
    }

    /// What has become of every task: `page: done-verified`.
    pub fn states(&self) -> BTreeMap<String, String> {
        let report = self.report();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let phases = report["phases"].as_array().expect("phases").iter();
        phases
            .flat_map(|phase| phase["tasks"].as_array().expect("tasks"))
            .map(|task| (text(&task["key"]), text(&task["state"])))
            .collect()
    }

    /// What the registry holds.
    pub fn registry(&self) -> Vec<HeldRepository> {
        let folder = Utf8PathBuf::try_from(self.stage().join("registry")).expect("it is UTF-8");
        contents(&folder).expect("the registry's folder is readable")
    }

    /// The tags of the only manifest that the registry holds.
    pub fn tags(&self) -> Vec<String> {
        let held = self.registry();
        let [repository] = held.as_slice() else {
            panic!("not one repository: {held:?}");
        };
        let manifests = repository.manifests.iter();
        manifests
            .flat_map(|manifest| manifest.tags.clone())
            .collect()
    }

    /// The requests that a stand-in answered.
    pub fn requests(&self, stand_in: &str) -> Vec<Value> {
        self.staged(&format!("{stand_in}/requests.jsonl"))
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect()
    }

    /// How many requests with this method a stand-in answered.
    pub fn count(&self, stand_in: &str, method: &str) -> usize {
        let requests = self.requests(stand_in);
        requests
            .iter()
            .filter(|request| request["method"] == method)
            .count()
    }

    /// The comments on the pull request.
    pub fn comments(&self) -> Vec<String> {
        let state: Value = serde_json::from_str(&self.staged("github/state.json")).expect("JSON");
        let comments = state["comments"].as_array().expect("comments").iter();
        comments
            .map(|comment| comment["body"].as_str().expect("a text").to_owned())
            .collect()
    }

    /// All files below some folders that contain these bytes.
    pub fn files_with(&self, folders: &[PathBuf], wanted: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in folders {
            for path in files_below(folder) {
                let content = fs::read(&path).unwrap_or_default();
                if content
                    .windows(wanted.len())
                    .any(|window| window == wanted.as_bytes())
                {
                    found.push(path);
                }
            }
        }
        found
    }

    /// The processes that belong to this world, by their command lines.
    pub fn processes(&self) -> Vec<String> {
        let folder = self.folder();
        let mark = format!("HOME={}", folder.join("home").display());
        let entries = fs::read_dir("/proc").expect("processes").flatten();
        let read = |path: &Path, name: &str| fs::read(path.join(name)).unwrap_or_default();
        entries
            .map(|entry| entry.path())
            .filter(|path| {
                let environment = read(path, "environ");
                environment
                    .split(|byte| *byte == 0)
                    .any(|variable| variable == mark.as_bytes())
            })
            .map(|path| String::from_utf8_lossy(&read(&path, "cmdline")).replace('\0', " "))
            .filter(|line| !line.is_empty())
            .collect()
    }

    /// Waits until no process is left for which this holds.
    pub fn wait_until_gone(&self, is_meant: impl Fn(&str) -> bool) {
        wait_until("its processes are gone", || {
            let left = self.processes().into_iter().any(|line| is_meant(&line));
            (!left).then_some(())
        });
    }
}

/// All files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// A program that goes on.
#[must_use]
pub struct Started {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Started {
    /// Starts a command as the first of a process group; what it prints goes to files of this name.
    pub fn of(mut command: Command, world: &World, name: &str) -> Self {
        let (stdout, stderr) = (
            world.out(&format!("{name}.stdout")),
            world.out(&format!("{name}.stderr")),
        );
        let child = command
            .stdout(fs::File::create(&stdout).expect("a file"))
            .stderr(fs::File::create(&stderr).expect("a file"))
            .process_group(0)
            .spawn()
            .expect("the program starts");
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Pid {
        let number = i32::try_from(self.child.id()).expect("a process number");
        Pid::from_raw(number).expect("a process number")
    }

    /// What it has printed for programs.
    pub fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).expect("a file")
    }

    /// Waits until it has printed something for programs, and returns the first line.
    pub fn first_line(&self) -> String {
        wait_until("it prints a line", || {
            let text = self.stdout();
            text.split_once('\n').map(|(line, _)| line.to_owned())
        })
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_none()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Kills its whole process group.
    pub fn kill_group(mut self) {
        kill_process_group(self.pid(), Signal::KILL).expect("it runs");
        self.child.wait().expect("it is ours");
    }

    /// Waits for the end.
    pub fn end(mut self) -> Ran {
        let status: ExitStatus =
            wait_until("it ends", || self.child.try_wait().expect("it is ours"));
        Ran {
            code: status.code(),
            stdout: self.stdout(),
            stderr: fs::read_to_string(&self.stderr).expect("a file"),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        drop(self.child.kill());
    }
}
