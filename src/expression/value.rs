//! The values that expressions work on.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// A map of values, in the order of its writing.
pub type Map = IndexMap<String, Value>;

/// A value of GitHub's expression language, with one addition: a text that must not be seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "serde_json::Value", into = "serde_json::Value")]
pub enum Value {
    /// Nothing, as the outputs of a skipped task.
    #[default]
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number; GitHub's language knows only double precision.
    Number(f64),
    /// A text.
    Text(String),
    /// A text made from a secret. It is written nowhere: serialised it is `***`.
    Secret(Secret),
    /// A list.
    List(Vec<Value>),
    /// A map.
    Map(Map),
}

impl Value {
    /// Names the type as messages do.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) | Self::Secret(_) => "text",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }

    /// Whether a secret stands in it at any depth.
    pub fn holds_secret(&self) -> bool {
        match self {
            Self::Secret(_) => true,
            Self::List(items) => items.iter().any(Self::holds_secret),
            Self::Map(entries) => entries.values().any(Self::holds_secret),
            Self::Null | Self::Boolean(_) | Self::Number(_) | Self::Text(_) => false,
        }
    }

    /// Returns the secrets that stand in it, at any depth.
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Secret(secret) => vec![secret],
            Self::List(items) => items.iter().flat_map(Self::secrets).collect(),
            Self::Map(entries) => entries.values().flat_map(Self::secrets).collect(),
            Self::Null | Self::Boolean(_) | Self::Number(_) | Self::Text(_) => Vec::new(),
        }
    }

    /// Returns the text of a scalar as GitHub writes it inside a text; `None` for null, lists, maps and secrets.
    pub fn as_plain_text(&self) -> Option<String> {
        match self {
            Self::Boolean(flag) => Some(flag.to_string()),
            Self::Number(number) => Some(number_text(*number)),
            Self::Text(text) => Some(text.clone()),
            Self::Null | Self::Secret(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Returns the entry `name` of a map.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Map(entries) => entries.get(name),
            _ => None,
        }
    }
}

/// Writes a number as GitHub does: at most fifteen significant digits, and an exponent from `1E+15` on and below `0.0001`.
pub fn number_text(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let rounded = format!("{number:.14e}");
    let Some((digits, exponent)) = rounded.split_once('e') else {
        return "NaN".to_owned();
    };
    let exponent: i32 = exponent
        .parse()
        .expect("the standard library writes a number after the `e`");
    if (-4..15).contains(&exponent) {
        let rounded: f64 = rounded
            .parse()
            .expect("the standard library reads what it writes");
        return rounded.to_string();
    }
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}E{sign}{:02}", exponent.abs())
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Secret(_) => formatter.write_str("***"),
            Self::Boolean(_) | Self::Number(_) | Self::Text(_) => formatter.write_str(
                &self
                    .as_plain_text()
                    .expect("a scalar that is no secret has a text"),
            ),
            Self::List(_) | Self::Map(_) => {
                fmt::Display::fmt(&serde_json::Value::from(self.clone()), formatter)
            }
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Boolean(flag),
            serde_json::Value::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(items) => {
                Self::List(items.into_iter().map(Self::from).collect())
            }
            serde_json::Value::Object(entries) => Self::Map(
                entries
                    .into_iter()
                    .map(|(name, value)| (name, Self::from(value)))
                    .collect(),
            ),
        }
    }
}

impl From<Value> for serde_json::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(flag) => Self::Bool(flag),
            // JSON has no NaN; a whole number stays one, so that `8088` is not read back as `8088.0`.
            Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Self::from(number as i64)
            }
            Value::Number(number) => {
                serde_json::Number::from_f64(number).map_or(Self::Null, Self::Number)
            }
            Value::Text(text) => Self::String(text),
            Value::Secret(_) => Self::String("***".to_owned()),
            Value::List(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Map(entries) => Self::Object(
                entries
                    .into_iter()
                    .map(|(name, value)| (name, Self::from(value)))
                    .collect(),
            ),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_github_writes_them() {
        for (number, text) in [
            (-0.0, "0"),
            (8088.0, "8088"),
            (-2.0, "-2"),
            (0.002, "0.002"),
            (-0.5, "-0.5"),
            (123_456.789, "123456.789"),
            (0.845_512_408_225_570_1, "0.84551240822557"),
            (0.1 + 0.2, "0.3"),
            (999_999_999_999_999.0, "999999999999999"),
            (1e15, "1E+15"),
            (1.5e300, "1.5E+300"),
            (0.000_01, "1E-05"),
            (0.000_012_3, "1.23E-05"),
            (0.000_1, "0.0001"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }

    #[test]
    fn a_value_with_a_secret_is_serialised_without_it() {
        let value = Value::List(vec!["a".into(), Value::Secret(Secret::new("b"))]);
        assert!(value.holds_secret());
        assert_eq!(value.to_string(), r#"["a","***"]"#);
    }
}
