//! What is to be run.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{error::ProcessError, stop::StopPolicy};
use crate::secret::{MaskError, Masker, Secret};

/// Describes one child: program, arguments, environment, directory, purpose and limits.
///
/// The child gets no input besides the text that is given here, and of the environment only what is named here.
#[derive(Clone)]
pub struct CommandSpec {
    program: PathBuf,
    purpose: String,
    args: Vec<String>,
    dir: Option<PathBuf>,
    env: BTreeMap<String, EnvValue>,
    stop: StopPolicy,
    timeout: Option<Duration>,
    capture: Option<Capture>,
    input: Option<String>,
    removed: Vec<PathBuf>,
}

#[derive(Clone)]
enum EnvValue {
    Clear(String),
    Secret(Secret),
}

impl EnvValue {
    fn expose(&self) -> &str {
        match self {
            Self::Clear(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

/// The longest text on standard input, in bytes: what every pipe takes without a reader.
pub const LONGEST_INPUT: usize = 4096;

/// Files that go with this value.
#[derive(Debug)]
pub(super) struct RemovedAtEnd(pub(super) Vec<PathBuf>);

impl Drop for RemovedAtEnd {
    fn drop(&mut self) {
        for path in &self.0 {
            if let Err(error) = std::fs::remove_file(path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, path = %path.display(), "a file of a child that ended stays");
            }
        }
    }
}

/// How much of standard output is kept, and who else sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capture {
    pub(super) limit: u64,
    pub(super) shown: Shown,
}

/// Whether captured output goes to the log and the live lines too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Shown {
    Masked,
    Withheld,
}

impl CommandSpec {
    /// Begins the description of a child. The purpose completes "wanted to …": ``plan stack `network` ``.
    ///
    /// A program without a slash is looked up in the PATH that the child gets; one with a slash is relative to the
    /// child's directory.
    pub fn new(program: impl Into<PathBuf>, purpose: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            purpose: purpose.into(),
            args: Vec::new(),
            dir: None,
            env: BTreeMap::new(),
            stop: StopPolicy::default(),
            timeout: None,
            capture: None,
            input: None,
            removed: Vec::new(),
        }
    }

