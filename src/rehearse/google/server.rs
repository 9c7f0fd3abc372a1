//! The server: routes, the date of its own clock, and what a test may ask and change.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::{Method, Request, Response, header, request::Parts},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    issuer,
    jwt::SigningKey,
    service_accounts,
    state::{Changing, GoogleError, Kind, Reply, Shared, Trust, api_error},
    sts,
};
use crate::{
    cloud::{Addresses, Clock},
    rehearse::loopback::{self, Server},
    secret::Secret,
};

/// What reports call this stand-in.
pub const VERSION: &str = concat!(
    "deploy-action's stand-in for Google's identity services ",
    env!("CARGO_PKG_VERSION")
);

const LONGEST_BODY: usize = 1 << 20;

/// How a stand-in begins.
#[derive(Debug, Clone)]
pub struct GoogleOptions {
    /// The port on `127.0.0.1`; `None` takes any free one.
    pub port: Option<u16>,
    /// Google's clock.
    pub clock: Clock,
    /// GitHub's clock.
    pub issuer_clock: Clock,
    /// What is set up.
    pub trust: Trust,
}

/// A running stand-in on the loopback address.
pub struct Google {
    shared: Arc<Shared>,
    server: Server,
}

impl std::fmt::Debug for Google {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Google")
            .field("url", &self.base_url())
            .finish_non_exhaustive()
    }
}

impl Google {
    /// Starts on the tokio runtime that the caller runs on.
    ///
    /// # Errors
    ///
    /// There is no randomness, no port or no runtime.
    pub fn start(options: GoogleOptions) -> Result<Self, GoogleError> {
        let key = SigningKey::generate()?;
        let shared = Arc::new(Shared {
            clock: options.clock,
            issuer_clock: options.issuer_clock,
            trust: options.trust,
            request_token: Secret::new(format!("stand-in-request-{}", key.mark())),
            key,
            changing: Mutex::new(Changing::default()),
        });
        let router = Router::new()
            .fallback(respond)
            .with_state(Arc::clone(&shared));
        let server = Server::start(options.port, router)?;
        Ok(Self { shared, server })
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Returns where everybody finds it in the place of Google.
    pub fn addresses(&self) -> Addresses {
        Addresses::led(&self.base_url())
    }

    /// Returns the variables by which a job finds its OIDC tokens. As GitHub's, the address has a query already.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let token = self.shared.request_token.expose().to_owned();
        BTreeMap::from([
            (
                "ACTIONS_ID_TOKEN_REQUEST_URL".to_owned(),
                format!("{}/idtoken?api-version=2.0", self.base_url()),
            ),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN".to_owned(), token),
        ])
    }

    /// Returns whom a token names, as long as it has not run out.
    pub fn identity_of(&self, token: &str) -> Option<String> {
        self.shared.find(token).map(|given| given.identity)
    }

    /// Returns the requests that came, as `METHOD /path status`.
    pub fn requests(&self) -> Vec<String> {
        self.shared.change(|changing| changing.requests.clone())
    }

    /// Denies the next impersonations, as while a grant is not yet known everywhere.
    pub fn deny_next(&self, denials: u32) {
        self.shared.change(|changing| changing.denials = denials);
    }

    /// Takes all tokens back.
    pub fn revoke(&self) {
        self.shared.change(|changing| changing.given.clear());
    }

    /// Ends the job: GitHub gives no more tokens.
    pub fn end_job(&self) {
        self.shared.change(|changing| changing.job_is_over = true);
    }

    /// Takes no more requests, and ends.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn respond(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LONGEST_BODY).await.unwrap_or_default();
    let (status, answer) = route(&shared, &parts, &body);
    let line = format!("{} {} {status}", parts.method, parts.uri.path());
    shared.change(|changing| changing.requests.push(line));
    let date = shared
        .clock
        .now()
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string();
    let response = Response::builder()
        .status(status)
        .header(header::DATE, date)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(answer.to_string()));
    response.unwrap_or_default()
}

fn route(shared: &Shared, parts: &Parts, body: &[u8]) -> Reply {
    let bearer = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let document =
        || serde_json::from_slice::<Value>(body).unwrap_or_else(|_| form_as_document(body));
    let path = parts.uri.path();
    let impersonated = path
        .strip_prefix("/v1/projects/-/serviceAccounts/")
        .and_then(|rest| rest.strip_suffix(":generateAccessToken"));
    match (&parts.method, path, impersonated) {
        (&Method::GET, "/idtoken", _) => {
            let query = loopback::query_pairs(parts.uri.query().unwrap_or_default());
            let pairs = query.unwrap_or_default();
            let audience = pairs.iter().find(|(name, _)| name == "audience");
            issuer::answer(shared, bearer, audience.map(|(_, value)| value.as_str()))
        }
        (&Method::POST, "/v1/token", _) => sts::answer(shared, &document()),
        (&Method::POST, _, Some(account)) => {
            let account = loopback::percent_decoded(account).unwrap_or_default();
            service_accounts::impersonate(shared, bearer, &account, &document())
        }
        (&Method::POST, "/token", _) => {
            let host = parts
                .headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok());
            let own_address = format!("http://{}", host.unwrap_or_default());
            service_accounts::oauth(shared, &form(body), &own_address)
        }
        (&Method::GET, "/computeMetadata/v1/instance/service-accounts/default/token", _) => {
            machine(shared, parts)
        }
        _ => api_error(404, "NOT_FOUND", "the stand-in does not know this address"),
    }
}

/// The metadata server of a machine.
fn machine(shared: &Shared, parts: &Parts) -> Reply {
    if parts
        .headers
        .get("metadata-flavor")
        .is_none_or(|flavor| flavor != "Google")
    {
        return (
            403,
            json!({ "error": "Metadata-Flavor: Google is missing" }),
        );
    }
    let lifetime = SignedDuration::from_hours(1);
    let (token, _) = shared.give("the machine", Kind::Account, lifetime);
    (
        200,
        json!({ "access_token": token, "expires_in": lifetime.as_secs(), "token_type": "Bearer" }),
    )
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn form_as_document(body: &[u8]) -> Value {
    Value::Object(
        form(body)
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect(),
    )
}
