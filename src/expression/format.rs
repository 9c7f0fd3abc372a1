//! Texts made of values.

use super::{
    error::{EvaluationError, EvaluationProblem},
    node::Node,
    reference::Span,
    value::Value,
};
use crate::secret::Secret;

/// The most bytes of a text that an expression makes: nested calls could double it at every level.
pub(super) const LONGEST_TEXT: usize = 4 << 20;

/// A text that grows, and remembers whether a secret went into it.
#[derive(Default)]
pub(super) struct Text {
    text: String,
    is_secret: bool,
}

impl Text {
    /// Adds a value, which `node` gave, as GitHub writes it inside a text.
    pub(super) fn push(&mut self, value: &Value, node: &Node) -> Result<(), EvaluationError> {
        let problem = match value {
            Value::Text(text) => return self.push_str(text, node.span.clone()),
            Value::Secret(secret) => {
                self.is_secret = true;
                return self.push_str(secret.expose(), node.span.clone());
            }
            Value::Boolean(_) | Value::Number(_) => {
                return self.push_str(&value.to_string(), node.span.clone());
            }
            Value::Null => EvaluationProblem::NullInText {
                expression: node.to_string(),
                reference: node.origin().map(Box::new),
            },
            Value::List(_) | Value::Map(_) => EvaluationProblem::NotText {
                expression: node.to_string(),
                found: value.type_name(),
            },
        };
        Err(EvaluationError {
            problem,
            span: node.span.clone(),
        })
    }

    /// Adds a text that is no secret.
    pub(super) fn push_str(&mut self, text: &str, span: Span) -> Result<(), EvaluationError> {
        if self.text.len() + text.len() > LONGEST_TEXT {
            return Err(EvaluationError {
                problem: EvaluationProblem::TooLarge {
                    limit: LONGEST_TEXT,
                },
                span,
            });
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Says that a secret had a part in it.
    pub(super) fn mark_secret(&mut self) {
        self.is_secret = true;
    }

    /// Returns the text, in custody if a secret went into it.
    pub(super) fn into_value(self) -> Value {
        if self.is_secret {
            Value::Secret(Secret::new(self.text))
        } else {
            Value::Text(self.text)
        }
    }
}

/// A part of the pattern of `format`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'p> {
    /// Text that stands for itself.
    Text(&'p str),
    /// The value with this number, from 0.
    Value(usize),
}

/// Takes the pattern of `format` apart.
pub(super) fn pieces(pattern: &str) -> Result<Vec<Piece<'_>>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(brace) = rest.find(['{', '}']) {
        if brace > 0 {
            pieces.push(Piece::Text(&rest[..brace]));
        }
        let found = &rest[brace..=brace];
        let after = &rest[brace + 1..];
        if after.starts_with(found) {
            pieces.push(Piece::Text(found));
            rest = &after[1..];
            continue;
        }
        if found == "}" {
            return Err("a `}` closes nothing");
        }
        let Some(closing) = after.find('}') else {
            return Err("a `{` is not closed");
        };
        let number = &after[..closing];
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("between `{` and `}` stands the number of a value");
        }
        let Ok(number) = number.parse() else {
            return Err("a number between `{` and `}` is too large");
        };
        pieces.push(Piece::Value(number));
        rest = &after[closing + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_braces_stand_for_one() {
        assert_eq!(
            pieces("{{a}} {1}"),
            Ok(vec![
                Piece::Text("{"),
                Piece::Text("a"),
                Piece::Text("}"),
                Piece::Text(" "),
                Piece::Value(1),
            ])
        );
    }

    #[test]
    fn a_pattern_with_a_loose_brace_is_refused() {
        for pattern in [
            "{",
            "}",
            "{0",
            "{a}",
            "{}",
            "{-1}",
            "{0:x}",
            "{99999999999999999999999}",
        ] {
            assert!(pieces(pattern).is_err(), "{pattern}");
        }
    }
}
