//! What became of each rule.

use std::fmt;

use super::rule::Rule;

/// A rule, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagStep {
    /// The rule with its line.
    pub rule: String,
    /// What became of it.
    pub fate: Fate,
    /// Whether the rule says something that the original does not know.
    pub(super) is_extended: bool,
}

/// What became of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It made a tag.
    Made {
        /// The tag.
        name: String,
        /// Whether it is the first, which is the version.
        is_version: bool,
    },
    /// It came to a tag that another rule had made.
    Again {
        /// The tag.
        name: String,
    },
    /// It made none.
    Nothing {
        /// Why.
        because: String,
    },
}

impl TagStep {
    pub(super) fn new(rule: &Rule, fate: Fate) -> Self {
        Self {
            rule: rule.place(),
            fate,
            is_extended: rule.component.is_some(),
        }
    }
}

impl Fate {
    pub(super) fn nothing(because: &str) -> Self {
        Self::Nothing {
            because: because.to_owned(),
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Made { name, .. } | Self::Again { name } => Some(name),
            Self::Nothing { .. } => None,
        }
    }
}

impl fmt::Display for TagStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.rule)?;
        match &self.fate {
            Fate::Made {
                name,
                is_version: true,
            } => write!(formatter, "`{name}`, which is the version"),
            Fate::Made { name, .. } => write!(formatter, "`{name}`"),
            Fate::Again { name } => write!(formatter, "`{name}`, which is there already"),
            Fate::Nothing { because } => write!(formatter, "no tag: {because}"),
        }
    }
}
