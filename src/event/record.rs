//! Records and their parts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    expression::Value,
    ident::{CheckId, EnvironmentName, Name, PhaseId, RunId, TaskKey},
};

/// One fact with its place in the ledger and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Place in the ledger of its walk, from 1, without gaps.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The run that wrote it.
    pub run: RunId,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A run began, or a job of it.
    RunStarted(StartedRun),
    /// A task began an attempt. For a task that changes the outside this is durable before its effect.
    TaskStarted {
        /// The task.
        task: TaskKey,
        /// From 1, counted across resumes.
        attempt: u32,
        /// What the task was made of; its parts are kept beside the ledger under this digest.
        fingerprint: Digest,
        /// Whether it changes something outside.
        changes: bool,
    },
    /// A child process of a task runs under a keeper, which may outlive the runner.
    ChildKept {
        /// The task.
        task: TaskKey,
        /// The keeper.
        keeper: ProcessIdentity,
        /// Folder of the keeper's files (log, exit record), relative to the ledger.
        folder: String,
        /// Why the child was started.
        purpose: String,
    },
    /// A check was asked and answered.
    CheckAnswered {
        /// The task.
        task: TaskKey,
        /// The check.
        check: CheckId,
        /// When in the life of the task it was asked.
        moment: CheckMoment,
        /// What was seen.
        answer: CheckAnswer,
    },
    /// A task ended an attempt.
    TaskFinished {
        /// The task.
        task: TaskKey,
        /// The attempt, as in its start; 0 where the task failed before one was started.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// Its outputs.
        outputs: BTreeMap<Name, OutputValue>,
        /// Files that it hands over: name and path relative to the ledger.
        artifacts: BTreeMap<Name, String>,
        /// What it did to the outside, and whether that outside was real.
        effects: Vec<Effect>,
        /// Where its full masked log is.
        log: Option<LogRef>,
    },
    /// A failed attempt will be repeated.
    RetryScheduled {
        /// The task.
        task: TaskKey,
        /// The attempt that comes next.
        attempt: u32,
        /// Delay before it, in milliseconds.
        delay_ms: u64,
        /// Why.
        because: FailureKind,
    },
    /// A task was not run, because its last record has the same fingerprint.
    TaskUpToDate {
        /// The task.
        task: TaskKey,
        /// When it was finished.
        since: Timestamp,
    },
    /// A task does not take part.
    TaskSkipped {
        /// The task.
        task: TaskKey,
        /// Why.
        because: Reason,
    },
    /// A task could not start, because of another.
    TaskBlocked {
        /// The task.
        task: TaskKey,
        /// What it waits for.
        on: TaskKey,
    },
    /// A task waits for a person.
    TaskPaused {
        /// The task.
        task: TaskKey,
        /// For what.
        waiting: Waiting,
    },
    /// A task could not be carried out at this place, and nothing was tried.
    TaskNotRun {
        /// The task.
        task: TaskKey,
        /// Why.
        because: String,
    },
    /// A started task was found without an end.
    TaskInterrupted {
        /// The task.
        task: TaskKey,
        /// What its kind says about it.
        advice: String,
    },
    /// A person said that an interrupted task is done, or is to be repeated.
    TaskSettled {
        /// The task.
        task: TaskKey,
        /// Whether it counts as done; else it is repeated.
        done: bool,
        /// Who said so.
        by: String,
    },
    /// A result no longer counts.
    TaskInvalidated {
        /// The task.
        task: TaskKey,
        /// Why.
        because: String,
    },
    /// A person confirmed a gate.
    GateConfirmed {
        /// The task.
        task: TaskKey,
        /// Who.
        by: String,
    },
    /// A phase was approved in an environment.
    PhaseApproved {
        /// The phase.
        phase: PhaseId,
        /// The environment.
        environment: EnvironmentName,
        /// Who.
        by: String,
        /// Whether it was given by a rehearsal.
        reality: Reality,
    },
    /// A decision got its answer from a task, or in a rehearsal from the plan's preference.
    DecisionAnswered {
        /// The decision.
        decision: Name,
        /// The answer.
        answer: String,
        /// Who or what answered.
        by: String,
    },
    /// Evidence was kept before something was undone.
    EvidenceCaptured {
        /// The task.
        task: TaskKey,
        /// Path relative to the ledger.
        path: String,
    },
    /// A task's effect was undone.
    TaskRolledBack {
        /// The task.
        task: TaskKey,
        /// The way that was taken.
        way: String,
        /// Why it could not be undone, if so.
        failure: Option<Failure>,
    },
    /// The run was asked to stop.
    CancelRequested {
        /// The signal's name.
        by: String,
    },
    /// A run, or a job of it, ended.
    RunFinished(RunSummary),
}

