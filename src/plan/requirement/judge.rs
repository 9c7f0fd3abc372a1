//! From an observation to a verdict.

use std::{cmp::Ordering, fmt};

use super::{
    quantity::{Measure, Quantity, number, words},
    rule::{Order, Requirement, Rule},
};
use crate::expression::Value;

/// Something that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// What was seen. Null: nothing. A list: several, each judged by itself.
    pub value: Value,
    /// What kind of quantity it is.
    pub measure: Measure,
}

impl Observed {
    /// Takes a value without a unit.
    pub fn plain(value: impl Into<Value>) -> Self {
        Self::new(value, Measure::Plain)
    }

    /// Takes a value that is a `measure`, in its unit.
    pub fn new(value: impl Into<Value>, measure: Measure) -> Self {
        Self {
            value: value.into(),
            measure,
        }
    }

    /// Says that there is nothing.
    pub fn absent() -> Self {
        Self::plain(Value::Null)
    }

    fn element_words(&self, element: &Value) -> String {
        match element {
            Value::Number(number) => words(*number, self.measure),
            Value::Null => "nothing".to_owned(),
            other => shortened(&other.to_string()),
        }
    }
}

/// Writes what was seen, with its unit; a long text is cut.
impl fmt::Display for Observed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::List(items) => {
                let words: Vec<_> = items.iter().map(|item| self.element_words(item)).collect();
                write!(formatter, "[{}]", shortened(&words.join(", ")))
            }
            single => formatter.write_str(&self.element_words(single)),
        }
    }
}

/// Whether a requirement holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Held,
    /// It does not.
    Failed {
        /// What was found instead, as a fragment for people: `found 301`.
        because: String,
    },
}

impl Verdict {
    /// Whether it holds.
    pub fn holds(&self) -> bool {
        matches!(self, Self::Held)
    }
}

/// Whether a part of a requirement holds, or why it cannot be said.
type Judged = Result<bool, String>;

impl Requirement {
    /// Judges an observation.
    ///
    /// What is absent satisfies only null, alone or in a list: `!= root` and `< 100ms` fail when nothing was seen.
    /// A secret satisfies nothing, and is not shown.
    pub fn judge(&self, observed: &Observed) -> Verdict {
        if observed.value.holds_secret() {
            return failed("a secret is not judged");
        }
        match &self.rule {
            Rule::Value(Value::Null) => absence(observed),
            Rule::Value(wanted) => among(observed, wanted),
            Rule::Values(wanted) => all_among(observed, wanted),
            Rule::Differs(Value::Null) if absence(observed).holds() => {
                failed("nothing was observed")
            }
            Rule::Differs(Value::Null) => every(observed, &|_| Ok(true)),
            Rule::Differs(unwanted) => every(observed, &|value| {
                same(value, unwanted, observed.measure).map(|same| !same)
            }),
            Rule::Order { order, operand } => every(observed, &|value| {
                let found = compared(value, operand, observed.measure)?;
                Ok(match order {
                    Order::Less => found == Ordering::Less,
                    Order::LessOrEqual => found != Ordering::Greater,
                    Order::Greater => found == Ordering::Greater,
                    Order::GreaterOrEqual => found != Ordering::Less,
                })
            }),
            Rule::Matches { pattern, wanted } => {
                every(observed, &|value| match value.as_plain_text() {
                    Some(text) => Ok(pattern.0.is_match(&text) == *wanted),
                    None => Err(format!("a {} cannot be matched", value.type_name())),
                })
            }
        }
    }
}

fn failed(because: impl Into<String>) -> Verdict {
    Verdict::Failed {
        because: because.into(),
    }
}

fn found(observed: &Observed) -> Verdict {
    match observed.value {
        Value::Null => failed("nothing was observed"),
        _ => failed(format!("found {observed}")),
    }
}

fn absence(observed: &Observed) -> Verdict {
    let is_absent = match &observed.value {
        Value::List(items) => items.iter().all(|item| *item == Value::Null),
        value => *value == Value::Null,
    };
    if is_absent {
        Verdict::Held
    } else {
        found(observed)
    }
}

/// A single value: equal, or among an observed list.
fn among(observed: &Observed, wanted: &Value) -> Verdict {
    match any_same(observed, wanted) {
        Ok(true) => Verdict::Held,
        Ok(false) => found(observed),
        Err(because) => failed(because),
    }
}

