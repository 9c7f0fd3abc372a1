//! What can be wrong with an expression, and what can go wrong when it is evaluated.

use super::reference::{Reference, Span};

/// A text that is no expression: the problem, and where in the source it is.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct ExpressionError {
    /// What is wrong.
    pub problem: ExpressionProblem,
    /// Byte offsets into the source.
    pub span: Span,
}

/// What is wrong with the text of an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionProblem {
    /// Nothing stands where an expression should.
    #[error("an expression is missing")]
    Empty,
    /// A text without its closing quote.
    #[error("a text is not closed")]
    UnterminatedText,
    /// A text in double quotes.
    #[error("texts are written in single quotes")]
    DoubleQuoted {
        /// What stands between the quotes.
        text: String,
    },
    /// `${{` without `}}`.
    #[error("`${{{{` is not closed")]
    Unclosed,
    /// A character that means nothing here.
    #[error("unexpected `{found}`")]
    UnexpectedCharacter {
        /// The character.
        found: char,
    },
    /// Half of an operator.
    #[error("there is no operator `{found}`")]
    HalfOperator {
        /// What was written.
        found: &'static str,
        /// What is meant.
        meant: &'static str,
    },
    /// Digits that are no number.
    #[error("`{text}` is not a number")]
    Number {
        /// What was written.
        text: String,
    },
    /// Something else stands where a part of the expression should.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What may stand here.
        expected: &'static str,
        /// What stands here.
        found: String,
    },
    /// A function that does not exist.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// The name as written.
        name: String,
        /// The function with the most similar name, if one is similar.
        nearest: Option<&'static str>,
    },
    /// One of GitHub's functions that look at how earlier steps ended.
    #[error("there is no `{name}()`")]
    StatusFunction {
        /// The function as GitHub writes it.
        name: &'static str,
    },
    /// A function with too few or too many values.
    #[error("`{function}` takes {expected}, found {found}")]
    Arity {
        /// The function.
        function: &'static str,
        /// What it takes, in words.
        expected: &'static str,
        /// How many it was given.
        found: usize,
    },
    /// More levels than anybody reads.
    #[error("an expression may have {limit} levels, and this one has more")]
    TooDeep {
        /// The most levels allowed.
        limit: usize,
    },
    /// More bytes than GitHub reads.
    #[error("an expression may have {limit} bytes, found {found}")]
    TooLong {
        /// The most bytes allowed.
        limit: usize,
        /// The bytes found.
        found: usize,
    },
    /// A condition that is a text, whatever its expressions say.
    #[error("this is a text, and so always true")]
    AlwaysTrue,
}

impl ExpressionError {
    /// Returns what to write instead, where that is known.
    pub fn hint(&self) -> Option<String> {
        match &self.problem {
            ExpressionProblem::Empty => {
                Some("write one between `${{` and `}}`, or leave both out".to_owned())
            }
            ExpressionProblem::UnterminatedText => {
                Some("a text ends with `'`; inside it, `''` stands for one quote".to_owned())
            }
            ExpressionProblem::DoubleQuoted { text } => {
                Some(format!("`'{}'`", text.replace('\'', "''")))
            }
            ExpressionProblem::Unclosed => Some("`}}` ends an expression".to_owned()),
            ExpressionProblem::UnexpectedCharacter { found } => character_hint(*found),
            ExpressionProblem::HalfOperator { meant, .. } => Some(format!("write `{meant}`")),
            ExpressionProblem::Number { .. } => {
                Some("`711`, `-9.2`, `0xff`, `-2.99e-2`; there is no arithmetic".to_owned())
            }
            ExpressionProblem::Expected { .. } | ExpressionProblem::Arity { .. } => None,
            ExpressionProblem::UnknownFunction { nearest, .. } => Some(match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("the functions are {}", super::function::names()),
            }),
            ExpressionProblem::StatusFunction { .. } => {
                Some("`on-failure` and `rollback` say what follows a failure".to_owned())
            }
            ExpressionProblem::TooDeep { .. } | ExpressionProblem::TooLong { .. } => {
                Some("split it: an output or an input can hold a part".to_owned())
            }
            ExpressionProblem::AlwaysTrue => {
                Some("write the whole condition, without `${{ }}`".to_owned())
            }
        }
    }
}

fn character_hint(found: char) -> Option<String> {
    match found {
        '?' | ':' => Some("a choice is written `case(condition, value, otherwise)`".to_owned()),
        '+' | '-' | '/' | '%' => {
            Some("there is no arithmetic; texts are joined by `format`".to_owned())
        }
        '$' | '{' | '}' => Some("inside an expression, names stand without `${{ }}`".to_owned()),
        '`' | '’' | '‘' => Some("texts are written in single quotes".to_owned()),
        _ => None,
    }
}

