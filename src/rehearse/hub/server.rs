//! The server: token, faults, the record of each request, and what every answer has.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, Request, Response, StatusCode, header, request::Parts},
};
use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    answer::Answer,
    api::{self, Call, written_at},
    comments::Comment,
    fault::{Fault, Faults},
    pulls::PullRequest,
    rate_limit::{Budget, Window},
    runs::{Approval, WorkflowJob, WorkflowRun},
    state::StateFile,
    statuses::CommitStatus,
};
use crate::{
    rehearse::{
        loopback::{self, Server, ServerError},
        registry::HeldRepository,
        request_log::RequestLog,
    },
    secret::Secret,
};

/// What reports call this stand-in.
pub const VERSION: &str = concat!(
    "deploy-action's recording GitHub ",
    env!("CARGO_PKG_VERSION")
);

/// The prefix under which an enterprise server has its API.
const ENTERPRISE_PREFIX: &str = "/api/v3";
/// The longest body that is read; GitHub's own limit is of this order.
const LONGEST_BODY: usize = 25 * 1024 * 1024;

/// Returns the repositories that a registry holds, for the package lists.
pub type Packages = Arc<dyn Fn() -> Vec<HeldRepository> + Send + Sync>;

/// What a hub knows from the start.
#[derive(Clone)]
pub struct HubOptions {
    /// The folder, which is created; comments that an earlier hub left there are still on the pull request.
    pub folder: Utf8PathBuf,
    /// The port on `127.0.0.1`; `None` takes any free one.
    pub port: Option<u16>,
    /// The repository as `owner/name`.
    pub repository: String,
    /// The only token that is let in.
    pub token: Secret,
    /// The pull request, if there is one.
    pub pull_request: Option<PullRequest>,
    /// Asked anew for each request about packages.
    pub packages: Packages,
}

impl fmt::Debug for HubOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HubOptions")
            .field("folder", &self.folder)
            .field("port", &self.port)
            .field("repository", &self.repository)
            .field("pull_request", &self.pull_request)
            .finish_non_exhaustive()
    }
}

