//! Starting a container without docker and podman: our side of the supervisor.

use std::{collections::BTreeMap, io, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

use crate::{
    container::{
        ContainerError, ContainerExit, ContainerRequest, Helper, RootFolder, RootMode, Started,
        StartedBy,
        started::{Reins, Streams, read_log},
        tail::Tail,
        wire::{ContainOrder, Order, Report, Word},
    },
    portable::own_group,
};

/// The host name in the container: the one by which checks call it from outside.
const HOSTNAME: &str = "container";

/// How long the way into the container may take; it is a hundredth of a second on an idle machine.
const START: Duration = Duration::from_secs(20);

/// The supervisor of a container, with the pipe whose end is the container's end.
#[derive(Debug)]
pub(in crate::container) struct NamespaceContainer {
    supervisor: Child,
    words: ChildStdin,
}

impl Started {
    /// Starts a container from an unpacked root file system in namespaces of our own. Returns when the image's
    /// command was executed; whether it answers is for checks to ask.
    ///
    /// # Errors
    /// Namespaces are not permitted, the image has no command or not the file that it names, or not the user.
    pub async fn in_namespaces(
        helper: &Helper,
        folder: &RootFolder,
        request: &ContainerRequest,
    ) -> Result<Self, ContainerError> {
        if !cfg!(target_os = "linux") {
            return Err(ContainerError::Unsupported);
        }
        let order = Order::Contain(contain_order(folder, request)?);
        let (supervisor, mut words, reports, log) = start_supervisor(helper)?;
        let mut reports = BufReader::new(reports).lines();
        let begun = timeout(START, begin(&order, &mut words, &mut reports))
            .await
            .map_err(|_| ContainerError::Silent {
                command: "contain".to_owned(),
                limit: START,
            })?;
        let ports = begun?;
        let streams = read(reports, log);
        let reins = Reins::Namespaces(NamespaceContainer { supervisor, words });
        Ok(Self::new(StartedBy::Namespaces, ports, streams, reins))
    }
}

impl NamespaceContainer {
    pub(in crate::container) async fn terminate(&mut self) {
        self.say(Word::Terminate).await;
    }

    pub(in crate::container) async fn kill(&mut self) {
        self.say(Word::Kill).await;
    }

    /// Waits for the supervisor, which ends with the container and with its input.
    pub(in crate::container) async fn clear(self) {
        let Self {
            mut supervisor,
            words,
        } = self;
        drop(words);
        if timeout(START, supervisor.wait()).await.is_err() {
            // It is killed when it is dropped, and the container with it.
            tracing::warn!("the supervisor of a container did not end by itself");
        }
    }

    async fn say(&mut self, word: Word) {
        let line = format!(
            "{}\n",
            serde_json::to_string(&word).expect("a word without fields has a text")
        );
        // A supervisor that no longer reads has ended, and the container with it.
        drop(self.words.write_all(line.as_bytes()).await);
    }
}

fn contain_order(
    folder: &RootFolder,
    request: &ContainerRequest,
) -> Result<ContainOrder, ContainerError> {
    let root = folder
        .path
        .canonicalize_utf8()
        .map_err(|source| ContainerError::Prepare {
            step: format!("the root `{}`", folder.path),
            source,
        })?;
    Ok(ContainOrder {
        root,
        read_only: folder.mode == RootMode::ReadOnly,
        command: folder.config.command()?,
        env: folder.config.environment(request, HOSTNAME),
        user: folder.config.user.clone(),
        workdir: folder.config.workdir.clone(),
        hostname: HOSTNAME.to_owned(),
        ports: request.ports.clone(),
    })
}

type Pipes = (Child, ChildStdin, ChildStdout, ChildStderr);

fn start_supervisor(helper: &Helper) -> Result<Pipes, ContainerError> {
    let failed = |source: io::Error| ContainerError::Helper {
        program: helper.program().display().to_string(),
        source,
    };
    let mut command = Command::new(helper.program());
    command
        .arg("contain")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // A Ctrl-C at the terminal is for us: we end the container when we are done with it.
    own_group(command.as_std_mut());
    let mut supervisor = command.spawn().map_err(failed)?;
    let pipes = (
        supervisor.stdin.take(),
        supervisor.stdout.take(),
        supervisor.stderr.take(),
    );
    match pipes {
        (Some(words), Some(reports), Some(log)) => Ok((supervisor, words, reports, log)),
        _ => Err(failed(io::Error::other("it has no pipes"))),
    }
}

async fn begin(
    order: &Order,
    words: &mut ChildStdin,
    reports: &mut Lines<BufReader<ChildStdout>>,
) -> Result<BTreeMap<u16, u16>, ContainerError> {
    let broken = |error: io::Error| ContainerError::Supervisor(format!("broke off: {error}"));
    let mut line = serde_json::to_vec(order).map_err(|error| broken(error.into()))?;
    line.push(b'\n');
    words.write_all(&line).await.map_err(broken)?;
    let Some(report) = reports.next_line().await.map_err(broken)? else {
        return Err(ContainerError::Supervisor(
            "ended without a word".to_owned(),
        ));
    };
    match serde_json::from_str(&report) {
        Ok(Report::Started { ports }) => Ok(ports),
        Ok(Report::Failed(obstacle)) => Err(obstacle.into()),
        Ok(Report::Ended { .. }) => Err(ContainerError::Supervisor(
            "reported an end before a start".to_owned(),
        )),
        Err(error) => Err(ContainerError::Supervisor(format!(
            "said something else than a report: {error}"
        ))),
    }
}

fn read(reports: Lines<BufReader<ChildStdout>>, stream: ChildStderr) -> Streams {
    let (end_sender, end) = watch::channel(None);
    let (log_sender, log) = watch::channel(Tail::default());
    let mut readers = JoinSet::new();
    readers.spawn(read_end(reports, end_sender));
    readers.spawn(read_log(stream, log_sender));
    Streams { end, log, readers }
}

async fn read_end(
    mut reports: Lines<BufReader<ChildStdout>>,
    end: watch::Sender<Option<ContainerExit>>,
) {
    let code = match reports.next_line().await {
        Ok(Some(line)) => match serde_json::from_str(&line) {
            Ok(Report::Ended { code }) => code,
            Ok(Report::Started { .. } | Report::Failed(_)) | Err(_) => -1,
        },
        // The supervisor was killed, and the kernel ended the container with it.
        Ok(None) | Err(_) => -1,
    };
    end.send_replace(Some(ContainerExit { code }));
}
