//! What a checkpoint says, as data.
//!
//! All of it is serialised as it is declared here: that is the JSON form, whose version is [`Summary::FORMAT`]. Times are
//! RFC 3339 in UTC, durations milliseconds, keys of tasks as `ident::TaskKey` writes them.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Serialize;

use super::state::State;
use crate::{
    event::{CheckMoment, FailureKind, LogRef, Reality},
    ident::{CheckId, EnvironmentName, Name, PhaseId, RunId, TaskKey},
};

/// All that is known about a deployment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Version of the JSON form.
    pub format: u32,
    /// Which deployment it is.
    pub title: Title,
    /// What it has come to.
    pub overall: Overall,
    /// What failed, first things first.
    pub failures: Vec<FailureLine>,
    /// Phases with their tasks, in the order of the plan.
    pub phases: Vec<PhaseSummary>,
    /// Images by digest.
    pub images: Vec<ImageLine>,
    /// What people decided, approved and confirmed.
    pub people: People,
    /// Goals, risks, and the plan document.
    pub proofs: Proofs,
    /// Costs against the budget; `None` where the plan names neither.
    pub costs: Option<Costs>,
    /// The way back, in the order in which it would be gone.
    pub way_back: Vec<WayBack>,
}

/// Which deployment it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Title {
    /// Name of the plan.
    pub plan: String,
    /// What the plan is for.
    pub description: Option<String>,
    /// Its environments, each with the page where the deployment is seen, once that is known.
    pub environments: IndexMap<EnvironmentName, Option<String>>,
    /// The run that is told about: the last one.
    pub run: Option<RunLine>,
    /// When the summary was made.
    pub at: Timestamp,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunLine {
    /// Its id.
    pub id: RunId,
    /// Its page.
    pub url: Option<String>,
    /// The commit that is deployed.
    pub commit: Option<String>,
    /// Who started it.
    pub actor: Option<String>,
    /// Whether stand-ins take the place of clouds.
    pub rehearsal: bool,
    /// When it began.
    pub started: Timestamp,
    /// When its last job ended; `None` while one runs, or where one was cut off.
    pub finished: Option<Timestamp>,
    /// The signal that asked it to stop.
    pub cancelled: Option<String>,
}

/// What a deployment has come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overall {
    /// The most concerning state of its tasks.
    pub state: State,
    /// The weakest word on what its tasks did to the outside.
    pub reality: Option<Reality>,
    /// One line: how many tasks are in which state.
    pub headline: String,
    /// Number of tasks by state, the most concerning first.
    pub counts: IndexMap<State, usize>,
    /// What to do: the first is the next action, the others follow. Never empty.
    pub next: Vec<String>,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailureLine {
    /// The task.
    pub task: TaskKey,
    /// Its phase.
    pub phase: PhaseId,
    /// When it failed.
    pub at: Timestamp,
    /// Number of the attempt.
    pub attempt: u32,
    /// Whether its undoing failed, and not its doing.
    pub of_rollback: bool,
    /// Class of the failure.
    pub kind: FailureKind,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Exit code of the child, where one failed.
    pub exit: Option<i32>,
    /// Where its log is.
    pub log: Option<LogRef>,
    /// Tasks that could not start because of it.
    pub blocks: Vec<TaskKey>,
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseSummary {
    /// Its id.
    pub id: PhaseId,
    /// What people see.
    pub name: String,
    /// What it has come to.
    pub state: State,
    /// Number of tasks by state, the most concerning first.
    pub counts: IndexMap<State, usize>,
    /// Its tasks.
    pub tasks: Vec<TaskSummary>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskSummary {
    /// Who it is.
    pub key: TaskKey,
    /// What people see.
    pub name: String,
    /// Its kind, as the plan's key says it.
    pub kind: &'static str,
    /// What it has come to.
    pub state: State,
    /// The rest of the sentence behind the state: `on `server``, `up to date since …`.
    pub why: Option<String>,
    /// When, how long and how often.
    pub times: Times,
    /// The weakest word on what it did to the outside; `None` where it did nothing.
    pub reality: Option<Reality>,
    /// What it did to the outside.
    pub effects: Vec<EffectLine>,
    /// Its outputs: name and value, shortened; what is secret is said to be so.
    pub outputs: IndexMap<Name, String>,
    /// Its checks.
    pub checks: Vec<CheckLine>,
}

/// When a task ran, how long, how often.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Times {
    /// Number of the last attempt; 0 where there was none.
    pub attempt: u32,
    /// The run of the last attempt.
    pub run: Option<RunId>,
    /// When the last attempt was started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// How long it took.
    pub took_ms: Option<u64>,
    /// How long the plan expects it to take.
    pub estimate_ms: Option<u64>,
    /// Where its log is.
    pub log: Option<LogRef>,
}

/// Something that was done to the outside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EffectLine {
    /// What.
    pub what: String,
    /// Whether the other side was real.
    pub reality: Reality,
}

