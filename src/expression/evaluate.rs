//! From an expression to its value.

use std::cmp::Ordering;

use super::{
    coercion::{compare, is_truthy, list_index},
    error::{EvaluationError, EvaluationProblem, ReadError},
    node::{Base, Comparison, Literal, Logical, Node, NodeKind, Step},
    reference::{Reference, Segment, Span},
    value::Value,
};
use crate::secret::Secret;

/// Tells the value of a reference.
pub type Reader<'r> = &'r dyn Fn(&Reference) -> Result<Value, ReadError>;

/// Tells the hash of the files that match patterns, or why there is none; as GitHub, an empty text if none match.
pub type Files<'f> = &'f dyn Fn(&[String]) -> Result<String, String>;

pub(super) type Evaluated = Result<Value, EvaluationError>;

/// What an evaluation may ask.
pub(super) struct Evaluator<'e> {
    pub(super) reader: Reader<'e>,
    pub(super) files: Files<'e>,
}

/// A value on the way into it: after a `*`, each step is taken by every element.
enum Reached {
    One(Value),
    Each(Vec<Value>),
}

/// A step whose index is known.
enum Known {
    Index(Value),
    Wildcard,
}

impl Evaluator<'_> {
    pub(super) fn value(&self, node: &Node) -> Evaluated {
        match &node.kind {
            NodeKind::Literal(literal) => Ok(literal.value()),
            NodeKind::Access { base, steps } => self.access(node, base, steps),
            NodeKind::Call {
                function,
                arguments,
            } => self.call(node, *function, arguments),
            NodeKind::Not(operand) => {
                let value = self.value(operand)?;
                refuse_secret(&value, "`!`", &node.span)?;
                Ok(Value::Boolean(!is_truthy(&value)))
            }
            NodeKind::Comparison {
                operator,
                left,
                right,
            } => self.comparison(node, *operator, left, right),
            NodeKind::Logical { operator, operands } => self.logical(node, *operator, operands),
        }
    }

    fn comparison(
        &self,
        node: &Node,
        operator: Comparison,
        left: &Node,
        right: &Node,
    ) -> Evaluated {
        let left = self.value(left)?;
        let right = self.value(right)?;
        let operation = format!("`{}`", operator.sign());
        refuse_secret(&left, &operation, &node.span)?;
        refuse_secret(&right, &operation, &node.span)?;
        let order = compare(&left, &right);
        Ok(Value::Boolean(match operator {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => {
                matches!(order, Some(Ordering::Greater | Ordering::Equal))
            }
        }))
    }

    /// Returns the operand that decides. Where a secret decided which, the result is secret too.
    fn logical(&self, node: &Node, operator: Logical, operands: &[Node]) -> Evaluated {
        let mut value = Value::Null;
        let mut secret_decided = false;
        for (position, operand) in operands.iter().enumerate() {
            value = self.value(operand)?;
            let decides = match operator {
                Logical::And => !is_truthy(&value),
                Logical::Or => is_truthy(&value),
            };
            let is_last = position + 1 == operands.len();
            if decides || is_last {
                break;
            }
            secret_decided |= matches!(value, Value::Secret(_));
        }
        if !secret_decided {
            return Ok(value);
        }
        if let Value::Boolean(_) = value {
            return Err(judged(
                &format!("the answer of `{}`", operator.sign()),
                &node.span,
            ));
        }
        Ok(tainted(value))
    }

    fn access(&self, node: &Node, base: &Base, steps: &[Step]) -> Evaluated {
        let (start, rest) = match base {
            Base::Value(base) => (self.value(base)?, steps),
            Base::Context(root) => self.read(node, root, steps)?,
        };
        let mut reached = Reached::One(start);
        for step in rest {
            reached = go(reached, self.known(step)?);
        }
        Ok(match reached {
            Reached::One(value) => value,
            Reached::Each(values) => Value::List(values),
        })
    }

    /// Reads from a context, and returns the steps that are left.
    fn read<'s>(
        &self,
        node: &Node,
        root: &str,
        steps: &'s [Step],
    ) -> Result<(Value, &'s [Step]), EvaluationError> {
        let mut path = Vec::new();
        for step in steps.iter().take(Reference::steps_to_value(root)) {
            match self.known(step)? {
                Known::Wildcard => break,
                Known::Index(Value::Number(number)) => match list_index(&Value::Number(number)) {
                    Some(index) => path.push(Segment::Index(index)),
                    None => break,
                },
                Known::Index(index) => match index.as_plain_text() {
                    Some(name) => path.push(Segment::Name(name)),
                    None => break,
                },
            }
        }
        let rest = &steps[path.len()..];
        let reference = Reference {
            root: root.to_owned(),
            path,
            span: node.span.clone(),
        };
        match (self.reader)(&reference) {
            Ok(value) => Ok((value, rest)),
            Err(error) => Err(EvaluationError {
                problem: EvaluationProblem::Read {
                    reference: Box::new(reference),
                    error: Box::new(error),
                },
                span: node.span.clone(),
            }),
        }
    }

    fn known(&self, step: &Step) -> Result<Known, EvaluationError> {
        Ok(match step {
            Step::Wildcard => Known::Wildcard,
            Step::Name(name) => Known::Index(Value::Text(name.clone())),
            Step::Index(node) => {
                let index = self.value(node)?;
                refuse_secret(&index, "an index", &node.span)?;
                Known::Index(index)
            }
        })
    }
}

