//! The page of a run that goes on, on this machine's loopback address.
//!
//! Nothing but the page, its JSON and the masked logs that it links is served, to GET and HEAD alone. The address holds a
//! random word, so that other people of this machine cannot read what they could not read in the ledger; and a request
//! for another host is refused, so that a name that somebody lets point to this machine (DNS rebinding) leads nowhere.
//! The page is written only while somebody looks at it.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::{Future, IntoFuture as _},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use camino::Utf8PathBuf;
use futures_util::stream;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::io::ReaderStream;

use super::html::Variant;

/// The page is not written more often.
const SOONEST: Duration = Duration::from_millis(250);
/// Nor does writing it take more than this share of the time: one part in so many.
const SHARE: u32 = 5;
/// How long open pages have to hear that the run is over.
const PATIENCE: Duration = Duration::from_secs(1);

/// A run as it is served at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Title of the page.
    pub title: String,
    /// The whole page.
    pub page: String,
    /// What stands in its body.
    pub parts: String,
    /// The summary as JSON.
    pub json: String,
    /// The logs that it links, by their links.
    pub logs: BTreeMap<String, Utf8PathBuf>,
    /// Whether the run is over.
    pub over: bool,
}

/// The page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("the page cannot be served at `{address}`")]
    Listen {
        /// The address; port 0 means any free one.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Somebody who wants the page as it is now.
type Asker = oneshot::Sender<Arc<Frame>>;

/// A server that listens, and waits for the run that it shows.
#[derive(Debug)]
pub struct PageServer {
    address: SocketAddr,
    word: String,
    asked: mpsc::Receiver<Asker>,
    frames: watch::Sender<Option<Arc<Frame>>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

/// What each request is answered from.
#[derive(Debug, Clone)]
struct Desk {
    port: u16,
    prefix: Arc<str>,
    ask: mpsc::Sender<Asker>,
    frames: watch::Receiver<Option<Arc<Frame>>>,
}

impl PageServer {
    /// Listens on `127.0.0.1`, on the given port or for 0 on any free one. `word` is the random part of the address.
    ///
    /// # Errors
    ///
    /// The port is taken or not allowed.
    ///
    /// # Panics
    ///
    /// There is no tokio runtime.
    pub fn start(port: u16, word: &str) -> Result<Self, ServeError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((address, tokio::net::TcpListener::from_std(listener)?))
        };
        let (address, listener) =
            listen().map_err(|source| ServeError::Listen { address, source })?;
        let (ask, asked) = mpsc::channel(16);
        let (frames, shown) = watch::channel(None);
        let (stop, stopped) = oneshot::channel::<()>();
        let desk = Desk {
            port: address.port(),
            prefix: format!("/{word}/").into(),
            ask,
            frames: shown,
        };
        let router = Router::new().fallback(answer).with_state(desk);
        let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
            // A dropped sender means the same as a sent word: the run is over.
            stopped.await.unwrap_or(());
        });
        Ok(Self {
            address,
            word: word.to_owned(),
            asked,
            frames,
            stop,
            task: tokio::spawn(serving.into_future()),
        })
    }

    /// Returns the address of the page.
    pub fn url(&self) -> String {
        format!("http://{}/{}/", self.address, self.word)
    }

    /// Serves the page until `run` has ended and open pages have heard of it, and returns what it returned.
    ///
    /// `changes` counts what happened; `make` writes the page, told whether the run is over. Where it cannot, the page
    /// stays as it was: a page never stops a run.
    pub async fn beside<T>(
        mut self,
        mut changes: watch::Receiver<u64>,
        mut make: impl FnMut(bool) -> Option<Frame>,
        run: impl Future<Output = T>,
    ) -> T {
        let mut run = pin!(run);
        let mut shown = Shown {
            at: None,
            next: Instant::now(),
        };
        let returned = loop {
            let is_watched = self.frames.receiver_count() > 1;
            tokio::select! {
                returned = &mut run => break returned,
                Some(asker) = self.asked.recv() => {
                    shown.renew(&self.frames, *changes.borrow(), || make(false));
                    if let Some(frame) = self.frames.borrow().clone() {
                        // Who does not wait any more is not told.
                        drop(asker.send(frame));
                    }
                }
                now = shown.is_due(&mut changes), if is_watched => {
                    shown.renew(&self.frames, now, || make(false));
                }
            }
        };
        if self.frames.receiver_count() > 1 {
            shown.at = None;
            shown.renew(&self.frames, *changes.borrow(), || make(true));
        }
        self.end().await;
        returned
    }

    /// Takes no more connections, and waits until those that are there have heard the last.
    async fn end(mut self) {
        drop(self.stop);
        let last_askers = async {
            while let Some(asker) = self.asked.recv().await {
                if let Some(frame) = self.frames.borrow().clone() {
                    drop(asker.send(frame));
                }
            }
            std::future::pending::<()>().await
        };
        let all_heard = async {
            tokio::select! {
                ended = &mut self.task => drop(ended),
                () = last_askers => {}
            }
        };
        if timeout(PATIENCE, all_heard).await.is_err() {
            self.task.abort();
        }
    }
}

