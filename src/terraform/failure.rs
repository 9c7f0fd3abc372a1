//! Failures of terraform that have a name, and what to do about each.

use jiff::Timestamp;

use super::told::Problem;
use crate::event::FailureKind;

/// A failure that is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Somebody else works on the state, or died while they did.
    #[error("the state is locked{}", .0.holder())]
    StateLocked(StateLock),
    /// The folder is not prepared.
    #[error("the module is not initialised: {0}")]
    NotInitialised(String),
    /// The state would be looked for elsewhere than it was.
    #[error("the backend's configuration is another one than the module was initialised with")]
    BackendChanged,
    /// The state is not the one that the plan was made for.
    #[error("the saved plan is stale: the state was changed after it was made")]
    PlanStale,
    /// The lock file does not hold what the configuration requires, or the packages are not those it names.
    #[error("the providers are not those of the lock file: {0}")]
    ProviderLock(String),
    /// Changes were made, and the state that knows of them was not written.
    #[error("the state could not be written after the apply; it lies in `errored.tfstate`")]
    StateNotSaved,
    /// This terraform is not one that the configuration or the plan may be used with.
    #[error("this version of terraform is not accepted: {0}")]
    Version(String),
    /// A provider died.
    #[error("a provider crashed: {0}")]
    ProviderCrash(String),
}

impl Failure {
    /// Recognises a failure among the problems that one command reported; the one that matters most, if there are several.
    pub fn of(problems: &[Problem]) -> Option<Self> {
        let mut known: Vec<Self> = problems.iter().filter_map(recognised).collect();
        // A state that was not written is lost when nobody looks, whatever else failed.
        known.sort_by_key(|failure| match failure {
            Self::StateNotSaved => 0,
            Self::ProviderCrash(_) => 1,
            _ => 2,
        });
        known.into_iter().next()
    }

    /// Returns its kind in the ledger.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::StateLocked(_) => FailureKind::StateLocked,
            Self::PlanStale | Self::BackendChanged => FailureKind::PlanStale,
            Self::ProviderCrash(_) => FailureKind::ProviderCrash,
            Self::NotInitialised(_)
            | Self::ProviderLock(_)
            | Self::StateNotSaved
            | Self::Version(_) => FailureKind::Task,
        }
    }

    /// Returns the next step.
    pub fn hint(&self) -> String {
        match self {
            Self::StateLocked(lock) => match &lock.id {
                Some(id) => format!(
                    "wait until the holder is done; if nobody holds it any more: `terraform force-unlock {id}`"
                ),
                None => "wait until the holder is done".to_owned(),
            },
            Self::NotInitialised(_) => "run `terraform init` in the module's folder".to_owned(),
            Self::BackendChanged => {
                "plan again; a state that has to move is moved by hand: `terraform init -migrate-state`".to_owned()
            }
            Self::PlanStale => "plan again, and let the new plan be reviewed".to_owned(),
            Self::ProviderLock(_) => {
                "run `terraform init` without `-lockfile=readonly`, review `.terraform.lock.hcl`, and commit it".to_owned()
            }
            Self::StateNotSaved => {
                "do not apply again: push the rescued state first, or resources are made twice".to_owned()
            }
            Self::Version(_) => "pin the version in the plan's `tools`".to_owned(),
            Self::ProviderCrash(_) => {
                "look at what was changed before applying again; the provider's log is in the task's log".to_owned()
            }
        }
    }
}

fn recognised(problem: &Problem) -> Option<Failure> {
    let summary = problem.summary.as_str();
    let first = || first_sentence(&problem.detail);
    let known = match summary {
        "Error acquiring the state lock" | "Error locking state" => {
            Failure::StateLocked(StateLock::of(&problem.detail))
        }
        "Saved plan is stale" | "Saved plan does not match the given state" => Failure::PlanStale,
        "Backend configuration changed" => Failure::BackendChanged,
        "Inconsistent dependency lock file" | "Provider dependency changes detected" => {
            Failure::ProviderLock(first())
        }
        "Module not installed"
        | "Missing required provider"
        | "Required plugins are not installed" => Failure::NotInitialised(first()),
        "Failed to persist state to backend"
        | "Failed to save state"
        | "Failed to persist state" => Failure::StateNotSaved,
        "Unsupported Terraform Core version" | "Unsupported OpenTofu Core version" => {
            Failure::Version(first())
        }
        "Plugin did not respond" => Failure::ProviderCrash(first()),
        "Failed to install provider" if problem.detail.contains("checksums") => {
            Failure::ProviderLock(first())
        }
        _ if summary.starts_with("Backend initialization required") => {
            if problem.detail.contains("Reason: Initial configuration") {
                Failure::NotInitialised("its backend was never configured here".to_owned())
            } else {
                Failure::BackendChanged
            }
        }
        _ if problem.detail.contains("plan file was created by") => Failure::Version(first()),
        _ => return None,
    };
    Some(known)
}

fn first_sentence(detail: &str) -> String {
    let paragraph = detail.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let text = words.join(" ");
    match text.split_once(". ") {
        Some((first, _)) => first.to_owned(),
        None => text.trim_end_matches('.').to_owned(),
    }
}

/// Who holds the lock of a state. What the backend does not say is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateLock {
    /// By which it is released.
    pub id: Option<String>,
    /// Which state.
    pub path: Option<String>,
    /// What the holder does: `OperationTypeApply`.
    pub operation: Option<String>,
    /// Who: user and machine.
    pub who: Option<String>,
    /// The holder's terraform.
    pub version: Option<String>,
    /// Since when.
    pub created: Option<Timestamp>,
}

impl StateLock {
    /// Reads the information in the detail of a problem.
    ///
    /// The http backend names the holder's id alone, and describes the lock that was asked for in the place of the one that
    /// is held; such a description is not taken.
    pub fn of(detail: &str) -> Self {
        let field = |name: &str| {
            let mut lines = detail.lines().map(str::trim_start);
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let described = field("ID");
        let held = detail
            .split_once("already locked: ID=")
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .map(str::to_owned);
        if held.is_some() && held != described {
            return Self {
                id: held,
                ..Self::default()
            };
        }
        Self {
            id: described,
            path: field("Path"),
            operation: field("Operation"),
            who: field("Who"),
            version: field("Version"),
            created: field("Created").as_deref().and_then(created),
        }
    }

    /// Says who holds it since when, as far as that is known, to be put behind a statement.
    fn holder(&self) -> String {
        let parts = [
            self.who.as_ref().map(|who| format!(" by {who}")),
            self.created.map(|created| format!(" since {created}")),
            self.operation.as_ref().map(|operation| {
                let operation = operation.trim_start_matches("OperationType");
                format!(" for {}", operation.to_lowercase())
            }),
            self.id.as_ref().map(|id| format!(", lock {id}")),
        ];
        parts.into_iter().flatten().collect()
    }
}

/// Reads `2026-11-29 18:11:13.149271882 +0000 UTC`, which is how Go writes a time.
fn created(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_once(' ')?;
    let (time, zone) = rest.split_once(' ')?;
    let offset = zone.split(' ').next()?;
    format!("{date}T{time}{offset}").parse().ok()
}
