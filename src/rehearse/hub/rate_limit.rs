//! The hourly budget of a workflow's token: counted and shown, never enforced (faults do that).

use std::sync::{Mutex, PoisonError};

use axum::http::HeaderName;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    answer::Answer,
    fault::{REMAINING, RESET},
};

/// How many requests a workflow's token has an hour and repository.
const LIMIT: u64 = 1000;
const HOUR: u64 = 3600;

/// The requests of the running hour.
#[derive(Debug, Default)]
pub(super) struct Budget(Mutex<Window>);

/// What was used, and until which second it counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    used: u64,
    reset: u64,
}

impl Budget {
    /// Counts a request at `now`.
    pub(super) fn count(&self, now: Timestamp) -> Window {
        let now = now.as_second().unsigned_abs();
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= window.reset {
            *window = Window {
                used: 0,
                reset: now + HOUR,
            };
        }
        window.used += 1;
        *window
    }
}

impl Window {
    fn remaining(self) -> u64 {
        LIMIT.saturating_sub(self.used)
    }

    fn json(self) -> Value {
        json!({"limit": LIMIT, "used": self.used, "remaining": self.remaining(), "reset": self.reset})
    }

    /// Answers `GET /rate_limit`.
    pub(super) fn answer(self) -> Answer {
        let other = json!({"limit": 30, "used": 0, "remaining": 30, "reset": self.reset});
        Answer::ok(json!({
            "resources": {"core": self.json(), "search": other},
            "rate": self.json(),
        }))
    }

    /// Adds the headers that every answer has; those that a fault has set stay.
    pub(super) fn headers(self, has: impl Fn(&HeaderName) -> bool) -> Vec<(HeaderName, String)> {
        let all = [
            (
                HeaderName::from_static("x-ratelimit-limit"),
                LIMIT.to_string(),
            ),
            (
                HeaderName::from_static("x-ratelimit-used"),
                self.used.to_string(),
            ),
            (
                HeaderName::from_static("x-ratelimit-resource"),
                "core".to_owned(),
            ),
            (REMAINING, self.remaining().to_string()),
            (RESET, self.reset.to_string()),
        ];
        all.into_iter().filter(|(name, _)| !has(name)).collect()
    }
}
