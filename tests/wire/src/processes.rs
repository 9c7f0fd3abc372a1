//! Processes of this machine, found and killed as GitHub's runner does, or as where a machine goes.

use std::{collections::BTreeSet, fs, path::Path};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::wait_until;

/// The arguments of a keeper that stays.
const KEEPER: &str = "\0keep\0--detached\0";

/// A process and all that descend from it at this instant. A keeper is nobody's descendant.
pub fn tree(ancestor: u32) -> BTreeSet<u32> {
    let all = processes(parent);
    let mut found = BTreeSet::from([ancestor]);
    loop {
        let before = found.len();
        for (process, parent) in &all {
            if found.contains(parent) {
                found.insert(*process);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// The processes that have this variable with this value, and the keepers of any of them.
pub fn with_variable(name: &str, value: &Path) -> BTreeSet<u32> {
    let mark = format!("{name}={}", value.display());
    let ours = processes(|folder| {
        let environment = fs::read(folder.join("environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        variables
            .any(|variable| variable == mark.as_bytes())
            .then(|| parent(folder))
    });
    let mut found = BTreeSet::new();
    for (process, parent) in ours {
        found.insert(process);
        found.extend(parent.filter(|parent| is_keeper(*parent)));
    }
    found
}

/// The processes among these that a keeper among these holds.
pub fn kept(processes: &BTreeSet<u32>) -> BTreeSet<u32> {
    let is_kept = |process: &u32| {
        let folder = format!("/proc/{process}");
        parent(Path::new(&folder)).is_some_and(is_keeper)
    };
    processes.iter().copied().filter(is_kept).collect()
}

/// Kills processes; those that have ended by themselves are left.
pub fn kill(processes: &BTreeSet<u32>) {
    // Keepers first: one that sees the end of its child says so.
    let (keepers, others): (Vec<u32>, Vec<u32>) =
        processes.iter().partition(|process| is_keeper(**process));
    for process in keepers.into_iter().chain(others) {
        if let Some(pid) = pid_of(process) {
            kill_process(pid, Signal::KILL).ok();
        }
    }
}

/// Has processes stand still, or go on.
pub fn freeze(processes: &BTreeSet<u32>, is_frozen: bool) {
    let signal = match is_frozen {
        true => Signal::STOP,
        false => Signal::CONT,
    };
    for pid in processes.iter().filter_map(|process| pid_of(*process)) {
        // It may have ended by itself.
        kill_process(pid, signal).ok();
    }
}

fn pid_of(process: u32) -> Option<Pid> {
    i32::try_from(process).ok().and_then(Pid::from_raw)
}

/// Kills all that have this variable with this value, and their keepers, until none is left: they may be starting others.
///
/// # Panics
///
/// They do not end.
pub fn kill_all(name: &str, value: &Path) {
    wait_until("all processes are killed", || {
        let found = with_variable(name, value);
        kill(&found);
        found.is_empty().then_some(())
    });
}

fn is_keeper(process: u32) -> bool {
    let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).ends_with(KEEPER)
}

/// The parent of a process. Behind the name, which may hold anything, come state and parent (proc_pid_stat(5)).
fn parent(folder: &Path) -> Option<u32> {
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
    parent.parse().ok()
}

fn processes<T>(read: impl Fn(&Path) -> Option<T>) -> Vec<(u32, T)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, read(&entry.path())?))
        })
        .collect()
}
