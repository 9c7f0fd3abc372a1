//! What terraform says of its failures, as failures of the task.

use super::{
    call::{Calls, Said},
};
use crate::{
    event::FailureKind,
    execute::ExecuteError,
    terraform::shim::{message::Message},
};

/// Returns the failure that a process of terraform told: the first problem in words, the others counted; all of them are in
/// the log.
pub(super) fn of(calls: &Calls<'_, '_, '_>, what: &str, said: &Said) -> ExecuteError {
    let problems = Message::problems(&said.stdout);
    let binary = &calls.unit.body.binary;
    let log = calls.transcript.relative();
    let Some(first) = problems.first() else {
        return ExecuteError::Task {
            kind: FailureKind::Task,
            message: format!("`{binary} {what}` ended with exit code {}", said.code),
            hint: Some(format!("its output is in `{log}`")),
            exit: Some(said.code),
        };
    };
    let place = match (&first.file, first.line) {
        (Some(file), Some(line)) => format!("{}/{file}:{line}: ", calls.unit.body.dir),
        _ => String::new(),
    };
    let more = match problems.len() {
        1 => String::new(),
        more => format!("; {} more in `{log}`", more - 1),
    };
    ExecuteError::Task {
        kind: FailureKind::Task,
        message: format!("{place}{}: {}{more}", first.summary, first.detail),
        hint: Some(format!("`{binary} {what}` said so; its output is in `{log}`")),
        exit: Some(said.code),
    }
}