    /// Adds an argument. Everybody on the machine can read it: a secret goes into the environment.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets the working directory; without it the child gets this process's.
    #[must_use]
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), EnvValue::Clear(value.into()));
        self
    }

    /// Sets an environment variable to a secret. The child's output is masked of it.
    #[must_use]
    pub fn secret_env(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.env.insert(name.into(), EnvValue::Secret(value));
        self
    }

    /// Passes variables on from the environment that this program was started with, those of them that are set.
    #[must_use]
    pub fn pass_env<N: AsRef<str>>(
        mut self,
        environment: &BTreeMap<String, String>,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        for name in names {
            if let Some((name, value)) = environment.get_key_value(name.as_ref()) {
                self = self.env(name, value);
            }
        }
        self
    }

    /// Has the child look for programs in this folder first.
    #[must_use]
    pub fn first_on_path(self, folder: &str) -> Self {
        let path = match self.env.get("PATH").map(EnvValue::expose) {
            Some(path) if !path.is_empty() => format!("{folder}:{path}"),
            Some(_) | None => folder.to_owned(),
        };
        self.env("PATH", path)
    }

    /// Sets how it is stopped; without it: SIGINT to the group, and ten seconds.
    #[must_use]
    pub fn stop(mut self, policy: StopPolicy) -> Self {
        self.stop = policy;
        self
    }

    /// Stops the child when it has run for so long.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Keeps the first `limit` bytes of standard output for the caller. The log gets it too, masked.
    #[must_use]
    pub fn capture_stdout(mut self, limit: u64) -> Self {
        let shown = Shown::Masked;
        self.capture = Some(Capture { limit, shown });
        self
    }

    /// Keeps the first `limit` bytes of standard output for the caller and shows them to nobody else: for output that
    /// holds secrets which no mask knows (`terraform output -json`).
    #[must_use]
    pub fn capture_secret_stdout(mut self, limit: u64) -> Self {
        let shown = Shown::Withheld;
        self.capture = Some(Capture { limit, shown });
        self
    }

    /// Gives the child a short text on standard input, and its end. It has to fit into a pipe: [`LONGEST_INPUT`].
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// Removes a file when the child has ended, or was not started: whoever is there then, this process or the keeper.
    #[must_use]
    pub fn remove_at_end(mut self, path: impl Into<PathBuf>) -> Self {
        self.removed.push(path.into());
        self
    }

    /// Returns why the child is started.
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Returns the program as it was named.
    pub fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn arguments(&self) -> &[String] {
        &self.args
    }

    pub(super) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env
            .iter()
            .map(|(name, value)| (&**name, value.expose()))
    }

    pub(super) fn stop_policy(&self) -> StopPolicy {
        self.stop
    }

    pub(super) fn time_limit(&self) -> Option<Duration> {
        self.timeout
    }

    pub(super) fn capture(&self) -> Option<Capture> {
        self.capture
    }

    pub(super) fn given_input(&self) -> Option<&str> {
        self.input.as_deref()
    }

    pub(super) fn removed(&self) -> &[PathBuf] {
        &self.removed
    }

    /// Returns the mask with the secrets of this description.
    pub(super) fn cover(&self, masker: &Masker) -> Result<Masker, MaskError> {
        masker.with(self.env.iter().filter_map(|(name, value)| match value {
            EnvValue::Clear(_) => None,
            EnvValue::Secret(secret) => Some((name, secret.clone())),
        }))
    }

    /// Returns the working directory and the program, both absolute and there.
    pub(super) fn resolve(&self) -> Result<(PathBuf, PathBuf), ProcessError> {
        let dir = std::path::absolute(self.dir.as_deref().unwrap_or(Path::new(".")));
        let dir = dir
            .ok()
            .filter(|dir| dir.is_dir())
            .ok_or_else(|| ProcessError::NoDirectory {
                dir: self.dir.clone().unwrap_or_default(),
                purpose: self.purpose.clone(),
            })?;
        if self.program.components().count() > 1 || self.program.is_absolute() {
            let program = dir.join(&self.program);
            return Ok((dir, program));
        }
        let path = self.env.get("PATH").map_or("", EnvValue::expose);
        let program = std::env::split_paths(path)
            .filter(|folder| !folder.as_os_str().is_empty())
            .map(|folder| dir.join(folder).join(&self.program))
            .find(|candidate| is_executable(candidate))
            .ok_or_else(|| ProcessError::NotFound {
                program: self.program.display().to_string(),
                purpose: self.purpose.clone(),
                path: path.to_owned(),
            })?;
        Ok((dir, program))
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

impl fmt::Debug for CommandSpec {
    /// Shows the names of the environment and no value: one that was passed on may be a secret as well.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CommandSpec")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("purpose", &self.purpose)
            .field("dir", &self.dir)
            .field("env", &self.env.keys())
            .field("stop", &self.stop)
            .field("timeout", &self.timeout)
            .field("capture", &self.capture)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_prints_no_value_of_the_environment() {
        let inherited = BTreeMap::from([("TOKEN".to_owned(), "hunter3".to_owned())]);
        let spec = CommandSpec::new("sh", "print")
            .env("CLEAR", "hunter1")
            .secret_env("SECRET", Secret::new("hunter2"))
            .pass_env(&inherited, ["TOKEN", "NOT_SET"]);
        let shown = format!("{spec:?}");
        assert!(shown.contains(r#"["CLEAR", "SECRET", "TOKEN"]"#), "{shown}");
        assert!(!shown.contains("hunter"), "{shown}");
    }

    #[test]
    fn a_program_is_looked_up_in_the_path_of_the_child() {
        let spec = CommandSpec::new("sh", "print");
        let error = spec.resolve().expect_err("the child gets no PATH");
        assert!(matches!(error, ProcessError::NotFound { .. }), "{error}");
        let (_, program) = spec
            .env("PATH", "/nowhere:/bin")
            .resolve()
            .expect("every Unix has it");
        assert_eq!(program, Path::new("/bin/sh"));
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = CommandSpec::new("/bin/sh", "print")
            .dir("/nowhere/at/all")
            .resolve()
            .expect_err("there is no such folder");
        assert_eq!(
            error.to_string(),
            "`/nowhere/at/all` is not a directory: wanted to print there"
        );
    }

    #[test]
    fn a_path_with_a_slash_is_relative_to_the_directory_of_the_child() {
        let (_, program) = CommandSpec::new("./x", "print")
            .dir("/bin")
            .resolve()
            .expect("the folder is there");
        assert_eq!(program, Path::new("/bin/./x"));
    }
}