impl Literal {
    fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(flag) => Value::Boolean(*flag),
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::Text(text.clone()),
        }
    }
}

fn go(reached: Reached, step: Known) -> Reached {
    match (reached, step) {
        (Reached::One(value), Known::Wildcard) => Reached::Each(elements(value)),
        (Reached::One(value), Known::Index(index)) => {
            Reached::One(entry(value, &index).unwrap_or_default())
        }
        (Reached::Each(values), Known::Wildcard) => {
            Reached::Each(values.into_iter().flat_map(elements).collect())
        }
        // An element without the entry is left out, as on GitHub.
        (Reached::Each(values), Known::Index(index)) => Reached::Each(
            values
                .into_iter()
                .filter_map(|value| entry(value, &index))
                .collect(),
        ),
    }
}

fn elements(value: Value) -> Vec<Value> {
    match value {
        Value::List(items) => items,
        Value::Map(entries) => entries.into_values().collect(),
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::Text(_) | Value::Secret(_) => {
            Vec::new()
        }
    }
}

fn entry(value: Value, index: &Value) -> Option<Value> {
    match value {
        Value::List(mut items) => {
            let position = list_index(index)?;
            (position < items.len()).then(|| items.swap_remove(position))
        }
        Value::Map(mut entries) => {
            let name = index.as_plain_text()?;
            if let Some(found) = entries.swap_remove(&name) {
                return Some(found);
            }
            // Case does not count on GitHub; a name in the right case comes first.
            let position = entries
                .keys()
                .position(|key| key.eq_ignore_ascii_case(&name))?;
            entries.swap_remove_index(position).map(|(_, found)| found)
        }
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::Text(_) | Value::Secret(_) => {
            None
        }
    }
}

/// Makes a secret of every text, number and boolean in it. A null says nothing and stays.
pub(super) fn tainted(value: Value) -> Value {
    match value {
        Value::Null | Value::Secret(_) => value,
        Value::Boolean(_) | Value::Number(_) => Value::Secret(Secret::new(value.to_string())),
        Value::Text(text) => Value::Secret(Secret::new(text)),
        Value::List(items) => Value::List(items.into_iter().map(tainted).collect()),
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(name, entry)| (name, tainted(entry)))
                .collect(),
        ),
    }
}

/// Refuses an operation whose result would tell something of a secret.
pub(super) fn refuse_secret(
    value: &Value,
    operation: &str,
    span: &Span,
) -> Result<(), EvaluationError> {
    if value.holds_secret() {
        Err(judged(operation, span))
    } else {
        Ok(())
    }
}

fn judged(operation: &str, span: &Span) -> EvaluationError {
    EvaluationError {
        problem: EvaluationProblem::SecretJudged {
            operation: operation.to_owned(),
        },
        span: span.clone(),
    }
}
