//! A resource as it is after the change, kept because a policy asks for it.

use serde_json::Value as Json;

use super::attributes::{Walk, is_true, push_index, push_name};
use crate::{expression::Value, secret::Secret};

/// A resource after the change.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Its address.
    pub address: String,
    /// Its attributes; what is sensitive is a secret, or, of a list or map, one secret as a whole.
    pub after: Value,
    /// The same shape, `true` where a value is known only at apply.
    pub unknown: Value,
}

impl Kept {
    pub(super) fn of(
        walk: &Walk<'_>,
        after: Option<&Json>,
        sensitive: Option<&Json>,
        unknown: Option<&Json>,
    ) -> Self {
        let mut path = String::new();
        Self {
            address: walk.address.to_owned(),
            after: after.map_or(Value::Null, |after| {
                closed(walk, &mut path, after, sensitive)
            }),
            unknown: unknown.map_or(Value::Null, |unknown| Value::from(unknown.clone())),
        }
    }
}

/// Copies a value with what is sensitive in it made secret.
fn closed(walk: &Walk<'_>, path: &mut String, value: &Json, sensitive: Option<&Json>) -> Value {
    if !value.is_null() && (is_true(sensitive) || walk.is_declared(path)) {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        return Value::Secret(Secret::new(text));
    }
    match value {
        Json::Object(entries) => Value::Map(
            entries
                .iter()
                .map(|(name, entry)| {
                    let marks = sensitive.and_then(|marks| marks.as_object()?.get(name));
                    let length = push_name(path, name);
                    let entry = closed(walk, path, entry, marks);
                    path.truncate(length);
                    (name.clone(), entry)
                })
                .collect(),
        ),
        Json::Array(items) => Value::List(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let marks = sensitive.and_then(|marks| marks.as_array()?.get(index));
                    let length = push_index(path, index);
                    let item = closed(walk, path, item, marks);
                    path.truncate(length);
                    item
                })
                .collect(),
        ),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            Value::from(value.clone())
        }
    }
}
