//! A proxy as companies have it: it takes CONNECT, and knows names that nobody else does.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// A running proxy. Its threads end with the test's process.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy that leads `HOST:PORT` to an address, and refuses everything else.
    ///
    /// # Panics
    ///
    /// There is no port.
    pub fn start(leads: BTreeMap<String, SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let leads = Arc::new(leads);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (leads, seen) = (Arc::clone(&leads), Arc::clone(&seen));
                thread::spawn(move || drop(serve(stream, &leads, &seen)));
            }
        });
        Self { address, asked }
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the first lines of the requests that came.
    pub fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

fn serve(
    stream: TcpStream,
    leads: &BTreeMap<String, SocketAddr>,
    seen: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::from("x");
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let first = first.trim().to_owned();
    let target = first
        .strip_prefix("CONNECT ")
        .and_then(|rest| leads.get(rest.split(' ').next()?));
    seen.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(first.clone());
    let mut stream = stream;
    let Some(target) = target else {
        return stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    };
    let behind = TcpStream::connect(target)?;
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    join(stream, behind)
}

/// Passes on what comes from either side, until both have nothing more to say.
pub(crate) fn join(one: TcpStream, other: TcpStream) -> io::Result<()> {
    let (from, to) = (one.try_clone()?, other.try_clone()?);
    let back = thread::spawn(move || pass(other, one));
    pass(from, to)?;
    back.join().unwrap_or(Ok(()))
}

fn pass(mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    let mut bytes = [0; 16 * 1024];
    loop {
        let n_read = from.read(&mut bytes)?;
        if n_read == 0 {
            // The other side may have gone first.
            drop(to.shutdown(Shutdown::Write));
            return Ok(());
        }
        to.write_all(&bytes[..n_read])?;
    }
}