/// What was written last, and when the next time may be.
struct Shown {
    at: Option<u64>,
    next: Instant,
}

impl Shown {
    /// Ends when there is something new and it may be written.
    async fn is_due(&self, changes: &mut watch::Receiver<u64>) -> u64 {
        let changed = changes
            .wait_for(|now| Some(*now) != self.at)
            .await
            .map(|now| *now);
        match changed {
            Ok(now) => {
                sleep_until(self.next).await;
                now
            }
            // Nobody counts any more: nothing changes until the end.
            Err(_) => std::future::pending().await,
        }
    }

    fn renew(
        &mut self,
        frames: &watch::Sender<Option<Arc<Frame>>>,
        now: u64,
        make: impl FnOnce() -> Option<Frame>,
    ) {
        if self.at == Some(now) {
            return;
        }
        let began = Instant::now();
        if let Some(frame) = make() {
            frames.send_replace(Some(Arc::new(frame)));
        }
        self.at = Some(now);
        self.next = Instant::now() + SOONEST.max(began.elapsed() * SHARE);
    }
}

async fn answer(State(desk): State<Desk>, request: Request) -> Response {
    let (request, _) = request.into_parts();
    let mut response = answered(&desk, &request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    response
}

async fn answered(desk: &Desk, request: &Parts) -> Response {
    if !names_this_machine(desk.port, request) {
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    }
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return (
            StatusCode::METHOD_NOT_ALLOWED,
            [(header::ALLOW, "GET, HEAD")],
        )
            .into_response();
    }
    let Some(path) = request.uri.path().strip_prefix(&*desk.prefix) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if path == "events" {
        return events(desk.clone()).into_response();
    }
    let Some(frame) = desk.frame().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let typed =
        |kind: &'static str, text: String| ([(header::CONTENT_TYPE, kind)], text).into_response();
    match path {
        "" => {
            let policy = format!("{}; frame-ancestors 'none'", Variant::Served.policy());
            let policy = [(header::CONTENT_SECURITY_POLICY, policy)];
            (
                policy,
                typed("text/html; charset=utf-8", frame.page.clone()),
            )
                .into_response()
        }
        "summary.json" => typed("application/json", frame.json.clone()),
        path => match frame.logs.get(path) {
            Some(file) => log(file).await,
            None => StatusCode::NOT_FOUND.into_response(),
        },
    }
}

/// Whether a request was meant for this server, by the name in its `Host`.
fn names_this_machine(port: u16, request: &Parts) -> bool {
    let host = request
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let name = host.and_then(|host| host.strip_suffix(&format!(":{port}")));
    matches!(name, Some("127.0.0.1" | "localhost"))
}

async fn log(file: &Utf8PathBuf) -> Response {
    let Ok(file) = tokio::fs::File::open(file).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox",
        ),
    ];
    (headers, Body::from_stream(ReaderStream::new(file))).into_response()
}

impl Desk {
    /// Returns the run as it is now; `None` where it is over or cannot be shown.
    async fn frame(&self) -> Option<Arc<Frame>> {
        let (asker, told) = oneshot::channel();
        self.ask.send(asker).await.ok()?;
        told.await.ok()
    }
}

/// Tells of the run as it is now, and whenever something happens, until it is over.
fn events(desk: Desk) -> Sse<impl stream::Stream<Item = Result<Event, Infallible>>> {
    /// What comes next.
    enum Next {
        Now(Desk),
        Later(Desk),
        Nothing,
    }
    let stream = stream::unfold(Next::Now(desk), |next| async move {
        let (frame, desk) = match next {
            Next::Now(mut desk) => {
                // What was shown before this moment is part of the answer.
                drop(desk.frames.borrow_and_update());
                (desk.frame().await?, desk)
            }
            Next::Later(mut desk) => {
                desk.frames.changed().await.ok()?;
                let frame = desk.frames.borrow_and_update().clone();
                (frame?, desk)
            }
            Next::Nothing => return None,
        };
        let data =
            serde_json::json!({ "title": frame.title, "html": frame.parts, "over": frame.over });
        let event = Event::default().event("page").data(data.to_string());
        let next = if frame.over {
            Next::Nothing
        } else {
            Next::Later(desk)
        };
        Some((Ok(event), next))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
