//! Ways to a field: `a.b[0].c`, `[*]`, `["x.y"]`, `.length`.

use std::{fmt, str::FromStr};

use crate::expression::Value;

/// A way to a field of an observed value.
///
/// `.length` of a list or text is its number of elements or characters; a map's `length` is its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
    Every,
}

/// A text that is no field path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldPathError {
    /// Nothing stands there, or nothing between two dots.
    #[error("a name is missing in the field path `{path}`")]
    NameMissing {
        /// The path.
        path: String,
    },
    /// A bracket without its end, or an end without its bracket.
    #[error("a bracket of the field path `{path}` has no counterpart")]
    Bracket {
        /// The path.
        path: String,
    },
    /// Something else than an index, a quoted name or `*` between brackets.
    #[error("`[{found}]` in the field path `{path}` is no index, no quoted name and not `[*]`")]
    Index {
        /// The path.
        path: String,
        /// What stands between the brackets.
        found: String,
    },
    /// Something between a bracket and the next step.
    #[error("a `.` is missing after a bracket of the field path `{path}`")]
    DotMissing {
        /// The path.
        path: String,
    },
}

impl FieldPathError {
    /// Returns what to write instead, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NameMissing { .. } | Self::Bracket { .. } | Self::DotMissing { .. } => {
                Some("`a.b[0].c`, `[*]`, `[\"x.y\"]`".to_owned())
            }
            Self::Index { found, .. } => Some(format!("`[\"{found}\"]`")),
        }
    }
}

/// Where a way leads.
enum Reached {
    Nowhere,
    One(Value),
    /// After `[*]`: for each element its field, or null.
    Each(Vec<Value>),
}

impl FieldPath {
    /// Reads a field path.
    ///
    /// # Errors
    ///
    /// Says what is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, FieldPathError> {
        let path = || text.to_owned();
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            if let Some(inner) = rest.strip_prefix('[') {
                let (step, after) = bracket(inner, text)?;
                steps.push(step);
                rest = after;
            } else {
                let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
                if end == 0 {
                    return Err(FieldPathError::NameMissing { path: path() });
                }
                steps.push(Step::Field(rest[..end].to_owned()));
                rest = &rest[end..];
            }
            if rest.is_empty() {
                return Ok(Self { steps });
            }
            if let Some(after) = rest.strip_prefix('.') {
                if after.starts_with('[') {
                    return Err(FieldPathError::NameMissing { path: path() });
                }
                rest = after;
            } else if rest.starts_with(']') {
                return Err(FieldPathError::Bracket { path: path() });
            } else if !rest.starts_with('[') {
                return Err(FieldPathError::DotMissing { path: path() });
            }
        }
    }

    /// Returns the name that it begins with: the observation in `json.items[0]`.
    pub fn first_name(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Field(name)) => Some(name),
            Some(Step::Index(_) | Step::Every) | None => None,
        }
    }

    /// Returns the values that it leads to: without `[*]` one or none, with it one for each element, null where an
    /// element has no such field.
    pub fn select(&self, value: &Value) -> Vec<Value> {
        match self.reach(value) {
            Reached::Nowhere => Vec::new(),
            Reached::One(found) => vec![found],
            Reached::Each(found) => found,
        }
    }

    /// Returns what a requirement judges: the field, null where there is none, after `[*]` the list of all.
    pub fn observe(&self, value: &Value) -> Value {
        match self.reach(value) {
            Reached::Nowhere => Value::Null,
            Reached::One(found) => found,
            Reached::Each(found) => Value::List(found),
        }
    }

    /// Returns the fields that it goes through, from the outermost to itself.
    pub fn ways(&self) -> impl Iterator<Item = Self> + '_ {
        (1..=self.steps.len()).map(|length| Self {
            steps: self.steps[..length].to_vec(),
        })
    }

    fn reach(&self, value: &Value) -> Reached {
        let mut reached = Reached::One(value.clone());
        for step in &self.steps {
            reached = match reached {
                Reached::Nowhere => return Reached::Nowhere,
                Reached::One(value) => step.take(value),
                Reached::Each(values) => Reached::Each(
                    values
                        .into_iter()
                        .flat_map(|value| step.take_inside(value))
                        .collect(),
                ),
            };
        }
        reached
    }
}

impl Step {
    /// Takes the step in one of many elements. An element without the field gives null, so that a missing limit fails a
    /// requirement; one without the list gives no elements, as an empty list does.
    fn take_inside(&self, element: Value) -> Vec<Value> {
        match (self.take(element), self) {
            (Reached::One(found), _) => vec![found],
            (Reached::Each(found), _) => found,
            (Reached::Nowhere, Self::Every) => Vec::new(),
            (Reached::Nowhere, Self::Field(_) | Self::Index(_)) => vec![Value::Null],
        }
    }

    fn take(&self, value: Value) -> Reached {
        let found = match (self, value) {
            (Self::Every, Value::List(items)) => return Reached::Each(items),
            (Self::Every, Value::Map(entries)) => {
                return Reached::Each(entries.into_values().collect());
            }
            (Self::Index(index), Value::List(mut items)) => {
                (*index < items.len()).then(|| items.swap_remove(*index))
            }
            (Self::Field(name), Value::Map(mut entries)) => entries.swap_remove(name),
            (Self::Field(name), Value::List(items)) if name == "length" => {
                Some(Value::Number(items.len() as f64))
            }
            (Self::Field(name), Value::Text(text)) if name == "length" => {
                Some(Value::Number(text.chars().count() as f64))
            }
            (Self::Every | Self::Index(_) | Self::Field(_), _) => None,
        };
        match found {
            None | Some(Value::Null) => Reached::Nowhere,
            Some(found) => Reached::One(found),
        }
    }
}

