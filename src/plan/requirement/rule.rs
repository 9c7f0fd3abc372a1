//! A requirement as the plan says it.

use std::fmt;

use regex::Regex;

use super::quantity::{Measure, Quantity};
use crate::expression::Value;

/// What is required of an observation: a value, a list of values, or an operator and a value.
///
/// `Display` writes it as reports do.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    pub(super) rule: Rule,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rule {
    /// Equal to it, or it is among what was observed. Null: nothing is observed.
    Value(Value),
    /// One of these; of an observed list, all of these.
    Values(Vec<Value>),
    /// Not equal to it. Null: something is observed.
    Differs(Value),
    /// In this order to it.
    Order { order: Order, operand: String },
    /// Matched by it anywhere, or not.
    Matches { pattern: Pattern, wanted: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A regular expression; equal to another that is written the same.
#[derive(Debug, Clone)]
pub(super) struct Pattern(pub(super) Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// A requirement that cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// An operator with nothing behind it.
    #[error("`{operator}` has no value")]
    NoValue {
        /// The operator.
        operator: &'static str,
    },
    /// An operator without a space behind it.
    #[error("an operator, a space and a value are expected, found `{text}`")]
    NoSpace {
        /// The text.
        text: String,
        /// The operator.
        operator: &'static str,
    },
    /// An operator inside a list of values.
    #[error("an operator cannot stand in a list, found `{text}`")]
    OperatorInList {
        /// The text.
        text: String,
    },
    /// A regular expression that is none.
    #[error("`{pattern}` is no regular expression: {because}")]
    Pattern {
        /// The text.
        pattern: String,
        /// What the library says of it, in one line.
        because: String,
    },
    /// A value that has no order.
    #[error("`{operand}` has no order")]
    NoOrder {
        /// The value.
        operand: String,
    },
    /// A value without the unit that the observation has.
    #[error("`{operand}` has no unit, and the observation has one")]
    UnitMissing {
        /// The requirement as it is written.
        requirement: String,
        /// The value.
        operand: String,
        /// What the observation is.
        measure: Measure,
    },
    /// A value of another kind than the observation.
    #[error("`{operand}` is no {}, and the observation is one", measure.name())]
    OtherMeasure {
        /// The value.
        operand: String,
        /// What the observation is.
        measure: Measure,
    },
    /// A regular expression for something that is not a text.
    #[error("`~` is for texts, and the observation is a {}", measure.name())]
    PatternForQuantity {
        /// What the observation is.
        measure: Measure,
    },
    /// A secret, which would be shown with the verdict.
    #[error("a requirement is shown, so it cannot hold a secret")]
    Secret,
}

impl RequirementError {
    /// Returns what to write instead, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSpace { text, operator } => Some(format!(
                "`{operator} {}`; for the text itself, `= {text}`",
                text[operator.len()..].trim_start()
            )),
            Self::OperatorInList { text } => {
                Some(format!("an operator stands alone; for the text itself, `= {text}`"))
            }
            Self::NoOrder { .. } => Some(
                "a number, a duration (`90s`), a size (`500MB`), a share (`0.1%`), a version or a time has one"
                    .to_owned(),
            ),
            Self::UnitMissing {
                requirement,
                measure,
                ..
            } => measure
                .usual_unit()
                .map(|unit| format!("`\"{requirement}{unit}\"`")),
            Self::OtherMeasure { measure, .. } => match measure {
                Measure::Plain => None,
                Measure::Duration => Some("`100ms`, `90s`, `15m`, `2h`, `30d`".to_owned()),
                Measure::Bytes => Some("`500MB`, `1GiB`".to_owned()),
                Measure::Share => Some("`0.1%`".to_owned()),
                Measure::Version => Some("`1.29`, `1.29.3`".to_owned()),
                Measure::Time => Some("`2026-11-20T08:00:00Z`".to_owned()),
            },
            Self::NoValue { .. }
            | Self::Pattern { .. }
            | Self::PatternForQuantity { .. }
            | Self::Secret => None,
        }
    }
}

/// Operators, the longer before those that they begin with.
const OPERATORS: [&str; 8] = ["!=", "<=", ">=", "!~", "=", "<", ">", "~"];

impl Requirement {
    /// Reads a requirement from a value of the plan.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it, whatever the observation is; what depends on that, [`Requirement::fits`] says.
    pub fn parse(value: &Value) -> Result<Self, RequirementError> {
        if value.holds_secret() {
            return Err(RequirementError::Secret);
        }
        let rule = match value {
            Value::Text(text) => text_rule(text)?,
            Value::List(items) => Rule::Values(
                items
                    .iter()
                    .map(list_value)
                    .collect::<Result<Vec<_>, _>>()?,
            ),
            other => Rule::Value(other.clone()),
        };
        Ok(Self { rule })
    }

