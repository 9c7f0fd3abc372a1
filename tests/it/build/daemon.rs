//! A docker daemon of the test's own.

use std::{
    env, fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::wait_until;

/// Says in the failure of a test how to get what is missing.
const HOW: &str = "dockerd does not start: it needs root, and `cargo xtask setup` installs it \
                   (Debian: apt-get install docker.io)";

/// One at a time: they share a bridge.
static TURN: Mutex<()> = Mutex::new(());

/// The daemon; it ends with this.
pub struct Daemon {
    folder: tempfile::TempDir,
    child: Child,
    had_bridge: bool,
    /// Given back last, when the bridge is gone.
    _turn: MutexGuard<'static, ()>,
}

impl Daemon {
    pub fn start() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::Builder::new()
            // A socket's path has few letters.
            .prefix("dd-")
            .tempdir()
            .expect("a folder");
        let log = fs::File::create(folder.path().join("log")).expect("a file");
        let child = Command::new("dockerd")
            .arg("--data-root")
            .arg(folder.path().join("data"))
            .arg("--exec-root")
            .arg(folder.path().join("exec"))
            .arg("--pidfile")
            .arg(folder.path().join("pid"))
            .arg("--host")
            .arg(format!("unix://{}/socket", folder.path().display()))
            // Nothing of the machine's network is changed but for a bridge, without which no step of a build runs.
            .args(["--iptables=false", "--ip-forward=false", "--ip-masq=false"])
            .args(["--bip", "10.213.0.1/28"])
            .env("PATH", path_with_sbin())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect(HOW);
        let mut daemon = Self {
            folder,
            child,
            had_bridge: has_bridge(),
            _turn: turn,
        };
        wait_until("dockerd answers", || daemon.answers().then_some(()));
        daemon
    }

    fn answers(&mut self) -> bool {
        if let Some(status) = self.child.try_wait().expect("it is ours") {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            panic!("{HOW}\n{status}\n{log}");
        }
        let answer = Command::new("docker")
            .args(["version", "--format", "{{.Server.Version}}"])
            .env("DOCKER_HOST", self.host())
            .stdin(Stdio::null())
            .output()
            .expect("docker is there; `cargo xtask setup` installs it");
        answer.status.success()
    }

    /// What `DOCKER_HOST` has to say.
    pub fn host(&self) -> String {
        format!("unix://{}/socket", self.folder.path().display())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // One that has ended already cannot be stopped.
            kill_process(pid, Signal::TERM).ok();
        }
        drop(self.child.wait());
        if !self.had_bridge {
            let gone = Command::new("ip")
                .args(["link", "delete", "docker0"])
                .env("PATH", path_with_sbin())
                .status();
            drop(gone);
        }
    }
}

fn has_bridge() -> bool {
    Path::new("/sys/class/net/docker0").exists()
}

/// The daemon and its helpers lie where a user's PATH does not always look.
fn path_with_sbin() -> std::ffi::OsString {
    let found = env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin".into(), "/sbin".into()];
    env::join_paths(env::split_paths(&found).chain(more)).expect("a PATH")
}
