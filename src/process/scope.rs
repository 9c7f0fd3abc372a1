//! All that belongs to a child, whatever it started.

use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process_group},
};

/// What is killed with a child when patience runs out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    /// Its process group: of a direct child.
    Group(Pid),
    /// The session of its keeper, without the keeper: of a kept child, which leads this group.
    Session {
        /// The session; only Linux tells who is in it.
        #[cfg_attr(
            not(target_os = "linux"),
            expect(dead_code, reason = "there the group stands for the session")
        )]
        session: Pid,
        /// The child's own group.
        group: Pid,
    },
}

impl Scope {
    fn group(self) -> Pid {
        match self {
            Self::Group(group) | Self::Session { group, .. } => group,
        }
    }

    /// Sends SIGKILL to everyone.
    pub(super) fn kill(self) -> Result<(), Errno> {
        let killed = ignore_gone(kill_process_group(self.group(), Signal::KILL));
        #[cfg(target_os = "linux")]
        for pid in members::of(self) {
            ignore_gone(rustix::process::kill_process(pid, Signal::KILL))?;
        }
        killed
    }

    /// Whether anyone runs.
    pub(super) fn is_alive(self) -> bool {
        #[cfg(target_os = "linux")]
        return !members::of(self).is_empty();
        #[cfg(not(target_os = "linux"))]
        return rustix::process::test_kill_process_group(self.group()).is_ok();
    }
}

/// Takes a process that has ended in the meantime for one that got the signal.
pub(super) fn ignore_gone(sent: Result<(), Errno>) -> Result<(), Errno> {
    match sent {
        Err(Errno::SRCH) => Ok(()),
        other => other,
    }
}

#[cfg(target_os = "linux")]
mod members {
    use rustix::process::{Pid, getpid};

    use super::Scope;
    use crate::process::identity::system;

    /// Returns the running processes of a scope. Those that ended and wait to be collected do not count: in a container
    /// nobody may ever collect them.
    pub(super) fn of(scope: Scope) -> Vec<Pid> {
        let Ok(processes) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        processes
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(Pid::from_raw)
            .filter(|&pid| pid != getpid() && belongs(pid, scope))
            .collect()
    }

    fn belongs(pid: Pid, scope: Scope) -> bool {
        system::look(pid).is_some_and(|seen| {
            seen.is_running
                && match scope {
                    Scope::Group(group) => seen.group == group.as_raw_pid(),
                    Scope::Session { session, .. } => seen.session == session.as_raw_pid(),
                }
        })
    }
}
