//! What was observed, by name.

use std::{collections::BTreeMap, time::Duration};

use indexmap::IndexMap;

use crate::expression::Value;

/// What an asked thing showed, and whether that satisfies the rule of its kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// What was seen.
    pub observed: Observations,
    /// The rule that holds where a check has no `expect`; the reason where it does not hold.
    pub holds: Result<(), String>,
}

/// Observations by the first word of their name, in the order of the plan format.
///
/// `json`, `header` and `env` hold a map each, into which the rest of a name (`json.items[0].id`) leads; the names in
/// `header` are in lower case. What was not there is [`Value::Null`] or missing, which is the same to `expect`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observations(IndexMap<String, Observation>);

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What it is.
    pub value: Value,
    /// What its numbers count.
    pub unit: Unit,
}

/// What the numbers of an observation count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Things, or nothing.
    None,
    /// Thousandths of a second.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

impl Observations {
    /// Starts with none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the observation whose name begins with the word `name`.
    pub fn get(&self, name: &str) -> Option<&Observation> {
        self.0.get(name)
    }

    /// Iterates over names and observations.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Observation)> {
        self.0.iter().map(|(name, seen)| (name.as_str(), seen))
    }

    /// Returns the values alone, as a record of the ledger keeps them.
    pub fn values(&self) -> BTreeMap<String, Value> {
        self.0
            .iter()
            .map(|(name, seen)| (name.clone(), seen.value.clone()))
            .collect()
    }

    /// Adds an observation without a unit.
    pub fn add(&mut self, name: &str, value: impl Into<Value>) {
        self.add_in(name, value, Unit::None);
    }

    /// Adds an observation.
    pub fn add_in(&mut self, name: &str, value: impl Into<Value>, unit: Unit) {
        let value = value.into();
        self.0.insert(name.to_owned(), Observation { value, unit });
    }
}

/// Makes a list of texts.
pub(in crate::probe) fn texts(items: impl IntoIterator<Item = String>) -> Value {
    Value::List(items.into_iter().map(Value::Text).collect())
}

/// Makes a text, or null.
pub(in crate::probe) fn text_or_null(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::Text)
}

/// Makes a count; beyond 2^53 a number of the expression language is no longer exact, which no count here reaches.
pub(in crate::probe) fn count(number: u64) -> Value {
    Value::Number(number as f64)
}

/// Makes a time in milliseconds with three decimals.
pub(in crate::probe) fn milliseconds(time: Duration) -> Value {
    Value::Number((time.as_secs_f64() * 1e6).round() / 1e3)
}

/// Writes a limit for people.
pub(in crate::probe) fn no_answer_within(limit: Duration) -> String {
    if limit < Duration::from_secs(1) {
        format!("no answer within {} ms", limit.as_millis())
    } else {
        format!("no answer within {} s", limit.as_secs_f64())
    }
}

/// Reads a text as JSON; `None` where it is none.
pub(in crate::probe) fn json(text: &str) -> Option<Value> {
    serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .map(Value::from)
}
