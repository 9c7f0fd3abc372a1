//! `cargo xtask schema github`: the slice of GitHub's own description of its API against which the tests hold every request and answer.
//!
//! The description comes from npm's registry in a pinned version. Of its thirteen megabytes the operations that we call stay,
//! with the schemas that they need, less what is only for readers, and written as JSON Schema.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

use crate::{repository, words};

/// The package of the registry, as npm names it.
const PACKAGE: &str = "@octokit/openapi@23.0.2";
/// The name under which npm stores it.
const ARCHIVE: &str = "octokit-openapi-23.0.2.tgz";
/// What the archive has to be.
const SHA_512: &str = "a55f0cecbf46636dc0c9b36f4e6a369f28e6a669edebedac444fedaabd192d070f4b8967c3bbb979918d9b044d9010b70fb8195db171e401f32d455105718386";
/// The description inside of the archive.
const DESCRIPTION: &str = "package/generated/api.github.com.json";
/// Where the slice lies, relative to the root.
const SLICE: &str = "tests/support/github-api.json";

/// What the client calls and what the recording GitHub answers.
const OPERATIONS: [&str; 29] = [
    "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "GET /orgs/{org}/packages",
    "GET /orgs/{org}/packages/{package_type}/{package_name}",
    "GET /orgs/{org}/packages/{package_type}/{package_name}/versions",
    "GET /orgs/{org}/packages/{package_type}/{package_name}/versions/{package_version_id}",
    "GET /rate_limit",
    "GET /repos/{owner}/{repo}",
    "GET /repos/{owner}/{repo}/actions/runs",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
    "GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs",
    "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls",
    "GET /repos/{owner}/{repo}/commits/{ref}/status",
    "GET /repos/{owner}/{repo}/commits/{ref}/statuses",
    "GET /repos/{owner}/{repo}/git/ref/{ref}",
    "GET /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "GET /repos/{owner}/{repo}/pulls",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}",
    "GET /user",
    "GET /user/packages",
    "GET /users/{username}/packages",
    "GET /users/{username}/packages/{package_type}/{package_name}",
    "GET /users/{username}/packages/{package_type}/{package_name}/versions",
    "GET /users/{username}/packages/{package_type}/{package_name}/versions/{package_version_id}",
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/statuses/{sha}",
];

/// What a schema says to people only.
const FOR_READERS: [&str; 9] = [
    "default",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "examples",
    "externalDocs",
    "readOnly",
    "title",
];

/// Words of a schema that mean the same in OpenAPI 3.0 and in JSON Schema, and hold no schema.
const PLAIN: [&str; 13] = [
    "enum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
    "required",
    "type",
];