/// Reads what stands between brackets, and returns what follows them.
fn bracket<'t>(inner: &'t str, path: &str) -> Result<(Step, &'t str), FieldPathError> {
    let unclosed = || FieldPathError::Bracket {
        path: path.to_owned(),
    };
    for quote in ['"', '\''] {
        if let Some(quoted) = inner.strip_prefix(quote) {
            let (name, after) = quoted.split_once(quote).ok_or_else(unclosed)?;
            let after = after.strip_prefix(']').ok_or_else(unclosed)?;
            return Ok((Step::Field(name.to_owned()), after));
        }
    }
    let (found, after) = inner.split_once(']').ok_or_else(unclosed)?;
    if found == "*" {
        return Ok((Step::Every, after));
    }
    let is_index = !found.is_empty() && found.bytes().all(|byte| byte.is_ascii_digit());
    match found.parse() {
        Ok(index) if is_index => Ok((Step::Index(index), after)),
        _ => Err(FieldPathError::Index {
            path: path.to_owned(),
            found: found.to_owned(),
        }),
    }
}

impl FromStr for FieldPath {
    type Err = FieldPathError;

    fn from_str(text: &str) -> Result<Self, FieldPathError> {
        Self::parse(text)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Field(name) if name.contains(['.', '[', ']']) || name.is_empty() => {
                    let quote = if name.contains('"') { '\'' } else { '"' };
                    write!(formatter, "[{quote}{name}{quote}]")?;
                }
                Step::Field(name) if position == 0 => formatter.write_str(name)?,
                Step::Field(name) => write!(formatter, ".{name}")?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
                Step::Every => formatter.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(path: &str) -> serde_json::Value {
        let value = Value::from(serde_json::json!({
            "name": "web",
            "x.y": { "z": 1 },
            "length": "own",
            "nothing": null,
            "empty": [],
            "containers": [
                { "image": "a", "ports": [{ "port": 80 }, { "port": 443 }] },
                { "image": "b", "limits": { "memory": "1Gi" } },
            ],
        }));
        let path = FieldPath::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        path.observe(&value).into()
    }

    #[test]
    fn paths_lead_to_fields_elements_and_lengths() {
        for (path, expected) in [
            ("name", serde_json::json!("web")),
            ("name.length", serde_json::json!(3)),
            ("containers.length", serde_json::json!(2)),
            ("length", serde_json::json!("own")),
            ("containers[1].image", serde_json::json!("b")),
            ("containers[2].image", serde_json::json!(null)),
            ("containers[0].ports[1].port", serde_json::json!(443)),
            ("containers[*].image", serde_json::json!(["a", "b"])),
            ("containers[*].ports[*].port", serde_json::json!([80, 443])),
            (
                "containers[*].limits.memory",
                serde_json::json!([null, "1Gi"]),
            ),
            ("containers[*].image.length", serde_json::json!([1, 1])),
            ("[\"x.y\"].z", serde_json::json!(1)),
            ("['x.y'][\"z\"]", serde_json::json!(1)),
            ("none[*].image", serde_json::json!(null)),
            ("empty[*].image", serde_json::json!([])),
            ("nothing.deeper", serde_json::json!(null)),
            ("name.deeper", serde_json::json!(null)),
        ] {
            assert_eq!(observed(path), expected, "{path}");
        }
    }

    #[test]
    fn a_wrong_path_is_told_what_is_wrong() {
        for (path, message) in [
            ("", "a name is missing in the field path ``"),
            ("a.", "a name is missing in the field path `a.`"),
            ("a..b", "a name is missing in the field path `a..b`"),
            (".a", "a name is missing in the field path `.a`"),
            (
                "a[0",
                "a bracket of the field path `a[0` has no counterpart",
            ),
            (
                "a[\"b]",
                "a bracket of the field path `a[\"b]` has no counterpart",
            ),
            ("a]", "a bracket of the field path `a]` has no counterpart"),
            (
                "a[0]b",
                "a `.` is missing after a bracket of the field path `a[0]b`",
            ),
            (
                "a[x.y]",
                "`[x.y]` in the field path `a[x.y]` is no index, no quoted name and not `[*]`",
            ),
            (
                "a[-1]",
                "`[-1]` in the field path `a[-1]` is no index, no quoted name and not `[*]`",
            ),
        ] {
            let error = FieldPath::parse(path).expect_err(path);
            assert_eq!(error.to_string(), message);
            assert!(error.hint().is_some(), "{path}");
        }
    }

    #[test]
    fn a_path_is_written_as_it_is_read() {
        for path in [
            "a.b[0].c",
            "a[*].b",
            "[\"x.y\"].z",
            "[0][1]",
            "a.length",
            "['a\".b']",
        ] {
            let read = FieldPath::parse(path).expect(path);
            assert_eq!(read.to_string(), path);
        }
        assert_eq!(
            FieldPath::parse("json.items[0]")
                .expect("it is a path")
                .first_name(),
            Some("json")
        );
    }
}