/// What is known when a run begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartedRun {
    /// The plan's name.
    pub plan: String,
    /// Digest of the plan file.
    pub plan_digest: Digest,
    /// Job of the workflow, where there is one.
    pub job: Option<String>,
    /// The commit that is deployed.
    pub commit: Option<String>,
    /// Who started it.
    pub actor: Option<String>,
    /// Page of the run.
    pub url: Option<String>,
    /// Whether stand-ins take the place of clouds.
    pub rehearsal: bool,
    /// Version of this program.
    pub version: String,
    /// What was reviewed and is carried out, if nothing else is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Digest>,
}

/// How a run, or a job of it, ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSummary {
    /// Job of the workflow, where there is one.
    pub job: Option<String>,
    /// The exit code.
    pub exit: u8,
}

/// How an attempt of a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// The body was done and all checks held.
    Succeeded,
    /// Something was wrong.
    Failed(Failure),
    /// The run was cancelled while the task ran.
    Cancelled,
}

/// What went wrong, for people and for retries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Its class.
    pub kind: FailureKind,
    /// One line, masked.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Exit code of the child, where a child failed.
    pub exit: Option<i32>,
}

/// Classes of failures: the names that `retry` takes, and those that are never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The task itself failed.
    Task,
    /// A service could not be reached or answered that it cannot.
    Unavailable,
    /// The attempt's time was over.
    Timeout,
    /// A quota or rate limit.
    Quota,
    /// Another holds the state's lock.
    StateLocked,
    /// Credentials ran out in the middle.
    AuthExpired,
    /// A terraform provider crashed.
    ProviderCrash,
    /// What was reviewed no longer fits.
    PlanStale,
    /// A check did not hold.
    VerifyFailed,
    /// The plan's values make no sense together, seen only when they were known.
    Invalid,
    /// A bug of this program.
    Internal,
}

/// Why a task does not take part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reason {
    /// Its condition, or its phase's, is false.
    Condition {
        /// The condition as written.
        text: String,
    },
}

/// What a paused task waits for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Waiting {
    /// The answer to a decision.
    Decision {
        /// The decision.
        decision: Name,
    },
    /// The approval of a phase.
    Approval {
        /// The phase.
        phase: PhaseId,
        /// The environment.
        environment: EnvironmentName,
    },
    /// A person's confirmation.
    Confirmation {
        /// What is to be confirmed.
        text: String,
    },
    /// Whether an interrupted task is done or has to be repeated.
    Settlement,
}

/// When a check was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckMoment {
    /// As the body of a task of kind `check`.
    Body,
    /// After the body.
    Verify,
    /// Before a rollback.
    Before,
}

/// What a check saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckAnswer {
    /// The verdict.
    pub answer: Answer,
    /// What was asked for, as the plan says it; empty where the kind's own rule applied.
    pub required: BTreeMap<String, String>,
    /// What was observed, with the names of section 2 of the plan format.
    pub observed: BTreeMap<String, Value>,
    /// Unit of `observed.value`.
    pub unit: Option<String>,
    /// Why it failed, or what could not be observed; masked.
    pub message: Option<String>,
    /// How often it was asked.
    pub asked: u32,
    /// How long the asking took in all, in milliseconds.
    pub took_ms: u64,
    /// Who answered: real or a stand-in.
    pub reality: Reality,
}

/// Verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// What was required was seen.
    Held,
    /// It was not.
    Failed,
    /// Nothing was required; the value is kept.
    Recorded,
    /// It could not be asked here, or its condition was false.
    NotAsked,
}

/// One thing that a task did to the outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// What was done, as a verb and an object: `push ghcr.io/o/r`.
    pub what: String,
    /// Whether the other side was real.
    pub reality: Reality,
}

/// Whether the other side of an effect was the real thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reality {
    /// The thing itself.
    Real,
    /// Something in its place.
    StandIn {
        /// Who, with address and version.
        who: String,
    },
    /// Nothing was done.
    NotRun {
        /// Why.
        because: String,
    },
}

/// An output as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OutputValue {
    /// Readable by everyone who can read the ledger.
    Clear {
        /// The value.
        value: Value,
    },
    /// Encrypted to the environment's recipient (`age`, armoured).
    Sealed {
        /// The armoured ciphertext of the value's JSON.
        armor: String,
    },
    /// Secret and not kept: it can be read only by tasks of the same process, or, of terraform, out of its state again.
    Withheld,
}

/// Where the full log of a task is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRef {
    /// Path relative to the ledger.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A process that can be told from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessIdentity {
    /// Process id.
    pub pid: i32,
    /// Start time in the kernel's ticks since boot (`/proc/PID/stat`, field 22); 0 where the system does not tell.
    pub started: u64,
}
