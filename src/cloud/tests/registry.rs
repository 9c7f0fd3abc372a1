//! A registry of Google's kind, which takes only a token that is good at the moment.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{ACCOUNT, World};
use crate::{
    event::FailureKind,
    image::{
        Access, Credentials, Endpoints, ImageError, RegistryClient, RepositoryName, RetryPolicy,
    },
    rehearse::google::Google,
};

const HOST: &str = "europe-docker.pkg.dev";

/// How a registry wants to know who it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Password,
    Token,
}

struct Shared {
    google: Arc<Google>,
    now: Arc<AtomicI64>,
    wants: Wants,
    /// Who came in, one entry a request.
    guests: Mutex<Vec<String>>,
}

impl Shared {
    fn identity_of(&self, headers: &HeaderMap) -> Option<String> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let pair = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
        let pair = String::from_utf8(pair).ok()?;
        self.google
            .identity_of(pair.strip_prefix("oauth2accesstoken:")?)
    }

    /// The registry's own tokens are good for a minute.
    fn own_token(&self) -> String {
        format!("minute-{}", self.now.load(Ordering::Relaxed) / 60)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    let guest = shared.identity_of(&headers);
    if uri.path() == "/token" {
        return match guest {
            Some(_) => format!(r#"{{"token":"{}"}}"#, shared.own_token()).into_response(),
            None => StatusCode::UNAUTHORIZED.into_response(),
        };
    }
    let own = format!("Bearer {}", shared.own_token());
    let has_own = headers
        .get(header::AUTHORIZATION)
        .is_some_and(|value| value == &own);
    let is_let_in = match shared.wants {
        Wants::Password => guest.is_some(),
        Wants::Token => has_own,
    };
    if !is_let_in {
        let challenge = match shared.wants {
            Wants::Password => "Basic",
            Wants::Token => r#"Bearer realm="/token",service="registry""#,
        };
        let headers = [(header::WWW_AUTHENTICATE, challenge)];
        return (StatusCode::UNAUTHORIZED, headers).into_response();
    }
    let mut guests = shared.guests.lock().expect("no panic");
    guests.push(guest.unwrap_or_else(|| "a token's holder".to_owned()));
    r#"{"name":"acme/api","tags":["a"]}"#.into_response()
}

/// Starts a registry beside Google, and a client whose login there is Google's.
async fn registry(world: &World, wants: Wants) -> (Arc<Shared>, RegistryClient) {
    let shared = Arc::new(Shared {
        google: Arc::clone(&world.google),
        now: Arc::clone(&world.now),
        wants,
        guests: Mutex::default(),
    });
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&shared));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let services = world.services();
    let identity = Arc::new(world.identity(Some(ACCOUNT)));
    let client = RegistryClient::new(services.http)
        .with_endpoints(Endpoints::default().lead(HOST, base.parse().expect("an address")))
        .with_retries(RetryPolicy::immediate())
        .with_credentials(HOST, Credentials::Google(identity));
    (shared, client)
}

fn name() -> RepositoryName {
    format!("{HOST}/acme/api").parse().expect("a repository")
}

async fn ask(client: &RegistryClient) -> Result<usize, ImageError> {
    let name = name();
    let repository = client.repository(&name, Access::Pull)?;
    Ok(repository.tags().await?.len())
}

#[tokio::test]
async fn a_push_of_an_hour_is_let_in_in_minute_6_and_in_minute_61() {
    for wants in [Wants::Password, Wants::Token] {
        let world = World::new();
        let (registry, client) = registry(&world, wants).await;
        for minutes in [0, 6, 55] {
            world.pass(minutes * 60);
            assert_eq!(ask(&client).await.ok(), Some(1), "after {minutes} more");
        }
        assert_eq!(registry.guests.lock().expect("no panic").len(), 3);
        // By minute 61 the first token was over, and nobody asked for more than one other.
        assert_eq!(world.n_requests("generateAccessToken"), 2);
    }
}

#[tokio::test]
async fn a_token_that_google_took_back_is_replaced_in_the_middle() {
    for wants in [Wants::Password, Wants::Token] {
        let world = World::new();
        let (_, client) = registry(&world, wants).await;
        assert_eq!(ask(&client).await.ok(), Some(1));
        world.google.revoke();
        // The registry's own token goes on for a minute, whatever became of Google's.
        world.pass(60);
        assert_eq!(ask(&client).await.ok(), Some(1));
        assert_eq!(world.n_requests("generateAccessToken"), 2);
    }
}

#[tokio::test]
async fn a_login_that_is_over_for_good_is_told_with_its_reason() {
    for wants in [Wants::Password, Wants::Token] {
        let world = World::new();
        let (_, client) = registry(&world, wants).await;
        assert_eq!(ask(&client).await.ok(), Some(1));
        world.google.end_job();
        world.pass(61 * 60);
        let problem = ask(&client).await.expect_err("the job is over");
        assert!(matches!(problem, ImageError::Login { .. }), "{problem:?}");
        assert_eq!(problem.kind(), FailureKind::AuthExpired);
        assert!(
            problem
                .hint()
                .is_some_and(|hint| hint.contains("while the job runs"))
        );
    }
}