/// A hub could not be started or its folder not be used.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The folder cannot be created, read or written.
    #[error("the recording GitHub cannot use folder `{folder}`")]
    Folder {
        /// The folder asked for.
        folder: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The repository's name has another form.
    #[error("`{0}` is not a repository: expected `OWNER/NAME`")]
    Repository(String),
    /// The server cannot be started.
    #[error("the recording GitHub cannot be started")]
    Server(#[from] ServerError),
}

/// One request that a hub answered, as its folder's `requests.jsonl` holds it. The token is never recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubRequest {
    /// When it came.
    pub at: Timestamp,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path below the API's address: `/repos/acme/api/issues/1/comments`.
    pub path: String,
    /// The query as it came, without the question mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The body as text; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// A running stand-in of GitHub's API on the loopback address.
#[derive(Debug)]
pub struct Hub {
    shared: Arc<Shared>,
    server: Server,
}

/// What all requests share.
pub(super) struct Shared {
    folder: Utf8PathBuf,
    pub(super) repository: String,
    pub(super) pull_request: Option<PullRequest>,
    pub(super) packages: Packages,
    pub(super) state: StateFile,
    started: Timestamp,
    token: Secret,
    log: RequestLog,
    faults: Faults,
    budget: Budget,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("folder", &self.folder)
            .field("repository", &self.repository)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// Starts a hub on the tokio runtime that the caller runs on.
    ///
    /// # Errors
    /// When the folder cannot be used, the repository is not `OWNER/NAME`, the port is taken, or there is no runtime.
    pub fn start(options: HubOptions) -> Result<Self, HubError> {
        match options.repository.split('/').collect::<Vec<_>>()[..] {
            [owner, name] if !owner.is_empty() && !name.is_empty() => {}
            _ => return Err(HubError::Repository(options.repository)),
        }
        let folder = options.folder;
        let open = || Ok((StateFile::open(&folder)?, RequestLog::open(&folder)?));
        let (state, log) = open().map_err(|source| HubError::Folder {
            folder: folder.clone(),
            source,
        })?;
        let shared = Arc::new(Shared {
            folder,
            repository: options.repository,
            pull_request: options.pull_request,
            packages: options.packages,
            state,
            started: Timestamp::now(),
            token: options.token,
            log,
            faults: Faults::default(),
            budget: Budget::default(),
        });
        let router = Router::new()
            .fallback(respond)
            .with_state(Arc::clone(&shared));
        let server = Server::start(options.port, router)?;
        Ok(Self { shared, server })
    }

    /// Returns the address that the hub listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the value for `GITHUB_API_URL`: `http://127.0.0.1:PORT`, without a slash at its end.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Returns the comments of an issue or pull request, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn comments(&self, number: u64) -> Result<Vec<Comment>, HubError> {
        let mut comments = self.used(self.shared.state.read())?.comments;
        comments.retain(|comment| comment.issue == number);
        Ok(comments)
    }

    /// Returns the statuses that were ever set on a commit, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn statuses(&self, sha: &str) -> Result<Vec<CommitStatus>, HubError> {
        let mut statuses = self.used(self.shared.state.read())?.statuses;
        statuses.retain(|status| status.sha == sha);
        Ok(statuses)
    }

    /// Returns the requests that were answered on this folder, by earlier hubs too, oldest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn requests(&self) -> Result<Vec<HubRequest>, HubError> {
        self.used(self.shared.log.read())
    }

    /// Makes a workflow run known, or changes the one with this id.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn put_run(&self, run: WorkflowRun) -> Result<(), HubError> {
        self.used(self.shared.state.change(|state| {
            match state.runs.iter_mut().find(|known| known.id == run.id) {
                Some(known) => *known = run,
                None => state.runs.push(run),
            }
        }))
    }

    /// Makes a job known, or changes the one with this run, attempt and name.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn put_job(&self, job: WorkflowJob) -> Result<(), HubError> {
        let key = |job: &WorkflowJob| (job.run, job.attempt, job.name.clone());
        self.used(self.shared.state.change(|state| {
            match state.jobs.iter_mut().find(|known| key(known) == key(&job)) {
                Some(known) => *known = job,
                None => state.jobs.push(job),
            }
        }))
    }

    /// Adds what a reviewer said of a run.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn review(&self, approval: Approval) -> Result<(), HubError> {
        self.used(
            self.shared
                .state
                .change(|state| state.approvals.push(approval)),
        )
    }

    /// Lets the next requests fail whose `METHOD PATH` contains a text; what was planned first is used up first.
    pub fn fail_next(&self, requests: usize, part: &str, fault: Fault) {
        self.shared.faults.plan(requests, part, fault);
    }

    /// Ends the answers under way and stops listening.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    fn used<T>(&self, result: io::Result<T>) -> Result<T, HubError> {
        result.map_err(|source| HubError::Folder {
            folder: self.shared.folder.clone(),
            source,
        })
    }
}

impl Shared {
    /// Returns the owner of the repository.
    pub(super) fn owner(&self) -> &str {
        self.repository
            .split_once('/')
            .map_or(&self.repository, |(owner, _)| owner)
    }

    /// Tells whether this is the repository; GitHub ignores case.
    pub(super) fn is_repository(&self, owner: &str, name: &str) -> bool {
        format!("{owner}/{name}").eq_ignore_ascii_case(&self.repository)
    }

    /// Returns when the hub was started, which is the date of all that was there before.
    pub(super) fn started(&self) -> String {
        written_at(self.started)
    }

