//! Values in JSON: what the stand-in's cloud keeps, and what rules say.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::value::{Number, Type, Value};

/// A value in JSON that does not have the type it should have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{place}` is {found}, expected {expected}")]
pub struct JsonError {
    place: String,
    found: String,
    expected: String,
}

impl JsonError {
    pub(super) fn new(place: &str, found: &Json, expected: &str) -> Self {
        Self {
            place: place.to_owned(),
            found: found.to_string(),
            expected: expected.to_owned(),
        }
    }
}

/// Writes a value; what is not known is null, and so is not to be told from nothing.
pub(super) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null | Value::Unknown(_) => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Number(number) => number_to_json(number),
        Value::String(text) => json!(text),
        Value::Elements(elements) => elements.iter().map(to_json).collect(),
        Value::Members(members) => {
            let members = members
                .iter()
                .map(|(name, member)| (name.clone(), to_json(member)));
            Json::Object(members.collect())
        }
        Value::Dynamic { of, value } => json!({ "type": of, "value": to_json(value) }),
    }
}

/// A number that JSON's readers would round is a text.
fn number_to_json(number: &Number) -> Json {
    let text = number.text();
    let json = serde_json::from_str::<Json>(text).ok();
    let same = json.filter(|json| {
        let written = json.to_string();
        json.is_number() && written == text
    });
    same.unwrap_or_else(|| json!(text))
}

/// Reads a value of a type. A scalar may be written as a text; what an object lacks is null.
///
/// # Errors
///
/// It is of another type.
pub(super) fn of_json(json: &Json, of: &Type, place: &str) -> Result<Value, JsonError> {
    let wrong = |expected: &str| JsonError::new(place, json, expected);
    if json.is_null() {
        return Ok(Value::Null);
    }
    match of {
        Type::Bool => match json {
            Json::Bool(value) => Ok(Value::Bool(*value)),
            Json::String(text) => text.parse().map(Value::Bool).map_err(|_| wrong("a bool")),
            _ => Err(wrong("a bool")),
        },
        Type::Number => match json {
            Json::Number(number) => Number::decimal(&number.to_string()),
            Json::String(text) => Number::decimal(text),
            _ => None,
        }
        .map(Value::Number)
        .ok_or_else(|| wrong("a number")),
        Type::String => match json {
            Json::String(text) => Ok(Value::String(text.clone())),
            Json::Bool(_) | Json::Number(_) => Ok(Value::String(json.to_string())),
            _ => Err(wrong("a text")),
        },
        Type::List(element) => {
            let elements = json.as_array().ok_or_else(|| wrong("a list"))?;
            elements_of(elements, element, place).map(Value::Elements)
        }
        Type::Set(element) => {
            let elements = json.as_array().ok_or_else(|| wrong("a list"))?;
            let mut elements = elements_of(elements, element, place)?;
            elements.sort();
            elements.dedup();
            Ok(Value::Elements(elements))
        }
        Type::Tuple(types) => {
            let elements = json
                .as_array()
                .filter(|elements| elements.len() == types.len())
                .ok_or_else(|| wrong("a list"))?;
            let elements = elements.iter().zip(types);
            elements
                .map(|(json, of)| of_json(json, of, place))
                .collect::<Result<_, _>>()
                .map(Value::Elements)
        }
        Type::Map(element) => {
            let members = json.as_object().ok_or_else(|| wrong("a mapping"))?;
            let members = members.iter().map(|(name, json)| {
                Ok((
                    name.clone(),
                    of_json(json, element, &format!("{place}.{name}"))?,
                ))
            });
            members.collect::<Result<_, _>>().map(Value::Members)
        }
        Type::Object(attributes) => object_of(json, attributes, place),
        Type::Dynamic => Ok(dynamic_of(json)),
    }
}

fn elements_of(elements: &[Json], of: &Type, place: &str) -> Result<Vec<Value>, JsonError> {
    let elements = elements.iter().enumerate();
    elements
        .map(|(index, json)| of_json(json, of, &format!("{place}[{index}]")))
        .collect()
}

