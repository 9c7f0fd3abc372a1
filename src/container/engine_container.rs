//! A container that docker or podman runs, from its start until it is removed.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStdin, Command},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

use crate::{
    container::{
        ContainerError, ContainerExit, ContainerRequest, Engine, EngineKind, Helper, Started,
        StartedBy,
        started::{PATIENCE, Reins, Streams, read_log},
        tail::Tail,
        wire::{Order, Word},
    },
    portable::own_group,
};

/// A container of an engine, with the guard that removes it when we are gone.
#[derive(Debug)]
pub(in crate::container) struct EngineContainer {
    engine: Engine,
    name: String,
    // Its pipe's end is the container's end: a guard without us removes the container.
    guard: Child,
    release: ChildStdin,
}

/// How long a pull and a start may take.
const RUN: Duration = Duration::from_secs(300);

/// How long other commands may take.
const COMMAND: Duration = Duration::from_secs(30);

impl Started {
    /// Starts a container with an engine from a reference that it can pull, `127.0.0.1:PORT/repo@DIGEST` say.
    ///
    /// # Errors
    /// The engine refuses: the image cannot be pulled, or its command is not there.
    pub async fn by_engine(
        engine: &Engine,
        helper: &Helper,
        reference: &str,
        request: &ContainerRequest,
    ) -> Result<Self, ContainerError> {
        let name = container_name()?;
        // The guard comes first, so that there is no moment without one.
        let (guard, release) = start_guard(engine, helper, &name).await?;
        let container = EngineContainer {
            engine: engine.clone(),
            name,
            guard,
            release,
        };
        let arguments = run_arguments(engine.kind(), &container.name, reference, request);
        engine.ask(&arguments, RUN).await?;
        let streams = container.read()?;
        let ports = container.ports(request).await?;
        let version = engine.version().to_owned();
        let how = match engine.kind() {
            EngineKind::Docker => StartedBy::Docker { version },
            EngineKind::Podman => StartedBy::Podman { version },
        };
        Ok(Self::new(how, ports, streams, Reins::Engine(container)))
    }
}

impl EngineContainer {
    pub(in crate::container) async fn terminate(&self) -> Result<(), ContainerError> {
        self.signal("TERM").await
    }

    pub(in crate::container) async fn kill(&self) -> Result<(), ContainerError> {
        self.signal("KILL").await
    }

    /// Removes the container, and lets the guard go.
    pub(in crate::container) async fn clear(mut self) -> Result<(), ContainerError> {
        let removed = self
            .engine
            .ask(&remove_arguments(&self.name), COMMAND)
            .await;
        if removed.is_ok() {
            let word =
                serde_json::to_string(&Word::Release).expect("a word without fields has a text");
            // A guard that no longer reads is one that has ended.
            drop(self.release.write_all(format!("{word}\n").as_bytes()).await);
        }
        drop(self.release);
        drop(timeout(PATIENCE, self.guard.wait()).await);
        removed.map(drop)
    }

