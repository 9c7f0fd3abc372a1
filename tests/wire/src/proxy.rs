//! A proxy before a registry, which passes everything on as it is, except where its schedule says otherwise.

use std::{
    collections::BTreeMap,
    io::{self, BufReader, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    exchange::{Exchange, Request},
    fault::{Effect, Fault},
    http::{Framing, Head, Relayed, relay},
    listener::{Listener, lock},
    schedule::{Schedule, wait},
};

/// What a proxy does.
#[derive(Debug)]
pub struct ProxyOptions {
    /// Where the registry listens.
    pub registry: SocketAddr,
    /// What goes wrong.
    pub schedule: Schedule,
    /// What is added to the time of each request.
    pub delay: Duration,
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    listener: Listener,
    /// Another address of the same registry, which gives requests the credentials that they lack.
    _elsewhere: Listener,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: ProxyOptions,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    exchanges: Vec<Exchange>,
    kinds: BTreeMap<String, usize>,
    /// What the registry last asked for by 401.
    challenge: Option<String>,
    /// What a client last had as `Authorization`.
    authorization: Option<String>,
}

/// Which of the proxy's addresses was asked.
#[derive(Debug, Clone)]
enum Door {
    /// The one that clients know; with the address of the other.
    Registry(String),
    Elsewhere,
}

impl Proxy {
    /// Starts a proxy.
    pub fn start(options: ProxyOptions) -> Self {
        let shared = Arc::new(Shared {
            options,
            seen: Mutex::default(),
        });
        let open = |door: Door| {
            let shared = Arc::clone(&shared);
            Listener::start(move |stream| {
                // A connection that breaks is what this is for.
                Connection::serve(&shared, &door, stream).ok();
            })
        };
        let elsewhere = open(Door::Elsewhere);
        let listener = open(Door::Registry(elsewhere.address().to_string()));
        Self {
            listener,
            _elsewhere: elsewhere,
            shared,
        }
    }

    /// Starts a proxy that adds no time.
    pub fn with(registry: SocketAddr, schedule: Schedule) -> Self {
        Self::start(ProxyOptions {
            registry,
            schedule,
            delay: Duration::ZERO,
        })
    }

    /// The address at which the registry is found through this proxy.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// All requests so far, in the order in which they were answered.
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.shared.seen).exchanges.clone()
    }

    /// How many requests there were.
    pub fn count(&self) -> usize {
        lock(&self.shared.seen).exchanges.len()
    }
}

impl Shared {
    /// Reads what is asked, decides what becomes of it, and notes both.
    fn look(&self, head: &Head, door: &Door) -> Looked {
        let mut words = head.first.split(' ');
        let mut request = Request {
            method: words.next().unwrap_or_default().to_owned(),
            target: words.next().unwrap_or_default().to_owned(),
            length: match head.request_framing() {
                Framing::Length(length) => Some(length),
                Framing::Nothing | Framing::Chunked | Framing::UntilClose => None,
            },
            authorization: head.header("authorization").map(str::to_owned),
            at_other_host: matches!(door, Door::Elsewhere),
            before: 0,
        };
        let mut seen = lock(&self.seen);
        let before = seen.kinds.entry(request.kind()).or_default();
        request.before = *before;
        *before += 1;
        if request.authorization.is_some() {
            seen.authorization.clone_from(&request.authorization);
        }
        let fault = self.options.schedule.decide(&request);
        seen.exchanges.push(Exchange {
            request: request.clone(),
            status: None,
            fault,
        });
        Looked {
            number: seen.exchanges.len() - 1,
            request,
            fault,
            challenge: seen.challenge.clone(),
        }
    }

    /// Notes an answer, before the client has it: whoever has an answer finds it noted.
    fn answered(&self, looked: &Looked, head: &Head) {
        lock(&self.seen).exchanges[looked.number].status = head.status();
    }
}

/// A request that was noted.
struct Looked {
    number: usize,
    request: Request,
    fault: Option<Fault>,
    challenge: Option<String>,
}

/// Whether more comes on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoesOn,
    Ends,
}

/// One connection of a client, and the one to the registry that goes with it.
struct Connection<'p> {
    shared: &'p Shared,
    door: &'p Door,
    client: BufReader<TcpStream>,
    registry: Option<BufReader<TcpStream>>,
}

impl<'p> Connection<'p> {
    fn serve(shared: &'p Shared, door: &'p Door, client: TcpStream) -> io::Result<()> {
        let mut connection = Self {
            shared,
            door,
            client: BufReader::new(client),
            registry: None,
        };
        while let Some(head) = Head::read(&mut connection.client)? {
            let looked = shared.look(&head, door);
            wait(shared.options.delay);
            let closes = head.closes();
            if connection.exchange(head, &looked)? == Next::Ends || closes {
                break;
            }
        }
        connection.client.get_ref().shutdown(Shutdown::Both)
    }

