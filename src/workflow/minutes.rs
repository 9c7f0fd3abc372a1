//! How long a job may take (`plan-format.md`, 3.6).

use std::time::Duration;

use super::WorkflowError;
use crate::plan::{
    Task,
    model::{Check, Kind},
};

/// What a job takes besides its tasks: checkout, tools, the closing step.
const AROUND: u64 = 10;
/// After so many minutes a hosted runner ends a job.
const HOSTED: u64 = 360;
/// What jobs without tasks may take.
pub const PLAN: u64 = 15;

/// Returns the minutes after which a job is ended: all attempts, delays and `within` of its tasks, and ten.
///
/// # Errors
///
/// More than a hosted runner gives.
pub fn of_tasks<'t>(
    job: &str,
    tasks: impl IntoIterator<Item = &'t Task>,
    runs_on: &[String],
) -> Result<u64, WorkflowError> {
    let time: Duration = tasks
        .into_iter()
        .map(of_task)
        .fold(Duration::ZERO, Duration::saturating_add);
    let minutes = time.as_secs().div_ceil(60).saturating_add(AROUND);
    let own_runner = runs_on.iter().any(|label| label == "self-hosted");
    if minutes > HOSTED && !own_runner {
        return Err(WorkflowError::TooLong {
            job: job.to_owned(),
            minutes,
            most: HOSTED,
        });
    }
    Ok(minutes)
}

fn of_task(task: &Task) -> Duration {
    let (attempts, delays) = match &task.retry {
        None => (1, Duration::ZERO),
        Some(retry) => {
            // The delay doubles before each further attempt: 1 + 2 + 4 … = 2^n - 1.
            let doublings = retry.attempts.saturating_sub(1).min(31);
            (
                retry.attempts.max(1),
                retry.delay.saturating_mul((1_u32 << doublings) - 1),
            )
        }
    };
    let body = match task.kind {
        Kind::Check => checks(&task.checks),
        Kind::Gate => Duration::ZERO,
        Kind::Image | Kind::Terraform | Kind::Kubernetes | Kind::Render | Kind::Run => {
            task.timeout.saturating_mul(attempts)
        }
    };
    body.saturating_add(delays)
        .saturating_add(checks(&task.verify))
}

fn checks(checks_of: &[Check]) -> Duration {
    checks_of.iter().fold(Duration::ZERO, |sum, check| {
        sum.saturating_add(check.within.unwrap_or_default())
            .saturating_add(checks(&check.checks))
    })
}
