//! How a value of a plan is shown to people: short, and never in clear where it is secret.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Longest text that is shown, in characters.
const LONGEST: usize = 120;
/// Longest text that is held until all secrets of the plan are known, in bytes. A longer one is only counted.
const LONGEST_HELD: usize = 1_024;

/// A value before or after a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "type", content = "text", rename_all = "kebab-case")]
pub enum Shown {
    /// There is none.
    Absent,
    /// As JSON, shortened, secrets masked.
    Text(Box<str>),
    /// It is known only when the change has been made.
    Unknown,
    /// It is secret.
    Sensitive,
}

impl Shown {
    /// Takes a leaf of a plan as it is.
    pub(super) fn leaf(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Absent,
            Some(Value::String(text)) if text.len() > LONGEST_HELD => {
                Self::Text(format!("(text of {} bytes)", text.len()).into())
            }
            // What is inside may be secret by itself.
            Some(Value::Object(entries)) if !entries.is_empty() => Self::Text("{…}".into()),
            Some(Value::Array(items)) if !items.is_empty() => Self::Text("[…]".into()),
            Some(value) => Self::Text(value.to_string().into()),
        }
    }

    /// Whether the whole value stands in it, so that two of them that are equal show equal values.
    pub(super) fn is_whole(value: Option<&Value>) -> bool {
        match value {
            Some(Value::String(text)) => text.len() <= LONGEST_HELD,
            Some(Value::Object(entries)) => entries.is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(_) | None => true,
        }
    }

    /// Returns what is shown masked and shortened, if that is something else.
    pub(super) fn closed(&self, mask: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let Self::Text(text) = self else {
            return None;
        };
        let masked = mask(text);
        let shown = masked.as_deref().unwrap_or(text);
        let cut = shown.char_indices().nth(LONGEST).map(|(end, _)| end);
        match (cut, masked.is_some()) {
            (None, false) => None,
            (None, true) => Some(Self::Text(shown.into())),
            (Some(end), _) => Some(Self::Text(format!("{}…", &shown[..end]).into())),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Absent => "(nothing)",
            Self::Text(text) => text,
            Self::Unknown => "(known after apply)",
            Self::Sensitive => "(sensitive)",
        })
    }
}
