//! Changes as the program knows them.

use std::fmt;

use indexmap::IndexMap;
use serde::Serialize;

use super::{Kept, Shown};
use crate::secret::{Masker, Secret};

/// What a plan would do with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Action {
    /// It is destroyed and made anew, in this or the other order.
    Replace {
        /// The new one first.
        create_before_destroy: bool,
    },
    /// It is destroyed.
    Delete,
    /// It stays, and terraform no longer knows it.
    Forget,
    /// It is changed in place.
    Update,
    /// It is made.
    Create,
    /// It exists, and terraform knows it from now on.
    Import,
    /// It has another address from now on.
    Move,
    /// Data that can be read only when other changes have been made.
    Read,
    /// Nothing.
    NoOp,
}

impl Action {
    /// Names it as people do.
    pub fn word(self) -> &'static str {
        match self {
            Self::Replace { .. } => "replace",
            Self::Delete => "destroy",
            Self::Forget => "forget",
            Self::Update => "update",
            Self::Create => "create",
            Self::Import => "import",
            Self::Move => "move",
            Self::Read => "read",
            Self::NoOp => "leave",
        }
    }

    /// Whether the thing is there, and known to terraform, when the change has been made.
    pub fn leaves_it(self) -> bool {
        match self {
            Self::Delete | Self::Forget => false,
            Self::Replace { .. }
            | Self::Update
            | Self::Create
            | Self::Import
            | Self::Move
            | Self::Read
            | Self::NoOp => true,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Terraform makes and destroys it.
    Managed,
    /// Terraform reads it.
    Data,
}

/// One changed attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributeChange {
    /// Where it is: `settings[0].tier`.
    pub path: Box<str>,
    /// What it is.
    pub before: Shown,
    /// What it will be.
    pub after: Shown,
    /// Whether it is why the resource is replaced.
    pub forces_replacement: bool,
    /// What both values come to, where they are not shown whole. It is as secret as they are.
    #[serde(skip)]
    pub(super) print: Option<Box<[u8; 32]>>,
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceChange {
    /// Its address.
    pub address: String,
    /// Its address until now, where that is another one.
    pub previous_address: Option<String>,
    /// Where it stands, if not in the root module.
    pub module: Option<String>,
    /// What it is.
    pub mode: Mode,
    /// Its type: `google_sql_database_instance`.
    pub kind: String,
    /// The source address of its provider.
    pub provider: String,
    /// The key of an object that an earlier replacement left behind.
    pub deposed: Option<String>,
    /// What happens.
    pub action: Action,
    /// Why, in terraform's words with spaces: `replace because cannot update`.
    pub reason: Option<String>,
    /// What it is imported from.
    pub importing: Option<Importing>,
    /// What changes, in the order of the plan. Empty where it is destroyed.
    pub attributes: Vec<AttributeChange>,
}

/// What an import takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Importing {
    /// The identifier; `None` where it is known only at apply, or is no text.
    pub id: Option<Box<str>>,
}

/// What happens to an output of the root module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputChange {
    /// Its name.
    pub name: String,
    /// What happens.
    pub action: Action,
    /// What changes in it. A list or map has several parts; the path of a plain value is empty.
    pub parts: Vec<AttributeChange>,
}

/// A change that terraform cannot plan yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Deferred {
    /// Why, in terraform's words with spaces.
    pub reason: String,
    /// The change, as far as it is known.
    pub change: ResourceChange,
}

/// How a condition stands that the configuration asserts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Of what: `check.small`, `module.a.output.b`.
    pub address: String,
    /// How it stands.
    pub status: StandingStatus,
    /// What the configuration says of each failure.
    pub problems: Vec<String>,
}

/// How a condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StandingStatus {
    /// It holds.
    Pass,
    /// It is known only at apply.
    Unknown,
    /// It does not hold.
    Fail,
    /// It could not be evaluated.
    Error,
}

/// How many changes there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Made.
    pub add: usize,
    /// Changed in place.
    pub change: usize,
    /// Destroyed and not made anew.
    pub destroy: usize,
    /// Destroyed and made anew.
    pub replace: usize,
    /// Taken over, whether changed or not.
    pub import: usize,
    /// Given another address, whether changed or not.
    pub moved: usize,
    /// No longer known.
    pub forget: usize,
}

/// What a saved plan would do.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The version of terraform that planned.
    pub terraform_version: String,
    /// When, as the plan says it.
    pub timestamp: Option<String>,
    /// Whether nothing had to be left for a later plan.
    pub complete: bool,
    /// Whether planning failed half-way.
    pub errored: bool,
    /// Whether terraform would apply it; `None` where the version does not say.
    pub applyable: Option<bool>,
    /// What changes, in the order of the plan. Resources of which nothing changes are only counted.
    pub resources: Vec<ResourceChange>,
    /// How many resources stay as they are.
    pub unchanged: usize,
    /// What somebody else changed since terraform last looked.
    pub drift: Vec<ResourceChange>,
    /// What cannot be planned yet.
    pub deferred: Vec<Deferred>,
    /// Outputs that change.
    pub outputs: Vec<OutputChange>,
    /// Conditions of the configuration.
    pub standings: Vec<Standing>,
    /// Resources that the caller wanted to judge, after the change.
    pub(super) kept: Vec<Kept>,
    pub(super) secrets: IndexMap<Secret, String>,
    pub(super) masker: Masker,
}

impl Changes {
    /// Counts the changes.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for change in &self.resources {
            counts.import += usize::from(change.importing.is_some());
            counts.moved += usize::from(change.previous_address.is_some());
            match change.action {
                Action::Create => counts.add += 1,
                Action::Update => counts.change += 1,
                Action::Delete => counts.destroy += 1,
                Action::Replace { .. } => counts.replace += 1,
                Action::Forget => counts.forget += 1,
                Action::Import | Action::Move | Action::Read | Action::NoOp => {}
            }
        }
        counts
    }

    /// Whether applying would do nothing: no resource, no output, nothing left for later. Drift alone is nothing to apply.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.outputs.is_empty() && self.deferred.is_empty()
    }

    /// Returns the values that terraform or the caller calls sensitive, each with the first place where it stands, for the mask
    /// of the log.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.secrets
            .iter()
            .map(|(secret, place)| (place.as_str(), secret))
    }
}
