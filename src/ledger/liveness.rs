//! Whether a process still lives, and on which machine that can be asked.

use std::{fmt, fs};

use serde::{Deserialize, Serialize};

use crate::{event::ProcessIdentity, process};

/// A machine, or a container, on which process ids mean something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its name, for people.
    pub name: String,
    /// Its boot and its namespace of process ids: what has the same name and another of these knows other processes.
    pub instance: String,
}

impl Host {
    /// Returns the machine that this process runs on.
    pub fn here() -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        Self {
            name: host_name(),
            instance: format!("{} {}", boot.trim(), namespace.display()),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.name)
    }
}

/// Returns the identity of this process.
pub fn this_process() -> ProcessIdentity {
    let pid = i32::try_from(std::process::id()).unwrap_or_default();
    process::identity_of(pid).unwrap_or(ProcessIdentity { pid, started: 0 })
}

/// Whether the process lives on this machine. A process that has ended and whose parent has not asked yet does not; where
/// the system does not tell start times, another process with the same number counts.
pub fn is_alive(process: &ProcessIdentity) -> bool {
    // Zero and negative numbers name groups of processes.
    if process.pid <= 0 {
        return false;
    }
    match process::identity_of(process.pid) {
        Some(found) if process.started > 0 && process.started != found.started => false,
        Some(found) => process::is_alive(&found),
        // It is gone, or there is no /proc.
        None => is_there(process.pid),
    }
}

/// Whether there is a process of this number. One that we may not ask lives.
#[cfg(unix)]
fn is_there(number: i32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    Pid::from_raw(number)
        .is_some_and(|pid| !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
}

/// Where nobody can be asked, a lease ends by its own time.
#[cfg(not(unix))]
fn is_there(_: i32) -> bool {
    true
}

#[cfg(unix)]
fn host_name() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    use super::*;

    #[test]
    fn this_process_lives_and_one_with_its_number_from_another_time_does_not() {
        let this = this_process();
        assert!(is_alive(&this));
        assert!(is_alive(&ProcessIdentity { started: 0, ..this }));
        if this.started > 0 {
            let started = this.started + 1;
            assert!(!is_alive(&ProcessIdentity { started, ..this }));
        }
        for pid in [0, -1, i32::MIN] {
            assert!(!is_alive(&ProcessIdentity { pid, started: 0 }));
        }
    }

    #[test]
    fn a_process_that_ended_is_dead_before_and_after_its_parent_asked() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .spawn()
            .expect("cat is everywhere");
        let pid = i32::try_from(child.id()).expect("a process id");
        let identity = ProcessIdentity { pid, started: 0 };
        assert!(is_alive(&identity));
        drop(child.stdin.take());
        let id = WaitId::Pid(Pid::from_child(&child));
        waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).expect("our child");
        assert!(!is_alive(&identity), "it is a zombie");
        child.wait().expect("our child");
        assert!(!is_alive(&identity));
    }

    #[test]
    fn one_machine_is_itself() {
        assert_eq!(Host::here(), Host::here());
        assert!(!Host::here().to_string().is_empty());
    }
}
