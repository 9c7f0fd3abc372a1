//! What the kinds have in common: their own outputs, and how an evaluated body is read.

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    expression::{Map, Value},
    plan::{
        field::{Content, Field},
        model::{Kind, Task},
    },
    secret::Secret,
};

/// Returns the outputs that a kind has by itself; `None` where they are known only when it runs.
pub fn outputs(kind: Kind) -> Option<Vec<&'static str>> {
    match kind {
        Kind::Image => Some(super::image::OUTPUTS.to_vec()),
        // The root module's: whatever the module says.
        Kind::Terraform => None,
        Kind::Kubernetes | Kind::Render | Kind::Run | Kind::Check | Kind::Gate => Some(Vec::new()),
    }
}

/// Returns the artifacts that a kind has by itself.
pub fn artifacts(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Render => &["file"],
        Kind::Image | Kind::Terraform | Kind::Kubernetes | Kind::Run | Kind::Check | Kind::Gate => {
            &[]
        }
    }
}

/// Reports what is wrong in the body of a task and needs no evaluation to be seen.
pub fn check_body(task: &Task, problems: &mut Diagnostics) {
    match task.kind {
        Kind::Image => {
            super::image::check(task, problems);
            super::check_image_expectations(task, problems);
        }
        Kind::Kubernetes => super::kubernetes::check(task, problems),
        Kind::Terraform | Kind::Render | Kind::Run | Kind::Check | Kind::Gate => {}
    }
    super::check_policies(task, problems);
    unresolved_outputs(task, problems);
}

fn unresolved_outputs(task: &Task, problems: &mut Diagnostics) {
    for (name, output) in &task.outputs {
        let wants_run = output.matches.is_some() && task.kind != Kind::Run;
        let wants_cluster = output.resource.is_some() && task.kind != Kind::Kubernetes;
        if wants_run || wants_cluster {
            let (key, kind) = if wants_run {
                ("match", "run")
            } else {
                ("resource", "kubernetes")
            };
            problems.push(
                Diagnostic::error(
                    "output",
                    format!("output `{name}` has `{key}`, which only a {kind} task can give"),
                )
                .at(output.span)
                .help(format!("task `{}` is of kind {}", task.id, task.kind.key())),
            );
        }
    }
}

/// A value of an evaluated body that is not what its key wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` wants {expected}, and its expression gave {found}")]
pub struct BodyError {
    /// The key.
    pub key: String,
    /// What it wants.
    pub expected: &'static str,
    /// What it got.
    pub found: String,
}

/// Reads an evaluated body by the names of its keys.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'v> {
    entries: &'v Map,
}

impl<'v> Reader<'v> {
    /// Reads from the entries of an evaluated map.
    pub fn new(entries: &'v Map) -> Self {
        Self { entries }
    }

    fn get(&self, key: &str) -> Option<&'v Value> {
        self.entries.get(key).filter(|value| **value != Value::Null)
    }

    /// Returns a text; numbers and booleans count as they are spelled.
    pub fn text(&self, key: &str) -> Result<Option<String>, BodyError> {
        self.get(key).map(|value| text_of(key, value)).transpose()
    }

    /// Returns a text that the grammar requires.
    pub fn required(&self, key: &str) -> Result<String, BodyError> {
        self.text(key)?.ok_or_else(|| BodyError {
            key: key.to_owned(),
            expected: "a text",
            found: "nothing".to_owned(),
        })
    }

    /// Returns a list of texts, of which one may stand alone.
    pub fn texts(&self, key: &str) -> Result<Vec<String>, BodyError> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::List(items)) => items.iter().map(|item| text_of(key, item)).collect(),
            Some(value) => Ok(vec![text_of(key, value)?]),
        }
    }

    /// Returns a map of texts, in its order.
    pub fn text_map(&self, key: &str) -> Result<Vec<(String, String)>, BodyError> {
        let entries = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Map(entries)) => entries,
            Some(value) => return Err(wrong(key, "a map", value)),
        };
        entries
            .iter()
            .map(|(name, value)| Ok((name.clone(), text_of(key, value)?)))
            .collect()
    }

    /// Returns a map of secrets, in its order; a plain text is kept as one too.
    pub fn secret_map(&self, key: &str) -> Result<Vec<(String, Secret)>, BodyError> {
        let entries = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Map(entries)) => entries,
            Some(value) => return Err(wrong(key, "a map", value)),
        };
        entries
            .iter()
            .map(|(name, value)| {
                let secret = match value {
                    Value::Secret(secret) => secret.clone(),
                    value => Secret::new(text_of(key, value)?),
                };
                Ok((name.clone(), secret))
            })
            .collect()
    }

    /// Returns a boolean.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool, BodyError> {
        Ok(self.optional_flag(key)?.unwrap_or(default))
    }

    /// Returns a boolean, where one is given.
    pub fn optional_flag(&self, key: &str) -> Result<Option<bool>, BodyError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Boolean(flag)) => Ok(Some(*flag)),
            Some(value) => Err(wrong(key, "a boolean", value)),
        }
    }

    /// Returns a list of numbers between 0 and 65,535: ports.
    pub fn ports(&self, key: &str) -> Result<Vec<u16>, BodyError> {
        let items = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::List(items)) => items.as_slice(),
            Some(value) => std::slice::from_ref(value),
        };
        items.iter().map(|item| port_of(key, item)).collect()
    }

    /// Returns the entries of an inner map.
    pub fn inner(&self, key: &str) -> Result<Option<Reader<'v>>, BodyError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Map(entries)) => Ok(Some(Reader::new(entries))),
            Some(value) => Err(wrong(key, "a map", value)),
        }
    }

    /// Returns a value as it is.
    pub fn value(&self, key: &str) -> Option<&'v Value> {
        self.get(key)
    }
}

fn text_of(key: &str, value: &Value) -> Result<String, BodyError> {
    value
        .as_plain_text()
        .ok_or_else(|| wrong(key, "a text", value))
}

fn port_of(key: &str, value: &Value) -> Result<u16, BodyError> {
    let number = match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if number.fract() == 0.0 && (1.0..=65535.0).contains(&number) => {
            Ok(number as u16)
        }
        _ => Err(wrong(key, "a port between 1 and 65535", value)),
    }
}

fn wrong(key: &str, expected: &'static str, value: &Value) -> BodyError {
    let found = match value {
        Value::Secret(_) => "a secret".to_owned(),
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::Text(_) => format!("`{value}`"),
        Value::List(_) | Value::Map(_) => format!("a {}", value.type_name()),
    };
    BodyError {
        key: key.to_owned(),
        expected,
        found,
    }
}

/// Returns the texts of a field that hold no expression, with their places.
pub(super) fn literal_texts(field: Option<&Field>) -> Vec<(String, crate::diagnostic::Span)> {
    fn visit(field: &Field, found: &mut Vec<(String, crate::diagnostic::Span)>) {
        match &field.content {
            Content::List(items) => items.iter().for_each(|item| visit(item, found)),
            Content::Map(entries) => entries.values().for_each(|entry| visit(entry, found)),
            Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) => {
                found.extend(field.literal().map(|text| (text, field.span)));
            }
        }
    }
    let mut found = Vec::new();
    if let Some(field) = field {
        visit(field, &mut found);
    }
    found
}
