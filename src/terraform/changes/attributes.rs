//! What changes between two values of a plan, attribute by attribute, and which of it is secret.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{AttributeChange, Shown};
use crate::terraform::AddressPattern;

/// The values of a change, and the trees of `true` beside them that say which parts are unknown or secret.
pub(super) struct Sides<'v> {
    pub before: Option<&'v Value>,
    pub after: Option<&'v Value>,
    pub unknown: Option<&'v Value>,
    pub before_sensitive: Option<&'v Value>,
    pub after_sensitive: Option<&'v Value>,
}

/// What the walk knows of where it is, and what it finds.
pub(super) struct Walk<'w> {
    /// The address of what is walked through.
    pub address: &'w str,
    /// Patterns that may concern it.
    pub patterns: Vec<&'w AddressPattern>,
    /// The paths of attributes that force a replacement.
    pub forcing: Vec<String>,
    pub found: Vec<AttributeChange>,
}

impl<'w> Walk<'w> {
    pub(super) fn at(address: &'w str, patterns: &'w [AddressPattern]) -> Self {
        Self {
            address,
            patterns: patterns
                .iter()
                .filter(|pattern| pattern.may_concern(address))
                .collect(),
            forcing: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Whether the caller calls the attribute at `path` sensitive.
    pub(super) fn is_declared(&self, path: &str) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| pattern.matches_attribute(self.address, path))
    }

    /// Gathers what changes between two values.
    pub(super) fn compare(&mut self, path: &mut String, sides: &Sides<'_>) {
        if is_true(sides.before_sensitive)
            || is_true(sides.after_sensitive)
            || self.is_declared(path)
        {
            return self.compare_secrets(path, sides);
        }
        if is_true(sides.unknown) {
            return self.push(path, Shown::leaf(sides.before), Shown::Unknown, sides);
        }
        let (before, after) = (
            sides.before.filter(|value| !value.is_null()),
            sides.after.filter(|value| !value.is_null()),
        );
        match (before, after) {
            (Some(Value::Object(_)), Some(Value::Object(_)))
            | (Some(Value::Object(_)), None)
            | (None, Some(Value::Object(_))) => self.compare_maps(path, sides),
            (Some(Value::Array(_)), Some(Value::Array(_)))
            | (Some(Value::Array(_)), None)
            | (None, Some(Value::Array(_))) => self.compare_lists(path, sides),
            _ if before == after => self.compare_unknown(path, sides),
            _ => self.push(path, Shown::leaf(before), Shown::leaf(after), sides),
        }
    }

    fn compare_secrets(&mut self, path: &str, sides: &Sides<'_>) {
        let is_unknown = holds_true(sides.unknown);
        let is_same = sides.before.unwrap_or(&Value::Null) == sides.after.unwrap_or(&Value::Null);
        if is_same && !is_unknown {
            return;
        }
        let shown = |value: Option<&Value>| match value {
            None | Some(Value::Null) => Shown::Absent,
            Some(_) => Shown::Sensitive,
        };
        let after = if is_unknown {
            Shown::Unknown
        } else {
            shown(sides.after)
        };
        self.push(path, shown(sides.before), after, sides);
    }

    /// What is the same on both sides, or on neither, may still hold something unknown.
    fn compare_unknown(&mut self, path: &mut String, sides: &Sides<'_>) {
        match sides.unknown {
            Some(Value::Object(_)) => self.compare_maps(path, sides),
            Some(Value::Array(_)) => self.compare_lists(path, sides),
            Some(_) | None => {}
        }
    }

    fn compare_maps(&mut self, path: &mut String, sides: &Sides<'_>) {
        let maps = [sides.before, sides.after, sides.unknown].map(entries);
        let n_found = self.found.len();
        for (index, map) in maps.iter().enumerate() {
            for name in map.iter().flat_map(|map| map.keys()) {
                let is_done = maps[..index]
                    .iter()
                    .flatten()
                    .any(|earlier| earlier.contains_key(name));
                if !is_done {
                    let length = push_name(path, name);
                    self.compare(path, &sides.entry(name));
                    path.truncate(length);
                }
            }
        }
        self.compare_empty(n_found, path, sides);
    }

    fn compare_lists(&mut self, path: &mut String, sides: &Sides<'_>) {
        let lists = [sides.before, sides.after, sides.unknown].map(items);
        let n_items = lists.iter().flatten().map(|list| list.len()).max();
        let n_found = self.found.len();
        for index in 0..n_items.unwrap_or_default() {
            let length = push_index(path, index);
            self.compare(path, &sides.element(index));
            path.truncate(length);
        }
        self.compare_empty(n_found, path, sides);
    }