    async fn signal(&self, signal: &str) -> Result<(), ContainerError> {
        let arguments = [
            "kill".into(),
            "--signal".into(),
            signal.into(),
            self.name.clone(),
        ];
        match self.engine.ask(&arguments, COMMAND).await {
            Ok(_) => Ok(()),
            // It has ended between our look and this; a container that cannot be removed is reported by `clear`.
            Err(ContainerError::Engine { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn ports(
        &self,
        request: &ContainerRequest,
    ) -> Result<BTreeMap<u16, u16>, ContainerError> {
        if request.ports.is_empty() {
            return Ok(BTreeMap::new());
        }
        let arguments = [
            "inspect".into(),
            "--format".into(),
            "{{json .NetworkSettings.Ports}}".into(),
            self.name.clone(),
        ];
        let text = self.engine.ask(&arguments, COMMAND).await?;
        published_ports(&text).ok_or_else(|| ContainerError::Engine {
            command: format!("{} inspect", self.engine.kind()),
            words: format!("it does not say the ports: {}", text.trim()),
        })
    }

    fn read(&self) -> Result<Streams, ContainerError> {
        let follow = |verb: &str, arguments: &[String]| {
            self.engine
                .command(arguments)
                .kill_on_drop(true)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(|source| ContainerError::EngineGone {
                    command: format!("{} {verb}", self.engine.kind()),
                    source,
                })
        };
        let mut logs = follow(
            "logs",
            &["logs".into(), "--follow".into(), self.name.clone()],
        )?;
        let end_of_it = follow("wait", &["wait".into(), self.name.clone()])?;
        let (end_sender, end) = watch::channel(None);
        let (log_sender, log) = watch::channel(Tail::default());
        let mut readers = JoinSet::new();
        readers.spawn(read_end(end_of_it, end_sender));
        readers.spawn(async move {
            let (stdout, stderr) = (logs.stdout.take(), logs.stderr.take());
            let out = async {
                if let Some(stdout) = stdout {
                    read_log(stdout, log_sender.clone()).await;
                }
            };
            let err = async {
                if let Some(stderr) = stderr {
                    read_log(stderr, log_sender.clone()).await;
                }
            };
            tokio::join!(out, err);
            // Only waited for: what it had to say was read.
            drop(logs.wait().await);
        });
        Ok(Streams { end, log, readers })
    }
}

async fn read_end(child: Child, end: watch::Sender<Option<ContainerExit>>) {
    let code = match child.wait_with_output().await {
        Ok(output) => String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .unwrap_or(-1),
        Err(_) => -1,
    };
    end.send_replace(Some(ContainerExit { code }));
}

fn container_name() -> Result<String, ContainerError> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(|error| {
        ContainerError::Supervisor(format!(
            "has no name, as there are no random bytes: {error}"
        ))
    })?;
    Ok(format!("deploy-action-{}", hex::encode(random)))
}

async fn start_guard(
    engine: &Engine,
    helper: &Helper,
    name: &str,
) -> Result<(Child, ChildStdin), ContainerError> {
    let failed = |source: std::io::Error| ContainerError::Helper {
        program: helper.program().display().to_string(),
        source,
    };
    let mut command = vec![engine.program().display().to_string()];
    command.extend(remove_arguments(name));
    let order = Order::Guard {
        command,
        env: engine.env().clone(),
    };
    let mut command = Command::new(helper.program());
    command
        .arg("contain")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    own_group(command.as_std_mut());
    let mut guard = command.spawn().map_err(failed)?;
    let Some(mut pipe) = guard.stdin.take() else {
        return Err(failed(std::io::Error::other("it has no pipe")));
    };
    let mut line = serde_json::to_vec(&order).map_err(|error| failed(error.into()))?;
    line.push(b'\n');
    pipe.write_all(&line).await.map_err(failed)?;
    Ok((guard, pipe))
}

/// Makes the arguments that start a container. Without `--rm`: the exit code and the last words of one that ends at
/// once are what a failed check shows.
fn run_arguments(
    kind: EngineKind,
    name: &str,
    reference: &str,
    request: &ContainerRequest,
) -> Vec<String> {
    let mut arguments: Vec<String> = ["run", "--detach", "--name", name, "--hostname", "container"]
        .map(str::to_owned)
        .to_vec();
    for port in &request.ports {
        arguments.extend(["--publish".to_owned(), format!("127.0.0.1::{port}")]);
    }
    for (variable, value) in &request.env {
        arguments.extend(["--env".to_owned(), format!("{variable}={value}")]);
    }
    // Docker speaks to registries on loopback without TLS by itself.
    if kind == EngineKind::Podman && is_local(reference) {
        arguments.push("--tls-verify=false".to_owned());
    }
    arguments.push(reference.to_owned());
    arguments
}

fn is_local(reference: &str) -> bool {
    ["127.0.0.1:", "localhost:"]
        .iter()
        .any(|host| reference.starts_with(host))
}

fn remove_arguments(name: &str) -> Vec<String> {
    ["rm", "--force", "--volumes", name]
        .map(str::to_owned)
        .to_vec()
}

/// Reads `{"8088/tcp":[{"HostIp":"127.0.0.1","HostPort":"49153"}]}`.
fn published_ports(json: &str) -> Option<BTreeMap<u16, u16>> {
    let ports: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).ok()?;
    let mut published = BTreeMap::new();
    for (inside, bindings) in &ports {
        let Some(inside) = inside.strip_suffix("/tcp") else {
            continue;
        };
        // `null`: exposed by the image, and not asked for.
        let Some(binding) = bindings.as_array().and_then(|bindings| bindings.first()) else {
            continue;
        };
        let outside = binding.get("HostPort")?.as_str()?.parse().ok()?;
        published.insert(inside.parse().ok()?, outside);
    }
    Some(published)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ports_are_published_on_loopback_and_chosen_by_the_engine() {
        let request = ContainerRequest {
            env: BTreeMap::from([("MODE".to_owned(), "a b".to_owned())]),
            ports: BTreeSet::from([8088, 9418]),
        };
        assert_eq!(
            run_arguments(
                EngineKind::Docker,
                "c1",
                "127.0.0.1:5000/o/r@sha256:00",
                &request
            ),
            [
                "run",
                "--detach",
                "--name",
                "c1",
                "--hostname",
                "container",
                "--publish",
                "127.0.0.1::8088",
                "--publish",
                "127.0.0.1::9418",
                "--env",
                "MODE=a b",
                "127.0.0.1:5000/o/r@sha256:00",
            ]
        );
    }

    #[test]
    fn published_ports_are_read_and_others_left_out() {
        let json = r#"{"8088/tcp":[{"HostIp":"127.0.0.1","HostPort":"49153"}],"53/udp":[{"HostPort":"1"}],"9/tcp":null}"#;
        assert_eq!(published_ports(json), Some(BTreeMap::from([(8088, 49153)])));
        assert_eq!(published_ports("null"), None);
    }

    #[test]
    fn podman_takes_a_registry_of_this_machine_without_tls_as_docker_does() {
        let arguments =
            |kind, reference| run_arguments(kind, "c1", reference, &ContainerRequest::default());
        let local = "127.0.0.1:5000/o/r@sha256:00";
        let flag = "--tls-verify=false".to_owned();
        assert!(arguments(EngineKind::Podman, local).contains(&flag));
        assert!(!arguments(EngineKind::Podman, "ghcr.io/o/r@sha256:00").contains(&flag));
        assert!(!arguments(EngineKind::Docker, local).contains(&flag));
    }
}
