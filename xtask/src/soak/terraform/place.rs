//! One repository with a module, its backend, and a cloud.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use age::secrecy::ExposeSecret as _;
use anyhow::{Context as _, bail, ensure};
use deploy_action_test_wire::{Backend, BackendKind, Package, REQUIRED, StandIn, processes};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Blow, Case, Phase};
use crate::soak::world::isolated;

/// How often something is looked at that nobody announces.
const LOOK: Duration = Duration::from_millis(5);
/// How long anything may take that has to come: a minute, a keeper's patience, and something.
const PATIENCE: Duration = Duration::from_secs(200);
/// How long the resource takes, in seconds.
const MINUTE: u64 = 60;
/// How long what is made before it takes, in seconds.
const BEFORE: u64 = 4;
/// How long a backend that stands still does so.
const FROZEN: Duration = Duration::from_secs(15);

const SLOW: &str = "spot_spotnodepool";
const QUICK: &str = "spot_cloudspace";

const FIRST: &str = r#"
resource "spot_cloudspace" "first" {
  cloudspace_name = "first"
  region          = "us-central-dfw-1"
}
"#;
const MORE: &str = r#"
resource "spot_cloudspace" "before" {
  cloudspace_name = "before"
  region          = spot_cloudspace.first.region
}

resource "spot_spotnodepool" "slow" {
  cloudspace_name      = spot_cloudspace.before.cloudspace_name
  server_class         = "gp.vs1.small-dfw"
  bid_price            = 0.002
  desired_server_count = 1
}

resource "spot_cloudspace" "last" {
  cloudspace_name = "last-${spot_spotnodepool.slow.desired_server_count}"
  region          = "us-central-dfw-1"
}
"#;

pub(super) struct Place {
    folder: TempDir,
    program: PathBuf,
    path: OsString,
    case: Case,
    backend: Backend,
    cloud: StandIn,
    identity: age::x25519::Identity,
    /// What the run that was struck said.
    struck: Ended,
    /// When a backend that stands still goes on.
    thaw: Option<Instant>,
}

/// What a run gave.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    /// All that it printed.
    pub(super) words: String,
}

impl Ended {
    /// Whether an event of a type is among what it printed.
    pub(super) fn has(&self, kind: &str) -> bool {
        self.words.contains(&format!("\"type\":\"{kind}\""))
    }

    /// The lock that it names.
    pub(super) fn lock(&self) -> Option<String> {
        let (_, rest) = self
            .words
            .split_once("unlock --task network@production --id ")?;
        let is_id = |letter: &char| letter.is_ascii_hexdigit() || *letter == '-';
        Some(rest.chars().take_while(is_id).collect())
    }
}