/// Writes the slice, or compares it with what is there.
pub(crate) fn github_api(check: bool) -> anyhow::Result<ExitCode> {
    let text = Slice::cut(&description()?)?.text();
    let path = repository::root()?.join(SLICE);
    if !check {
        fs::write(&path, text).with_context(|| format!("`{SLICE}` cannot be written"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = fs::read_to_string(&path).with_context(|| format!("`{SLICE}` cannot be read"))?;
    if found == text {
        return Ok(ExitCode::SUCCESS);
    }
    words::say(&format!(
        "`{SLICE}` has drifted; write it anew by `cargo xtask schema github`"
    ));
    Ok(ExitCode::from(3))
}

/// Fetches the description by npm.
fn description() -> anyhow::Result<Value> {
    let folder = tempfile::tempdir()?;
    let archive = folder.path().join(ARCHIVE);
    words::say(&format!("fetching {PACKAGE}"));
    run(Command::new("npm")
        .args(["pack", "--silent", PACKAGE])
        .current_dir(folder.path()))?;
    let found = Sha512::digest(fs::read(&archive)?);
    let found = found.iter().fold(String::new(), |mut text, byte| {
        // Writing into a text does not fail.
        write!(text, "{byte:02x}").ok();
        text
    });
    ensure!(
        found == SHA_512,
        "{PACKAGE} is not what it was: SHA-512 {found}, expected {SHA_512}"
    );
    run(Command::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(folder.path())
        .arg(DESCRIPTION))?;
    read(&folder.path().join(DESCRIPTION))
}

fn read(path: &Path) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("`{name}` does not start; install it"))?;
    ensure!(status.success(), "{name} ended with {status}");
    Ok(())
}

/// What is cut out of the description.
#[derive(Default)]
struct Slice {
    operations: BTreeMap<String, Value>,
    schemas: BTreeMap<String, Value>,
    /// Schemas that something refers to.
    wanted: BTreeSet<String>,
}

impl Slice {
    fn cut(description: &Value) -> anyhow::Result<Self> {
        let mut slice = Self::default();
        for name in OPERATIONS {
            let operation = slice
                .operation(description, name)
                .with_context(|| format!("`{name}`"))?;
            slice.operations.insert(name.to_owned(), operation);
        }
        // Every error that no operation documents by itself has this form.
        slice.wanted.insert("basic-error".to_owned());
        while let Some(name) = slice.missing() {
            let found = &description["components"]["schemas"][&name];
            let schema = slice
                .schema(found)
                .with_context(|| format!("the schema `{name}`"))?;
            slice.schemas.insert(name, schema);
        }
        Ok(slice)
    }

    fn missing(&self) -> Option<String> {
        let mut wanted = self.wanted.iter();
        wanted
            .find(|name| !self.schemas.contains_key(*name))
            .cloned()
    }

    fn operation(&mut self, description: &Value, name: &str) -> anyhow::Result<Value> {
        let (method, path) = name.split_once(' ').context("a method and a path")?;
        let at_path = &description["paths"][path];
        let found = &at_path[method.to_lowercase()];
        ensure!(found.is_object(), "the description has no such operation");
        let mut parameters = Vec::new();
        for place in [at_path, found] {
            for parameter in place["parameters"].as_array().into_iter().flatten() {
                parameters.push(self.parameter(resolved(description, parameter)?)?);
            }
        }
        let mut operation = json!({ "parameters": parameters });
        if let Some(body) = found.get("requestBody") {
            let body = resolved(description, body)?;
            operation["body"] = self.schema(&body["content"]["application/json"]["schema"])?;
            operation["bodyRequired"] = json!(body["required"] == true);
        }
        let answers = found["responses"].as_object().context("no answers")?;
        for (status, answer) in answers {
            let content = &resolved(description, answer)?["content"]["application/json"]["schema"];
            operation["answers"][status] = match content {
                Value::Null => Value::Null,
                schema => self.schema(schema)?,
            };
        }
        Ok(operation)
    }

    fn parameter(&mut self, parameter: &Value) -> anyhow::Result<Value> {
        Ok(json!({
            "name": parameter["name"],
            "in": parameter["in"],
            "required": parameter["required"] == true,
            "schema": self.schema(&parameter["schema"])?,
        }))
    }

    /// Writes a schema of OpenAPI 3.0 as one of JSON Schema.
    fn schema(&mut self, schema: &Value) -> anyhow::Result<Value> {
        let found = schema.as_object().context("a schema is an object")?;
        let mut written = Map::new();
        for (word, value) in found {
            let value = match word.as_str() {
                word if FOR_READERS.contains(&word) || word.starts_with("x-") => continue,
                "nullable" => continue,
                "$ref" => json!(self.reference(value)?),
                "additionalProperties" if value.is_boolean() => value.clone(),
                "additionalProperties" | "items" | "not" => self.schema(value)?,
                "allOf" | "anyOf" | "oneOf" => self.list(value)?,
                "properties" | "patternProperties" => self.properties(value)?,
                word if PLAIN.contains(&word) => value.clone(),
                word => bail!("the word `{word}` is not known here"),
            };
            written.insert(word.clone(), value);
        }
        Ok(match found.get("nullable") {
            Some(Value::Bool(true)) => nullable(written),
            _ => Value::Object(written),
        })
    }

    fn list(&mut self, schemas: &Value) -> anyhow::Result<Value> {
        let schemas = schemas.as_array().context("a list of schemas")?;
        schemas.iter().map(|schema| self.schema(schema)).collect()
    }

    fn properties(&mut self, schemas: &Value) -> anyhow::Result<Value> {
        let schemas = schemas.as_object().context("schemas by their names")?;
        let mut written = Map::new();
        for (name, schema) in schemas {
            written.insert(name.clone(), self.schema(schema)?);
        }
        Ok(Value::Object(written))
    }

    fn reference(&mut self, reference: &Value) -> anyhow::Result<String> {
        let name = reference
            .as_str()
            .and_then(|reference| reference.strip_prefix("#/components/schemas/"))
            .with_context(|| format!("{reference} leads to no schema"))?;
        self.wanted.insert(name.to_owned());
        Ok(format!("#/$defs/{name}"))
    }

    /// Writes one operation and one schema a line, so that a newer description shows what is new in it.
    fn text(&self) -> String {
        let lines = |entries: &BTreeMap<String, Value>| {
            let lines: Vec<String> = entries
                .iter()
                .map(|(name, value)| format!("{}:{value}", json!(name)))
                .collect();
            lines.join(",\n")
        };
        format!(
            "{{\"source\":\"npm {PACKAGE}\",\n\"operations\":{{\n{}\n}},\n\"$defs\":{{\n{}\n}}}}\n",
            lines(&self.operations),
            lines(&self.schemas)
        )
    }
}

/// Follows a reference to a parameter, a body or an answer.
fn resolved<'d>(description: &'d Value, found: &'d Value) -> anyhow::Result<&'d Value> {
    let Some(reference) = found["$ref"].as_str() else {
        return Ok(found);
    };
    let pointer = reference.strip_prefix('#').unwrap_or(reference);
    description
        .pointer(pointer)
        .with_context(|| format!("`{reference}` leads nowhere"))
}

/// Lets a schema take null too.
fn nullable(mut schema: Map<String, Value>) -> Value {
    let Some(Value::String(kind)) = schema.get("type") else {
        return json!({"anyOf": [schema, {"type": "null"}]});
    };
    let kinds = json!([kind, "null"]);
    schema.insert("type".to_owned(), kinds);
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    Value::Object(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_becomes_one_of_json_schema_and_names_what_it_needs() {
        let mut slice = Slice::default();
        let found = json!({
            "type": "object",
            "description": "A thing.",
            "required": ["title"],
            "properties": {
                "title": {"type": "string", "nullable": true, "enum": ["a"], "x-note": 1},
                "description": {"nullable": true, "$ref": "#/components/schemas/words"},
            },
        });
        let written = json!({
            "type": "object",
            "required": ["title"],
            "properties": {
                "title": {"type": ["string", "null"], "enum": ["a", null]},
                "description": {"anyOf": [{"$ref": "#/$defs/words"}, {"type": "null"}]},
            },
        });
        assert_eq!(slice.schema(&found).expect("it is a schema"), written);
        assert_eq!(slice.missing().as_deref(), Some("words"));
    }

    #[test]
    fn a_word_that_is_not_known_is_refused_and_not_lost() {
        let error = Slice::default().schema(&json!({"if": {}}));
        let error = error.expect_err("it is not known");
        assert_eq!(error.to_string(), "the word `if` is not known here");
    }
}
