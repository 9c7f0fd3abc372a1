//! Calls to the REST API of GitHub, repeated where that is safe.

use std::time::Duration;

use octocrab::{Octocrab, service::middleware::retry::RetryConfig};
use serde::{Serialize, de::DeserializeOwned};

use super::{ClientError, Patience, Repository, patience::Pause};
use crate::{expression::Value, http, secret::Secret};

/// Items asked for at a time, the most that GitHub gives.
const PER_PAGE: usize = 100;
/// Most pages that are read of one list: beyond any list of GitHub's own, and an end where a server knows none.
const MOST_PAGES: usize = 200;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The REST API, for one repository.
#[derive(Clone, Debug)]
pub struct Client {
    octocrab: Octocrab,
    repository: Repository,
    patience: Patience,
}

/// One request. Its `what` says in words what it tries.
pub(super) struct Call<'c> {
    pub(super) what: &'c str,
    pub(super) method: Method,
    pub(super) route: &'c str,
    pub(super) repeat: Repeat,
}

/// The methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

/// When a request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Twice is as good as once.
    Always,
    /// Only where GitHub said that it did nothing: an answer that was lost may have been a success.
    WhenRefused,
}

/// A good answer.
pub(super) struct Answer {
    body: String,
    pages: Pages,
}

/// What an answer says about further pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pages {
    More,
    Last,
    Unsaid,
}

/// An answer that is no success, or none at all.
enum Trouble {
    NoAnswer(Box<octocrab::Error>),
    Status(Rejection),
}

struct Rejection {
    status: u16,
    message: String,
    limit: Option<Limit>,
}

/// A rate limit, with the time to wait where the answer tells it.
struct Limit {
    retry_after: Option<Duration>,
}

impl Client {
    /// Makes a client for the API at `api_url`. Has to be called inside of a tokio runtime, in which its connections live.
    ///
    /// # Errors
    ///
    /// Fails where `api_url` is no address, and where the environment or the system lets no HTTP client be made.
    pub fn new(api_url: &str, repository: Repository, token: &Secret) -> Result<Self, ClientError> {
        let http = http::builder()
            .and_then(|builder| {
                let builder = builder
                    .connect_timeout(CONNECT_TIMEOUT)
                    .read_timeout(ANSWER_TIMEOUT);
                Ok(builder.build()?)
            })
            .map_err(ClientError::Http)?;
        let build = || {
            Octocrab::builder()
                .base_uri(api_url)?
                .personal_token(token.expose())
                .add_retry_config(RetryConfig::None)
                .build_with_reqwest(http)
        };
        let octocrab = build().map_err(|source| ClientError::Address {
            address: api_url.to_owned(),
            source: Box::new(source),
        })?;
        Ok(Self {
            octocrab,
            repository,
            patience: Patience::default(),
        })
    }

    /// Waits as this patience says, not as the default one.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Returns the repository that calls go to.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns the route of something in the repository.
    pub(super) fn in_repository(&self, rest: &str) -> String {
        format!("/repos/{}/{rest}", self.repository)
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        what: &str,
        route: &str,
    ) -> Result<T, ClientError> {
        let call = Call {
            what,
            method: Method::Get,
            route,
            repeat: Repeat::Always,
        };
        self.send(&call, None::<&()>).await?.read(what)
    }

    /// Reads a list to its end.
    pub(super) async fn all_pages<T: DeserializeOwned>(
        &self,
        what: &str,
        route: &str,
    ) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        let separator = if route.contains('?') { '&' } else { '?' };
        for page in 1..=MOST_PAGES {
            let route = format!("{route}{separator}per_page={PER_PAGE}&page={page}");
            let call = Call {
                what,
                method: Method::Get,
                route: &route,
                repeat: Repeat::Always,
            };
            let answer = self.send(&call, None::<&()>).await?;
            let pages = answer.pages;
            let items: Vec<T> = answer.read(what)?;
            let is_full = items.len() >= PER_PAGE;
            all.extend(items);
            match pages {
                Pages::More => {}
                Pages::Unsaid if is_full => {}
                Pages::Last | Pages::Unsaid => break,
            }
        }
        Ok(all)
    }

    /// Sends a request until it succeeds, or until patience or reason ends.
    pub(super) async fn send(
        &self,
        call: &Call<'_>,
        body: Option<&impl Serialize>,
    ) -> Result<Answer, ClientError> {
        let mut remaining = self.patience.start();
        loop {
            let trouble = match self.send_once(call, body).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            let repeated = match trouble.pause(call.repeat) {
                Some(pause) => remaining.wait(pause).await,
                None => false,
            };
            if !repeated {
                return Err(trouble.into_error(call.what));
            }
            tracing::debug!(what = call.what, "repeating a call to GitHub");
        }
    }

    async fn send_once(
        &self,
        call: &Call<'_>,
        body: Option<&impl Serialize>,
    ) -> Result<Answer, Trouble> {
        let no_answer = |error| Trouble::NoAnswer(Box::new(error));
        let response = match call.method {
            Method::Get => self.octocrab._get(call.route).await,
            Method::Post => self.octocrab._post(call.route, body).await,
            Method::Patch => self.octocrab._patch(call.route, body).await,
            Method::Delete => self.octocrab._delete(call.route, body).await,
        };
        let response = response.map_err(no_answer)?;
        let status = response.status().as_u16();
        let headers = Headers::read(|name| response.headers().get(name)?.to_str().ok());
        let body = self
            .octocrab
            .body_to_string(response)
            .await
            .map_err(no_answer)?;
        if (200..300).contains(&status) {
            return Ok(Answer {
                body,
                pages: headers.pages,
            });
        }
        let message = message_of(&body);
        Err(Trouble::Status(Rejection {
            status,
            limit: headers.limit(status, &message),
            message,
        }))
    }
}

