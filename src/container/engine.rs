//! Docker and podman: looking for one that answers, and asking it.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use crate::{
    container::{ContainerError, tail::Tail},
    portable::own_group,
};

/// How long a daemon may take to say its version. One that is there answers in milliseconds.
const VERSION: Duration = Duration::from_secs(2);

/// Variables that the engines' own programs read, passed on where they are set.
const PASSED: [&str; 9] = [
    "PATH",
    "HOME",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "CONTAINER_HOST",
    "XDG_RUNTIME_DIR",
];

/// An engine that has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    kind: EngineKind,
    version: String,
    program: PathBuf,
    env: BTreeMap<String, String>,
}

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

/// Looks for docker, then podman, on the `PATH` of `env`, and asks its version; `None` where neither answers within
/// two seconds each. A daemon on another machine (`DOCKER_HOST` that is no `unix:` socket) is not taken: the ports it
/// publishes are not here.
pub async fn find_engine(env: &BTreeMap<String, String>) -> Option<Engine> {
    for kind in [EngineKind::Docker, EngineKind::Podman] {
        let remote = |name: &str| {
            env.get(name)
                .is_some_and(|host| !host.is_empty() && !host.starts_with("unix:"))
        };
        let elsewhere = match kind {
            EngineKind::Docker => remote("DOCKER_HOST"),
            EngineKind::Podman => remote("CONTAINER_HOST"),
        };
        if elsewhere {
            continue;
        }
        if let Some(engine) = ask_version(kind, env).await {
            return Some(engine);
        }
    }
    None
}

async fn ask_version(kind: EngineKind, env: &BTreeMap<String, String>) -> Option<Engine> {
    let program = find_program(kind.name(), env.get("PATH")?)?;
    let engine = Engine {
        kind,
        version: String::new(),
        program,
        env: env
            .iter()
            .filter(|(name, _)| PASSED.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    };
    let template = match kind {
        EngineKind::Docker => "{{.Server.Version}}",
        EngineKind::Podman => "{{.Client.Version}}",
    };
    match engine
        .ask(
            &["version".into(), "--format".into(), template.into()],
            VERSION,
        )
        .await
    {
        Ok(version) if !version.trim().is_empty() => Some(Engine {
            version: version.trim().to_owned(),
            ..engine
        }),
        Ok(_) => None,
        Err(error) => {
            tracing::debug!(%error, "{kind} is not used");
            None
        }
    }
}

fn find_program(name: &str, path: &str) -> Option<PathBuf> {
    path.split(':')
        .filter(|folder| !folder.is_empty())
        .map(|folder| Path::new(folder).join(name))
        .find(|program| program.is_file())
}

impl Engine {
    /// Returns which engine it is.
    pub fn kind(&self) -> EngineKind {
        self.kind
    }

    /// Returns the version that answered.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(in crate::container) fn program(&self) -> &Path {
        &self.program
    }

    /// Returns the variables that its program gets.
    pub(in crate::container) fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Runs its program and returns what that writes to its standard output.
    pub(in crate::container) async fn ask(
        &self,
        arguments: &[String],
        limit: Duration,
    ) -> Result<String, ContainerError> {
        let named = format!(
            "{} {}",
            self.kind,
            arguments.first().map_or("", String::as_str)
        );
        let child = self
            .command(arguments)
            .kill_on_drop(true)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| ContainerError::EngineGone {
                command: named.clone(),
                source,
            })?;
        let output = match timeout(limit, child.wait_with_output()).await {
            Ok(output) => output.map_err(|source| ContainerError::EngineGone {
                command: named.clone(),
                source,
            })?,
            Err(_) => {
                return Err(ContainerError::Silent {
                    command: named,
                    limit,
                });
            }
        };
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let mut words = Tail::default();
        words.push(&output.stderr);
        Err(ContainerError::Engine {
            command: named,
            words: words.text().trim().to_owned(),
        })
    }

    /// Makes a command of its program.
    pub(in crate::container) fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .envs(&self.env)
            .stdin(Stdio::null());
        own_group(command.as_std_mut());
        command
    }
}

impl EngineKind {
    fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn write_program(folder: &Path, name: &str, script: &str) {
        let file = folder.join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    fn path(folder: &Path) -> BTreeMap<String, String> {
        BTreeMap::from([("PATH".to_owned(), format!("{}", folder.display()))])
    }

    #[tokio::test]
    async fn a_docker_without_its_daemon_is_passed_over_for_podman() {
        let folder = tempfile::tempdir().expect("a folder");
        write_program(folder.path(), "docker", "echo no daemon >&2; exit 1");
        write_program(folder.path(), "podman", "echo 5.2.1");
        let engine = find_engine(&path(folder.path())).await.expect("podman");
        assert_eq!(
            (engine.kind(), engine.version()),
            (EngineKind::Podman, "5.2.1")
        );
    }

    #[tokio::test]
    async fn a_docker_that_does_not_answer_is_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        write_program(folder.path(), "docker", "exec /bin/sleep 600");
        assert_eq!(find_engine(&path(folder.path())).await, None);
    }

    #[tokio::test]
    async fn a_daemon_on_another_machine_is_not_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        write_program(folder.path(), "docker", "echo 28.0.0");
        let mut env = path(folder.path());
        assert!(find_engine(&env).await.is_some());
        env.insert("DOCKER_HOST".to_owned(), "tcp://build:2376".to_owned());
        assert_eq!(find_engine(&env).await, None);
    }

    #[tokio::test]
    async fn what_an_engine_refuses_is_said_in_its_words() {
        let folder = tempfile::tempdir().expect("a folder");
        write_program(
            folder.path(),
            "docker",
            r#"if [ "$1" = version ]; then echo 28.0.0; else echo "manifest unknown" >&2; exit 125; fi"#,
        );
        let engine = find_engine(&path(folder.path())).await.expect("docker");
        let error = engine
            .ask(&["run".into(), "--env".into(), "A=B".into()], VERSION)
            .await
            .expect_err("refused");
        assert_eq!(error.to_string(), "`docker run` failed: manifest unknown");
    }
}
