//! What the language promises: GitHub's documented behaviour as tables, the differences, and properties of any input.
mod evaluation;
mod properties;
mod secrets;
mod syntax;
mod templates;

use super::{EvaluationError, Expression, ReadError, Reference, Value};

/// What the expressions of these tests can read.
fn world() -> Value {
    serde_json::json!({
        "inputs": { "region": "dfw", "count": 3, "ready": true, "empty": "" },
        "decisions": { "tls": "dns-01" },
        "matrix": { "service": "api", "leg": { "Name": "one" } },
        "tasks": {
            "server": {
                "outputs": {
                    "reference": "ghcr.io/o/r@sha256:1",
                    "ports": [8088, 9418],
                    "legs": { "api": "a", "hub": "b" },
                    "labels": [{ "name": "bug" }, { "name": "help" }, { "other": 1 }],
                    "nothing": null
                }
            }
        },
        "secrets": {}
    })
    .into()
}

/// Reads from [`world`], and from `secrets` whose values are `hunter2`, but for `EMPTY`.
fn read(reference: &Reference) -> Result<Value, ReadError> {
    let names = reference.names();
    match (reference.root.as_str(), names.as_slice()) {
        ("secrets", ["EMPTY"]) => return Ok(Value::Secret(crate::secret::Secret::new(""))),
        ("secrets", ["JSON"]) => {
            return Ok(Value::Secret(crate::secret::Secret::new(
                r#"{"password": "hunter2", "port": 5432, "auto": false, "none": null}"#,
            )));
        }
        ("secrets", [_]) => return Ok(Value::Secret(crate::secret::Secret::new("hunter2"))),
        ("decisions", ["open"]) => {
            return Err(ReadError::Open {
                decision: "open".to_owned(),
            });
        }
        ("tasks", ["later", ..]) => {
            return Err(ReadError::NotYet {
                task: "later".to_owned(),
            });
        }
        _ => {}
    }
    let world = world();
    let mut value = world.get(&reference.root);
    for name in names {
        value = value.and_then(|value| value.get(name));
    }
    value.cloned().ok_or_else(|| ReadError::Unknown {
        what: "value".to_owned(),
        name: reference.to_string(),
        nearest: None,
    })
}

fn hash(patterns: &[String]) -> Result<String, String> {
    match patterns {
        [single] if single == "unreadable" => Err("`unreadable` cannot be read".to_owned()),
        patterns => Ok(format!("hash of {}", patterns.join(" "))),
    }
}

fn evaluate(text: &str) -> Result<Value, EvaluationError> {
    Expression::parse(text, 0)
        .unwrap_or_else(|error| panic!("`{text}`: {error} at {:?}", error.span))
        .evaluate(&read, &hash)
}

fn value(text: &str) -> Value {
    evaluate(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}
