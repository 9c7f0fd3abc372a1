//! The targets by name.

use crate::{comment, expression, plan, records, tags};

/// What an input is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The bytes of a plan file: read, shown, made a graph, rendered.
    Plan,
    /// The text of an expression: read, written, read again, evaluated.
    Expression,
    /// The bytes of a ledger: replayed, cut off anywhere, folded.
    Records,
    /// A comment on a pull request, and the ledger from which ours is written.
    Comment,
    /// Rules for tags, with the event that they are applied to.
    Tags,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Plan,
        Self::Expression,
        Self::Records,
        Self::Comment,
        Self::Tags,
    ];

    /// Returns the name that `cargo xtask fuzz` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Expression => "expression",
            Self::Records => "records",
            Self::Comment => "comment",
            Self::Tags => "tags",
        }
    }

    /// Returns the target of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// Holds one input against what the program promises.
    ///
    /// # Panics
    ///
    /// The program breaks a promise.
    pub fn check(self, input: &[u8]) {
        match self {
            Self::Plan => plan::check(input),
            Self::Expression => expression::check(input),
            Self::Records => records::check(input),
            Self::Comment => comment::check(input),
            Self::Tags => tags::check(input),
        }
    }
}
