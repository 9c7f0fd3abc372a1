//! Telling a process from a later one with the same number.

use rustix::process::Pid;

use crate::event::ProcessIdentity;

/// Returns the identity of a running process, or of one that ended and was not yet collected by its parent.
pub fn identity_of(pid: i32) -> Option<ProcessIdentity> {
    let started = system::look(Pid::from_raw(pid)?)?.started;
    Some(ProcessIdentity { pid, started })
}

/// Whether this very process runs. One that ended and was not yet collected by its parent does not.
pub fn is_alive(identity: &ProcessIdentity) -> bool {
    Pid::from_raw(identity.pid)
        .and_then(system::look)
        .is_some_and(|seen| seen.is_running && seen.started == identity.started)
}

/// Returns what tells this start of the machine from another: start times count from it.
pub(super) fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

/// What the system tells about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) is_running: bool,
    pub(super) started: u64,
    #[cfg(target_os = "linux")]
    pub(super) group: i32,
    #[cfg(target_os = "linux")]
    pub(super) session: i32,
}

#[cfg(target_os = "linux")]
pub(super) mod system {
    use rustix::process::Pid;

    use super::Seen;

    /// Looks at one process.
    pub(in crate::process) fn look(pid: Pid) -> Option<Seen> {
        parse(&std::fs::read(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?)
    }

    /// Reads `/proc/PID/stat` (proc_pid_stat(5)). The second field is the program's name, and may hold anything.
    fn parse(stat: &[u8]) -> Option<Seen> {
        let name_end = stat.iter().rposition(|&byte| byte == b')')?;
        let text = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        // The third field of the page is the first here.
        let field = |number: usize| fields.get(number - 3);
        Some(Seen {
            is_running: !matches!(*field(3)?, "Z" | "X" | "x"),
            started: field(22)?.parse().ok()?,
            group: field(5)?.parse().ok()?,
            session: field(6)?.parse().ok()?,
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
            let stat = b"42 (a) R (b) S 1 40 39 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0 777 1000 1\n";
            let expected = Seen {
                is_running: true,
                started: 777,
                group: 40,
                session: 39,
            };
            assert_eq!(parse(stat), Some(expected));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use rustix::process::{Pid, test_kill_process};

    use super::Seen;

    pub(super) fn look(pid: Pid) -> Option<Seen> {
        test_kill_process(pid).ok()?;
        Some(Seen {
            is_running: true,
            started: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_one_with_its_number_and_another_start_is_not() {
        let pid = i32::try_from(std::process::id()).expect("process numbers fit");
        let this = identity_of(pid).expect("it runs");
        let other = ProcessIdentity {
            started: this.started + 1,
            ..this
        };
        assert!(is_alive(&this));
        assert!(!is_alive(&other));
    }

    #[test]
    fn a_number_that_no_process_has_is_nobody() {
        assert_eq!(identity_of(0), None);
        assert_eq!(identity_of(i32::MAX), None);
    }
}
