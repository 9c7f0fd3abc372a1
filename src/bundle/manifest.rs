//! The readable part of a bundle. No secret stands in it: its texts are masked, a secret counts by being there. Other values
//! stand in it as they are, long ones by digest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{digest::Digest, event::FailureKind, ident::TaskKey};

/// What was previewed: of what, where, when, and what was foreseen of each task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// To what it is bound besides its tasks.
    pub bound: Bound,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it may be carried out.
    pub expires: Timestamp,
    /// Version of the program that made it.
    pub version: String,
    /// Inputs and answers, by name: conditions are decided by them.
    pub values: BTreeMap<String, String>,
    /// What all files come to that git does not ignore: a task of which not everything was known is bound to all of them.
    pub files: Digest,
    /// Each task that was previewed.
    pub tasks: BTreeMap<TaskKey, Entry>,
}

/// Where a preview belongs. The git tree and the commit are named for people: a task is bound to its own inputs, so that a
/// squash merge, or a change that concerns another task, keeps what was reviewed of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Name of the plan.
    pub plan: String,
    /// Digest of the plan's file.
    pub plan_digest: Digest,
    /// The repository, where it has a name.
    pub repository: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// Its tree: what the files of the commit come to.
    pub tree: Option<String>,
    /// Whether stand-ins took the place of clouds.
    pub rehearsal: bool,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What was foreseen.
    pub outlook: Outlook,
    /// What the task was made of, by name, as far as all of it was known.
    pub made_of: Option<BTreeMap<String, String>>,
}

/// What a preview foresees of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outlook {
    /// Its record stands, and it would not run.
    UpToDate,
    /// It changes nothing outside, and was carried out.
    Done,
    /// The image was made and not pushed.
    Built {
        /// Its digest, where the same inputs give the same image; a Dockerfile's build is bound to its inputs.
        digest: Option<Digest>,
        /// What it says of itself.
        words: Words,
    },
    /// Terraform planned.
    Planned(Box<SealedPlan>),
    /// It would run.
    Runs {
        /// What there is to know of it.
        because: String,
    },
    /// It is planned in the run, when there is what it reads.
    Deferred {
        /// What it waits for.
        because: String,
    },
    /// It waits for a person.
    Paused {
        /// What for.
        because: String,
    },
    /// It does not take part.
    Skipped {
        /// Why not.
        because: String,
    },
    /// It cannot, or may not, be previewed here.
    NotPreviewed {
        /// Why not.
        because: String,
    },
    /// Something that it needs cannot be done.
    Blocked {
        /// The task.
        on: TaskKey,
    },
    /// It cannot be done as it is.
    Failed {
        /// Its class.
        kind: FailureKind,
        /// What is wrong.
        message: String,
        /// The next step.
        hint: Option<String>,
    },
}

/// Labels and annotations of an image: a run gives the image those that it was previewed with, or it were another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A plan of terraform that was shown, and is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedPlan {
    /// What would change, in a line.
    pub headline: String,
    /// What was shown.
    pub text: String,
    /// Whether there is something to apply.
    pub changes: bool,
    /// Digest of the saved plan; `None`: it could not be sealed, and cannot be applied out of the bundle.
    pub plan: Option<Digest>,
    /// Terraform itself.
    pub program: Program,
    /// Digest of the lock file as it was after `init`.
    pub lock_file: Option<Digest>,
    /// The providers, by source address: version and hashes, as the lock file has them.
    pub providers: BTreeMap<String, String>,
    /// Where the state is.
    pub backend: Backend,
}

/// A program that made a part of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Digest of its file.
    pub digest: Option<Digest>,
}

/// Where a state is: two plans that differ only in this are two plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// Its type: `local`, `s3`.
    pub kind: String,
    /// Digest of its configuration without credentials.
    pub configuration: Digest,
    /// The workspace.
    pub workspace: String,
}

impl Outlook {
    /// Whether the run would change something outside for it, or nobody knows yet.
    pub fn is_open(&self) -> bool {
        match self {
            Self::UpToDate | Self::Done | Self::Skipped { .. } => false,
            Self::Planned(planned) => planned.changes,
            Self::Built { .. }
            | Self::Runs { .. }
            | Self::Deferred { .. }
            | Self::Paused { .. }
            | Self::NotPreviewed { .. }
            | Self::Blocked { .. }
            | Self::Failed { .. } => true,
        }
    }

    /// Whether it was said that the task would not be carried out: then a run of the bundle does not carry it out either.
    pub fn is_held_back(&self) -> bool {
        matches!(
            self,
            Self::Skipped { .. } | Self::Paused { .. } | Self::NotPreviewed { .. }
        )
    }

    /// Whether a task that needs it can only wait.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Blocked { .. } | Self::Failed { .. })
    }

    /// Names it in a word or two.
    pub fn word(&self) -> &'static str {
        match self {
            Self::UpToDate => "up to date",
            Self::Done => "done",
            Self::Built { .. } => "built",
            Self::Planned(planned) if planned.changes => "planned",
            Self::Planned(_) => "no changes",
            Self::Runs { .. } => "would run",
            Self::Deferred { .. } => "deferred",
            Self::Paused { .. } => "paused",
            Self::Skipped { .. } => "skipped",
            Self::NotPreviewed { .. } => "not previewed",
            Self::Blocked { .. } => "blocked",
            Self::Failed { .. } => "failed",
        }
    }

    /// Says more of it in a line; empty where the word says all.
    pub fn details(&self) -> String {
        match self {
            Self::UpToDate | Self::Done => String::new(),
            Self::Built { digest, .. } => match digest {
                Some(digest) => digest.to_string(),
                None => "not reproducible: bound to its inputs".to_owned(),
            },
            Self::Planned(planned) => planned.headline.clone(),
            Self::Runs { because }
            | Self::Deferred { because }
            | Self::Paused { because }
            | Self::Skipped { because }
            | Self::NotPreviewed { because } => because.clone(),
            Self::Blocked { on } => format!("on {on}"),
            Self::Failed { message, .. } => message.clone(),
        }
    }
}
