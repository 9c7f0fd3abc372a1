//! The hidden verb `contain`: our own binary as supervisor of a container, as its first process, or as a guard that
//! removes a container of docker or podman when we are gone.

use std::{
    env,
    io::{self, BufRead as _, Read as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use crate::container::wire::{Order, Word};

/// Bound of the first line: a command with its environment, which the kernel bounds at 2 MiB itself.
pub(in crate::container) const MAX_ORDER: u64 = 4 * 1024 * 1024;

/// The program that supervises containers: this one, started again with the hidden verb `contain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper(PathBuf);

impl Helper {
    /// Takes the program at `path`, which has to call [`contain_main`] when its first argument is `contain`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Takes the program that runs now.
    ///
    /// # Errors
    /// The system does not tell where it is.
    pub fn own() -> io::Result<Self> {
        env::current_exe().map(Self)
    }

    /// Returns its path.
    pub(in crate::container) fn program(&self) -> &Path {
        &self.0
    }
}

/// Does what the hidden verb `contain` is asked to do.
///
/// To be called by `main` when the first argument is `contain`, before any thread or runtime is started: a process
/// with several threads cannot enter a user namespace (unshare(2)).
pub fn contain_main() -> ExitCode {
    match env::args_os().nth(2) {
        None => supervise(),
        #[cfg(target_os = "linux")]
        Some(word) if word == "--init" => inside_init(),
        Some(_) => ExitCode::from(2),
    }
}

#[cfg(target_os = "linux")]
fn inside_init() -> ExitCode {
    crate::container::inside::init()
}

fn supervise() -> ExitCode {
    let mut orders = io::BufReader::new(io::stdin());
    let mut line = String::new();
    let order = match orders.by_ref().take(MAX_ORDER).read_line(&mut line) {
        Ok(_) => serde_json::from_str(&line),
        Err(_) => return ExitCode::from(2),
    };
    match order {
        #[cfg(target_os = "linux")]
        Ok(Order::Contain(order)) => crate::container::inside::supervise(order, orders),
        #[cfg(not(target_os = "linux"))]
        Ok(Order::Contain(_)) => ExitCode::from(2),
        Ok(Order::Guard { command, env }) => guard(orders, command, env),
        Err(_) => ExitCode::from(2),
    }
}

/// Waits for the end of its input, then runs `command`, unless it was released before.
fn guard(
    words: impl io::BufRead,
    command: Vec<String>,
    env: impl IntoIterator<Item = (String, String)>,
) -> ExitCode {
    for line in words.lines() {
        let Ok(line) = line else { break };
        if matches!(serde_json::from_str(&line), Ok(Word::Release)) {
            return ExitCode::SUCCESS;
        }
    }
    let Some((program, arguments)) = command.split_first() else {
        return ExitCode::from(2);
    };
    let ended = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(env)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match ended {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) | Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, fs};

    fn touch(file: &Path) -> Vec<String> {
        vec!["/usr/bin/touch".into(), file.display().to_string()]
    }

    #[test]
    fn a_guard_acts_when_its_input_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("removed");
        let code = guard(io::empty(), touch(&file), BTreeMap::new());
        assert_eq!(code, ExitCode::SUCCESS);
        assert!(fs::exists(file).expect("a folder that can be read"));
    }

    #[test]
    fn a_released_guard_does_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("removed");
        let code = guard(&b"\"release\"\n"[..], touch(&file), BTreeMap::new());
        assert_eq!(code, ExitCode::SUCCESS);
        assert!(!fs::exists(file).expect("a folder that can be read"));
    }
}
