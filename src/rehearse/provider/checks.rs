//! What is wrong with a configuration besides what terraform itself sees by the schema.

use std::collections::BTreeMap;

use super::{
    problem::Problem,
    rules::ResourceRule,
    schema::{Attribute, AttributeType, Block},
    value::Value,
};

/// Every value that is given for what the provider alone decides. Terraform leaves this to its providers.
pub(super) fn decided(block: &Block, config: &Value) -> Vec<Problem> {
    let attributes = block
        .attributes
        .iter()
        .filter(|(name, attribute)| attribute.is_decided(config.get(name)))
        .map(|(name, _attribute)| {
            Problem::new(
                "Value for unconfigurable attribute",
                format!("`{name}`, or something in it, is decided by the provider"),
            )
            .at(name)
        });
    let blocks = block.blocks.iter().flat_map(|(name, nested)| {
        let problems = objects(config.get(name))
            .into_iter()
            .flat_map(|config| decided(&nested.block, config));
        problems.map(|problem| problem.at(name)).collect::<Vec<_>>()
    });
    attributes.chain(blocks).collect()
}

impl Attribute {
    /// Whether a configuration gives a value where it may not.
    fn is_decided(&self, config: &Value) -> bool {
        if config.is_null() {
            return false;
        }
        let is_decided_in = |attributes: &BTreeMap<String, Self>| {
            objects(config).into_iter().any(|config| {
                attributes
                    .iter()
                    .any(|(name, attribute)| attribute.is_decided(config.get(name)))
            })
        };
        match &self.of {
            _ if self.is_read_only() => true,
            AttributeType::Nested(_, attributes) => is_decided_in(attributes),
            AttributeType::Plain(_) => false,
        }
    }
}

/// The objects of something nested, however many it holds.
fn objects(value: &Value) -> Vec<&Value> {
    match value {
        Value::Elements(elements) => elements.iter().collect(),
        // The members of a map are objects, those of an object are not; both are looked at, and what is no object has no members.
        Value::Members(members) => members.values().chain([value]).collect(),
        _ => Vec::new(),
    }
}

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
