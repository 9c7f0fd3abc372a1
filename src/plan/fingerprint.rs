//! What a task was made of, so that a later run can tell whether anything has changed (`docs/guide.md`, "Identity and resume").
//!
//! A fingerprint is the digest of named parts, and the parts are kept, so that `explain` can say which of them changed.
//! `plan-format.md`, 3.2, lists what counts and what does not.

use std::{collections::BTreeMap, sync::Arc};

use crate::{digest::Digest, expression::Value};

/// Raised when the meaning of a part changes; it makes every task run again once.
const FORMAT: &str = "1";

/// The digest of all parts.
pub type Fingerprint = Digest;

/// Name of the part that stands for all parts of a [`SharedParts`]. No other part has this name.
pub const SHARED: &str = "files";

/// The parts of a fingerprint by name, as `body.command`, `file server/main.rs`, `output server.reference`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Its own parts, and under [`SHARED`] the digest of those that it shares.
    own: BTreeMap<String, String>,
    shared: Option<Arc<SharedParts>>,
}

/// Parts that many tasks have in common, as the files of a repository: digested once and kept once, however many tasks
/// read them.
#[derive(Debug, PartialEq, Eq)]
pub struct SharedParts {
    digest: Digest,
    parts: BTreeMap<String, String>,
}

impl SharedParts {
    /// Digests the parts.
    pub fn new(parts: BTreeMap<String, String>) -> Self {
        Self {
            digest: digest_of(&parts),
            parts,
        }
    }

    /// Returns the digest of all of them.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Returns the parts by name.
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.parts
    }
}

impl Parts {
    /// Starts with the format and the kind.
    pub fn new(kind: &str) -> Self {
        let mut parts = BTreeMap::new();
        parts.insert("format".to_owned(), FORMAT.to_owned());
        parts.insert("kind".to_owned(), kind.to_owned());
        Self {
            own: parts,
            shared: None,
        }
    }

    /// Adds parts that other tasks have too, in place of any that were shared before.
    pub fn share(&mut self, shared: Arc<SharedParts>) {
        self.own
            .insert(SHARED.to_owned(), shared.digest.to_string());
        self.shared = Some(shared);
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
        self.own.insert(name.into(), kept);
    }

    /// Returns the digest of all parts.
    pub fn fingerprint(&self) -> Fingerprint {
        digest_of(&self.own)
    }

    /// Returns the parts that are not shared, by name; under [`SHARED`] the digest of those that are.
    pub fn own(&self) -> &BTreeMap<String, String> {
        &self.own
    }

    /// Returns the parts that are shared.
    pub fn shared(&self) -> Option<&SharedParts> {
        self.shared.as_deref()
    }

    /// Returns all parts by name, the shared ones among the others.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let mut parts = self.own.clone();
        if let Some(shared) = &self.shared {
            parts.remove(SHARED);
            parts.extend(shared.parts.clone());
        }
        parts
    }
}

fn digest_of(parts: &BTreeMap<String, String>) -> Digest {
    let mut text = String::new();
    for (name, content) in parts {
        // Lengths keep two parts from reading as one.
        text.push_str(&format!(
            "{} {name} {} {content}\n",
            name.len(),
            content.len()
        ));
    }
    Digest::of(text)
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
        let found = changes(&first.to_map(), &second.to_map());
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

    #[test]
    fn shared_parts_count_as_if_each_were_its_own_and_are_named_alike() {
        let with = |mark: &str| {
            let mut parts = Parts::new("run");
            let files = BTreeMap::from([("file a".to_owned(), mark.to_owned())]);
            parts.share(Arc::new(SharedParts::new(files)));
            parts
        };
        let (first, second) = (with("100644 one"), with("100644 two"));
        assert_ne!(first.fingerprint(), second.fingerprint());
        let found = changes(&first.to_map(), &second.to_map());
        let names: Vec<&str> = found.iter().map(|change| change.part.as_str()).collect();
        assert_eq!(names, ["file a"]);
    }
}
