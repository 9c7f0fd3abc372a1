//! What terraform says of its failures, as failures of the task.

use super::call::{Calls, Said};
use crate::{
    diagnostic::Severity,
    event::FailureKind,
    execute::ExecuteError,
    terraform::{
        Failure, StateLock,
        told::{Problem, Told, Validation, problems_in_text},
    },
};

/// Returns the failure that a process of terraform told: the one that is known by name, or the first in its words; the others
/// are counted, and all of them are in the log.
pub(super) fn of(calls: &Calls<'_, '_, '_>, what: &str, said: &Said) -> ExecuteError {
    let problems = problems(said);
    let log = calls.transcript.relative();
    let failed = |kind, message, hint| ExecuteError::Task {
        kind,
        message,
        hint: Some(hint),
        exit: Some(said.code),
    };
    if let Some(known) = Failure::of(&problems) {
        let hint = match &known {
            Failure::StateLocked(StateLock { id: Some(id), .. }) => format!(
                "wait until the holder is done; where nobody holds it any more: `deploy-action unlock --task {} --id {id}`",
                calls.attempt.node.key
            ),
            known => known.hint(),
        };
        return failed(known.kind(), known.to_string(), hint);
    }
    let binary = &calls.unit.body.binary;
    let hint = format!("`{binary} {what}` said so; its output is in `{log}`");
    let Some(first) = problems.first() else {
        let message = format!("`{binary} {what}` ended with exit code {}", said.code);
        return failed(FailureKind::Task, message, hint);
    };
    let more = match problems.len() {
        1 => String::new(),
        more => format!("; {} more in `{log}`", more - 1),
    };
    let message = format!("{}{more}", words(first, &calls.unit.body.dir));
    failed(FailureKind::Task, message, hint)
}

/// Finds the errors in what was printed, whatever its form.
fn problems(said: &Said) -> Vec<Problem> {
    let stdout = String::from_utf8_lossy(&said.stdout);
    let mut problems = match Validation::read(&stdout) {
        Ok(validation) => validation.problems,
        Err(_) => stdout
            .lines()
            .filter_map(|line| match Told::read(line) {
                Told::Problem(problem) => Some(*problem),
                Told::Progress(_) | Told::Said(_) | Told::Other => None,
            })
            .collect(),
    };
    problems.extend(problems_in_text(&said.stderr));
    problems.retain(|problem| problem.severity == Severity::Error);
    problems
}

/// A problem in a line: `infra/main.tf:4: Unsupported argument: …`.
pub(super) fn words(problem: &Problem, dir: &str) -> String {
    let mut parts = Vec::new();
    if let Some(place) = &problem.place {
        let dir = dir.trim_end_matches('/');
        parts.push(format!("{dir}/{}:{}", place.file, place.start.line));
    }
    parts.push(problem.summary.clone());
    let detail = problem.detail.split_whitespace().collect::<Vec<_>>();
    if !detail.is_empty() {
        parts.push(detail.join(" "));
    }
    parts.join(": ")
}
