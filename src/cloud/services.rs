//! Google's services as this program reaches them, and how often it asks them.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    RequestBuilder,
    header::{DATE, HeaderMap},
};
use serde::Deserialize;

use super::{Clock, CloudError, Refusal};

/// An answer is not read beyond this.
const LARGEST_ANSWER: usize = 256 << 10;
const LONGEST_WORDS: usize = 500;
/// Clocks that differ by less agree.
const AGREEING: i64 = 60;

/// Everything that asking Google takes.
#[derive(Debug, Clone)]
pub struct Services {
    /// The HTTP client; it must not follow redirects.
    pub http: reqwest::Client,
    /// Where the services are.
    pub addresses: Addresses,
    /// The time.
    pub clock: Clock,
    /// How often is asked.
    pub repeats: Repeats,
}

/// Where Google's services are, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The Security Token Service: federated tokens.
    pub sts: String,
    /// The IAM Service Account Credentials API: impersonation.
    pub iam_credentials: String,
    /// OAuth 2.0: refresh tokens and keys.
    pub oauth: String,
    /// What stands in the names of providers and identities.
    pub universe: String,
}

impl Addresses {
    /// The services of a universe; that of everybody is `googleapis.com`.
    pub fn of_universe(universe: &str) -> Self {
        let at = |service: &str| format!("https://{service}.{universe}");
        Self {
            sts: at("sts"),
            iam_credentials: at("iamcredentials"),
            oauth: at("oauth2"),
            universe: universe.to_owned(),
        }
    }

    /// One server in the place of all: a rehearsal leads everybody to its stand-in.
    pub fn led(base: &str) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self {
            sts: base.clone(),
            iam_credentials: base.clone(),
            oauth: base,
            universe: Self::default().universe,
        }
    }
}

impl Default for Addresses {
    fn default() -> Self {
        Self::of_universe("googleapis.com")
    }
}

/// How often a question is asked, and how long is waited in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeats {
    /// Number of tries in all.
    pub attempts: u32,
    /// Delay after the first try; it doubles.
    pub first_delay: Duration,
}

impl Default for Repeats {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_delay: Duration::from_secs(1),
        }
    }
}

impl Repeats {
    /// As often, without waiting.
    pub fn immediate() -> Self {
        Self {
            first_delay: Duration::ZERO,
            ..Self::default()
        }
    }
}

/// A good answer.
pub(super) struct Answer {
    pub(super) body: Bytes,
    /// The service's own time.
    pub(super) date: Option<Timestamp>,
}

/// A refusal as it came, for whoever knows what was asked.
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) said: String,
    /// How far this machine's clock is before the service's, in seconds, where they do not agree.
    pub(super) skew: Option<i64>,
}

impl Services {
    /// Asks until there is an answer or a refusal that will not pass. `ask` is made anew for each try.
    pub(super) async fn ask(
        &self,
        service: &'static str,
        ask: impl Fn() -> RequestBuilder,
        meaning: impl Fn(&Refused) -> Refusal,
    ) -> Result<Answer, CloudError> {
        let mut n_tries = 0;
        loop {
            n_tries += 1;
            match self.ask_once(service, ask(), &meaning).await {
                Err(problem) if n_tries < self.repeats.attempts && problem.may_pass() => {
                    let delay = self.repeats.first_delay * 2_u32.pow(n_tries - 1);
                    tracing::debug!(%problem, ?delay, "a service of Google is asked again");
                    tokio::time::sleep(delay).await;
                }
                result => return result,
            }
        }
    }

    async fn ask_once(
        &self,
        service: &'static str,
        ask: RequestBuilder,
        meaning: &impl Fn(&Refused) -> Refusal,
    ) -> Result<Answer, CloudError> {
        // Addresses carry audiences and accounts; they are said where they matter.
        let unreachable = |source: reqwest::Error| CloudError::Unreachable {
            service,
            source: source.without_url(),
        };
        let mut answer = ask.send().await.map_err(unreachable)?;
        let status = answer.status();
        let date = date(answer.headers());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(CloudError::Protocol {
                    service,
                    because: format!("its answer has more than {LARGEST_ANSWER} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(Answer {
                body: body.into(),
                date,
            });
        }
        let refused = Refused {
            status: status.as_u16(),
            said: words(&body),
            skew: date.and_then(|date| skew(self.clock.now(), date)),
        };
        let reason = match refused.status {
            408 | 425 | 429 | 500..=599 => Refusal::Overloaded,
            _ => meaning(&refused),
        };
        Err(CloudError::Refused {
            service,
            status: refused.status,
            said: refused.said,
            reason: Box::new(reason),
        })
    }
}

impl Answer {
    /// Reads the answer. The reader's words are left out of the error: they may quote a token.
    pub(super) fn read<'a, T: Deserialize<'a>>(
        &'a self,
        service: &'static str,
        expected: &str,
    ) -> Result<T, CloudError> {
        serde_json::from_slice(&self.body).map_err(|_| CloudError::Protocol {
            service,
            because: format!("its answer is no JSON with {expected}"),
        })
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()
}

fn skew(here: Timestamp, there: Timestamp) -> Option<i64> {
    let seconds = here.as_second() - there.as_second();
    (seconds.abs() > AGREEING).then_some(seconds)
}

/// Takes the two forms of Google's errors, and plain text; a page for browsers says nothing.
fn words(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        error: serde_json::Value,
        #[serde(default)]
        error_description: String,
    }
    let text = match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => match problem.error.as_str() {
            Some(code) if problem.error_description.is_empty() => code.to_owned(),
            Some(code) => format!("{code}: {}", problem.error_description),
            None => problem.error["message"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        },
        Err(_) => match std::str::from_utf8(body) {
            Ok(text) if !text.trim_start().starts_with('<') => text.to_owned(),
            _ => String::new(),
        },
    };
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_WORDS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_errors_are_read_on_one_line() {
        for (body, expected) in [
            (
                r#"{"error":"invalid_grant","error_description":"no\nway"}"#,
                "invalid_grant: no way",
            ),
            (r#"{"error":"invalid_grant"}"#, "invalid_grant"),
            (
                r#"{"error":{"code":403,"message":"Permission 'x' denied","status":"PERMISSION_DENIED"}}"#,
                "Permission 'x' denied",
            ),
            ("<html>Bad Gateway</html>", ""),
            ("slow\u{1b}[31m down", "slow[31m down"),
        ] {
            assert_eq!(words(body.as_bytes()), expected);
        }
    }

    #[test]
    fn clocks_agree_within_a_minute() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        assert_eq!(skew(at(1000), at(1060)), None);
        assert_eq!(skew(at(1000), at(1061)), Some(-61));
        assert_eq!(skew(at(2000), at(1000)), Some(1000));
    }

    #[test]
    fn another_universe_has_addresses_of_its_own() {
        let there = Addresses::of_universe("example.goog");
        assert_eq!(there.sts, "https://sts.example.goog");
        assert_eq!(there.iam_credentials, "https://iamcredentials.example.goog");
        assert_eq!(
            Addresses::led("http://127.0.0.1:1/").sts,
            "http://127.0.0.1:1"
        );
    }
}
