//! Whether a process still lives, and on which machine that can be asked.

use std::{fmt, fs};

use rustix::process::{Pid, getpid, test_kill_process};
use serde::{Deserialize, Serialize};

use crate::event::ProcessIdentity;

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
        let name = rustix::system::uname();
        Self {
            name: name.nodename().to_string_lossy().into_owned(),
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
    let pid = getpid();
    let started = match look(pid) {
        Look::Alive { started } => started,
        Look::Ended | Look::Unknown => 0,
    };
    ProcessIdentity {
        pid: pid.as_raw_nonzero().get(),
        started,
    }
}

/// Whether the process lives on this machine. A process that has ended and whose parent has not asked yet does not; where
/// the system does not tell start times, another process with the same number counts.
pub fn is_alive(process: &ProcessIdentity) -> bool {
    // Zero and negative numbers name groups of processes.
    let number = Some(process.pid).filter(|&number| number > 0);
    let Some(pid) = number.and_then(Pid::from_raw) else {
        return false;
    };
    match look(pid) {
        Look::Alive { started } => process.started == 0 || process.started == started,
        Look::Ended => false,
        // A process of someone else, whom we may not ask, lives.
        Look::Unknown => !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH)),
    }
}

enum Look {
    Alive { started: u64 },
    Ended,
    Unknown,
}

/// Looks into `/proc/PID/stat` (proc_pid_stat(5): field 3 is the state, field 22 the start).
fn look(pid: Pid) -> Look {
    let stat = match fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())) {
        Ok(stat) => stat,
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            return Look::Ended;
        }
        // It is gone, or somebody else's, or there is no /proc.
        Err(_) => return Look::Unknown,
    };
    // The second field is the program's name in parentheses, which may hold anything, parentheses too.
    let Some((_, behind_name)) = stat.rsplit_once(") ") else {
        return Look::Unknown;
    };
    let mut fields = behind_name.split(' ');
    match (fields.next(), fields.nth(18).map(str::parse)) {
        (Some("Z" | "X"), _) => Look::Ended,
        (Some(_), Some(Ok(started))) => Look::Alive { started },
        (_, _) => Look::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use rustix::process::{WaitId, WaitIdOptions, waitid};

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
