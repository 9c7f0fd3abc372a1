//! What is wrong with rules and the lines beside them: all of it, with its lines.

use std::fmt;

use crate::event::FailureKind;

/// The list in which a line stands, named as the action's input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagInput {
    /// Names of images.
    Images,
    /// Rules.
    Tags,
    /// What goes for all rules.
    Flavor,
    /// Lines `NAME=VALUE` for labels.
    Labels,
    /// Lines `NAME=VALUE` for annotations.
    Annotations,
}

impl TagInput {
    /// Returns the name of the input and of the option.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Tags => "tags",
            Self::Flavor => "flavor",
            Self::Labels => "labels",
            Self::Annotations => "annotations",
        }
    }
}

/// One line that is wrong, or that comes to something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagProblem {
    /// The list.
    pub input: TagInput,
    /// The line in the list, from 1; 0 where the default rules apply.
    pub line: usize,
    /// The line.
    pub text: String,
    /// Found and expected.
    pub because: String,
}

impl fmt::Display for TagProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.input.as_str())?;
        if self.line > 0 {
            write!(formatter, ", line {}", self.line)?;
        }
        write!(formatter, ", `{}`: {}", self.text, self.because)
    }
}

/// What is wrong with rules, or with what they come to: every problem, in the order of the lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(problems))]
pub struct TagRulesError {
    problems: Vec<TagProblem>,
}

fn lines(problems: &[TagProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

impl TagRulesError {
    pub(super) fn new(problems: Vec<TagProblem>) -> Self {
        Self { problems }
    }

    /// Returns the problems.
    pub fn problems(&self) -> &[TagProblem] {
        &self.problems
    }

    /// Returns both sides, or the problems of both.
    ///
    /// # Errors
    /// If either side is wrong.
    pub fn both<A, B>(one: Result<A, Self>, other: Result<B, Self>) -> Result<(A, B), Self> {
        match (one, other) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (Err(mut one), Err(other)) => {
                one.problems.extend(other.problems);
                Err(one)
            }
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        }
    }

    /// Classifies the failure: rules are the plan's.
    pub fn kind(&self) -> FailureKind {
        FailureKind::Invalid
    }

    /// Says what to do next.
    pub fn hint(&self) -> Option<String> {
        Some("rules are lines of docker/metadata-action, such as `type=semver,pattern={{version}}` or `type=sha`".to_owned())
    }
}
