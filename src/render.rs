//! Files rendered by Tera: tasks of kind `render`, and what `render --check` compares.
//!
//! Delimiters are Tera's own. A variable that is not defined is an error: nothing silently becomes an empty text.
//! This module reads and writes no files.

use std::error::Error as _;

use tera::{Context, Tera};

use crate::expression::Value;

/// A template that does not render.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The values are no map of names.
    #[error("a template takes a map of values, and this is a {0}")]
    NotAMap(&'static str),
    /// A secret would be written to a file.
    #[error("a secret would be written to the rendered file")]
    Secret,
    /// The template is wrong, or reads what it is not given.
    #[error("{0}")]
    Template(String),
}

/// Renders a template with the entries of `values`.
///
/// # Errors
///
/// The template is not Tera, reads a variable that it is not given, or would write a secret.
pub fn file(template: &str, values: &Value) -> Result<String, RenderError> {
    let entries = match values {
        Value::Map(_) if values.holds_secret() => return Err(RenderError::Secret),
        Value::Map(entries) => entries,
        other => return Err(RenderError::NotAMap(other.type_name())),
    };
    let mut context = Context::new();
    for (name, value) in entries {
        context.insert(name.clone(), &serde_json::Value::from(value.clone()));
    }
    Tera::new()
        .render_str(template, &context, false)
        .map_err(|error| RenderError::Template(words(&error)))
}

/// The words of an error and its causes. Tera shows the place over several lines; they stay as they are.
fn words(error: &tera::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    words.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn values(json: serde_json::Value) -> Value {
        Value::from(json)
    }

    #[test]
    fn values_are_written_as_they_are_spelled() {
        let given = values(
            serde_json::json!({"region": "us & <eu>", "price": 0.002, "port": 8088, "on": true}),
        );
        let text = file(
            "{{ region }} {{ price }} {{ port }} {{ on }} ${{x}}\n"
                .replace("${{x}}", "$x")
                .as_str(),
            &given,
        );
        assert_eq!(text.as_deref(), Ok("us & <eu> 0.002 8088 true $x\n"));
    }

    #[test]
    fn a_variable_that_is_not_given_is_an_error_with_its_name() {
        let error = file(
            "a\n{{ regoin }}\n",
            &values(serde_json::json!({"region": "x"})),
        )
        .expect_err("it is not given");
        assert!(error.to_string().contains("regoin"), "{error}");
    }

    #[test]
    fn a_secret_enters_no_file() {
        let secret = Value::Map(
            [(
                "token".to_owned(),
                Value::Secret(Secret::new("hunter2".to_owned())),
            )]
            .into_iter()
            .collect(),
        );
        assert_eq!(file("{{ token }}", &secret), Err(RenderError::Secret));
    }
}
