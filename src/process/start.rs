//! Starting a child.

use std::{
    fmt,
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};
use tokio::process::Child;

use super::{
    error::ProcessError,
    spec::{CommandSpec, LONGEST_INPUT},
};

/// All that the system needs to start a child; nothing is looked up any more.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    pub(super) program: PathBuf,
    /// The program as it was named, for the child's argument 0.
    name: PathBuf,
    args: Vec<String>,
    dir: PathBuf,
    env: Vec<(String, String)>,
    input: Option<String>,
}

impl Start {
    pub(super) fn of(spec: &CommandSpec) -> Result<Self, ProcessError> {
        let (dir, program) = spec.resolve()?;
        let env = spec
            .environment()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Self {
            program,
            name: spec.program().to_owned(),
            args: spec.arguments().to_vec(),
            dir,
            env: env.collect(),
            input: spec.given_input().map(str::to_owned),
        })
    }

    /// Starts the child with its output in two pipes, the given input or none, and a process group of its own.
    ///
    /// With an absolute program, and nothing to do between fork and exec, the standard library takes `posix_spawn`.
    pub(super) fn spawn(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .arg0(&self.name)
            .args(&self.args)
            .current_dir(&self.dir)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(self.stdin()?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        tokio::process::Command::from(command).spawn()
    }

    /// The text lies in the pipe before anybody reads it, so nobody has to stay and write.
    fn stdin(&self) -> io::Result<Stdio> {
        let Some(text) = &self.input else {
            return Ok(Stdio::null());
        };
        if text.len() > LONGEST_INPUT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let (reader, mut writer) = io::pipe()?;
        writer.write_all(text.as_bytes())?;
        Ok(reader.into())
    }
}

impl fmt::Debug for Start {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Start").field(&self.program).finish()
    }
}
