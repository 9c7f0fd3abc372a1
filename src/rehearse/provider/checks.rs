//! What is wrong with a configuration besides what terraform sees by the schema.

use super::{problem::Problem, rules::ResourceRule, value::Value};

/// Every breach of a rule in the configuration of a resource.
pub(super) fn problems(rule: &ResourceRule, config: &Value) -> Vec<Problem> {
    let conflicts = rule
        .conflicts
        .iter()
        .filter_map(|names| at_most_one(names, config));
    let choices = rule.exactly_one.iter();
    let choices =
        choices.filter_map(|names| at_most_one(names, config).or_else(|| one(names, config)));
    let values = rule
        .values
        .iter()
        .filter_map(|(name, values)| one_of(name, values, config));
    conflicts.chain(choices).chain(values).collect()
}

fn at_most_one(names: &[String], config: &Value) -> Option<Problem> {
    let mut set = names.iter().filter(|name| !config.get(name).is_null());
    let (first, second) = (set.next()?, set.next()?);
    Some(
        Problem::new(
            "Conflicting attributes",
            format!("`{second}` cannot be set together with `{first}`"),
        )
        .at(second),
    )
}

fn one(names: &[String], config: &Value) -> Option<Problem> {
    if names.iter().any(|name| !config.get(name).is_null()) {
        return None;
    }
    Some(Problem::new(
        "Missing attribute",
        format!("One of {} is set", quoted(names)),
    ))
}

fn one_of(name: &str, values: &[String], config: &Value) -> Option<Problem> {
    let found = config.get(name).as_str()?;
    if values.iter().any(|value| value == found) {
        return None;
    }
    Some(
        Problem::new(
            "Invalid value",
            format!("`{name}` is `{found}`, expected one of {}", quoted(values)),
        )
        .at(name),
    )
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
