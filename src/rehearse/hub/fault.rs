//! Faults that GitHub shows now and then, on demand.

use std::{sync::Mutex, time::Duration};

use axum::http::{HeaderName, StatusCode, header};
use jiff::Timestamp;
use serde_json::json;

use super::answer::Answer;

/// How a request fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A secondary rate limit.
    Limited {
        /// 403 or 429.
        status: u16,
        /// What `Retry-After` says; GitHub often leaves it out.
        retry_after: Option<Duration>,
    },
    /// The hourly budget is used up: 403, no request remaining, and when there will be.
    Exhausted {
        /// How long until the budget is fresh.
        reset_in: Duration,
    },
    /// A refusal: 403 for missing permissions, 404, 410, 422 and so on.
    Refused {
        /// The status.
        status: u16,
    },
    /// GitHub itself is in trouble: 500, 502, 503 or 504, with a page instead of JSON.
    Failed {
        /// The status.
        status: u16,
    },
    /// The request is carried out, and its answer lost on the way: a proxy answers 502 in its place.
    Lost,
}

impl Fault {
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::Limited {
                status,
                retry_after,
            } => {
                let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
                let page = "/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";
                let answer = Answer::refused(code(*status), message, page);
                match retry_after {
                    Some(wait) => answer.header(header::RETRY_AFTER, wait.as_secs().to_string()),
                    None => answer,
                }
            }
            Self::Exhausted { reset_in } => {
                let reset = Timestamp::now().as_second().unsigned_abs() + reset_in.as_secs();
                let message = "API rate limit exceeded for installation.";
                let page = "/overview/rate-limits-for-the-rest-api";
                Answer::refused(StatusCode::FORBIDDEN, message, page)
                    .header(REMAINING, "0")
                    .header(RESET, reset.to_string())
            }
            Self::Refused { status } => {
                let status = code(*status);
                let message = match status {
                    StatusCode::FORBIDDEN => "Resource not accessible by integration",
                    StatusCode::UNPROCESSABLE_ENTITY => {
                        let error =
                            json!({"resource": "IssueComment", "code": "invalid", "field": "data"});
                        return Answer::invalid(error, "");
                    }
                    status => status.canonical_reason().unwrap_or("Refused"),
                };
                Answer::refused(status, message, "")
            }
            Self::Failed { status } => Answer::empty(code(*status)),
            Self::Lost => Answer::empty(StatusCode::BAD_GATEWAY),
        }
    }
}

/// The header with what is left of the hourly budget.
pub(super) const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// The header with the second at which the budget is fresh again.
pub(super) const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The faults to come.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Planned>>);

#[derive(Debug)]
struct Planned {
    requests: usize,
    part: String,
    fault: Fault,
}

impl Faults {
    pub(super) fn plan(&self, requests: usize, part: &str, fault: Fault) {
        let planned = Planned {
            requests,
            part: part.to_owned(),
            fault,
        };
        self.lock().push(planned);
    }

    /// Takes the fault of a request `METHOD PATH`, the one that was planned first.
    pub(super) fn take(&self, request: &str) -> Option<Fault> {
        let mut faults = self.lock();
        let planned = faults
            .iter_mut()
            .find(|planned| planned.requests > 0 && request.contains(&planned.part))?;
        planned.requests -= 1;
        Some(planned.fault.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Planned>> {
        // Nothing in here panics half-way, so what a panicking holder left is whole.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
