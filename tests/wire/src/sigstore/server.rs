//! The server: routes, and what goes wrong where a test wants it.

use std::{
    collections::BTreeMap,
    io::{self, BufReader, Read as _, Write as _},
    net::TcpStream,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::{
    authority::Authority,
    issuer::Issuer,
    log::{Entered, Log},
};
use crate::{
    http::Head,
    listener::{Listener, lock},
};

const REQUEST_TOKEN: &str = "request-token-of-the-test";

/// A running stand-in.
pub struct SigstoreServer {
    listener: Listener,
    shared: Arc<Shared>,
}

struct Shared {
    issuer: Issuer,
    authority: Authority,
    log: Mutex<Log>,
    fault: Mutex<Option<Fault>>,
    requests: Mutex<Vec<String>>,
    /// Tokens that were given.
    tokens: Mutex<Vec<String>>,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The authority certifies a key that is not the asker's.
    AnotherKey,
    /// The authority refuses with this status and these words.
    Refused(u16, String),
    /// The authority refuses, and quotes the token.
    Quoted,
    /// The log takes the next entry, and its answer is lost.
    LostAnswer,
    /// The log answers by the first entry that it has, whatever is entered.
    AnotherEntry,
    /// Both are overloaded, this often.
    Overloaded(u32),
}

impl SigstoreServer {
    /// Starts with keys and an empty log of its own.
    pub fn start() -> Self {
        let shared = Arc::new(Shared {
            issuer: Issuer::new(),
            authority: Authority::new(),
            log: Mutex::new(Log::new()),
            fault: Mutex::default(),
            requests: Mutex::default(),
            tokens: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let listener = Listener::start(move |stream| {
            // A client that goes away does not want an answer.
            serve(&serving, stream).ok();
        });
        Self { listener, shared }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.listener.address())
    }

    /// The variables by which a job finds it.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let token_url = format!("{}/idtoken?api-version=2.0", self.url());
        let pairs = [
            ("ACTIONS_ID_TOKEN_REQUEST_URL", token_url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN.to_owned()),
            ("SIGSTORE_FULCIO_URL", self.url()),
            ("SIGSTORE_REKOR_URL", self.url()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// What verifies its work, as `cosign --trusted-root` reads it.
    pub fn trusted_root(&self) -> Value {
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [lock(&self.shared.log).trusted()],
            "certificateAuthorities": [self.shared.authority.trusted()],
        })
    }

    /// Lets something go wrong from now on.
    pub fn fail(&self, fault: Fault) {
        *lock(&self.shared.fault) = Some(fault);
    }

    /// What it was asked, as `METHOD /path`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shared.requests).clone()
    }

    /// What the log holds, oldest first.
    pub fn entries(&self) -> Vec<Value> {
        lock(&self.shared.log).bodies()
    }

    /// What must be seen nowhere: the request token, and the tokens that were given.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = lock(&self.shared.tokens).clone();
        secrets.push(REQUEST_TOKEN.to_owned());
        secrets
    }
}

struct Reply {
    status: u16,
    location: Option<String>,
    body: Value,
}

fn reply(status: u16, body: Value) -> Option<Reply> {
    Some(Reply {
        status,
        location: None,
        body,
    })
}

fn refusal(status: u16, message: &str) -> Option<Reply> {
    reply(status, json!({ "code": status, "message": message }))
}

fn serve(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(head) = Head::read(&mut reader)? {
        let length = head.header("content-length").unwrap_or("0").parse();
        let mut body = Vec::new();
        let mut rest = (&mut reader).take(length.unwrap_or(0));
        rest.read_to_end(&mut body)?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let Some(reply) = answer(shared, &head, &body) else {
            return Ok(());
        };
        let body = reply.body.to_string();
        let mut answer = Head::answer(reply.status, "Answer");
        answer.set("Content-Type", "application/json");
        answer.set("Content-Length", body.len().to_string());
        if let Some(location) = reply.location {
            answer.set("Location", location);
        }
        let mut writer = reader.get_ref();
        answer.write(&mut writer)?;
        writer.write_all(body.as_bytes())?;
    }
    Ok(())
}

/// `None` where the answer gets lost.
fn answer(shared: &Shared, head: &Head, body: &Value) -> Option<Reply> {
    let method = head.first.split(' ').next().unwrap_or_default();
    let target = head.second_word();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    lock(&shared.requests).push(format!("{method} {path}"));
    let bearer = head.header("authorization");
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
    match (method, path) {
        ("GET", "/idtoken") if bearer != Some(REQUEST_TOKEN) => refusal(401, "not this job's"),
        ("GET", "/idtoken") => {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let audience = pairs.find(|(name, _)| *name == "audience");
            let token = shared.issuer.token(audience.map_or("", |(_, value)| value));
            lock(&shared.tokens).push(token.clone());
            reply(200, json!({ "count": 1, "value": token }))
        }
        ("POST", "/api/v2/signingCert") => certify(shared, bearer, body),
        ("POST", "/api/v1/log/entries") => enter(shared, body),
        ("GET", _) => match path.strip_prefix("/api/v1/log/entries/") {
            Some(id) => match lock(&shared.log).find(id) {
                Some(entry) => reply(200, entry),
                None => refusal(404, "no such entry"),
            },
            None => refusal(404, "not found"),
        },
        _ => refusal(404, "not found"),
    }
}

fn certify(shared: &Shared, bearer: Option<&str>, body: &Value) -> Option<Reply> {
    if is_overloaded(shared) {
        return refusal(503, "try again");
    }
    let fault = lock(&shared.fault).clone();
    if let Some(Fault::Refused(status, words)) = &fault {
        return refusal(*status, words);
    }
    let Some(claimed) = bearer.and_then(|token| shared.issuer.read(token)) else {
        return refusal(400, "There was an error processing the identity token");
    };
    if fault == Some(Fault::Quoted) {
        let token = bearer.unwrap_or_default();
        return refusal(400, &format!("the token {token} is not known here"));
    }
    if fault == Some(Fault::AnotherKey) {
        return reply(200, shared.authority.certify_another(&claimed));
    }
    match shared.authority.certify(&claimed, body) {
        Ok(chain) => reply(200, chain),
        Err(words) => refusal(400, &words),
    }
}

fn enter(shared: &Shared, proposal: &Value) -> Option<Reply> {
    if is_overloaded(shared) {
        return refusal(503, "try again");
    }
    let entered = lock(&shared.log).enter(proposal);
    let mut fault = lock(&shared.fault);
    match *fault {
        Some(Fault::LostAnswer) => {
            *fault = None;
            return None;
        }
        Some(Fault::AnotherEntry) => {
            let log = lock(&shared.log);
            let first = log.first();
            return reply(201, first);
        }
        _ => {}
    }
    match entered {
        Entered::New(entry) => reply(201, entry),
        Entered::Known(id) => Some(Reply {
            status: 409,
            location: Some(format!("/api/v1/log/entries/{id}")),
            body: json!({
                "code": 409,
                "message": format!("an equivalent entry already exists in the transparency log with UUID {id}"),
            }),
        }),
        Entered::Refused(words) => refusal(400, &words),
    }
}

fn is_overloaded(shared: &Shared) -> bool {
    match &mut *lock(&shared.fault) {
        Some(Fault::Overloaded(times)) if *times > 0 => {
            *times -= 1;
            true
        }
        _ => false,
    }
}