/// A list of values: of one observation one of them, of several each of them. An empty list: nothing was seen.
fn all_among(observed: &Observed, wanted: &[Value]) -> Verdict {
    if wanted.is_empty() {
        return absence(observed);
    }
    if !matches!(observed.value, Value::List(_)) {
        let mut reason = None;
        for value in wanted {
            match any_same(observed, value) {
                Ok(true) => return Verdict::Held,
                Ok(false) => {}
                Err(because) => reason = Some(because),
            }
        }
        return reason.map_or_else(|| found(observed), failed);
    }
    for value in wanted {
        match any_same(observed, value) {
            Ok(true) => {}
            Ok(false) => return failed(format!("{value} is not among {observed}")),
            Err(because) => return failed(because),
        }
    }
    Verdict::Held
}

fn any_same(observed: &Observed, wanted: &Value) -> Judged {
    match &observed.value {
        Value::List(items) => {
            for item in items {
                if same(item, wanted, observed.measure)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        value => same(value, wanted, observed.measure),
    }
}

/// An operator: it must hold for every element, and nothing satisfies none.
fn every(observed: &Observed, holds: &dyn Fn(&Value) -> Judged) -> Verdict {
    let judge = |value: &Value| match value {
        Value::Null => Err("nothing was observed".to_owned()),
        value => holds(value),
    };
    let Value::List(items) = &observed.value else {
        return match judge(&observed.value) {
            Ok(true) => Verdict::Held,
            Ok(false) => found(observed),
            Err(because) => failed(because),
        };
    };
    for (position, item) in items.iter().enumerate() {
        let because = match judge(item) {
            Ok(true) => continue,
            Ok(false) => format!("found {}", observed.element_words(item)),
            Err(because) => because,
        };
        return failed(format!("[{position}]: {because}"));
    }
    Verdict::Held
}

/// Whether two values are the same: as quantities of `measure`, else as scalars of the same spelling or number.
fn same(found: &Value, wanted: &Value, measure: Measure) -> Judged {
    match (found, wanted) {
        (Value::Null, _) | (_, Value::Null) => return Ok(found == wanted),
        (Value::List(left), Value::List(right)) => {
            return same_lists(left, right, measure);
        }
        (Value::Map(left), Value::Map(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (name, value) in left {
                match right.get(name) {
                    Some(other) if same(value, other, measure)? => {}
                    _ => return Ok(false),
                }
            }
            return Ok(true);
        }
        _ => {}
    }
    let (Some(left), Some(right)) = (found.as_plain_text(), wanted.as_plain_text()) else {
        return Ok(false);
    };
    if measure == Measure::Plain {
        return Ok(left == right || same_plain(found, wanted, &left, &right));
    }
    compared(found, &right, measure).map(Ordering::is_eq)
}

fn same_lists(left: &[Value], right: &[Value], measure: Measure) -> Judged {
    if left.len() != right.len() {
        return Ok(false);
    }
    for (found, wanted) in left.iter().zip(right) {
        if !same(found, wanted, measure)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether two plain scalars that are spelled differently are the same number, or the same quantity with a unit.
fn same_plain(found: &Value, wanted: &Value, left: &str, right: &str) -> bool {
    match (found, wanted) {
        (Value::Number(_), _) | (_, Value::Number(_)) => {
            number(left).is_some() && number(left) == number(right)
        }
        (Value::Text(_), Value::Text(_)) => {
            let quantity = |text| Quantity::read(text, Measure::Plain).filter(Quantity::has_unit);
            quantity(left).is_some() && quantity(left) == quantity(right)
        }
        _ => false,
    }
}

/// Compares an observation with the text of a requirement, or says why they have no order.
fn compared(found: &Value, operand: &str, measure: Measure) -> Result<Ordering, String> {
    let order = match (found, measure) {
        (Value::Number(number), Measure::Plain) => match self::number(operand) {
            Some(wanted) => number.partial_cmp(&wanted),
            None => Quantity::compare_texts(&found.to_string(), operand),
        },
        (Value::Text(text), Measure::Plain) => Quantity::compare_texts(text, operand),
        (Value::Number(number), _) => Quantity::observed(*number, measure)
            .zip(Quantity::read(operand, measure))
            .and_then(|(found, wanted)| found.compare(&wanted)),
        (Value::Text(text), _) => Quantity::read(text, measure)
            .zip(Quantity::read(operand, measure))
            .and_then(|(found, wanted)| found.compare(&wanted)),
        _ => None,
    };
    order.ok_or_else(|| {
        let observed = Observed {
            value: found.clone(),
            measure,
        };
        format!("found {observed}, which cannot be compared with `{operand}`")
    })
}

/// Cuts a text that is too long for a line of a report.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
