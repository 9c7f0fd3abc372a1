//! `terraform show -json` of a state: the values that a caller calls sensitive.

use serde::Deserialize;
use serde_json::Value as Json;

use super::AddressPattern;
use crate::secret::Secret;

/// A state that cannot be read. Nothing of it stands in it.
#[derive(Debug, thiserror::Error)]
#[error("`show -json` printed something else than a state, at line {line}, column {column}")]
pub struct StateValuesError {
    line: usize,
    column: usize,
}

#[derive(Deserialize)]
struct StateDocument {
    values: Option<ValuesDocument>,
}

#[derive(Deserialize)]
struct ValuesDocument {
    root_module: Option<ModuleDocument>,
}

#[derive(Deserialize)]
struct ModuleDocument {
    #[serde(default)]
    resources: Vec<ResourceDocument>,
    #[serde(default)]
    child_modules: Vec<Self>,
}

#[derive(Deserialize)]
struct ResourceDocument {
    address: String,
    #[serde(default)]
    values: Json,
}

/// Returns the texts and numbers at sensitive places, each with its place: `data.spot_kubeconfig.this.raw`.
///
/// # Errors
///
/// It is something else than a state.
pub fn sensitive_values(
    json: &[u8],
    sensitive: &[AddressPattern],
) -> Result<Vec<(String, Secret)>, StateValuesError> {
    let document: StateDocument =
        serde_json::from_slice(json).map_err(|error| StateValuesError {
            line: error.line(),
            column: error.column(),
        })?;
    let mut found = Vec::new();
    let root = document.values.and_then(|values| values.root_module);
    let mut modules: Vec<ModuleDocument> = root.into_iter().collect();
    while let Some(module) = modules.pop() {
        for resource in &module.resources {
            let mut take = |path: &str, text: String| {
                if sensitive
                    .iter()
                    .any(|pattern| pattern.matches_attribute(&resource.address, path))
                {
                    found.push((format!("{}.{path}", resource.address), Secret::new(text)));
                }
            };
            visit("", &resource.values, &mut take);
        }
        modules.extend(module.child_modules);
    }
    Ok(found)
}

/// Goes through all leaves that hold something.
fn visit(path: &str, value: &Json, take: &mut impl FnMut(&str, String)) {
    match value {
        Json::Object(entries) => {
            for (name, value) in entries {
                let below = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                visit(&below, value, take);
            }
        }
        Json::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                visit(&format!("{path}[{index}]"), value, take);
            }
        }
        Json::String(text) if text.is_empty() => {}
        Json::String(text) => take(path, text.clone()),
        Json::Number(number) => take(path, number.to_string()),
        Json::Null | Json::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = r#"{"format_version":"1.0","values":{"root_module":{
        "resources":[{"address":"data.spot_kubeconfig.this","values":{"raw":"apiVersion: v1","id":null,"kubeconfigs":[{"token":"t0ken","insecure":true}]}}],
        "child_modules":[{"resources":[{"address":"module.a.x.y","values":{"port":5432}}]}]}}}"#;

    fn found(patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<_> = patterns
            .iter()
            .map(|text| AddressPattern::new(*text))
            .collect();
        let values = sensitive_values(STATE.as_bytes(), &patterns).expect("it is a state");
        let words = |(place, secret): (String, Secret)| format!("{place}={}", secret.expose());
        values.into_iter().map(words).collect()
    }

    #[test]
    fn values_at_sensitive_places_are_found_at_any_depth() {
        assert_eq!(
            found(&["data.spot_kubeconfig.*"]),
            [
                "data.spot_kubeconfig.this.kubeconfigs[0].token=t0ken",
                "data.spot_kubeconfig.this.raw=apiVersion: v1",
            ]
        );
        assert_eq!(found(&["module.a.x.y.port"]), ["module.a.x.y.port=5432"]);
        assert_eq!(found(&["x.y"]), [""; 0]);
    }

    #[test]
    fn an_empty_state_holds_nothing_and_what_is_none_is_refused() {
        let none = sensitive_values(br#"{"format_version":"1.0"}"#, &[]).expect("an empty state");
        assert!(none.is_empty());
        let error = sensitive_values(b"{\"values\": 1}", &[]).expect_err("it is none");
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}
