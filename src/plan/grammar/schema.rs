//! The grammar as a JSON Schema, for editors: draft 2020-12, one definition an object.
//!
//! It holds what a schema can see (keys, types, words, patterns, choices between keys) and nothing that `lint` would
//! accept is refused by it. Names that lead nowhere, expressions and values are left to `lint`.

use serde_json::{Map, Value, json};

use super::{
    PLAN,
    reference::objects,
    table::{ANY, Exactly, Key, Object, Takes, Type},
};
use crate::ident::LONGEST_ID;

/// Where the schema of the newest version lies.
pub const SCHEMA_ID: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/raw/main/docs/plan.schema.json"
);

/// A text with an expression in it.
const EXPRESSION: &str = r"\$\{\{";
/// A text without any.
const NO_EXPRESSION: &str = r"^(?![\s\S]*\$\{\{)";
/// `90s`, `15m`, `2h`, `7d`, or an expression where one may stand.
const DURATION: &str = r"^\s*[0-9]+[smhd]\s*$";
/// Ids of phases, tasks, checks and environments.
const ID: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";
/// Other names.
const WORD: &str = "^[A-Za-z_][A-Za-z0-9_-]*$";
/// Names of secrets.
const UPPER: &str = "^[A-Z_][A-Z0-9_]*$";

/// Returns the schema of the plan file.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    definitions.insert("literal".to_owned(), literal());
    for (object, _) in objects() {
        if *object != PLAN {
            definitions.insert(slug(object), of_object(object));
        }
    }
    let mut schema = Map::from_iter([
        (
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("$id".to_owned(), json!(SCHEMA_ID)),
        (
            "title".to_owned(),
            json!("A deployment plan of deploy-action, version 1"),
        ),
    ]);
    if let Value::Object(plan) = of_object(&PLAN) {
        schema.extend(plan);
    }
    schema.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(schema)
}

/// Any value without expressions in its texts and keys.
fn literal() -> Value {
    json!({
        "type": ["string", "number", "boolean", "null", "array", "object"],
        "pattern": NO_EXPRESSION,
        "items": { "$ref": "#/$defs/literal" },
        "propertyNames": { "pattern": NO_EXPRESSION },
        "additionalProperties": { "$ref": "#/$defs/literal" },
    })
}

/// "an http check" is defined as `http-check`.
fn slug(object: &Object) -> String {
    let noun = object
        .what
        .split_once(' ')
        .map_or(object.what, |(_, noun)| noun);
    noun.replace(' ', "-")
}

fn of_object(object: &'static Object) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in object.keys.iter().chain(ANY) {
        properties.insert(key.name.to_owned(), of_key(key, object));
        if key.required {
            required.push(key.name);
        }
    }
    let mut schema = Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), Value::Object(properties)),
        ("patternProperties".to_owned(), json!({ "^x-": true })),
        ("additionalProperties".to_owned(), json!(false)),
    ]);
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    match object.exactly {
        [] => {}
        [choice] => schema.extend(of_choice(choice)),
        choices => {
            let all: Vec<Value> = choices
                .iter()
                .map(|choice| Value::Object(of_choice(choice)))
                .collect();
            schema.insert("allOf".to_owned(), json!(all));
        }
    }
    Value::Object(schema)
}

/// Exactly one of some keys, or at most one.
fn of_choice(choice: &Exactly) -> Map<String, Value> {
    let mut ways: Vec<Value> = choice
        .of
        .iter()
        .map(|key| json!({ "required": [key] }))
        .collect();
    if !choice.required {
        let none = json!({ "not": { "anyOf": ways.clone() } });
        ways.push(none);
    }
    Map::from_iter([("oneOf".to_owned(), json!(ways))])
}

fn of_key(key: &Key, object: &Object) -> Value {
    let mut schema = match of_type(key.ty, key, object) {
        Value::Object(schema) => schema,
        // `true`: anything.
        _ => Map::new(),
    };
    schema.insert("description".to_owned(), json!(words(key)));
    if let Some(default) = default(key) {
        schema.insert("default".to_owned(), default);
    }
    Value::Object(schema)
}

