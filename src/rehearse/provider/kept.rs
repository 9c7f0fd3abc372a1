//! What a cloud keeps of an object, and how it is read back.
//!
//! A cloud does not tell what is sensitive, and knows nothing of terraform's time-outs: these are left out of its file, and a read
//! takes them from terraform's own state, as real providers do. Where the file says something else than the state, that is drift.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{
    json::{JsonError, of_json, to_json},
    schema::{Attribute, AttributeType, Block, Nesting},
    value::Value,
};

/// How long terraform waits; no property of an object.
const TIMEOUTS: &str = "timeouts";

/// Returns what the cloud's file keeps of an object.
pub(super) fn kept(block: &Block, value: &Value) -> Json {
    let mut kept = kept_attributes(&block.attributes, value);
    for (name, nested) in &block.blocks {
        let value = value.get(name);
        if name != TIMEOUTS && !(nested.nesting == Nesting::Set && nested.block.has_hidden()) {
            kept.insert(
                name.clone(),
                each(nested.nesting, value, |value| {
                    self::kept(&nested.block, value)
                }),
            );
        }
    }
    kept.into()
}

fn kept_attributes(attributes: &BTreeMap<String, Attribute>, value: &Value) -> Map<String, Json> {
    let shown = attributes
        .iter()
        .filter(|(name, attribute)| *name != TIMEOUTS && !attribute.is_hidden());
    shown
        .map(|(name, attribute)| {
            let value = value.get(name);
            let json = match &attribute.of {
                AttributeType::Plain(_) => to_json(value),
                AttributeType::Nested(nesting, attributes) => each(*nesting, value, |value| {
                    kept_attributes(attributes, value).into()
                }),
            };
            (name.clone(), json)
        })
        .collect()
}

/// Writes each object of something nested.
fn each(nesting: Nesting, value: &Value, object: impl Fn(&Value) -> Json) -> Json {
    match (nesting, value) {
        (_, Value::Null | Value::Unknown(_)) => Json::Null,
        (Nesting::Single | Nesting::Group, value) => object(value),
        (Nesting::Map, Value::Members(members)) => Json::Object(
            members
                .iter()
                .map(|(name, member)| (name.clone(), object(member)))
                .collect(),
        ),
        (_, value) => value.elements().iter().map(object).collect(),
    }
}

/// Reads an object back: what the file keeps, and the rest from `known`.
///
/// # Errors
///
/// The file holds what the schema does not have.
pub(super) fn read_back(block: &Block, json: &Json, known: &Value) -> Result<Value, JsonError> {
    // What nobody has a place for is found by the one who knows all names.
    let mut members = read_attributes(&block.attributes, json, known)?;
    for (name, nested) in &block.blocks {
        let known = known.get(name);
        let value = match json.get(name) {
            None if known.is_null() => nested.none(),
            None => known.clone(),
            Some(Json::Null) => nested.none(),
            Some(json) => read_each(nested.nesting, json, known, name, |json, known| {
                read_back(&nested.block, json, known)
            })?,
        };
        members.insert(name.clone(), value);
    }
    no_strangers(json, &members)?;
    Ok(Value::Members(members))
}

fn read_attributes(
    attributes: &BTreeMap<String, Attribute>,
    json: &Json,
    known: &Value,
) -> Result<BTreeMap<String, Value>, JsonError> {
    let read = attributes.iter().map(|(name, attribute)| {
        let known = known.get(name);
        let value = match (json.get(name), &attribute.of) {
            (None, _) => known.clone(),
            (Some(Json::Null), _) => Value::Null,
            (Some(json), AttributeType::Plain(of)) => settled(of_json(json, of, name)?, known),
            (Some(json), AttributeType::Nested(nesting, attributes)) => {
                read_each(*nesting, json, known, name, |json, known| {
                    let members = read_attributes(attributes, json, known)?;
                    no_strangers(json, &members)?;
                    Ok(Value::Members(members))
                })?
            }
        };
        Ok((name.clone(), value))
    });
    read.collect()
}

fn no_strangers(json: &Json, members: &BTreeMap<String, Value>) -> Result<(), JsonError> {
    let Some(object) = json.as_object() else {
        return Err(JsonError::new("an object", json, "a mapping"));
    };
    match object.iter().find(|(name, _)| !members.contains_key(*name)) {
        Some((name, json)) => Err(JsonError::new(
            name,
            json,
            "nothing: the schema has no such attribute",
        )),
        None => Ok(()),
    }
}

