//! Two listeners, a thread for each connection, and an orderly end.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    bounded::Bounded,
    gate::{Gate, Place},
    git, http,
    repository::Repository,
    settings::Settings,
};

/// Most bytes that are read from one HTTP connection.
const MOST_HTTP: usize = 16 * 1024;
/// Most bytes that are read from one git connection: a client of another history may name all its commits.
const MOST_GIT: usize = 4 * 1024 * 1024;
/// Stack of a connection's thread; nothing in it recurses.
const STACK: usize = 256 * 1024;
/// How long to wait before the next connection when the machine has no descriptor or thread left.
const BREATH: Duration = Duration::from_millis(50);

/// A server that listens and does not answer yet.
pub struct Server {
    settings: Settings,
    http: TcpListener,
    git: TcpListener,
}

/// A server that answers.
pub struct Running {
    gates: [Arc<Gate>; 2],
}

#[derive(Clone, Copy)]
enum Protocol {
    Http,
    Git,
}

/// What a connection's thread needs.
#[derive(Clone)]
struct Reception {
    protocol: Protocol,
    repository: Arc<Repository>,
    timeout: Duration,
}

impl Server {
    /// Takes both addresses.
    ///
    /// # Errors
    ///
    /// When one of them cannot be had; the message names it.
    pub fn bind(settings: Settings) -> io::Result<Self> {
        let (http, git) = (listen(settings.http)?, listen(settings.git)?);
        Ok(Self {
            settings,
            http,
            git,
        })
    }

    /// The addresses that were taken, for HTTP and for git.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.http.local_addr()?, self.git.local_addr()?))
    }

    /// Begins to answer, in threads of its own.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn start(self, repository: Repository) -> io::Result<Running> {
        let repository = Arc::new(repository);
        // A gate for each port: whoever fills the one leaves the health page reachable on the other.
        let gates = [
            Gate::new(self.settings.connections.get()),
            Gate::new(self.settings.connections.get()),
        ];
        let listeners = [(self.http, Protocol::Http), (self.git, Protocol::Git)];
        for ((listener, protocol), gate) in listeners.into_iter().zip(&gates) {
            let gate = Arc::clone(gate);
            let reception = Reception {
                protocol,
                repository: Arc::clone(&repository),
                timeout: self.settings.timeout,
            };
            thread::Builder::new().spawn(move || receive(&listener, &gate, &reception))?;
        }
        Ok(Running { gates })
    }
}

impl Running {
    /// Takes no further connection and waits for those under way; tells how many are cut off after `patience`.
    #[must_use]
    pub fn stop(self, patience: Duration) -> usize {
        for gate in &self.gates {
            gate.close();
        }
        let deadline = Instant::now() + patience;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.gates
            .iter()
            .map(|gate| gate.wait_until_empty(left()))
            .sum()
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|source| {
        io::Error::new(
            source.kind(),
            format!("cannot listen on {address}: {source}"),
        )
    })
}

/// Hands each connection to a thread once there is a place for it, until the gate is closed.
fn receive(listener: &TcpListener, gate: &Arc<Gate>, reception: &Reception) {
    loop {
        match listener.accept() {
            Ok((stream, _)) => match gate.enter() {
                Some(place) => attend(stream, place, reception.clone()),
                None => return,
            },
            Err(_) => thread::sleep(BREATH),
        }
    }
}

fn attend(stream: TcpStream, place: Place, reception: Reception) {
    let attended = thread::Builder::new().stack_size(STACK).spawn(move || {
        // A client that went away or broke the rules concerns nobody but itself.
        reception.serve(stream).ok();
        drop(place);
    });
    if attended.is_err() {
        thread::sleep(BREATH);
    }
}

impl Reception {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let most = match self.protocol {
            Protocol::Http => MOST_HTTP,
            Protocol::Git => MOST_GIT,
        };
        let mut stream = Bounded::new(stream, most, self.timeout);
        match self.protocol {
            Protocol::Http => http::answer(&mut stream, &self.repository)?,
            Protocol::Git => git::converse(&mut stream, &self.repository)?,
        }
        stream.close()
    }
}