    /// Checks that it can be judged of an observation that is a `measure`: `< 100` cannot of a duration.
    ///
    /// # Errors
    ///
    /// Says what does not fit; the hint says what to write.
    pub fn fits(&self, measure: Measure) -> Result<(), RequirementError> {
        if measure == Measure::Plain {
            return Ok(());
        }
        match &self.rule {
            Rule::Value(value) | Rule::Differs(value) => self.value_fits(value, measure),
            Rule::Values(values) => values
                .iter()
                .try_for_each(|value| self.value_fits(value, measure)),
            Rule::Order { operand, .. } => self.text_fits(operand, measure),
            Rule::Matches { .. } => match measure {
                Measure::Plain | Measure::Version | Measure::Time => Ok(()),
                Measure::Duration | Measure::Bytes | Measure::Share => {
                    Err(RequirementError::PatternForQuantity { measure })
                }
            },
        }
    }

    fn value_fits(&self, value: &Value, measure: Measure) -> Result<(), RequirementError> {
        match value {
            Value::Null => Ok(()),
            other => self.text_fits(&other.to_string(), measure),
        }
    }

    fn text_fits(&self, text: &str, measure: Measure) -> Result<(), RequirementError> {
        if Quantity::read(text, measure).is_some() {
            return Ok(());
        }
        let operand = text.to_owned();
        let is_number = matches!(
            Quantity::read(text, Measure::Plain),
            Some(Quantity::Number(_))
        );
        Err(if is_number && measure.usual_unit().is_some() {
            let requirement = match &self.rule {
                // In a list, the value that has no unit is the one to write again.
                Rule::Values(_) => operand.clone(),
                _ => self.to_string(),
            };
            RequirementError::UnitMissing {
                requirement,
                operand,
                measure,
            }
        } else {
            RequirementError::OtherMeasure { operand, measure }
        })
    }
}

fn text_rule(text: &str) -> Result<Rule, RequirementError> {
    let Some((operator, operand)) = operator(text)? else {
        return Ok(Rule::Value(Value::Text(text.to_owned())));
    };
    if operand.is_empty() {
        return Err(RequirementError::NoValue { operator });
    }
    let value = || match operand {
        "null" => Value::Null,
        operand => Value::Text(operand.to_owned()),
    };
    let order = |order| {
        if Quantity::read(operand, Measure::Plain).is_some() {
            Ok(Rule::Order {
                order,
                operand: operand.to_owned(),
            })
        } else {
            Err(RequirementError::NoOrder {
                operand: operand.to_owned(),
            })
        }
    };
    match operator {
        "=" => Ok(Rule::Value(value())),
        "!=" => Ok(Rule::Differs(value())),
        "<" => order(Order::Less),
        "<=" => order(Order::LessOrEqual),
        ">" => order(Order::Greater),
        ">=" => order(Order::GreaterOrEqual),
        operator => Ok(Rule::Matches {
            pattern: pattern(operand)?,
            wanted: operator == "~",
        }),
    }
}

/// Takes an operator and its value apart; `None` if the text does not begin with an operator.
fn operator(text: &str) -> Result<Option<(&'static str, &str)>, RequirementError> {
    let Some(operator) = OPERATORS
        .into_iter()
        .find(|operator| text.starts_with(operator))
    else {
        return Ok(None);
    };
    let rest = &text[operator.len()..];
    if rest.is_empty() || rest.starts_with(' ') {
        return Ok(Some((operator, rest.trim())));
    }
    // `<html>` and `~/path` are texts; `>1` and `!=root` are slips.
    if operator.len() == 2 || rest.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(RequirementError::NoSpace {
            text: text.to_owned(),
            operator,
        });
    }
    Ok(None)
}

fn list_value(value: &Value) -> Result<Value, RequirementError> {
    let Value::Text(text) = value else {
        return Ok(value.clone());
    };
    match operator(text)? {
        None => Ok(value.clone()),
        Some(("=", operand)) => Ok(Value::Text(operand.to_owned())),
        Some(_) => Err(RequirementError::OperatorInList { text: text.clone() }),
    }
}

fn pattern(text: &str) -> Result<Pattern, RequirementError> {
    Regex::new(text).map(Pattern).map_err(|error| {
        // The library draws the place over several lines and says what is wrong in the last.
        let words = error.to_string();
        let last = words.lines().last().unwrap_or_default();
        RequirementError::Pattern {
            pattern: text.to_owned(),
            because: last.trim_start_matches("error: ").to_owned(),
        }
    })
}

impl Order {
    fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::Value(Value::Null) => formatter.write_str("absent"),
            Rule::Value(Value::Text(text)) if !matches!(operator(text), Ok(None)) => {
                write!(formatter, "= {text}")
            }
            Rule::Value(value) => write!(formatter, "{value}"),
            Rule::Values(values) => {
                let words: Vec<_> = values.iter().map(ToString::to_string).collect();
                write!(formatter, "[{}]", words.join(", "))
            }
            Rule::Differs(value) => write!(formatter, "!= {value}"),
            Rule::Order { order, operand } => write!(formatter, "{} {operand}", order.sign()),
            Rule::Matches { pattern, wanted } => {
                let operator = if *wanted { "~" } else { "!~" };
                write!(formatter, "{operator} {}", pattern.0)
            }
        }
    }
}