/// Why a reference gave no value. The reader of an evaluation answers with it, and callers find it again in
/// [`EvaluationError::read_error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no such thing.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// What was looked for: `task`, `input`, `output`.
        what: String,
        /// Its name as written.
        name: String,
        /// The most similar name that exists.
        nearest: Option<String>,
    },
    /// The task that makes the value has not ended.
    #[error("task `{task}` has not ended")]
    NotYet {
        /// The task.
        task: String,
    },
    /// Nobody has answered the decision.
    #[error("decision `{decision}` is open")]
    Open {
        /// The decision.
        decision: String,
    },
    /// It exists and was given no value.
    #[error("{what} `{name}` has no value")]
    NoValue {
        /// What it is: `input`, `secret`.
        what: String,
        /// Its name.
        name: String,
    },
    /// It has a value that may not be read here.
    #[error("{because}")]
    Refused {
        /// Why, as a lowercase fragment.
        because: String,
    },
}

impl ReadError {
    /// Returns what to write instead, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest, .. } => nearest
                .as_ref()
                .map(|nearest| format!("did you mean `{nearest}`?")),
            Self::NotYet { .. }
            | Self::Open { .. }
            | Self::NoValue { .. }
            | Self::Refused { .. } => None,
        }
    }
}

/// An expression that has no value here: the problem, and where in the source it is.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct EvaluationError {
    /// What went wrong.
    pub problem: EvaluationProblem,
    /// Byte offsets into the source.
    pub span: Span,
}

/// What went wrong in an evaluation. No variant holds any part of a secret.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvaluationProblem {
    /// A reference gave no value.
    #[error("{error}")]
    Read {
        /// The reference as it was given to the reader.
        reference: Box<Reference>,
        /// What the reader said.
        error: Box<ReadError>,
    },
    /// A `null` where a text is made.
    #[error("`{expression}` is null, and inside a text that is an error")]
    NullInText {
        /// The expression that is null.
        expression: String,
        /// The reference that gave the null, where it was one.
        reference: Option<Box<Reference>>,
    },
    /// A list or map where a text is made.
    #[error("`{expression}` is a {found}, which cannot stand inside a text")]
    NotText {
        /// The expression.
        expression: String,
        /// Its type.
        found: &'static str,
    },
    /// A secret where the result would tell something of it.
    #[error("{operation} would tell something of a secret")]
    SecretJudged {
        /// What was tried.
        operation: String,
    },
    /// A condition of `case` that is neither true nor false.
    #[error("a condition of `case` is true or false, found {found}")]
    NotBoolean {
        /// Its type.
        found: &'static str,
    },
    /// The first value of `format` is no pattern.
    #[error("`format` cannot read its pattern: {because}")]
    Format {
        /// Why not.
        because: String,
    },
    /// `fromJSON` of something else.
    #[error("`fromJSON` cannot read this: {because}")]
    Json {
        /// Why not, with the place in the text.
        because: String,
    },
    /// `hashFiles` did not get its files.
    #[error("`hashFiles` failed: {because}")]
    HashFiles {
        /// Why not.
        because: String,
    },
    /// A text that grows beyond the limit.
    #[error("a text may have {limit} bytes, and this one has more")]
    TooLarge {
        /// The most bytes allowed.
        limit: usize,
    },
}

impl EvaluationError {
    /// Returns why a reference gave no value, where that is the problem.
    pub fn read_error(&self) -> Option<&ReadError> {
        match &self.problem {
            EvaluationProblem::Read { error, .. } => Some(error),
            EvaluationProblem::NullInText { .. }
            | EvaluationProblem::NotText { .. }
            | EvaluationProblem::SecretJudged { .. }
            | EvaluationProblem::NotBoolean { .. }
            | EvaluationProblem::Format { .. }
            | EvaluationProblem::Json { .. }
            | EvaluationProblem::HashFiles { .. }
            | EvaluationProblem::TooLarge { .. } => None,
        }
    }

    /// Returns what to write instead, where that is known.
    pub fn hint(&self) -> Option<String> {
        match &self.problem {
            EvaluationProblem::Read { error, .. } => error.hint(),
            EvaluationProblem::NullInText { expression, .. } => {
                Some(format!("a second choice: `{expression} || 'value'`"))
            }
            EvaluationProblem::NotText { found: "list", .. } => {
                Some("`join` or `toJSON` makes a text of a list".to_owned())
            }
            EvaluationProblem::NotText { .. } => Some("`toJSON` makes a text of a map".to_owned()),
            EvaluationProblem::SecretJudged { .. } => {
                Some("let an input say what has to be known".to_owned())
            }
            EvaluationProblem::NotBoolean { .. } => {
                Some("compare it: `case(value != '', …)`".to_owned())
            }
            EvaluationProblem::Format { .. } => {
                Some("`{0}` is the first value; `{{` and `}}` stand for braces".to_owned())
            }
            EvaluationProblem::Json { .. }
            | EvaluationProblem::HashFiles { .. }
            | EvaluationProblem::TooLarge { .. } => None,
        }
    }
}
