//! Types and values of terraform's type system, which is called cty.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Number,
    String,
    List(Box<Self>),
    Set(Box<Self>),
    Map(Box<Self>),
    Tuple(Vec<Self>),
    /// Attributes by name.
    Object(BTreeMap<String, Self>),
    /// Any type: the value brings its own.
    Dynamic,
}

impl Type {
    /// Reads a type as a schema writes it: `"string"`, `["list", "string"]`, `["object", {…}]`.
    pub(super) fn of_json(json: &Json) -> Option<Self> {
        match json {
            Json::String(name) => match name.as_str() {
                "bool" => Some(Self::Bool),
                "number" => Some(Self::Number),
                "string" => Some(Self::String),
                "dynamic" => Some(Self::Dynamic),
                _ => None,
            },
            Json::Array(parts) => Self::of_parts(parts),
            _ => None,
        }
    }

    fn of_parts(parts: &[Json]) -> Option<Self> {
        let (kind, of) = (parts.first()?.as_str()?, parts.get(1)?);
        let element = || Self::of_json(of).map(Box::new);
        match kind {
            "list" => element().map(Self::List),
            "set" => element().map(Self::Set),
            "map" => element().map(Self::Map),
            "tuple" => {
                let elements = of.as_array()?.iter().map(Self::of_json);
                elements.collect::<Option<_>>().map(Self::Tuple)
            }
            "object" => {
                let attributes = of.as_object()?.iter();
                attributes
                    .map(|(name, of)| Some((name.clone(), Self::of_json(of)?)))
                    .collect::<Option<_>>()
                    .map(Self::Object)
            }
            _ => None,
        }
    }

    /// Writes the type as a schema does.
    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Bool => json!("bool"),
            Self::Number => json!("number"),
            Self::String => json!("string"),
            Self::Dynamic => json!("dynamic"),
            Self::List(element) => json!(["list", element.to_json()]),
            Self::Set(element) => json!(["set", element.to_json()]),
            Self::Map(element) => json!(["map", element.to_json()]),
            Self::Tuple(elements) => {
                json!([
                    "tuple",
                    elements.iter().map(Self::to_json).collect::<Vec<_>>()
                ])
            }
            Self::Object(attributes) => {
                let attributes = attributes
                    .iter()
                    .map(|(name, of)| (name.clone(), of.to_json()));
                json!(["object", attributes.collect::<serde_json::Map<_, _>>()])
            }
        }
    }
}

/// A value.
///
/// The elements of a set are sorted, so that equal sets are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Null,
    /// A value that is known after apply, with what terraform knows about it already, in terraform's own bytes.
    Unknown(Vec<u8>),
    Bool(bool),
    Number(Number),
    String(String),
    /// The elements of a list, a set or a tuple.
    Elements(Vec<Self>),
    /// The elements of a map or the attributes of an object.
    Members(BTreeMap<String, Self>),
    /// A value that brings its type, which is written as a schema writes it.
    Dynamic {
        of: String,
        value: Box<Self>,
    },
}

impl Value {
    /// A value of which nothing is known.
    pub(super) const UNKNOWN: Self = Self::Unknown(Vec::new());

    /// Returns an attribute; [`Value::Null`] when there is none.
    pub(super) fn get(&self, name: &str) -> &Self {
        match self {
            Self::Members(members) => members.get(name).unwrap_or(&Self::Null),
            _ => &Self::Null,
        }
    }

    /// Returns the elements of a list, a set or a tuple.
    pub(super) fn elements(&self) -> &[Self] {
        match self {
            Self::Elements(elements) => elements,
            _ => &[],
        }
    }

    /// Returns the text of a text.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether nothing is there.
    pub(super) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// Whether it is known after apply, itself.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Returns a scalar as the text that a template puts in.
    pub(super) fn as_text(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(number) => Some(number.text().to_owned()),
            Self::String(text) => Some(text.clone()),
            Self::Dynamic { value, .. } => value.as_text(),
            Self::Null | Self::Unknown(_) | Self::Elements(_) | Self::Members(_) => None,
        }
    }
}

/// A number as terraform has them: of any size and precision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Number {
    /// Decimal digits, perhaps with a fraction or an exponent.
    Decimal(String),
    /// A number that is exactly what a float64 holds; its text is the shortest that stands for it.
    Float(String),
}

impl Number {
    /// An integer.
    pub(super) fn integer(value: impl std::fmt::Display) -> Self {
        Self::Decimal(value.to_string())
    }

    /// A float64; a whole one is the integer that it is. None for what is no number.
    pub(super) fn float(value: f64) -> Option<Self> {
        if value.is_nan() {
            return None;
        }
        // Up to here every whole float64 is written by its own digits.
        if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
            return Some(Self::integer(value as i64));
        }
        Some(Self::Float(value.to_string()))
    }

    /// Reads a decimal number.
    pub(super) fn decimal(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        [whole, fraction, exponent]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| Self::Decimal(text.to_owned()))
    }

    /// Returns its digits.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Decimal(text) | Self::Float(text) => text,
        }
    }

    /// Whether both stand for the same number, as far as a float64 tells it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let as_float = |number: &Self| number.text().parse::<f64>().ok();
        self.text() == other.text()
            || (self.text().parse::<i128>().is_err() && as_float(self) == as_float(other))
    }
}
