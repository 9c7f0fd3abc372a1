//! What a task was made of, so that a later run can tell whether anything has changed (`docs/guide.md`, "Identity and resume").
//!
//! A fingerprint is the digest of named parts, and the parts are kept, so that `explain` can say which of them changed.
//! `plan-format.md`, 3.2, lists what counts and what does not.

use std::collections::BTreeMap;

use crate::{digest::Digest, expression::Value};

/// Raised when the meaning of a part changes; it makes every task run again once.
const FORMAT: &str = "1";

/// The digest of all parts.
pub type Fingerprint = Digest;

/// The parts of a fingerprint by name, as `body.command`, `file server/main.rs`, `output server.reference`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts(BTreeMap<String, String>);

impl Parts {
    /// Starts with the format and the kind.
    pub fn new(kind: &str) -> Self {
        let mut parts = BTreeMap::new();
        parts.insert("format".to_owned(), FORMAT.to_owned());
        parts.insert("kind".to_owned(), kind.to_owned());
        Self(parts)
    }

    /// Adds each leaf of a value under its path; secrets count by what they are called, never by value.
    pub fn value(&mut self, path: &str, value: &Value) {
        match value {
            Value::Map(entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    self.value(&format!("{path}.{key}"), value);
                }
            }
            Value::List(items) if !items.is_empty() => {
                for (index, value) in items.iter().enumerate() {
                    self.value(&format!("{path}[{index}]"), value);
                }
            }
            Value::Secret(_) => self.part(path, "secret"),
            Value::Null
            | Value::Boolean(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_) => {
                self.part(path, &serde_json::Value::from(value.clone()).to_string());
            }
        }
    }

    /// Adds one part.
    pub fn part(&mut self, name: impl Into<String>, content: &str) {
        const MOST_READABLE: usize = 80;
        // Short values are kept as they are, so that `explain` can show them; long ones by digest.
        let kept = if content.len() <= MOST_READABLE {
            content.to_owned()
        } else {
            Digest::of(content).to_string()
        };
        self.0.insert(name.into(), kept);
    }

    /// Returns the digest of all parts.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut text = String::new();
        for (name, content) in &self.0 {
            // Lengths keep two parts from reading as one.
            text.push_str(&format!(
                "{} {name} {} {content}\n",
                name.len(),
                content.len()
            ));
        }
        Digest::of(text)
    }

    /// Returns the parts by name.
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

/// One part that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The part.
    pub part: String,
    /// What it was; `None`: it was not there.
    pub before: Option<String>,
    /// What it is; `None`: it is gone.
    pub now: Option<String>,
}

/// Compares two sets of parts.
pub fn changes(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<Change> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differing = names
        .into_iter()
        .filter(|name| before.get(*name) != now.get(*name));
    differing
        .map(|name| Change {
            part: name.clone(),
            before: before.get(name).cloned(),
            now: now.get(name).cloned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_changes_the_fingerprint_and_is_named_as_the_change() {
        let mut first = Parts::new("run");
        first.part("body.command[0]", "\"make\"");
        let mut second = first.clone();
        second.part("body.command[0]", "\"just\"");
        assert_ne!(first.fingerprint(), second.fingerprint());
        let found = changes(first.as_map(), second.as_map());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].part, "body.command[0]");
        assert_eq!(
            (found[0].before.as_deref(), found[0].now.as_deref()),
            (Some("\"make\""), Some("\"just\""))
        );
    }

    #[test]
    fn a_secret_counts_by_being_there_and_not_by_its_value() {
        let with = |text: &str| {
            let mut parts = Parts::new("run");
            parts.value(
                "env.TOKEN",
                &Value::Secret(crate::secret::Secret::new(text)),
            );
            parts.fingerprint()
        };
        assert_eq!(with("one"), with("two"));
    }
}
