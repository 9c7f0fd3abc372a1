//! When a failed attempt is repeated, and after how long.

use std::time::Duration;

use crate::event::{Failure, FailureKind};

/// What a task's `retry` says. The default repeats nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetryPolicy {
    /// How many attempts there are in all, the first one and those of earlier runs included.
    pub attempts: u32,
    /// Delay before the second attempt; it doubles with each further one.
    pub delay: Duration,
    /// Kinds of failures that are repeated.
    pub on: Vec<FailureKind>,
    /// Exit codes of a child that are repeated.
    pub exits: Vec<i32>,
}

impl RetryPolicy {
    /// Returns the delay before attempt `number` (from 2), without jitter.
    pub fn delay_before(&self, number: u32) -> Duration {
        let doublings = number.saturating_sub(2).min(31);
        self.delay.saturating_mul(1 << doublings)
    }

    /// Whether `failure`, with which attempt `number` ended, is to be followed by another attempt.
    pub fn repeats(&self, number: u32, failure: &Failure) -> bool {
        // plan-format.md 3.6: what was reviewed no longer fits, or what was built does not hold; doing it again changes neither.
        let never = matches!(
            failure.kind,
            FailureKind::PlanStale | FailureKind::VerifyFailed
        );
        let named = self.on.contains(&failure.kind)
            || failure.exit.is_some_and(|exit| self.exits.contains(&exit));
        named && !never && number < self.attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> RetryPolicy {
        RetryPolicy {
            attempts: 3,
            delay: Duration::from_secs(10),
            on: vec![FailureKind::Unavailable],
            exits: vec![75],
        }
    }

    fn failure(kind: FailureKind, exit: Option<i32>) -> Failure {
        Failure {
            kind,
            message: "it did not work".to_owned(),
            hint: None,
            exit,
        }
    }

    #[test]
    fn the_delay_doubles_and_never_overflows() {
        let delays = [2, 3, 4].map(|number| policy().delay_before(number).as_secs());
        assert_eq!(delays, [10, 20, 40]);
        let endless = RetryPolicy {
            delay: Duration::MAX,
            ..policy()
        };
        assert_eq!(endless.delay_before(u32::MAX), Duration::MAX);
    }

    #[test]
    fn only_a_named_kind_or_exit_code_is_repeated() {
        assert!(policy().repeats(1, &failure(FailureKind::Unavailable, None)));
        assert!(policy().repeats(1, &failure(FailureKind::Task, Some(75))));
        assert!(!policy().repeats(1, &failure(FailureKind::Task, Some(1))));
        assert!(!policy().repeats(1, &failure(FailureKind::Quota, None)));
        assert!(!RetryPolicy::default().repeats(1, &failure(FailureKind::Unavailable, None)));
    }

    #[test]
    fn attempts_of_earlier_runs_count() {
        let unavailable = failure(FailureKind::Unavailable, None);
        assert!(policy().repeats(2, &unavailable));
        assert!(!policy().repeats(3, &unavailable));
        assert!(!policy().repeats(7, &unavailable));
    }

    #[test]
    fn a_stale_plan_and_a_failed_check_are_never_repeated() {
        for kind in [FailureKind::PlanStale, FailureKind::VerifyFailed] {
            let named = RetryPolicy {
                on: vec![kind],
                ..policy()
            };
            assert!(!named.repeats(1, &failure(kind, Some(75))), "{kind:?}");
        }
    }
}