fn object_of(
    json: &Json,
    attributes: &BTreeMap<String, Type>,
    place: &str,
) -> Result<Value, JsonError> {
    let members = json
        .as_object()
        .ok_or_else(|| JsonError::new(place, json, "a mapping"))?;
    if let Some((name, json)) = members
        .iter()
        .find(|(name, _)| !attributes.contains_key(*name))
    {
        let place = format!("{place}.{name}");
        return Err(JsonError::new(
            &place,
            json,
            "nothing: there is no such attribute",
        ));
    }
    let attributes = attributes.iter().map(|(name, of)| {
        let json = members.get(name).unwrap_or(&Json::Null);
        Ok((name.clone(), of_json(json, of, &format!("{place}.{name}"))?))
    });
    attributes.collect::<Result<_, _>>().map(Value::Members)
}

/// What [`to_json`] wrote; anything else is of the type that it looks like.
fn dynamic_of(json: &Json) -> Value {
    let of = || {
        let written = json.get("type")?.as_str()?;
        Type::of_json(&serde_json::from_str(written).ok()?)
    };
    let (of, json) = match (of(), json.get("value")) {
        (Some(of), Some(value)) => (of, value),
        _ => (type_of(json), json),
    };
    match of_json(json, &of, "") {
        Ok(value) => Value::Dynamic {
            of: of.to_json().to_string(),
            value: Box::new(value),
        },
        Err(_other_type) => Value::Null,
    }
}

fn type_of(json: &Json) -> Type {
    match json {
        Json::Bool(_) => Type::Bool,
        Json::Number(_) => Type::Number,
        Json::Null | Json::String(_) => Type::String,
        Json::Array(elements) => Type::Tuple(elements.iter().map(type_of).collect()),
        Json::Object(members) => Type::Object(
            members
                .iter()
                .map(|(name, json)| (name.clone(), type_of(json)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Value {
        Value::Number(Number::decimal(text).expect("a number"))
    }

    #[test]
    fn numbers_come_back_with_every_digit() {
        for (text, json) in [
            ("1", json!(1)),
            ("0.002", json!(0.002)),
            ("18446744073709551615", json!(u64::MAX)),
            (
                "123456789012345678901234567890",
                json!("123456789012345678901234567890"),
            ),
            (
                "0.12345678901234567890123",
                json!("0.12345678901234567890123"),
            ),
        ] {
            assert_eq!(to_json(&number(text)), json);
            assert_eq!(of_json(&json, &Type::Number, "n"), Ok(number(text)));
        }
    }

    #[test]
    fn texts_of_rules_become_what_the_type_wants() {
        for (json, of, value) in [
            (json!("8088"), Type::Number, number("8088")),
            (json!("true"), Type::Bool, Value::Bool(true)),
            (json!(15), Type::String, Value::String("15".to_owned())),
        ] {
            assert_eq!(of_json(&json, &of, "x"), Ok(value));
        }
    }

    #[test]
    fn what_is_of_another_type_is_told_with_its_place() {
        let of = Type::of_json(&json!(["list", ["object", { "port": "number" }]]));
        let of = of.expect("a type");
        for (json, words) in [
            (
                json!([{ "port": [] }]),
                "`rules[0].port` is [], expected a number",
            ),
            (
                json!([{ "prot": 1 }]),
                "`rules[0].prot` is 1, expected nothing: there is no such attribute",
            ),
            (json!({}), "`rules` is {}, expected a list"),
        ] {
            let error = of_json(&json, &of, "rules").expect_err("another type");
            assert_eq!(error.to_string(), words);
        }
    }

    #[test]
    fn a_dynamic_value_comes_back_with_its_type() {
        let value = dynamic_of(&json!({ "a": [1, "x", true] }));
        assert_eq!(of_json(&to_json(&value), &Type::Dynamic, "x"), Ok(value));
    }
}