impl Place {
    pub(super) fn new(program: &Path, path: &OsStr, case: Case) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("soak-").tempdir()?;
        for name in ["home", "tmp", "cloud", "repository/infra"] {
            fs::create_dir_all(folder.path().join(name))?;
        }
        let package = match case.phase {
            // Unpacking it takes a moment.
            Phase::Init => Package::Zip(60_000_000),
            _ => Package::Folder,
        };
        let cloud = StandIn::install(&folder.path().join("cloud"), program, package)?;
        let place = Self {
            program: program.to_owned(),
            path: path.to_owned(),
            case,
            backend: Backend::start(case.backend),
            cloud,
            identity: age::x25519::Identity::generate(),
            struck: Ended::default(),
            thaw: None,
            folder,
        };
        let plan = format!(
            "name: soak\nsecrets: {{ AGE_KEY: {{}} }}\nenvironments: {{ production: {{ recipient: {}, key: AGE_KEY }} }}\nphases:\n  - id: provision\n    environment: production\n    tasks:\n      - id: network\n        timeout: 10m\n        terraform: {{ dir: infra }}\n",
            place.identity.to_public()
        );
        fs::write(place.inside("repository/deploy.yaml"), plan)?;
        fs::write(
            place.inside("repository/.gitignore"),
            "*.tfstate*\n.terraform/\n.terraform.lock.hcl\n",
        )?;
        place.write_module(FIRST)?;
        place.git(&["init", "--quiet", "--initial-branch=main"])?;
        place.commit()?;
        Ok(place)
    }

    fn inside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn module(&self) -> PathBuf {
        self.inside("repository/infra")
    }

    fn write_module(&self, resources: &str) -> anyhow::Result<()> {
        let text = format!("{}{REQUIRED}{resources}", self.backend.block());
        Ok(fs::write(self.module().join("main.tf"), text)?)
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let status = self.command(Path::new("git")).args(arguments).status()?;
        ensure!(status.success(), "git {arguments:?} ended with {status}");
        Ok(())
    }

    fn commit(&self) -> anyhow::Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", "State"])
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = isolated(program, self.folder.path());
        command
            .env("PATH", &self.path)
            .env("AGE_KEY", self.identity.to_string().expose_secret())
            .envs(self.cloud.variables());
        command
    }

    fn call(&self, arguments: &[&str]) -> anyhow::Result<Ended> {
        let output = self.command(&self.program).args(arguments).output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ended {
            code: output.status.code(),
            words: text(&output.stdout) + &text(&output.stderr),
        })
    }

    /// Applies the module with one resource.
    pub(super) fn begin_with_one(&self) -> anyhow::Result<()> {
        let ran = self.run(false)?;
        ensure!(
            ran.code == Some(0),
            "undisturbed it ends with {:?}:\n{}",
            ran.code,
            ran.words
        );
        Ok(())
    }

    /// Changes the module, and lets the phase that is struck take its time.
    pub(super) fn ask_for_more(&self) -> anyhow::Result<()> {
        self.write_module(&format!("{FIRST}{MORE}"))?;
        self.commit()?;
        let is_deaf = self.case.is_deaf;
        let slow = |call: &str, seconds: u64| {
            let mut fault = json!({ "slow": {}, "deaf": is_deaf });
            fault["slow"][call] = seconds.into();
            fault
        };
        let faults = match self.case.phase {
            // What takes a minute is never reached, or no longer.
            Phase::Init | Phase::End => json!({}),
            Phase::Plan => json!({ (format!("{QUICK}.first")): slow("read", MINUTE) }),
            Phase::Before => json!({
                (format!("{QUICK}.before")): slow("create", BEFORE),
                (SLOW): slow("create", MINUTE),
            }),
            Phase::Create if self.case.blow == Blow::Gone => {
                json!({ (SLOW): slow("create", BEFORE) })
            }
            Phase::Create => json!({ (SLOW): slow("create", MINUTE) }),
            Phase::Write => json!({ (format!("{QUICK}.last-1")): slow("create", BEFORE) }),
        };
        fs::remove_dir_all(self.inside("home/.cache")).ok();
        Ok(self.cloud.faults(&faults)?)
    }

    /// Begins a run, the first of a process group.
    pub(super) fn start(&self) -> anyhow::Result<Running> {
        let said = fs::File::create(self.inside("said"))?;
        let mut command = self.command(&self.program);
        command
            .args(["run", "--format", "json"])
            .stdout(said.try_clone()?)
            .stderr(said)
            .process_group(0);
        Ok(Running(command.spawn()?))
    }

    /// Runs to the end.
    pub(super) fn run(&self, is_forced: bool) -> anyhow::Result<Ended> {
        let mut arguments = vec!["run", "--format", "json"];
        if is_forced {
            arguments.extend(["--force", "network@production"]);
        }
        self.call(&arguments)
    }

    /// Waits until the run is in the phase.
    pub(super) fn wait_for_phase(&mut self, running: &mut Running) -> anyhow::Result<()> {
        let module = self.module();
        let mut until = |holds: &dyn Fn() -> bool| {
            let begin = Instant::now();
            while !holds() {
                if running.0.try_wait()?.is_some() {
                    bail!(
                        "it ended before:\n{}",
                        fs::read_to_string(self.inside("said"))?
                    );
                }
                ensure!(begin.elapsed() < PATIENCE, "the phase does not come");
                thread::sleep(LOOK);
            }
            Ok(())
        };
        let holds =
            |kind: &str, name: &str| self.cloud.objects(kind).iter().any(|found| found == name);
        match self.case.phase {
            Phase::Init => until(&|| self.is_called("init"))?,
            Phase::Plan => {
                until(&|| self.is_called("plan") && self.backend.is_locked(&module))?;
                // It is reading by now.
                thread::sleep(Duration::from_secs(1));
            }
            Phase::Before => until(&|| holds(QUICK, "before"))?,
            Phase::Create => until(&|| !self.cloud.objects(SLOW).is_empty())?,
            Phase::Write => {
                until(&|| holds(QUICK, "last-1"))?;
                if self.case.backend == BackendKind::Local {
                    // A file is written in no time: the blow falls as near as it can.
                    thread::sleep(Duration::from_secs(BEFORE) - Duration::from_millis(20));
                } else {
                    self.backend.freeze(true);
                    self.thaw = Some(Instant::now() + FROZEN);
                    thread::sleep(Duration::from_secs(BEFORE + 1));
                }
            }
            Phase::End => until(&|| holds(QUICK, "last-1"))?,
        }
        Ok(())
    }

    /// Whether terraform is called so at this moment.
    fn is_called(&self, verb: &str) -> bool {
        let ours = processes::with_variable("HOME", &self.inside("home"));
        ours.iter().any(|process| {
            let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            line.starts_with(format!("terraform\0{verb}\0").as_bytes())
        })
    }

    /// Kills all that was started here, keepers too.
    pub(super) fn kill_all(&self) {
        processes::kill_all("HOME", &self.inside("home"));
    }

    pub(super) fn backend_goes(&mut self) {
        self.backend.go_away();
    }

    pub(super) fn backend_comes_back(&mut self) {
        self.backend.come_back();
    }

    /// What begins from now on is quick, and a backend that stands still goes on.
    pub(super) fn calm_down(&mut self) -> anyhow::Result<()> {
        self.struck.words = fs::read_to_string(self.inside("said"))?;
        if let Some(thaw) = self.thaw.take() {
            thread::sleep(thaw.saturating_duration_since(Instant::now()));
            self.backend.freeze(false);
        }
        Ok(self.cloud.faults(&json!({}))?)
    }

    /// The ledger holds no success of what was struck, unless it came to its end.
    pub(super) fn is_interrupted(&self) -> anyhow::Result<()> {
        let outcome = r#""outcome":{"type":"succeeded"}"#;
        let is_done = self.struck.words.contains(outcome);
        ensure!(
            !is_done || self.case.phase == Phase::End,
            "the ledger calls it done:\n{}",
            self.struck.words
        );
        Ok(())
    }

    /// Waits until no process of this place is left.
    pub(super) fn wait_until_quiet(&self) -> anyhow::Result<()> {
        let begin = Instant::now();
        while !processes::with_variable("HOME", &self.inside("home")).is_empty() {
            ensure!(begin.elapsed() < PATIENCE, "something goes on for ever");
            thread::sleep(LOOK * 10);
        }
        Ok(())
    }

    /// The state is written and the lock free, or held by who was killed.
    pub(super) fn is_right_after_blow(&self) -> anyhow::Result<()> {
        let known = self.known()?;
        ensure!(
            known.contains("first"),
            "the state lost what it knew: {known:?}"
        );
        let may_be_locked =
            self.case.backend.keeps_locks() && matches!(self.case.blow, Blow::Machine | Blow::Gone);
        if !may_be_locked && self.case.blow != Blow::Machine {
            ensure!(
                !self.backend.is_locked(&self.module()),
                "the lock is not free"
            );
            // What was made is known, unless the only one who knew was killed, or the state is kept elsewhere.
            for name in self.in_cloud() {
                ensure!(
                    known.contains(&name) || self.case.blow == Blow::Gone,
                    "`{name}` is in the cloud, and the state does not know it"
                );
            }
        }
        Ok(())
    }

    /// The names that the state knows.
    fn known(&self) -> anyhow::Result<BTreeSet<String>> {
        let state = self
            .backend
            .state(&self.module())
            .context("there is no state")?;
        let state: Value = serde_json::from_str(&state).context("the state is torn")?;
        let resources = state["resources"].as_array().into_iter().flatten();
        let instances = resources.flat_map(|one| one["instances"].as_array().into_iter().flatten());
        let names = instances.filter_map(|one| {
            let attributes = &one["attributes"];
            let name = attributes["cloudspace_name"]
                .as_str()
                .filter(|_| attributes["bid_price"].is_null());
            name.or(attributes["name"].as_str()).map(str::to_owned)
        });
        Ok(names.collect())
    }

    /// The names of all that is in the cloud.
    fn in_cloud(&self) -> Vec<String> {
        let mut names = self.cloud.objects(QUICK);
        names.extend(self.cloud.objects(SLOW));
        names
    }

    /// Does what somebody does who was asked: what no state knows of is removed by hand.
    pub(super) fn look_and_remove(&self) -> anyhow::Result<()> {
        let known = self.known()?;
        for kind in [QUICK, SLOW] {
            for name in self.cloud.objects(kind) {
                if !known.contains(&name) {
                    self.cloud.remove(kind, &name)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn unlock(&self, id: &str) -> anyhow::Result<()> {
        let ran = self.call(&["unlock", "--task", "network", "--id", id])?;
        ensure!(ran.code == Some(0), "unlock: {}", ran.words);
        Ok(())
    }

    /// Puts the rescued state back; answers how many locks were in the way.
    pub(super) fn recover(&self) -> anyhow::Result<usize> {
        let sealed = self.files_with("BEGIN AGE ENCRYPTED FILE")?;
        ensure!(sealed == 1, "{sealed} sealed states");
        ensure!(
            !self.module().join("errored.tfstate").exists(),
            "it lies in clear"
        );
        let recover = || self.call(&["recover", "--task", "network"]);
        let first = recover()?;
        let Some(id) = first.lock() else {
            ensure!(first.code == Some(0), "recover: {}", first.words);
            return Ok(0);
        };
        self.unlock(&id)?;
        let second = recover()?;
        ensure!(second.code == Some(0), "recover: {}", second.words);
        Ok(1)
    }

    fn files_with(&self, text: &str) -> anyhow::Result<usize> {
        let mut folders = vec![self.inside("state")];
        let mut number = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = fs::read(path)?;
                    number += usize::from(String::from_utf8_lossy(&content).contains(text));
                }
            }
        }
        Ok(number)
    }

    /// Everything is there, once, known to the state, and nothing is left behind.
    pub(super) fn is_right_at_end(&self) -> anyhow::Result<()> {
        self.wait_until_quiet()?;
        let mut quick = self.cloud.objects(QUICK);
        quick.sort();
        ensure!(
            quick == ["before", "first", "last-1"],
            "the cloud holds {quick:?}"
        );
        let slow = self.cloud.objects(SLOW);
        ensure!(slow.len() == 1, "made {} times: {slow:?}", slow.len());
        let known = self.known()?;
        for name in self.in_cloud() {
            ensure!(
                known.contains(&name),
                "the state does not know `{name}`: {known:?}"
            );
        }
        ensure!(known.len() == 4, "the state knows {known:?}");
        let state = self.backend.state(&self.module()).unwrap_or_default();
        ensure!(!state.contains("tainted"), "something is tainted");
        ensure!(
            !self.backend.is_locked(&self.module()),
            "the lock is not free"
        );
        ensure!(
            !self.module().join("errored.tfstate").exists(),
            "a state lies about"
        );
        ensure!(
            self.files_with("\"lineage\"")? == 0,
            "a state lies in the ledger"
        );
        let again = self.run(false)?;
        ensure!(
            again.code == Some(0) && again.has("task-up-to-date"),
            "another run does something:\n{}",
            again.words
        );
        Ok(())
    }

    /// Leaves the folder where it is, and returns its path.
    pub(super) fn keep(mut self) -> PathBuf {
        self.kill_all();
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }
}

/// A run that goes on.
pub(super) struct Running(Child);

impl Running {
    /// Waits for a moment, or for its end.
    pub(super) fn wait_at_most(&mut self, time: Duration) -> anyhow::Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < time && self.0.try_wait()?.is_none() {
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Sends it a signal; nothing where it has ended.
    pub(super) fn signal(&mut self, name: &str) -> anyhow::Result<()> {
        match self.0.try_wait()? {
            Some(_) => Ok(()),
            None => super::super::world::signal(self.0.id(), name),
        }
    }

    /// Kills it and all that descend from it; nothing where it has ended.
    pub(super) fn kill_tree(&mut self) -> anyhow::Result<()> {
        if self.0.try_wait()?.is_none() {
            processes::kill(&processes::tree(self.0.id()));
        }
        Ok(())
    }

    /// Waits for its end.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        self.wait_at_most(PATIENCE)?;
        ensure!(self.0.try_wait()?.is_some(), "the run does not end");
        Ok(())
    }
}