    fn refusal_of_token(&self, headers: &HeaderMap) -> Option<Answer> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Some(Answer::refused(
                StatusCode::UNAUTHORIZED,
                "Requires authentication",
                "",
            ));
        };
        let token = value.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            let is_known = ["bearer", "token"].contains(&scheme.to_ascii_lowercase().as_str());
            is_known.then_some(token.trim())
        });
        if token == Some(self.token.expose()) {
            None
        } else {
            Some(Answer::refused(
                StatusCode::UNAUTHORIZED,
                "Bad credentials",
                "",
            ))
        }
    }
}

async fn respond(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LONGEST_BODY).await;
    let work = move || match body {
        Ok(body) => record_and_answer(&shared, &parts, &String::from_utf8_lossy(&body)),
        Err(error) => Ok(Answer::refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            &error.to_string(),
            "",
        )),
    };
    let answered = match tokio::task::spawn_blocking(work).await {
        Ok(answered) => answered,
        Err(error) => Err(io::Error::other(error)),
    };
    let answer = answered.unwrap_or_else(|error| {
        tracing::error!(%error, "the recording GitHub cannot use its folder");
        Answer::refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string(), "")
    });
    answer.into_response()
}

/// Answers, and writes the request down before the client has the answer.
fn record_and_answer(shared: &Shared, parts: &Parts, body: &str) -> io::Result<Answer> {
    let now = Timestamp::now();
    let window = shared.budget.count(now);
    let (_, path) = split_prefix(parts.uri.path());
    let answer = match shared.faults.take(&format!("{} {path}", parts.method)) {
        Some(fault) => {
            if fault == Fault::Lost {
                usual_answer(shared, parts, body, (now, window))?;
            }
            fault.answer()
        }
        None => usual_answer(shared, parts, body, (now, window))?,
    };
    shared.log.append(&HubRequest {
        at: now,
        method: parts.method.to_string(),
        path: path.to_owned(),
        query: parts.uri.query().map(str::to_owned),
        body: (!body.is_empty()).then(|| body.to_owned()),
        status: answer.status.as_u16(),
        answer: Some(answer.text()).filter(|text| !text.is_empty()),
    })?;
    let headers = window.headers(|name| answer.has_header(name));
    let with_header = |answer: Answer, (name, value)| answer.header(name, value);
    Ok(headers.into_iter().fold(answer, with_header))
}

fn usual_answer(
    shared: &Shared,
    parts: &Parts,
    body: &str,
    (now, window): (Timestamp, Window),
) -> io::Result<Answer> {
    if let Some(refusal) = shared.refusal_of_token(&parts.headers) {
        return Ok(refusal);
    }
    Ok(match read_call(shared, parts, body, (now, window)) {
        Some(call) => api::answer(&call)?.with_entity_tag(&parts.method, &parts.headers),
        None => Answer::not_found(""),
    })
}

/// Takes a request apart; `None` where its target is not well encoded.
fn read_call<'h>(
    hub: &'h Shared,
    parts: &Parts,
    body: &str,
    (now, window): (Timestamp, Window),
) -> Option<Call<'h>> {
    let (prefix, path) = split_prefix(parts.uri.path());
    let segments = path.trim_matches('/').split('/');
    // Addresses in answers lead to where the client came from, be it through a proxy.
    let host = match parts.headers.get(header::HOST) {
        Some(host) => host.to_str().ok()?,
        None => parts.uri.authority()?.as_str(),
    };
    Some(Call {
        hub,
        method: parts.method.clone(),
        base: format!("http://{host}{prefix}"),
        path: path.to_owned(),
        segments: segments
            .map(loopback::percent_decoded)
            .collect::<Option<_>>()?,
        query: loopback::query_pairs(parts.uri.query().unwrap_or(""))?,
        body: body.to_owned(),
        now,
        window,
    })
}

/// Splits a path into the prefix of an enterprise server, if it has it, and the rest.
fn split_prefix(path: &str) -> (&'static str, &str) {
    match path.strip_prefix(ENTERPRISE_PREFIX) {
        Some(below) if below.starts_with('/') => (ENTERPRISE_PREFIX, below),
        _ => ("", path),
    }
}