/// What an editor shows beside a key.
fn words(key: &Key) -> String {
    let mut words = key.meaning.to_owned();
    match key.default {
        Some(default) if !key.required => words.push_str(&format!(" (default: {default})")),
        Some(_) | None => {}
    }
    match key.takes {
        Takes::Literals => {}
        Takes::Expressions => words.push_str("; takes ${{ }}"),
        Takes::Secrets => words.push_str("; takes ${{ }}, secrets too"),
    }
    words
}

/// A default that is a value and not words about one.
fn default(key: &Key) -> Option<Value> {
    let default = key.default?;
    match key.ty {
        Type::Boolean => default.parse().ok().map(Value::Bool),
        Type::Number | Type::Version => default.parse().ok().map(|number: u64| json!(number)),
        Type::Choice(choices) if choices.contains(&default) => Some(json!(default)),
        Type::Duration if crate::plan::duration::parse(default).is_ok() => Some(json!(default)),
        _ => None,
    }
}

fn of_type(ty: Type, key: &Key, object: &Object) -> Value {
    let expressions = key.takes != Takes::Literals;
    match ty {
        Type::Text | Type::Path | Type::Regex | Type::Name if expressions => scalar(None),
        Type::Name if key.name == "id" => {
            json!({ "type": "string", "pattern": ID, "maxLength": LONGEST_ID })
        }
        Type::Text | Type::Path | Type::Regex | Type::Name => scalar(Some(NO_EXPRESSION)),
        Type::Condition => scalar(None),
        Type::Number => or_expression(json!({ "type": "number" }), expressions),
        Type::Boolean => or_expression(json!({ "type": "boolean" }), expressions),
        Type::Duration => or_expression(
            json!({ "type": "string", "pattern": DURATION }),
            expressions,
        ),
        Type::Choice(choices) => or_expression(json!({ "enum": choices }), expressions),
        Type::Version => json!({ "enum": [1, "1"] }),
        // What a patch holds is GitHub's, with its expressions.
        Type::Value | Type::Requirement if expressions || key.name == "patch" => json!(true),
        Type::Value | Type::Requirement => json!({ "$ref": "#/$defs/literal" }),
        Type::List(item) => of_list(*item, key, object),
        Type::Map(value) => {
            let map = json!({
                "type": "object",
                "propertyNames": names(*value, key, object),
                "additionalProperties": of_type(*value, key, object),
            });
            or_expression(map, expressions)
        }
        Type::Object(inner) => json!({ "$ref": format!("#/$defs/{}", slug(inner)) }),
    }
}

/// A number or a boolean counts as it is spelled.
fn scalar(pattern: Option<&str>) -> Value {
    let mut schema = Map::from_iter([("type".to_owned(), json!(["string", "number", "boolean"]))]);
    if let Some(pattern) = pattern {
        schema.insert("pattern".to_owned(), json!(pattern));
    }
    Value::Object(schema)
}

fn or_expression(schema: Value, expressions: bool) -> Value {
    if expressions {
        json!({ "anyOf": [schema, { "type": "string", "pattern": EXPRESSION }] })
    } else {
        schema
    }
}

/// One may stand alone where it is a scalar.
fn of_list(item: Type, key: &Key, object: &Object) -> Value {
    let one = of_type(item, key, object);
    let list = json!({ "type": "array", "items": one });
    match item {
        Type::Object(_) => list,
        _ => json!({ "anyOf": [one, list] }),
    }
}

/// What the names of a map look like.
fn names(value: Type, key: &Key, object: &Object) -> Value {
    let pattern = match (value, key.name) {
        (Type::Object(_), "environments") if *object == PLAN => {
            return json!({ "pattern": ID, "maxLength": LONGEST_ID });
        }
        (Type::Object(_), "secrets") => UPPER,
        (Type::Object(_), _) => WORD,
        _ => NO_EXPRESSION,
    };
    json!({ "pattern": pattern })
}
