//! What is tried again, how often and after which delay.

use std::time::Duration;

use crate::{
    http::is_untrusted,
    image::{ImageError, error::names_a_rate_limit},
};

/// How often a request is tried, and how long is waited in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Number of tries in all; at least one is made.
    pub attempts: u32,
    /// Delay after the first try; it doubles.
    pub first_delay: Duration,
    /// Longest delay, also where a registry asks for a longer one.
    pub longest_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// Tries as often as the default does, without waiting.
    pub fn immediate() -> Self {
        Self {
            first_delay: Duration::ZERO,
            longest_delay: Duration::ZERO,
            ..Self::default()
        }
    }

    /// Repeats `attempt` while its failure may pass. It is given its number, from 0.
    pub(in crate::image) async fn run<T>(
        &self,
        attempt: impl AsyncFn(u32) -> Result<T, ImageError>,
    ) -> Result<T, ImageError> {
        let mut number = 0;
        loop {
            match attempt(number).await {
                Err(problem) => self.wait(number, problem).await?,
                done => return done,
            }
            number += 1;
        }
    }

    /// Waits before a request whose try `number` failed is tried again; gives the failure back where that is no use.
    pub(super) async fn wait(&self, number: u32, problem: ImageError) -> Result<(), ImageError> {
        if number + 1 >= self.attempts || !may_pass(&problem) {
            return Err(problem);
        }
        let delay = self.delay(number, asked_delay(&problem));
        tracing::debug!(%problem, ?delay, "a request is tried again");
        tokio::time::sleep(delay).await;
        Ok(())
    }

    fn delay(&self, number: u32, asked: Option<Duration>) -> Duration {
        let own = self
            .first_delay
            .saturating_mul(2_u32.saturating_pow(number));
        own.max(asked.unwrap_or_default()).min(self.longest_delay)
    }
}

/// Classes that pass: overload, limits, broken connections. A permission does not.
fn may_pass(problem: &ImageError) -> bool {
    match problem {
        ImageError::Refused {
            status, message, ..
        } => match status {
            408 | 425 | 429 | 500 | 502..=599 => true,
            403 => names_a_rate_limit(message),
            400 | 404 | 416 => {
                message.starts_with("BLOB_UPLOAD_INVALID")
                    || message.starts_with("BLOB_UPLOAD_UNKNOWN")
                    || message.starts_with("MANIFEST_BLOB_UNKNOWN")
            }
            _ => false,
        },
        ImageError::Unreachable { source, .. } => {
            !source.is_builder() && !source.is_redirect() && !is_untrusted(source)
        }
        // Some registries answer from a cache for a moment after a push.
        ImageError::ReadBack { .. } => true,
        _ => false,
    }
}

fn asked_delay(problem: &ImageError) -> Option<Duration> {
    match problem {
        ImageError::Refused {
            retry_after,
            message,
            ..
        } => retry_after.or_else(|| delay_in_words(message)),
        _ => None,
    }
}

/// GHCR says the delay only in its message: `retry-after: 10.305464ms, allowed: 2000/minute`.
fn delay_in_words(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("retry-after: ")?;
    let number: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let seconds = match &rest[number.len()..] {
        unit if unit.starts_with("ms") => number.parse::<f64>().ok()? / 1000.0,
        unit if unit.starts_with('s') => number.parse().ok()?,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, message: &str) -> ImageError {
        ImageError::Refused {
            registry: "ghcr.io".to_owned(),
            doing: "push".to_owned(),
            status,
            message: message.to_owned(),
            retry_after: None,
        }
    }

    #[test]
    fn what_passes_is_repeated_and_a_permission_is_not() {
        for (status, message, passes) in [
            (429, "", true),
            (503, "", true),
            (504, "", true),
            (501, "", false),
            (401, "", false),
            (403, "DENIED: permission_denied: write_package", false),
            (
                403,
                "DENIED: You have exceeded a secondary rate limit",
                true,
            ),
            (404, "NAME_UNKNOWN: no such repository", false),
            (404, "MANIFEST_BLOB_UNKNOWN: blob unknown to registry", true),
            (400, "MANIFEST_INVALID: no", false),
        ] {
            assert_eq!(
                may_pass(&refused(status, message)),
                passes,
                "{status} {message}"
            );
        }
    }

    #[test]
    fn a_delay_doubles_listens_and_is_bounded() {
        let policy = RetryPolicy::default();
        let seconds = |number, asked| policy.delay(number, asked).as_secs();
        assert_eq!(
            [0, 1, 2, 9, 99].map(|number| seconds(number, None)),
            [1, 2, 4, 60, 60]
        );
        assert_eq!(seconds(0, Some(Duration::from_secs(7))), 7);
        assert_eq!(seconds(0, Some(Duration::from_secs(7000))), 60);
        let words = "TOOMANYREQUESTS: retry-after: 2500.5ms, allowed: 2000/minute";
        assert_eq!(
            asked_delay(&refused(429, words)),
            Some(Duration::from_micros(2_500_500))
        );
        assert_eq!(asked_delay(&refused(429, "retry-after: soon")), None);
    }
}