/// A check with what it saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckLine {
    /// Its id, unique in its task.
    pub id: CheckId,
    /// What people see.
    pub name: String,
    /// Its kind; `None` for one that the plan does not name.
    pub kind: Option<&'static str>,
    /// When in the life of the task it is asked.
    pub moment: CheckMoment,
    /// Its verdict.
    pub word: CheckWord,
    /// What was required and seen, one by one.
    pub observations: Vec<Observation>,
    /// Why it failed, or was not asked.
    pub message: Option<String>,
    /// When it was answered, and by whom.
    pub answered: Option<Answered>,
}

/// Verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckWord {
    /// What was required was seen.
    Held,
    /// It was not.
    Failed,
    /// Nothing was required; the value is kept.
    Recorded,
    /// It could not be asked here, or its condition was false.
    NotAsked,
    /// Its task has not come to it.
    NotYet,
}

impl CheckWord {
    /// Returns its words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Recorded => "recorded",
            Self::NotAsked => "not asked",
            Self::NotYet => "not yet",
        }
    }
}

/// One thing that was required, or seen, or both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Observation {
    /// Its name: `status`, `json.ready`.
    pub name: String,
    /// What was required.
    pub required: Option<String>,
    /// What was seen.
    pub observed: Option<String>,
    /// Unit of what was seen.
    pub unit: Option<String>,
}

/// How a check was answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answered {
    /// When.
    pub at: Timestamp,
    /// How often it was asked until then.
    pub asked: u32,
    /// How long the asking took in all.
    pub took_ms: u64,
    /// Who answered.
    pub reality: Reality,
}

/// A published image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageLine {
    /// The task that published it.
    pub task: TaskKey,
    /// What it has come to.
    pub state: State,
    /// Its reference by digest.
    pub reference: String,
    /// Its digest.
    pub digest: Option<String>,
    /// References by registry, where it went to several.
    pub registries: IndexMap<String, String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What read that digest back: the push, and checks as `TASK/CHECK`. Empty: nothing did.
    pub read_back: Vec<String>,
    /// Whether the registry was real.
    pub reality: Option<Reality>,
}

/// What people said.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct People {
    /// Decisions, open ones first.
    pub decisions: Vec<DecisionLine>,
    /// Approvals of phases, confirmations of gates, and words on interrupted tasks, in the order in which they were given.
    pub words: Vec<WordLine>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecisionLine {
    /// Its name.
    pub name: Name,
    /// What is to be decided.
    pub question: String,
    /// Where its answer comes from.
    pub source: AnswerSource,
    /// Its answer.
    pub answer: Option<String>,
    /// Possible answers; empty: any text.
    pub options: Vec<String>,
    /// What is advised.
    pub preferred: Option<String>,
    /// Who or what answered.
    pub by: Option<String>,
    /// When, as the plan or the ledger says it.
    pub at: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Number of the decision record.
    pub record: Option<String>,
}

/// Where the answer of a decision comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerSource {
    /// Nobody has answered it.
    Open,
    /// A rehearsal assumed it.
    Assumed,
    /// A task will answer it.
    Expected,
    /// A task answered it.
    Task,
    /// It stands in the plan.
    Plan,
}

impl AnswerSource {
    /// Returns its words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Assumed => "assumed by the rehearsal",
            Self::Expected => "a task will answer it",
            Self::Task => "answered by a task",
            Self::Plan => "decided",
        }
    }
}

/// Something that a person said, or a stand-in for one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WordLine {
    /// What was said.
    pub what: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Whether it was a person.
    pub reality: Reality,
}

/// What is proved, and what is not.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Proofs {
    /// What is to be reached.
    pub goals: Vec<ProofLine>,
    /// What can go wrong; the proof is that of its mitigation.
    pub risks: Vec<RiskLine>,
    /// The plan document; `None` where the plan names none.
    pub document: Option<DocumentSummary>,
    /// Tasks with an effect that stands, which the plan no longer has.
    pub obsolete: Vec<TaskKey>,
}

/// Something that wants proof.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProofLine {
    /// In words.
    pub text: String,
    /// Whether it is proved.
    pub word: ProofWord,
    /// What proves it, as `TASK` or `TASK/CHECK`, each with its own word.
    pub by: IndexMap<String, ProofWord>,
    /// The weakest word on who answered.
    pub reality: Option<Reality>,
}

