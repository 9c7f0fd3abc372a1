//! GitHub's expression language: `${{ … }}` read, checked against what its place allows, and evaluated.
//!
//! Operators, coercions and functions are GitHub's, with four differences that keep a plan honest: a `null` inside a
//! text is an error, so is a list or map there; what is computed from a secret is a secret, and a secret is never judged
//! (compared, negated, searched), because the yes or no would tell something of it; there are no status functions.
//!
//! This module performs no I/O and knows nothing of plans: where a reference leads is told to it by its caller.
mod call;
mod coercion;
mod error;
mod evaluate;
mod format;
mod function;
mod lexer;
mod node;
mod number;
mod parser;
mod reference;
mod syntax;
mod template;
#[cfg(test)]
mod tests;
mod value;

pub use error::{
    EvaluationError, EvaluationProblem, ExpressionError, ExpressionProblem, ReadError,
};
pub use evaluate::{Files, Reader};
pub use reference::{Reference, Segment, Span};
pub use syntax::{Expression, TextComparison};
pub use template::{Part, Template};
pub use value::{Map, Value, number_text};
