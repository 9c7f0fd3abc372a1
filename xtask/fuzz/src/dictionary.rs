//! Words that the engine puts into inputs, because it would take it long to find them.

use std::collections::BTreeSet;

use deploy_action::plan::grammar;
use serde_json::Value;

use crate::Target;

/// What expressions are made of.
const EXPRESSION: &[&str] = &[
    "${{ ",
    " }}",
    "inputs.",
    "tasks.",
    "server",
    ".outputs.",
    ".artifacts.",
    "secrets.",
    "matrix.",
    "decisions.",
    "github.",
    "vars.",
    "contains(",
    "startsWith(",
    "endsWith(",
    "format('{0}', ",
    "join(",
    "toJSON(",
    "fromJSON(",
    "hashFiles(",
    "case(",
    " == ",
    " != ",
    " && ",
    " || ",
    " <= ",
    " >= ",
    "!",
    "''",
    ".*",
    "[0]",
    "null",
    "true",
    "false",
    "NaN",
    "Infinity",
    "0x1F",
    "-0",
    "1e308",
    "'{{'",
    "'}}'",
];

/// What YAML is made of, and what plans write in it.
const YAML: &[&str] = &[
    ": ",
    "\\x0A",
    "\\x0A  ",
    "\\x0A    - ",
    "- ",
    "{ ",
    " }",
    "[",
    "]",
    "&a ",
    "*a",
    "|\\x0A",
    ">-\\x0A",
    "\\\"",
    "'",
    "# ",
    "--- ",
    "<<: ",
    "!!str ",
    "\\xEF\\xBB\\xBF",
    "30s",
    "5m",
    "sha256:",
    "ghcr",
    "ghcr.io",
    "~ ^a$",
    "< 1s",
    "!= root",
];

/// What markers and Markdown are made of.
const COMMENT: &[&str] = &[
    "<!-- deploy-action:",
    "checkpoint plan=",
    " environment=production",
    " -->",
    "--",
    "%2D",
    "> ",
    "```",
    "\\x0D\\x0A",
    "<details>",
    "</details>",
    "@octocat",
    "|",
];

/// What rules for tags are made of.
const TAGS: &[&str] = &[
    "type=semver,",
    "type=pep440,",
    "type=match,",
    "type=ref,event=",
    "type=raw,",
    "type=sha,",
    "type=edge,",
    "type=schedule,",
    "pattern=",
    "value=",
    "match=",
    "group=",
    "component=",
    "prefix=",
    "suffix=",
    "onlatest=true",
    "priority=",
    "{{version}}",
    "{{{branch}}}",
    "{{date 'YYYY' tz='UTC'}}",
    "refs/tags/v1.2.3",
    "refs/heads/",
    "\\x00",
    "\\x0A",
];

/// What plans of terraform are made of.
const TERRAFORM: &[&str] = &[
    "\\\"format_version\\\":\\\"1.2\\\"",
    "\\\"planned_values\\\":",
    "\\\"resource_changes\\\":[",
    "\\\"resource_drift\\\":[",
    "\\\"output_changes\\\":{",
    "\\\"actions\\\":[\\\"update\\\"]",
    "\\\"before_sensitive\\\":",
    "\\\"after_sensitive\\\":",
    "\\\"after_unknown\\\":",
    "\\\"replace_paths\\\":",
    "\\\"importing\\\":",
    "\\\"previous_address\\\":",
    "\\\"diagnostic\\\":",
    "true",
    "null",
];

/// What HCL is made of.
const HCL: &[&str] = &[
    "variable \\\"",
    "terraform {",
    "backend \\\"",
    "provider \\\"",
    "hashes = [",
    "version = \\\"",
    "ephemeral = true",
    "<<EOT\\x0A",
    "<<-EOT\\x0A",
    "${",
    "$${",
    "%{",
    "/*",
    "*/",
    "//",
    "\\x0A",
];

/// Returns the dictionary of a target, one word a line, as the engine reads it.
pub(crate) fn dictionary(target: Target) -> String {
    let mut words = BTreeSet::new();
    let listed: &[&[&str]] = match target {
        Target::Plan => &[YAML, EXPRESSION],
        Target::Expression => &[EXPRESSION],
        Target::Records => &[],
        Target::Comment => &[COMMENT],
        Target::Tags => &[TAGS],
        Target::Terraform => &[TERRAFORM],
        Target::Hcl => &[HCL],
    };
    words.extend(listed.concat().into_iter().map(str::to_owned));
    match target {
        Target::Plan => collect(&grammar::schema(), &mut words),
        Target::Records | Target::Comment => words.extend(words_of_records()),
        Target::Expression | Target::Tags | Target::Terraform | Target::Hcl => {}
    }
    let line = |word: String| format!("\"{word}\"\n");
    words.into_iter().map(line).collect()
}

/// The keys and words of choices that the schema of plans holds.
fn collect(schema: &Value, words: &mut BTreeSet<String>) {
    match schema {
        Value::Object(entries) => {
            if let Some(Value::Object(properties)) = entries.get("properties") {
                words.extend(
                    properties
                        .keys()
                        .filter(|key| is_plain(key))
                        .map(|key| format!("{key}: ")),
                );
            }
            for choice in ["enum", "const"]
                .into_iter()
                .filter_map(|key| entries.get(key))
            {
                let choices = choice
                    .as_array()
                    .map_or(std::slice::from_ref(choice), Vec::as_slice);
                let texts = choices.iter().filter_map(Value::as_str);
                words.extend(texts.filter(|text| is_plain(text)).map(str::to_owned));
            }
            for entry in entries.values() {
                collect(entry, words);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a word needs no escape in a dictionary.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
}

/// The keys and words of the seeds of records.
fn words_of_records() -> BTreeSet<String> {
    let texts = include_str!("../seeds/records/shared.jsonl");
    let quoted = texts.split('"').skip(1).step_by(2);
    let short = quoted.filter(|word| word.len() < 24 && is_plain(word));
    short.map(|word| format!("\\\"{word}\\\"")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_of_plans_has_the_keys_of_the_grammar() {
        let words = dictionary(Target::Plan);
        for word in [
            "\"phases: \"\n",
            "\"on-failure: \"\n",
            "\"assemble: \"\n",
            "\"tasks.\"\n",
        ] {
            assert!(words.contains(word), "no {word:?} in {words}");
        }
    }

    #[test]
    fn every_line_is_one_quoted_word() {
        for target in Target::ALL {
            for line in dictionary(target).lines() {
                let inner = line
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'));
                let inner = inner.unwrap_or_else(|| panic!("{line}"));
                let plain = inner.replace("\\\"", "");
                assert!(!plain.contains('"'), "{line}");
                // The engine knows no other escapes, and refuses the whole dictionary.
                let mut escapes = plain.split('\\').skip(1);
                assert!(escapes.all(|escape| escape.starts_with('x')), "{line}");
            }
        }
    }
}
