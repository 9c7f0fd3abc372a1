//! The server: from a request to the endpoint that answers it, and the log of what was asked.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{self, HeaderMap, HeaderName, Method, Response, StatusCode, header},
};
use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    answer::{Answer, Code, Refusal, json_answer},
    blob,
    body::RequestBody,
    discovery, manifest,
    route::Route,
    store::Store,
    upload,
};
use crate::rehearse::{
    loopback::{self, Server, ServerError},
    request_log::RequestLog,
};

/// What reports call this registry.
pub const VERSION: &str = concat!(
    "deploy-action's embedded registry ",
    env!("CARGO_PKG_VERSION")
);

/// Where a registry keeps what it holds, and where it listens.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// The folder, which is created; what an earlier registry left there is served on.
    pub folder: Utf8PathBuf,
    /// The port on `127.0.0.1`; `None` takes any free one.
    pub port: Option<u16>,
}

/// A registry could not be started, or its log not be read.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The folder cannot be created or used.
    #[error("the embedded registry cannot use folder `{folder}`")]
    Folder {
        /// The folder asked for.
        folder: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The server cannot be started.
    #[error("the embedded registry cannot be started")]
    Server(#[from] ServerError),
}

/// One request that a registry answered, as its folder's `requests.jsonl` holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryRequest {
    /// When it was answered.
    pub at: Timestamp,
    /// `GET`, `HEAD`, `POST`, …
    pub method: String,
    /// The path as it came, without the query.
    pub path: String,
    /// The query as it came, without the question mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// How many bytes of a body came with the request.
    pub bytes: u64,
}

/// A running registry on the loopback address.
#[derive(Debug)]
pub struct Registry {
    folder: Utf8PathBuf,
    shared: Arc<Shared>,
    server: Server,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    log: RequestLog,
}

impl Registry {
    /// Starts a registry on the tokio runtime that the caller runs on.
    ///
    /// # Errors
    /// When the folder cannot be used, the port is taken, or there is no runtime.
    pub fn start(options: RegistryOptions) -> Result<Self, RegistryError> {
        let folder = options.folder;
        let open = || {
            let store = Store::at(folder.clone());
            store.create()?;
            let log = RequestLog::open(&folder)?;
            Ok(Arc::new(Shared { store, log }))
        };
        let shared = open().map_err(|source| RegistryError::Folder {
            folder: folder.clone(),
            source,
        })?;
        let router = Router::new()
            .fallback(respond)
            .with_state(Arc::clone(&shared));
        let server = Server::start(options.port, router)?;
        Ok(Self {
            folder,
            shared,
            server,
        })
    }

    /// Returns the address that the registry listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns `http://127.0.0.1:PORT`, without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Returns the requests that were answered on this folder, by earlier registries too, oldest first.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn requests(&self) -> Result<Vec<RegistryRequest>, RegistryError> {
        self.shared
            .log
            .read()
            .map_err(|source| RegistryError::Folder {
                folder: self.folder.clone(),
                source,
            })
    }

    /// Ends the answers under way and stops listening.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// A request, its path aside.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) query: Query,
    headers: HeaderMap,
    pub(super) body: RequestBody,
}

impl Request {
    /// Returns a header; one that is not text counts as absent.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns how long the client says that the body is.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.header(&header::CONTENT_LENGTH)?.parse().ok()
    }
}

/// The parameters of a request, in their order.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Returns the first value of a name.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Returns every value of a name.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let of_name = self.0.iter().filter(|(found, _)| found == name);
        of_name.map(|(_, value)| value.as_str()).collect()
    }
}

/// Runs work that touches the disk where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Refusal::Folder(io::Error::other(error))),
    }
}

async fn respond(
    State(shared): State<Arc<Shared>>,
    request: http::Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().map(str::to_owned);
    let mut request = Request {
        method: parts.method,
        query: Query(Vec::new()),
        headers: parts.headers,
        body: RequestBody::new(body),
    };
    let answered = match loopback::query_pairs(query.as_deref().unwrap_or("")) {
        Some(pairs) => {
            request.query = Query(pairs);
            answer(&shared.store, &path, &mut request).await
        }
        None => Err(Refusal::new(
            Code::NameInvalid,
            "the query is not well encoded",
        )),
    };
    if answered.is_err() {
        request.body.drain().await;
    }
    let response = answered.map_or_else(Refusal::into_response, Answer::into_response);
    let entry = RegistryRequest {
        at: Timestamp::now(),
        method: request.method.to_string(),
        path,
        query,
        status: response.status().as_u16(),
        bytes: request.body.received(),
    };
    // The line stands before the client has its answer, so whoever has the answer finds the line.
    match shared.log.append(&entry) {
        Ok(()) => response,
        Err(error) => Refusal::Folder(error).into_response(),
    }
}

async fn answer(store: &Store, path: &str, request: &mut Request) -> Result<Answer, Refusal> {
    let route = Route::parse(path)?;
    let method = request.method.clone();
    match (route, method.as_str()) {
        (Route::Base, "GET" | "HEAD") => Ok(base()),
        (Route::Blob { name, digest }, "GET" | "HEAD") => {
            let range = request.header(&header::RANGE).map(str::to_owned);
            blob::read(store, &name, &digest, &method, range.as_deref()).await
        }
        (Route::Uploads { name }, "POST") => upload::begin(store, &name, request).await,
        (Route::Upload { name, session }, "PATCH") => {
            upload::append(store, &name, &session, request).await
        }
        (Route::Upload { name, session }, "PUT") => {
            upload::finish(store, &name, &session, request).await
        }
        (Route::Manifest { name, reference }, "PUT") => {
            manifest::push(store, &name, &reference, request).await
        }
        (route, _) => {
            let store = store.clone();
            let query = Query(request.query.0.clone());
            blocking(move || answer_from_folder(&store, route, &method, &query)).await
        }
    }
}

/// Answers what needs no body: a few small files are read or removed.
fn answer_from_folder(
    store: &Store,
    route: Route,
    method: &Method,
    query: &Query,
) -> Result<Answer, Refusal> {
    match (route, method.as_str()) {
        (Route::Catalog, "GET" | "HEAD") => discovery::catalog(store, query),
        (Route::Tags { name }, "GET" | "HEAD") => discovery::tags(store, &name, query),
        (Route::Referrers { name, digest }, "GET" | "HEAD") => {
            discovery::referrers(store, &name, &digest, query)
        }
        (Route::Manifest { name, reference }, "GET" | "HEAD") => {
            manifest::read(store, &name, &reference, method)
        }
        (Route::Manifest { name, reference }, "DELETE") => {
            manifest::delete(store, &name, &reference)
        }
        (Route::Blob { name, digest }, "DELETE") => blob::delete(store, &name, &digest),
        (Route::Upload { name, session }, "GET" | "HEAD") => upload::status(store, &name, &session),
        (Route::Upload { name, session }, "DELETE") => upload::cancel(store, &name, &session),
        (_, _) => Err(Refusal::new(
            Code::Unsupported,
            format!("this endpoint does not answer {method}"),
        )),
    }
}

fn base() -> Answer {
    json_answer(StatusCode::OK, &json!({})).header(
        HeaderName::from_static("docker-distribution-api-version"),
        "registry/2.0",
    )
}