    fn exchange(&mut self, mut head: Head, looked: &Looked) -> io::Result<Next> {
        let Looked { request, fault, .. } = looked;
        let challenge = looked.challenge.as_deref();
        let effect = fault.map(|fault| fault.effect(request, challenge));
        match effect {
            Some(Effect::Cut) => return Ok(Next::Ends),
            Some(Effect::CutBody) => {
                self.ask(&head, request.length.unwrap_or_default() / 2)?;
                self.registry = None;
                return Ok(Next::Ends);
            }
            Some(Effect::Answer(answer, body)) => {
                let framing = head.request_framing();
                relay(&mut self.client, &mut io::sink(), framing, u64::MAX)?;
                return self.answer(answer, &body, looked);
            }
            Some(Effect::Wait(delay)) => wait(delay),
            Some(Effect::Ask(change)) => change(&mut head),
            Some(Effect::CutAnswer | Effect::CutMidAnswer | Effect::Change) | None => {}
        }
        let taken = self.ask(&head, u64::MAX)?;
        let answer = self.hear()?;
        let framing = answer.answer_framing(&request.method);
        let cut_behind = match (effect, framing) {
            (Some(Effect::CutAnswer), _) => {
                self.pass(framing, &mut io::sink(), u64::MAX)?;
                return Ok(Next::Ends);
            }
            (Some(Effect::CutMidAnswer), Framing::Length(length)) => length / 2,
            (Some(Effect::CutMidAnswer), _) => 0,
            _ => u64::MAX,
        };
        let next = self.pass_answer(answer, looked, cut_behind)?;
        Ok(if taken { next } else { Next::Ends })
    }

    /// Passes the registry's answer on, changed where the fault changes it.
    fn pass_answer(
        &mut self,
        mut head: Head,
        looked: &Looked,
        cut_behind: u64,
    ) -> io::Result<Next> {
        let method = &looked.request.method;
        let framing = head.answer_framing(method);
        if let (Some(fault), Door::Registry(elsewhere)) = (looked.fault, self.door) {
            fault.change(&mut head, elsewhere);
        }
        self.shared.answered(looked, &head);
        let mut client = self.client.get_ref().try_clone()?;
        head.write(&mut client)?;
        let relayed = match head.answer_framing(method) {
            // The change may have taken the body away.
            Framing::Nothing => self.pass(framing, &mut io::sink(), u64::MAX)?,
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose => {
                self.pass(framing, &mut client, cut_behind)?
            }
        };
        let is_over = framing == Framing::UntilClose || head.closes();
        Ok(match relayed {
            Relayed::Whole(_) if !is_over => Next::GoesOn,
            Relayed::Whole(_) | Relayed::Cut(_) => Next::Ends,
        })
    }

    /// Passes a request on; `false` where the registry did not take all of it, as it may answer before.
    fn ask(&mut self, head: &Head, limit: u64) -> io::Result<bool> {
        let mut head = head.clone();
        if head.header("expect").is_some() {
            head.remove("expect");
            self.client
                .get_ref()
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if let (Door::Elsewhere, None) = (self.door, head.header("authorization"))
            && let Some(known) = lock(&self.shared.seen).authorization.clone()
        {
            head.set("Authorization", known);
        }
        let registry = match &mut self.registry {
            Some(registry) => registry,
            none => {
                let stream = TcpStream::connect(self.shared.options.registry)?;
                stream.set_nodelay(true)?;
                none.insert(BufReader::new(stream))
            }
        };
        let mut to = registry.get_ref().try_clone()?;
        head.write(&mut to)?;
        let framing = head.request_framing();
        Ok(matches!(
            relay(&mut self.client, &mut to, framing, limit),
            Ok(Relayed::Whole(_))
        ))
    }

    /// Reads the head of the registry's answer.
    fn hear(&mut self) -> io::Result<Head> {
        let registry = self.registry.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let head = Head::read(registry)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if head.status() == Some(401)
            && let Some(challenge) = head.header("www-authenticate")
        {
            lock(&self.shared.seen).challenge = Some(challenge.to_owned());
        }
        Ok(head)
    }

    /// Passes the body of the registry's answer on.
    fn pass(
        &mut self,
        framing: Framing,
        to: &mut impl io::Write,
        limit: u64,
    ) -> io::Result<Relayed> {
        let registry = self.registry.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        relay(registry, to, framing, limit)
    }

    /// Answers in place of the registry.
    fn answer(&mut self, mut head: Head, body: &[u8], looked: &Looked) -> io::Result<Next> {
        head.set("Content-Length", body.len().to_string());
        self.shared.answered(looked, &head);
        let mut client = self.client.get_ref();
        head.write(&mut client)?;
        if looked.request.method != "HEAD" {
            client.write_all(body)?;
        }
        Ok(Next::GoesOn)
    }
}