impl Answer {
    /// Reads the answer as what it should be.
    pub(super) fn read<T: DeserializeOwned>(&self, what: &str) -> Result<T, ClientError> {
        serde_json::from_str(&self.body).map_err(|source| ClientError::Unreadable {
            what: what.to_owned(),
            source,
        })
    }
}

/// What the headers of an answer say about time and pages.
struct Headers {
    pages: Pages,
    retry_after: Option<Duration>,
    is_spent: bool,
    until_reset: Option<Duration>,
}

impl Headers {
    fn read<'h>(get: impl Fn(&str) -> Option<&'h str>) -> Self {
        let seconds = |name| get(name).and_then(|text| text.trim().parse::<u64>().ok());
        let pages = match get("link") {
            Some(link) if link.contains("rel=\"next\"") => Pages::More,
            Some(_) => Pages::Last,
            None => Pages::Unsaid,
        };
        // Both times are the server's, so a wrong clock of ours does not matter.
        let now = get("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let until_reset = match (seconds("x-ratelimit-reset"), now) {
            (Some(reset), Some(now)) => {
                let now = u64::try_from(now.timestamp().as_second()).unwrap_or(0);
                Some(Duration::from_secs(reset.saturating_sub(now) + 1))
            }
            _ => None,
        };
        Self {
            pages,
            retry_after: seconds("retry-after").map(Duration::from_secs),
            is_spent: seconds("x-ratelimit-remaining") == Some(0),
            until_reset,
        }
    }

    /// Tells a rate limit from another refusal: both may come with status 403.
    fn limit(&self, status: u16, message: &str) -> Option<Limit> {
        let message = message.to_ascii_lowercase();
        let says_so = message.contains("rate limit") || message.contains("abuse detection");
        let is_limit = status == 429
            || status == 403 && (self.retry_after.is_some() || self.is_spent || says_so);
        is_limit.then(|| Limit {
            retry_after: self
                .retry_after
                .or(self.until_reset.filter(|_| self.is_spent)),
        })
    }
}

impl Trouble {
    /// Returns the pause after which the request may be sent again.
    fn pause(&self, repeat: Repeat) -> Option<Pause> {
        match self {
            Self::NoAnswer(_) => (repeat == Repeat::Always).then_some(Pause::Trouble),
            Self::Status(Rejection {
                limit: Some(limit), ..
            }) => Some(match limit.retry_after {
                Some(time) => Pause::Asked(time),
                None => Pause::TooMuch,
            }),
            Self::Status(Rejection { status: 500.., .. }) => {
                (repeat == Repeat::Always).then_some(Pause::Trouble)
            }
            Self::Status(_) => None,
        }
    }

    fn into_error(self, what: &str) -> ClientError {
        let what = what.to_owned();
        let Rejection {
            status,
            message,
            limit,
        } = match self {
            Self::NoAnswer(source) => return ClientError::Unreachable { what, source },
            Self::Status(rejection) => rejection,
        };
        if let Some(Limit { retry_after }) = limit {
            return ClientError::RateLimited {
                what,
                message,
                retry_after,
            };
        }
        match status {
            500.. => ClientError::Unavailable {
                what,
                status,
                message,
            },
            403 if message.to_ascii_lowercase().contains("locked") => {
                ClientError::Locked { what, message }
            }
            401 | 403 => ClientError::Denied {
                what,
                status,
                message,
            },
            404 | 410 => ClientError::NotFound {
                what,
                status,
                message,
            },
            _ => ClientError::Refused {
                what,
                status,
                message,
            },
        }
    }
}

/// Returns what an answer says in words: GitHub's `message` with its `errors`, else the beginning of the text.
fn message_of(body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        message: String,
        #[serde(default)]
        errors: Vec<Value>,
    }
    const LONGEST: usize = 300;
    let text = match serde_json::from_str::<Said>(body) {
        Ok(said) => {
            let details = said.errors.iter().filter_map(|problem| {
                let words = problem.get("message").unwrap_or(problem);
                words.as_plain_text()
            });
            std::iter::once(said.message)
                .chain(details)
                .collect::<Vec<_>>()
                .join("; ")
        }
        Err(_) => body.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    if text.is_empty() {
        return "no reason given".to_owned();
    }
    text.chars().take(LONGEST).collect()
}

/// Writes a text as one segment of a route.
pub(super) fn segment(text: &str) -> String {
    let mut segment = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            segment.push_str(&format!("%{byte:02X}"));
        }
    }
    segment
}
