//! A GitHub that keeps comments, records what it was asked, and can be made to answer something else.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::Response,
};
use deploy_action_test_support::github_api::Exchange;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    github::{Client, Patience},
    secret::Secret,
};

/// A request as it came in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    pub(super) method: String,
    /// Path and query.
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) body: Value,
}

/// An answer that is given instead of the usual one.
#[derive(Debug, Clone)]
pub(super) struct Instead {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Instead {
    pub(super) fn new(status: u16, message: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: json!({ "message": message }).to_string(),
        }
    }

    pub(super) fn json(body: &Value) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.to_string(),
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn set_body(&mut self, body: impl Into<String>) {
        self.body = body.into();
    }

    fn response(self) -> Response {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response
            .body(Body::from(self.body))
            .expect("it is well formed")
    }
}

type Fault = Box<dyn FnMut(&Asked, &mut Vec<Kept>) -> Option<Instead> + Send>;

/// A comment that is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    pub(super) id: u64,
    pub(super) body: String,
}

#[derive(Default)]
struct World {
    comments: Vec<Kept>,
    next_id: u64,
    asked: Vec<Asked>,
    /// What of it breaks GitHub's own description of its API.
    problems: Vec<String>,
    fault: Option<Fault>,
}

/// The server; it ends with the test.
pub(super) struct Hub {
    address: String,
    world: Arc<Mutex<World>>,
    waited: Arc<Mutex<Vec<u64>>>,
    server: JoinHandle<()>,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.server.abort();
        // A test that fails has its own words.
        if !std::thread::panicking() {
            assert_eq!(self.world().problems, [""; 0]);
        }
    }
}

impl Hub {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let world = Arc::new(Mutex::new(World {
            next_id: 1_000,
            ..World::default()
        }));
        let router = Router::new().fallback(answer).with_state(world.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("it serves until it is aborted");
        });
        Self {
            address: format!("http://{address}"),
            world,
            waited: Arc::default(),
            server,
        }
    }

    /// Returns a client that notes pauses instead of waiting.
    pub(super) fn client(&self) -> Client {
        self.client_at("")
    }

    pub(super) fn client_at(&self, path: &str) -> Client {
        let waited = self.waited.clone();
        let wait = move |pause: Duration| {
            waited
                .lock()
                .expect("no test panicked")
                .push(pause.as_secs());
            Box::pin(std::future::ready(())) as _
        };
        let repository = "acme/web".parse().expect("it is well formed");
        Client::new(
            &format!("{}{path}", self.address),
            repository,
            &Secret::new("hunter2"),
        )
        .expect("it is an address")
        .with_patience(Patience::with_wait(
            4,
            Duration::from_secs(150),
            Arc::new(wait),
        ))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no test panicked")
    }

    /// Keeps a comment as somebody else wrote it, and returns its number.
    pub(super) fn keep(&self, body: impl Into<String>) -> u64 {
        let mut world = self.world();
        world.next_id += 1;
        let id = world.next_id;
        world.comments.push(Kept {
            id,
            body: body.into(),
        });
        id
    }

    /// Looks at each request before it is answered, and may answer it.
    pub(super) fn fault(
        &self,
        fault: impl FnMut(&Asked, &mut Vec<Kept>) -> Option<Instead> + Send + 'static,
    ) {
        self.world().fault = Some(Box::new(fault));
    }

    /// Answers each request so.
    pub(super) fn always(&self, instead: Instead) {
        self.fault(move |_, _| Some(instead.clone()));
    }

    pub(super) fn comments(&self) -> Vec<Kept> {
        self.world().comments.clone()
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.world().asked.clone()
    }

    /// Returns the methods of the requests since the last call of this, in their order.
    pub(super) fn take_methods(&self) -> Vec<String> {
        let asked = std::mem::take(&mut self.world().asked);
        asked.into_iter().map(|asked| asked.method).collect()
    }

    /// Returns the pauses in seconds.
    pub(super) fn waited(&self) -> Vec<u64> {
        self.waited.lock().expect("no test panicked").clone()
    }
}

async fn answer(State(world): State<Arc<Mutex<World>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .expect("the body comes");
    let header = parts.headers.get(header::AUTHORIZATION);
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().expect("it has one").to_string(),
        authorization: header
            .map_or("", |value| value.to_str().expect("it is text"))
            .to_owned(),
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    };
    let problems = problems_of(&asked, &bytes);
    let mut world = world.lock().expect("no test panicked");
    world.problems.extend(problems);
    world.asked.push(asked.clone());
    let World {
        comments, fault, ..
    } = &mut *world;
    if let Some(instead) = fault.as_mut().and_then(|fault| fault(&asked, comments)) {
        return instead.response();
    }
    usual(&mut world, &parts.method, &asked)
}

fn problems_of(asked: &Asked, body: &[u8]) -> Vec<String> {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let exchange = Exchange {
        method: &asked.method,
        path: path.strip_prefix("/api/v3").unwrap_or(path),
        query,
        body: std::str::from_utf8(body).expect("it is text"),
        status: 0,
        answer: "",
    };
    exchange.request_problems()
}

/// Lists ten comments a page, whatever is asked for, as GitHub may do it.
const PAGE: usize = 10;

fn usual(world: &mut World, method: &Method, asked: &Asked) -> Response {
    let path = asked.path.split('?').next().unwrap_or_default();
    let id = path
        .strip_prefix("/repos/acme/web/issues/comments/")
        .and_then(|id| id.parse::<u64>().ok());
    let body = asked.body["body"].as_str().unwrap_or_default().to_owned();
    let place = world.comments.iter().position(|kept| Some(kept.id) == id);
    match (method, path, place) {
        (&Method::GET, "/repos/acme/web/issues/7/comments", _) => list(world, asked),
        (&Method::POST, "/repos/acme/web/issues/7/comments", _) => {
            world.next_id += 1;
            let kept = Kept {
                id: world.next_id,
                body,
            };
            world.comments.push(kept.clone());
            Instead::json(&shown(&kept)).response()
        }
        (&Method::PATCH, _, Some(place)) => {
            world.comments[place].body = body;
            Instead::json(&shown(&world.comments[place])).response()
        }
        (&Method::DELETE, _, Some(place)) => {
            world.comments.remove(place);
            Response::builder()
                .status(StatusCode::NO_CONTENT)
                .body(Body::empty())
                .expect("it is well formed")
        }
        _ => Instead::new(404, "Not Found").response(),
    }
}

fn list(world: &World, asked: &Asked) -> Response {
    let page = asked
        .path
        .rsplit_once("&page=")
        .map_or("1", |(_, page)| page);
    let page: usize = page.parse().expect("it is a number");
    let pages: Vec<_> = world.comments.chunks(PAGE).collect();
    let shown: Vec<_> = pages
        .get(page - 1)
        .copied()
        .unwrap_or_default()
        .iter()
        .map(shown)
        .collect();
    let answer = Instead::json(&Value::from(shown));
    match page < pages.len() {
        true => answer.header(
            "link",
            format!("<http://elsewhere/x?page={}>; rel=\"next\"", page + 1),
        ),
        false => answer,
    }
    .response()
}

fn shown(kept: &Kept) -> Value {
    json!({
        "id": kept.id,
        "body": kept.body,
        "html_url": format!("https://github.com/acme/web/pull/7#issuecomment-{}", kept.id),
        "user": { "login": "somebody" },
    })
}
