//! Where the services are, and how often they are asked.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::{RequestBuilder, StatusCode, header::LOCATION};
use serde::Deserialize;
use url::{Host, Url};

use super::{KeylessError, error::Service};
use crate::cloud::Repeats;

/// The variable that names another certificate authority than the public one.
pub const FULCIO_URL: &str = "SIGSTORE_FULCIO_URL";
/// The variable that names another log than the public one.
pub const REKOR_URL: &str = "SIGSTORE_REKOR_URL";

const PUBLIC_FULCIO: &str = "https://fulcio.sigstore.dev";
const PUBLIC_REKOR: &str = "https://rekor.sigstore.dev";

/// An answer is not read beyond this.
const LARGEST_ANSWER: usize = 1 << 20;
const LONGEST_WORDS: usize = 300;

/// A certificate authority and a log.
#[derive(Debug, Clone)]
pub struct Sigstore {
    pub(super) http: reqwest::Client,
    fulcio: String,
    rekor: String,
    repeats: Repeats,
}

/// What a service answered: what was asked for, or that it is there already.
pub(super) struct Answer {
    pub(super) is_conflict: bool,
    pub(super) location: Option<String>,
    pub(super) body: Bytes,
}

impl Sigstore {
    /// The public services, or those that variables name. The client must not follow redirects.
    ///
    /// # Errors
    ///
    /// A variable names no address, or one to which a token would go unencrypted.
    pub fn new(
        variables: &BTreeMap<String, String>,
        http: reqwest::Client,
        repeats: Repeats,
    ) -> Result<Self, KeylessError> {
        let address = |variable: &'static str, public: &str| {
            let found = variables.get(variable).filter(|value| !value.is_empty());
            let found = found.map_or(public, String::as_str);
            match is_usable(found) {
                true => Ok(found.trim_end_matches('/').to_owned()),
                false => Err(KeylessError::Address {
                    variable,
                    found: found.to_owned(),
                }),
            }
        };
        Ok(Self {
            fulcio: address(FULCIO_URL, PUBLIC_FULCIO)?,
            rekor: address(REKOR_URL, PUBLIC_REKOR)?,
            http,
            repeats,
        })
    }

    /// One server in the place of both: a stand-in.
    pub fn led(base: &str, http: reqwest::Client, repeats: Repeats) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self {
            fulcio: base.clone(),
            rekor: base,
            http,
            repeats,
        }
    }

    /// Returns where the log is.
    pub fn log(&self) -> &str {
        &self.rekor
    }

    pub(super) fn address(&self, service: Service) -> &str {
        match service {
            Service::Authority => &self.fulcio,
            Service::Log => &self.rekor,
        }
    }

    /// Asks until there is an answer or a refusal that will not pass. `ask` is made anew for each try.
    pub(super) async fn ask(
        &self,
        service: Service,
        ask: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, KeylessError> {
        let mut n_tries = 0;
        loop {
            n_tries += 1;
            match self.ask_once(service, ask()).await {
                Err(problem) if n_tries < self.repeats.attempts && problem.may_pass() => {
                    let delay = self.repeats.first_delay * 2_u32.pow(n_tries - 1);
                    tracing::debug!(%problem, ?delay, "a service of sigstore is asked again");
                    tokio::time::sleep(delay).await;
                }
                result => return result,
            }
        }
    }

    async fn ask_once(
        &self,
        service: Service,
        ask: RequestBuilder,
    ) -> Result<Answer, KeylessError> {
        let unreachable = |source: reqwest::Error| KeylessError::Unreachable {
            service,
            address: self.address(service).to_owned(),
            source: source.without_url(),
        };
        let mut answer = ask.send().await.map_err(unreachable)?;
        let status = answer.status();
        let location = answer.headers().get(LOCATION);
        let location = location.and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                let because = format!("its answer has more than {LARGEST_ANSWER} bytes");
                return Err(self.nonsense(service, because));
            }
            body.extend_from_slice(&chunk);
        }
        let is_conflict = status == StatusCode::CONFLICT;
        if status.is_success() || is_conflict {
            return Ok(Answer {
                is_conflict,
                location,
                body: body.into(),
            });
        }
        Err(KeylessError::Refused {
            service,
            address: self.address(service).to_owned(),
            status: status.as_u16(),
            said: words(&body),
        })
    }

    pub(super) fn nonsense(&self, service: Service, because: impl Into<String>) -> KeylessError {
        KeylessError::Protocol {
            service,
            address: self.address(service).to_owned(),
            because: because.into(),
        }
    }
}

/// Tokens go over TLS, or not out of this machine.
fn is_usable(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    is_plain && url.has_host() && (url.scheme() == "https" || url.scheme() == "http" && is_here)
}

/// The words of a refusal on one line; both services write them into `message`.
fn words(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        message: String,
    }
    let text =
        serde_json::from_slice::<Problem>(body).map_or_else(|_| String::new(), |it| it.message);
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = one_line.chars().filter(|c| !c.is_control());
    words.take(LONGEST_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_over_tls_or_not_out_of_this_machine() {
        for good in [
            PUBLIC_FULCIO,
            "https://fulcio.example.org/base/",
            "http://127.0.0.1:5000",
            "http://[::1]:5000",
            "http://localhost",
        ] {
            assert!(is_usable(good), "{good}");
        }
        for bad in [
            "",
            "fulcio.example.org",
            "http://fulcio.example.org",
            "ftp://127.0.0.1",
            "https://user:password@fulcio.example.org",
            "https://fulcio.example.org?a=b",
        ] {
            assert!(!is_usable(bad), "{bad}");
        }
    }

    #[test]
    fn a_refusal_says_its_words_on_one_line_and_nothing_where_it_has_none() {
        let told = br#"{"code":3,"message":"There was\nan error\u001b[31m","details":[]}"#;
        assert_eq!(words(told), "There was an error[31m");
        assert_eq!(words(b"<html>Bad Gateway</html>"), "");
    }
}
