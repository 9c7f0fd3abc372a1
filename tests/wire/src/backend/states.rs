//! A server of states, as terraform's backend `http` speaks to one: GET, POST, LOCK and UNLOCK.

use std::{
    io::{self, BufReader, Read as _, Write as _},
    net::TcpStream,
    sync::{Arc, Mutex},
};

use crate::{
    http::Head,
    listener::{Listener, lock},
    wait::wait_until,
};

/// A running server with one state.
pub struct StateServer {
    listener: Listener,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    state: Option<String>,
    /// What the holder of the lock said of itself.
    held: Option<String>,
    /// How often somebody did not get the lock.
    n_refused: usize,
    is_read_only: bool,
    is_gone: bool,
    is_frozen: bool,
}

impl StateServer {
    /// Starts without a state.
    pub fn start() -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let serving = Arc::clone(&shared);
        let listener = Listener::start(move |stream| {
            // A client that goes away does not want an answer.
            serve(&serving, stream).ok();
        });
        Self { listener, shared }
    }

    /// The block of a module that keeps its state here.
    pub fn backend(&self) -> String {
        let url = format!("http://{}/state", self.listener.address());
        format!(
            "terraform {{\n  backend \"http\" {{\n    address        = \"{url}\"\n    lock_address   = \"{url}\"\n    unlock_address = \"{url}\"\n    retry_max      = 0\n  }}\n}}\n"
        )
    }

    /// Takes no state any more, or takes them again.
    pub fn set_read_only(&self, is_read_only: bool) {
        lock(&self.shared).is_read_only = is_read_only;
    }

    /// Answers nobody any more, or answers again.
    pub fn set_gone(&self, is_gone: bool) {
        lock(&self.shared).is_gone = is_gone;
    }

    /// Answers nobody until it goes on.
    pub fn set_frozen(&self, is_frozen: bool) {
        lock(&self.shared).is_frozen = is_frozen;
    }

    /// Holds the lock for somebody else.
    pub fn hold(&self, info: &str) {
        lock(&self.shared).held = Some(info.to_owned());
    }

    /// Whether somebody holds the lock.
    pub fn is_locked(&self) -> bool {
        lock(&self.shared).held.is_some()
    }

    /// How often somebody did not get the lock.
    pub fn refused(&self) -> usize {
        lock(&self.shared).n_refused
    }

    /// The state that was written last.
    pub fn state(&self) -> Option<String> {
        lock(&self.shared).state.clone()
    }
}

fn serve(shared: &Mutex<Shared>, stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(head) = Head::read(&mut reader)? {
        let length = head.header("content-length").unwrap_or("0").parse();
        let mut body = String::new();
        let mut rest = (&mut reader).take(length.unwrap_or(0));
        rest.read_to_string(&mut body)?;
        wait_until("the server goes on", || {
            (!lock(shared).is_frozen).then_some(())
        });
        if lock(shared).is_gone {
            return Ok(());
        }
        let method = head.first.split(' ').next().unwrap_or_default();
        let (status, body) = answer(&mut lock(shared), method, body);
        let mut answer = Head::answer(status, "Answer");
        answer.set("Content-Length", body.len().to_string());
        let mut writer = reader.get_ref();
        answer.write(&mut writer)?;
        writer.write_all(body.as_bytes())?;
    }
    Ok(())
}

fn answer(shared: &mut Shared, method: &str, body: String) -> (u16, String) {
    match method {
        "GET" => match &shared.state {
            Some(state) => (200, state.clone()),
            None => (404, String::new()),
        },
        "POST" if shared.is_read_only => (503, String::new()),
        "POST" => {
            shared.state = Some(body);
            (200, String::new())
        }
        "LOCK" => match &shared.held {
            Some(held) => {
                shared.n_refused += 1;
                (423, held.clone())
            }
            None => {
                shared.held = Some(body);
                (200, String::new())
            }
        },
        "UNLOCK" => {
            shared.held = None;
            (200, String::new())
        }
        _ => (405, String::new()),
    }
}
