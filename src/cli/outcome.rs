//! From where each task ended to the exit code; worst wins (`docs/guide.md`, "Exit codes").

use super::Exit;
use crate::{event::FailureKind, execute::Run, ledger::TaskState, schedule::Status};

/// The exit of a run that was asked to stop by a signal.
pub fn cancelled(signal: &str) -> Exit {
    if signal == "SIGTERM" {
        Exit::Terminated
    } else {
        Exit::Interrupted
    }
}

/// The exit of a run.
pub fn exit(run: &Run<'_, '_>, statuses: &[Status], signal: Option<&'static str>) -> Exit {
    let of_selected = || run.selected.iter().map(|&index| (index, statuses[index]));
    let failures: Vec<FailureKind> = of_selected()
        .filter(|&(index, status)| status == Status::Failed && !is_asked(run, index))
        .map(|(index, _)| kind(run, index))
        .collect();
    let of_failures = of_failures(&failures);
    if of_failures == Exit::Bug {
        return Exit::Bug;
    }
    if let Some(signal) = signal {
        return cancelled(signal);
    }
    if of_failures == Exit::Failed {
        return Exit::Failed;
    }
    let blocked: Vec<Exit> = of_selected()
        .map(|(index, status)| of_one(run, index, status))
        .collect();
    let worst = |wanted: Exit| blocked.contains(&wanted);
    match (
        failures.is_empty(),
        worst(Exit::Failed),
        worst(Exit::Paused),
    ) {
        (_, true, _) => Exit::Failed,
        (false, false, _) => Exit::Unavailable,
        (true, false, true) => Exit::Paused,
        (true, false, false) => Exit::Done,
    }
}

/// The exit that failures ask for: that a service was not there only where it is all of them.
pub fn of_failures(failures: &[FailureKind]) -> Exit {
    let is_unavailable =
        |kind: &FailureKind| matches!(kind, FailureKind::Unavailable | FailureKind::Quota);
    match failures {
        [] => Exit::Done,
        failures if failures.contains(&FailureKind::Internal) => Exit::Bug,
        failures if failures.iter().all(is_unavailable) => Exit::Unavailable,
        _ => Exit::Failed,
    }
}

fn kind(run: &Run<'_, '_>, index: usize) -> FailureKind {
    match run.state_of(index) {
        Some(TaskState::Failed(failure)) => failure.kind,
        _ => FailureKind::Task,
    }
}

/// Whether the attempt was cut off, so that a person is asked how it ended.
fn is_asked(run: &Run<'_, '_>, index: usize) -> bool {
    matches!(run.state_of(index), Some(TaskState::Paused { .. }))
}

/// What the end of one task that did not fail asks for.
fn of_one(run: &Run<'_, '_>, index: usize, status: Status) -> Exit {
    let not_run = if run.world.stand_ins.is_rehearsal() {
        Exit::Done
    } else {
        Exit::Failed
    };
    match status {
        Status::Paused => Exit::Paused,
        Status::Failed if is_asked(run, index) => Exit::Paused,
        Status::NotRun => not_run,
        Status::Blocked { on } => match run.state_of(on.0) {
            Some(TaskState::Paused { .. }) => Exit::Paused,
            Some(TaskState::NotRun { .. }) => not_run,
            // What is blocked on a failure of this run is told by that failure; on one of an earlier run, by this.
            _ if run.selected.contains(&on.0) => Exit::Done,
            Some(TaskState::Blocked { .. }) => not_run,
            _ => Exit::Failed,
        },
        Status::NotStarted | Status::Cancelled => Exit::Failed,
        _ => {
            debug_assert!(index < run.graph.nodes().len());
            Exit::Done
        }
    }
}
