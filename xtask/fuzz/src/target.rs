//! The targets by name.

use crate::{comment, expression, hcl, plan, records, tags, terraform};

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
    /// What `terraform show -json` writes: read, summarised, compared, judged; and lines that terraform prints.
    Terraform,
    /// The text of a `.tf` file or a lock file.
    Hcl,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Plan,
        Self::Expression,
        Self::Records,
        Self::Comment,
        Self::Tags,
        Self::Terraform,
        Self::Hcl,
    ];

    /// Returns the name that `cargo xtask fuzz` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Expression => "expression",
            Self::Records => "records",
            Self::Comment => "comment",
            Self::Tags => "tags",
            Self::Terraform => "terraform",
            Self::Hcl => "hcl",
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
            Self::Terraform => terraform::check(input),
            Self::Hcl => hcl::check(input),
        }
    }
}