fn read_each(
    nesting: Nesting,
    json: &Json,
    known: &Value,
    name: &str,
    object: impl Fn(&Json, &Value) -> Result<Value, JsonError>,
) -> Result<Value, JsonError> {
    match nesting {
        Nesting::Single | Nesting::Group => object(json, known),
        Nesting::Map => {
            let members = json
                .as_object()
                .ok_or_else(|| JsonError::new(name, json, "a mapping"))?;
            let members = members
                .iter()
                .map(|(key, json)| Ok((key.clone(), object(json, known.get(key))?)));
            members.collect::<Result<_, _>>().map(Value::Members)
        }
        Nesting::List | Nesting::Set => {
            let elements = json
                .as_array()
                .ok_or_else(|| JsonError::new(name, json, "a list"))?;
            let elements = elements.iter().enumerate().map(|(index, json)| {
                // Elements of a set have no place by which one is found again, and hold nothing that is not kept.
                let known = known
                    .elements()
                    .get(index)
                    .filter(|_| nesting == Nesting::List);
                object(json, known.unwrap_or(&Value::Null))
            });
            let mut elements = elements.collect::<Result<Vec<_>, _>>()?;
            if nesting == Nesting::Set {
                elements.sort();
            }
            Ok(Value::Elements(elements))
        }
    }
}

/// The same numbers are left in the form in which terraform has them.
fn settled(found: Value, known: &Value) -> Value {
    match (found, known) {
        (Value::Number(number), Value::Number(before)) if number.is_same(before) => known.clone(),
        (Value::Elements(found), Value::Elements(known)) if found.len() == known.len() => {
            let pairs = found.into_iter().zip(known);
            Value::Elements(pairs.map(|(found, known)| settled(found, known)).collect())
        }
        (Value::Members(found), Value::Members(_)) => Value::Members(
            found
                .into_iter()
                .map(|(name, member)| {
                    let member = settled(member, known.get(&name));
                    (name, member)
                })
                .collect(),
        ),
        (found, _) => found,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rehearse::provider::{
        schema::{ProviderSchema, SchemaError},
        value::Number,
    };

    fn user() -> Block {
        let text = json!({ "type": "string", "optional": true });
        let secret = json!({ "type": "string", "optional": true, "sensitive": true });
        let schema = json!({ "version": 0, "block": {
            "attributes": {
                "name": text,
                "price": { "type": "number", "optional": true },
                "password": secret,
                "tokens": { "optional": true, "nested_type": {
                    "nesting_mode": "set", "attributes": { "token": secret }
                } }
            },
            "block_types": {
                "settings": { "nesting_mode": "list", "block": { "attributes": { "tier": text, "key": secret } } },
                "timeouts": { "nesting_mode": "single", "block": { "attributes": { "create": text } } }
            }
        } });
        let file = json!({ "provider_schemas": { "x": {
            "provider": { "version": 0, "block": {} }, "resource_schemas": { "user": schema }
        } } });
        let schema: Result<_, SchemaError> = ProviderSchema::of_json(&file, "x");
        schema.expect("a schema").resources["user"].block.clone()
    }

    fn ada() -> Value {
        let state = json!({
            "name": "ada", "price": 0.002, "password": "canary", "tokens": [{ "token": "canary" }],
            "settings": [{ "tier": "small", "key": "canary" }], "timeouts": { "create": "30m" }
        });
        of_json(&state, &user().implied_type(), "").expect("a state")
    }

    #[test]
    fn what_a_cloud_does_not_tell_is_not_kept() {
        assert_eq!(
            kept(&user(), &ada()),
            json!({ "name": "ada", "price": 0.002, "settings": [{ "tier": "small" }] })
        );
    }

    #[test]
    fn what_was_kept_is_read_back_with_the_rest_of_the_state() {
        let read = read_back(&user(), &kept(&user(), &ada()), &ada());
        assert_eq!(read, Ok(ada()));
    }

    #[test]
    fn what_was_changed_is_read() {
        let mut json = kept(&user(), &ada());
        json["settings"][0]["tier"] = json!("large");
        let read = read_back(&user(), &json, &ada()).expect("a state");
        let settings = &read.get("settings").elements()[0];
        assert_eq!(settings.get("tier").as_str(), Some("large"));
        assert_eq!(settings.get("key").as_str(), Some("canary"));
    }

    #[test]
    fn a_number_stays_in_the_form_that_terraform_has() {
        let Value::Members(mut members) = ada() else {
            panic!("an object");
        };
        let price = Value::Number(Number::Float("0.002".to_owned()));
        members.insert("price".to_owned(), price);
        let state = Value::Members(members);
        assert_eq!(
            read_back(&user(), &kept(&user(), &state), &state),
            Ok(state)
        );
    }

    #[test]
    fn an_object_of_which_terraform_knows_nothing_has_no_blocks() {
        let read = read_back(&user(), &json!({ "name": "ada" }), &Value::Null).expect("a state");
        assert_eq!(read.get("settings"), &Value::Elements(Vec::new()));
        assert!(read.get("timeouts").is_null());
        assert!(read.get("password").is_null());
    }
}
