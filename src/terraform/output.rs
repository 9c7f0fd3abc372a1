//! `terraform output -json`: the outputs of a root module, typed.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value as Json;

use super::AddressPattern;
use crate::{expression::Value, secret::Secret};

/// One output.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its type as HCL writes it: `list(string)`.
    pub kind: String,
    /// Whether terraform or the caller calls it sensitive.
    pub sensitive: bool,
    /// Its value; of a sensitive one each text, number and boolean is a secret.
    pub value: Value,
}

/// Outputs that cannot be read. Nothing of them stands in it.
#[derive(Debug, thiserror::Error)]
#[error("`output -json` printed something else than outputs, at line {line}, column {column}")]
pub struct OutputError {
    line: usize,
    column: usize,
}

#[derive(Deserialize)]
struct OutputDocument {
    #[serde(default)]
    sensitive: bool,
    #[serde(rename = "type")]
    kind: Json,
    value: Json,
}

impl Output {
    /// Reads what `terraform output -json` printed. `sensitive` names outputs, as `output.NAME`, that are secret though
    /// terraform does not say so.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn read_all(text: &str, sensitive: &[AddressPattern]) -> Result<Vec<Self>, OutputError> {
        let documents: IndexMap<String, OutputDocument> =
            serde_json::from_str(text).map_err(|error| OutputError {
                line: error.line(),
                column: error.column(),
            })?;
        let read = |(name, document): (String, OutputDocument)| {
            let address = format!("output.{name}");
            let is_declared = sensitive.iter().any(|pattern| pattern.matches(&address));
            let is_sensitive = document.sensitive || is_declared;
            Self {
                kind: kind(&document.kind),
                value: if is_sensitive {
                    secret(document.value)
                } else {
                    Value::from(document.value)
                },
                sensitive: is_sensitive,
                name,
            }
        };
        Ok(documents.into_iter().map(read).collect())
    }
}

/// Writes a type as HCL does.
fn kind(json: &Json) -> String {
    match json {
        Json::String(name) if name == "dynamic" => "any".to_owned(),
        Json::String(name) => name.clone(),
        Json::Array(parts) => match parts.as_slice() {
            [Json::String(name), Json::Object(fields), ..] => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, field)| format!("{name} = {}", kind(field)))
                    .collect();
                format!("{name}({{ {} }})", fields.join(", "))
            }
            [Json::String(name), Json::Array(items)] if name == "tuple" => {
                let items: Vec<String> = items.iter().map(kind).collect();
                format!("tuple([{}])", items.join(", "))
            }
            [Json::String(name), inner] => format!("{name}({})", kind(inner)),
            _ => "any".to_owned(),
        },
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => "any".to_owned(),
    }
}

fn secret(value: Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::String(text) => Value::Secret(Secret::new(text)),
        Json::Bool(_) | Json::Number(_) => Value::Secret(Secret::new(value.to_string())),
        Json::Array(items) => Value::List(items.into_iter().map(secret).collect()),
        Json::Object(entries) => {
            let entries = entries.into_iter();
            Value::Map(entries.map(|(name, entry)| (name, secret(entry))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = include_str!("../../tests/data/terraform/output.json");

    #[test]
    fn outputs_have_names_types_and_values_and_the_sensitive_are_secret() {
        let outputs = Output::read_all(PRINTED, &[]).expect("terraform printed it");
        let told: Vec<String> = outputs
            .iter()
            .map(|output| format!("{} {} {}", output.name, output.kind, output.value))
            .collect();
        assert_eq!(
            told,
            [
                "id string e01d12b0-b94d-c288-959d-5f348acb6b9f",
                "password string ***",
                "size number 1",
            ]
        );
        assert_eq!(outputs[1].value.secrets()[0].expose(), "hunter2-canary");
        assert!(!format!("{outputs:?}").contains("hunter2"));
    }

    #[test]
    fn the_plan_file_makes_further_outputs_secret() {
        let sensitive = [AddressPattern::new("output.si*")];
        let outputs = Output::read_all(PRINTED, &sensitive).expect("terraform printed it");
        assert!(outputs[2].sensitive && outputs[2].value.holds_secret());
        assert!(!outputs[0].sensitive);
    }

    #[test]
    fn types_are_written_as_hcl_writes_them() {
        for (json, text) in [
            (r#"["list","string"]"#, "list(string)"),
            (r#"["map",["set","number"]]"#, "map(set(number))"),
            (
                r#"["object",{"a":"bool","b":["list","string"]}]"#,
                "object({ a = bool, b = list(string) })",
            ),
            (r#"["object",{"a":"bool"},["a"]]"#, "object({ a = bool })"),
            (
                r#"["tuple",["string","number"]]"#,
                "tuple([string, number])",
            ),
            (r#""dynamic""#, "any"),
        ] {
            let json = serde_json::from_str(json).expect("it is JSON");
            assert_eq!(kind(&json), text);
        }
    }

    #[test]
    fn something_else_is_refused_without_being_shown() {
        let error = Output::read_all(r#"{"a": "hunter2"}"#, &[]).expect_err("no output");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(Output::read_all("{}", &[]).expect("there is none"), []);
    }
}