/// Whether something is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofWord {
    /// A check of it failed.
    Failed,
    /// Its proof has not been seen.
    NotProved,
    /// Nothing in the plan proves it.
    Claimed,
    /// All of its proofs held.
    Proved,
}

impl ProofWord {
    /// Returns its words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::NotProved => "not proved yet",
            Self::Claimed => "claimed",
            Self::Proved => "proved",
        }
    }
}

/// A risk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RiskLine {
    /// The risk in words, and whether its mitigation is proved.
    pub proof: ProofLine,
    /// How likely.
    pub likelihood: Option<String>,
    /// How bad.
    pub impact: Option<String>,
    /// What is done about it.
    pub mitigation: Option<String>,
}

/// The plan document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DocumentSummary {
    /// Its title.
    pub title: Option<String>,
    /// Number of items by state.
    pub counts: IndexMap<ItemState, usize>,
    /// Its items, in the order of the text.
    pub items: Vec<ItemLine>,
}

/// An item of the plan document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemLine {
    /// Its id.
    pub id: String,
    /// Its words.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
    /// What it has come to.
    pub state: ItemState,
    /// What carries it out or proves it: `TASK`, `TASK/CHECK`, or a declaration.
    pub by: Vec<String>,
}

/// What an item of the document has come to (`plan-format.md`, 3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemState {
    /// Nothing covers it.
    Uncovered,
    /// Something that covers it failed.
    Failed,
    /// A person does it, and has not said so yet.
    ByHand,
    /// Something that covers it is not done yet.
    Open,
    /// All that covers it is done, and no check is among it.
    AutomatedUnproved,
    /// It is a declaration: a decision, a risk, an exclusion.
    Declared,
    /// All that covers it is done, by a person's word.
    DoneClaimed,
    /// All that covers it is done, and a check is among it.
    DoneVerified,
}

impl ItemState {
    /// Returns its words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Uncovered => "covered by nothing",
            Self::Failed => "failed",
            Self::ByHand => "done by hand, not confirmed",
            Self::Open => "not done yet",
            Self::AutomatedUnproved => "automated, not proved",
            Self::Declared => "declared",
            Self::DoneClaimed => "claimed to be done",
            Self::DoneVerified => "done and verified",
        }
    }
}

/// Costs against the budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Costs {
    /// Currency of all amounts.
    pub currency: String,
    /// The most, a month; `None`: no budget, or not known yet.
    pub monthly: Option<f64>,
    /// For each environment its tasks and the shared ones.
    pub walks: Vec<CostsOfWalk>,
}

/// Costs of one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostsOfWalk {
    /// The environment; `None`: the shared tasks alone.
    pub environment: Option<EnvironmentName>,
    /// Sum of what is known, a month.
    pub total: f64,
    /// Whether the sum is within the budget; `None` where a line or the budget is not known.
    pub within: Option<bool>,
    /// Its lines.
    pub lines: Vec<CostLine>,
}

/// One line of costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostLine {
    /// The task.
    pub task: TaskKey,
    /// What is paid for.
    pub what: String,
    /// The amount, a month; `None`: not known yet.
    pub amount: Option<f64>,
}

/// The way back of a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WayBack {
    /// The task.
    pub task: TaskKey,
    /// The way in words.
    pub way: String,
    /// What is lost, as the plan says it.
    pub data_loss: Option<String>,
    /// Whether that is proved.
    pub proof: ProofWord,
    /// How it went, once it was gone: `None` while it was not.
    pub undone: Option<UndoneLine>,
}

/// How the undoing of a task went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UndoneLine {
    /// When.
    pub at: Option<Timestamp>,
    /// Why it could not be undone, if so.
    pub failure: Option<String>,
    /// Evidence that was kept before, relative to the ledger.
    pub evidence: Vec<String>,
}

impl Summary {
    /// Version of the JSON form. It grows when a reader of the former one could be misled.
    pub const FORMAT: u32 = 1;

    /// Returns all tasks in the order of the phases.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskSummary> {
        self.phases.iter().flat_map(|phase| &phase.tasks)
    }

    /// Whether nothing happened that a comment would be worth: there are no tasks, or none but skipped ones.
    pub fn is_quiet(&self) -> bool {
        self.tasks().all(|task| task.state == State::Skipped)
    }

    /// Whether the deployment is done: its comment is left as it is, and what comes later starts a new one.
    pub fn is_final(&self) -> bool {
        let ran_to_its_end = self
            .title
            .run
            .as_ref()
            .is_some_and(|run| run.finished.is_some());
        let is_done = |task: &TaskSummary| task.state.is_done() || task.state == State::Skipped;
        ran_to_its_end && !self.is_quiet() && self.tasks().all(is_done)
    }

    /// Returns the JSON form.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("its maps have texts as keys and its numbers are finite")
    }
}