    /// A list or map that appears or goes without an element is a change that no element shows.
    fn compare_empty(&mut self, n_found: usize, path: &str, sides: &Sides<'_>) {
        let is_there = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
        if self.found.len() > n_found || is_there(sides.before) == is_there(sides.after) {
            return;
        }
        let empty = |value: Option<&Value>| match value {
            Some(Value::Object(_)) => Shown::Text("{}".into()),
            Some(Value::Array(_)) => Shown::Text("[]".into()),
            Some(_) | None => Shown::Absent,
        };
        self.push(path, empty(sides.before), empty(sides.after), sides);
    }

    fn push(&mut self, path: &str, before: Shown, after: Shown, sides: &Sides<'_>) {
        let is_whole = |shown: &Shown, value| match shown {
            Shown::Absent | Shown::Unknown => true,
            Shown::Text(_) => Shown::is_whole(value),
            Shown::Sensitive => false,
        };
        let shows_all = is_whole(&before, sides.before) && is_whole(&after, sides.after);
        self.found.push(AttributeChange {
            path: path.into(),
            before,
            after,
            forces_replacement: self.forces(path),
            print: (!shows_all).then(|| Box::new(print(&json(sides.before), &json(sides.after)))),
        });
    }

    fn forces(&self, path: &str) -> bool {
        self.forcing.iter().any(|forcing| {
            path.strip_prefix(forcing.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }
}

impl<'v> Sides<'v> {
    fn entry(&self, name: &str) -> Self {
        self.map(|value| value.as_object()?.get(name))
    }

    fn element(&self, index: usize) -> Self {
        self.map(|value| value.as_array()?.get(index))
    }

    fn map(&self, inner: impl Fn(&'v Value) -> Option<&'v Value>) -> Self {
        let inner = |value: Option<&'v Value>| inner(value?);
        Self {
            before: inner(self.before),
            after: inner(self.after),
            unknown: inner(self.unknown),
            before_sensitive: inner(self.before_sensitive),
            after_sensitive: inner(self.after_sensitive),
        }
    }
}

/// Gathers the texts of a value that are secret, each with its path.
pub(super) fn gather(
    walk: &Walk<'_>,
    path: &mut String,
    value: &Value,
    sensitive: Option<&Value>,
    take: &mut dyn FnMut(&str, &str),
) {
    let is_secret = is_true(sensitive) || walk.is_declared(path);
    // Below what is secret everything is; a tree without `true` says nothing, and patterns may still name something.
    let has_more = !walk.patterns.is_empty() || holds_true(sensitive);
    if !is_secret && !has_more {
        return;
    }
    let always = Value::Bool(true);
    match value {
        Value::Object(entries) => {
            for (name, entry) in entries {
                let marks = sensitive.and_then(|marks| marks.as_object()?.get(name));
                let marks = if is_secret { Some(&always) } else { marks };
                let length = push_name(path, name);
                gather(walk, path, entry, marks, take);
                path.truncate(length);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                let marks = sensitive.and_then(|marks| marks.as_array()?.get(index));
                let marks = if is_secret { Some(&always) } else { marks };
                let length = push_index(path, index);
                gather(walk, path, element, marks, take);
                path.truncate(length);
            }
        }
        Value::String(text) if is_secret => take(path, text),
        Value::Number(number) if is_secret => {
            let text = number.to_string();
            // A short number stands everywhere: masking it would tear ordinary text apart.
            if text.len() >= 6 {
                take(path, &text);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Writes `name` behind a path, as paths of fields are written. Returns the length that the path had.
pub(super) fn push_name(path: &mut String, name: &str) -> usize {
    let length = path.len();
    if name.is_empty() || name.contains(['.', '[', ']']) {
        let quote = if name.contains('"') { '\'' } else { '"' };
        path.extend(['[', quote]);
        path.push_str(name);
        path.extend([quote, ']']);
    } else {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
    }
    length
}

/// As [`push_name`], for an element of a list.
pub(super) fn push_index(path: &mut String, index: usize) -> usize {
    let length = path.len();
    path.push_str(&format!("[{index}]"));
    length
}

/// Whether a mark says that all of a value is unknown, or secret.
pub(super) fn is_true(marks: Option<&Value>) -> bool {
    marks == Some(&Value::Bool(true))
}

/// Whether a mark stands anywhere in a tree.
pub(super) fn holds_true(marks: Option<&Value>) -> bool {
    match marks {
        Some(Value::Bool(mark)) => *mark,
        Some(Value::Object(entries)) => entries.values().any(|inner| holds_true(Some(inner))),
        Some(Value::Array(items)) => items.iter().any(|inner| holds_true(Some(inner))),
        Some(Value::Null | Value::Number(_) | Value::String(_)) | None => false,
    }
}

fn entries(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value?.as_object()
}

fn items(value: Option<&Value>) -> Option<&Vec<Value>> {
    value?.as_array()
}

/// What two values come to: as secret as they are, and kept only to be compared.
pub(super) fn print(before: &str, after: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in [before, after] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

fn json(value: Option<&Value>) -> String {
    value.unwrap_or(&Value::Null).to_string()
}
