//! What an event may have carried out: whose changes a job holds, and with which rights it was started.
//!
//! Closed by default: an event that is not known, and a payload that does not tell, count as a stranger's (`docs/security.md`,
//! "Pull requests"). Nothing here performs I/O.
#[cfg(test)]
mod tests;

use super::ExecuteError;
use crate::{
    event::FailureKind,
    expression::Value,
    github::{RunnerContext, TriggerEvent},
    plan::{
        connections_of,
        model::{Kind, Task},
    },
};

/// Events that only somebody with the right to write can cause, and that run what lies in the repository.
const OWN: [&str; 6] = [
    "push",
    "release",
    "create",
    "schedule",
    "workflow_dispatch",
    "repository_dispatch",
];

/// Events to which GitHub gives neither secrets nor a token that writes where the changes come from a fork.
const WITHHELD: [&str; 3] = [
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
];

/// Whose changes a job holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The repository's own, or those of the person at this machine: everything may be carried out.
    Own,
    /// Those of a pull request of the same repository, or of its merge queue: what changes nothing.
    Proposed,
    /// Those of a fork, or of nobody knows whom, in a job from which GitHub withholds secrets: what changes nothing and reads
    /// nothing that is ours.
    Fork,
    /// Nobody knows whose, in a job that has the rights of the default branch: nothing.
    Unproven,
}

/// When a task would be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// By a preview, which changes nothing itself: images are built, modules are planned.
    Preview,
    /// By a run.
    Run,
}

/// Why a task may not be carried out, and what may be done instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub because: String,
    /// The next step.
    pub hint: &'static str,
}

impl Trust {
    /// Tells whose changes a job holds. Outside of a runner they are those of the person who runs it.
    pub fn of(runner: &RunnerContext) -> Self {
        if !runner.on_actions {
            return Self::Own;
        }
        let event = &runner.event;
        match event.name.as_deref() {
            Some(name) if OWN.contains(&name) => Self::Own,
            // A queue holds only what somebody with the right to write has put there.
            Some("merge_group") => Self::Proposed,
            Some(name) if WITHHELD.contains(&name) => of_branch(event, Self::Fork),
            Some("pull_request_target") => of_branch(event, Self::Unproven),
            Some("workflow_run") => of_earlier_run(&event.payload),
            Some(_) | None => Self::Unproven,
        }
    }

    /// Whether the account of a connection must be the one that can only read.
    pub fn only_reads(self) -> bool {
        self != Self::Own
    }

    /// Whether a preview of it may be carried out later: nothing of a stranger's is sealed.
    pub fn may_seal(self) -> bool {
        matches!(self, Self::Own | Self::Proposed)
    }

    /// Says why a task may not be carried out, if it may not.
    pub fn refuses(self, task: &Task, moment: Moment) -> Option<Refusal> {
        let changes = task.changes && moment == Moment::Run;
        match self {
            Self::Own => None,
            Self::Proposed if changes => Some(Refusal {
                because: format!(
                    "`{}` changes something outside, and a pull request runs only what changes nothing",
                    task.id
                ),
                hint: AFTER_MERGE,
            }),
            Self::Proposed => None,
            Self::Fork if changes => Some(Refusal {
                because: format!(
                    "`{}` changes something outside, and a pull request of a fork runs only what changes nothing",
                    task.id
                ),
                hint: AFTER_MERGE,
            }),
            Self::Fork => ours(task, moment).map(|what| Refusal {
                because: format!(
                    "`{}` {what}, and a pull request of a fork gets nothing of this repository's",
                    task.id
                ),
                hint: OWN_BRANCH,
            }),
            Self::Unproven => Some(Refusal {
                because: format!(
                    "`{}` is not run: this event gives a job the rights of the default branch, and does not prove whose changes it holds",
                    task.id
                ),
                hint: OTHER_EVENT,
            }),
        }
    }
}

const AFTER_MERGE: &str = "it runs when the change is merged; a workflow on `pull_request` selects other phases, or previews; a `run` that changes nothing outside says `changes: false`";
const OWN_BRANCH: &str = "whoever may write to this repository looks at the change, pushes it to a branch here, and opens the pull request from there";
const OTHER_EVENT: &str =
    "start it by `pull_request`, or, for what was merged, by `push` or `workflow_dispatch`";

impl From<Refusal> for ExecuteError {
    fn from(refusal: Refusal) -> Self {
        Self::task(FailureKind::Task, refusal.because).hint(refusal.hint)
    }
}

/// What of this repository's a task reads that a fork must not have.
fn ours(task: &Task, moment: Moment) -> Option<String> {
    if matches!(task.kind, Kind::Terraform | Kind::Kubernetes) {
        return Some("runs with credentials of its providers".to_owned());
    }
    // A preview builds an image: it neither pushes it nor asks its checks.
    let builds = task.kind == Kind::Image && moment == Moment::Preview;
    let mut reads = task
        .reads
        .iter()
        .filter(|read| !builds || (read.through.is_none() && !read.after_body));
    if let Some(secret) = reads.find(|read| read.reference.root == "secrets") {
        return Some(format!("reads `{}`", secret.reference));
    }
    let connections = match builds {
        true => task.login.clone(),
        false => connections_of(task),
    };
    let connection = connections.first()?;
    Some(format!("uses connection `{connection}`"))
}

/// A pull request whose branch lies in the repository itself is proposed; any other is what the event makes of a stranger's.
fn of_branch(event: &TriggerEvent, otherwise: Trust) -> Trust {
    let pull_request = event.pull_request.as_ref();
    match pull_request.and_then(|pull_request| pull_request.is_fork) {
        Some(false) => Trust::Proposed,
        Some(true) | None => otherwise,
    }
}

/// A run that another run started holds what that one held, if its payload proves where that came from: the name of a branch
/// proves nothing, since a fork may have a `main` too.
fn of_earlier_run(payload: &Value) -> Trust {
    let name = |value: Option<&Value>| match value?.get("full_name")? {
        Value::Text(name) => Some(name.clone()),
        _ => None,
    };
    let Some(run) = payload.get("workflow_run") else {
        return Trust::Unproven;
    };
    let own = name(payload.get("repository"));
    if own.is_none() || name(run.get("head_repository")) != own {
        return Trust::Unproven;
    }
    match run.get("event") {
        Some(Value::Text(event)) if OWN.contains(&event.as_str()) => Trust::Own,
        Some(Value::Text(event)) if event == "pull_request" || event == "merge_group" => {
            Trust::Proposed
        }
        Some(_) | None => Trust::Unproven,
    }
}
