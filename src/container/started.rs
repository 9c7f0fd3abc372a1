//! A container that was started: where it is reached, whether it runs, what it said, and its end.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

use crate::container::{
    ContainerError, engine_container::EngineContainer, namespaces::NamespaceContainer, tail::Tail,
};

/// How long a container has to leave by itself when it is stopped.
pub(in crate::container) const PATIENCE: Duration = Duration::from_secs(5);

/// How long its last words may take to arrive once it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A running container. Dropped, it is killed.
#[derive(Debug)]
pub struct Started {
    how: StartedBy,
    ports: BTreeMap<u16, SocketAddr>,
    end: watch::Receiver<Option<ContainerExit>>,
    log: watch::Receiver<Tail>,
    reins: Reins,
    // Readers of its streams; dropped with it, and they end with the container anyway.
    readers: JoinSet<()>,
}

/// Who runs a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartedBy {
    /// A docker daemon.
    Docker {
        /// Its version.
        version: String,
    },
    /// Podman.
    Podman {
        /// Its version.
        version: String,
    },
    /// Namespaces of our own.
    Namespaces,
}

/// How a container's first process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerExit {
    /// Its exit code; a signal counts as 128 and its number. -1 where nobody could tell.
    pub code: i32,
}

/// What a container is stopped by.
#[derive(Debug)]
pub(in crate::container) enum Reins {
    Namespaces(NamespaceContainer),
    Engine(EngineContainer),
}

impl Started {
    pub(in crate::container) fn new(
        how: StartedBy,
        ports: BTreeMap<u16, u16>,
        streams: Streams,
        reins: Reins,
    ) -> Self {
        let local = |(inside, outside): (u16, u16)| {
            (
                inside,
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), outside),
            )
        };
        Self {
            how,
            ports: ports.into_iter().map(local).collect(),
            end: streams.end,
            log: streams.log,
            reins,
            readers: streams.readers,
        }
    }

    /// Returns who runs it.
    pub fn how(&self) -> &StartedBy {
        &self.how
    }

    /// Returns where each asked port is reached, by port in the container.
    pub fn ports(&self) -> &BTreeMap<u16, SocketAddr> {
        &self.ports
    }

    /// Whether its first process has not ended.
    pub fn is_running(&self) -> bool {
        self.exit().is_none()
    }

    /// Returns how its first process ended; `None` while it runs.
    pub fn exit(&self) -> Option<ContainerExit> {
        *self.end.borrow()
    }

    /// Waits until its first process has ended.
    pub async fn wait(&mut self) -> ContainerExit {
        loop {
            if let Some(exit) = self.exit() {
                return exit;
            }
            if self.end.changed().await.is_err() {
                // The reader is gone without a word about the end.
                return self.exit().unwrap_or(ContainerExit { code: -1 });
            }
        }
    }

    /// Returns the end of what it wrote to its standard output and error, at most 64 KiB. It is not masked.
    pub fn log_tail(&self) -> String {
        self.log.borrow().text()
    }

    /// Stops it: SIGTERM, SIGKILL after five seconds, and away with what is left. Returns how it ended and its last
    /// words. One that has ended by itself is only cleared away.
    ///
    /// # Errors
    /// Docker or podman could not remove the container.
    pub async fn stop(mut self) -> Result<(ContainerExit, String), ContainerError> {
        if self.is_running() {
            self.reins_terminate().await?;
            if timeout(PATIENCE, self.wait()).await.is_err() {
                self.reins_kill().await?;
            }
        }
        let exit = match timeout(PATIENCE, self.wait()).await {
            Ok(exit) => exit,
            Err(_) => ContainerExit { code: -1 },
        };
        let said = async { while self.readers.join_next().await.is_some() {} };
        // A reader that goes on is one of a stream that somebody else holds open: what came until now is the log.
        drop(timeout(LAST_WORDS, said).await);
        let log = self.log.borrow().text();
        match self.reins {
            Reins::Namespaces(container) => container.clear().await,
            Reins::Engine(container) => container.clear().await?,
        }
        Ok((exit, log))
    }

    async fn reins_terminate(&mut self) -> Result<(), ContainerError> {
        match &mut self.reins {
            Reins::Namespaces(container) => {
                container.terminate().await;
                Ok(())
            }
            Reins::Engine(container) => container.terminate().await,
        }
    }

    async fn reins_kill(&mut self) -> Result<(), ContainerError> {
        match &mut self.reins {
            Reins::Namespaces(container) => {
                container.kill().await;
                Ok(())
            }
            Reins::Engine(container) => container.kill().await,
        }
    }
}

impl fmt::Display for StartedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Docker { version } => write!(formatter, "docker {version}"),
            Self::Podman { version } => write!(formatter, "podman {version}"),
            Self::Namespaces => formatter.write_str("namespaces"),
        }
    }
}

/// The streams of a container as they are read.
#[derive(Debug)]
pub(in crate::container) struct Streams {
    pub end: watch::Receiver<Option<ContainerExit>>,
    pub log: watch::Receiver<Tail>,
    pub readers: JoinSet<()>,
}

/// Reads a stream to its end into the log.
pub(in crate::container) async fn read_log(
    mut stream: impl AsyncRead + Unpin,
    log: watch::Sender<Tail>,
) {
    let mut buffer = vec![0; 8 * 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => log.send_modify(|tail| tail.push(&buffer[..length])),
        }
    }
}
