use std::collections::BTreeSet;

use serde_json::{Map, json};

use super::*;
use crate::rehearse::provider::{
    computed::Computing,
    planned::Planning,
    rules::ResourceRule,
    schema::{AttributeType, Block},
    template::Scope,
    value::{Number, Type, Value},
};

#[test]
fn every_rule_speaks_of_what_the_schema_has() {
    for entry in ENTRIES {
        let (schema, rules) = entry.read().expect("it is readable");
        let mut strangers = Vec::new();
        for (kind, rule) in &rules.resources {
            match schema.resources.get(kind) {
                None => strangers.push(kind.clone()),
                Some(schema) => {
                    let paths = paths_of(&schema.block);
                    let strange = named_by(rule)
                        .into_iter()
                        .filter(|path| !paths.contains(path));
                    strangers.extend(strange.map(|path| format!("{kind}: {path}")));
                }
            }
        }
        for (kind, rule) in &rules.data_sources {
            match schema.data_sources.get(kind) {
                None => strangers.push(kind.clone()),
                Some(schema) => {
                    let paths = paths_of(&schema.block);
                    let named = rule.by.keys().chain(rule.computed.keys());
                    let strange = named.filter(|path| !paths.contains(*path));
                    strangers.extend(strange.map(|path| format!("{kind}: {path}")));
                }
            }
            let of = rule.of.iter();
            strangers.extend(of.filter(|of| !schema.resources.contains_key(*of)).cloned());
        }
        assert_eq!(strangers, Vec::<String>::new(), "{}", entry.address);
    }
}

fn named_by(rule: &ResourceRule) -> Vec<String> {
    let lists = rule.conflicts.iter().chain(&rule.exactly_one).flatten();
    rule.immutable
        .iter()
        .chain(lists)
        .chain(rule.values.keys())
        .chain(rule.defaults.keys())
        .chain(rule.computed.keys())
        .chain(&rule.changes)
        .chain(&rule.protected_by)
        .cloned()
        .collect()
}

fn paths_of(block: &Block) -> BTreeSet<String> {
    let mut paths: BTreeSet<String> = block.attributes.keys().cloned().collect();
    for (name, nested) in &block.blocks {
        paths.insert(name.clone());
        paths.extend(
            paths_of(&nested.block)
                .iter()
                .map(|path| format!("{name}.{path}")),
        );
    }
    paths
}

#[test]
fn every_resource_of_every_provider_is_made_with_a_name_and_nothing_left_open() {
    for entry in ENTRIES {
        let (schema, rules) = entry.read().expect("it is readable");
        for (kind, schema) in &schema.resources {
            let rule = &rules.resources[kind];
            let config = required(&schema.block, rule);
            let scope = Scope {
                object: &config,
                config: &Value::Null,
                given: &Map::new(),
                seed: "",
                n_alike: 0,
            };
            let planning = Planning {
                block: &schema.block,
                rule,
                legacy: rules.legacy,
                scope,
            };
            let planned = planning
                .plan(&Value::Null, &config, &config)
                .expect("a plan");
            let computing = Computing {
                rules: &rule.computed,
                config: &Value::Null,
                given: &Map::new(),
                seed: kind,
                n_alike: 0,
            };
            let of = schema.block.implied_type();
            let made = computing.complete(planned.value, &of);
            let made = made.unwrap_or_else(|problem| panic!("{kind}: {problem:?}"));
            assert!(!is_open(&made), "{kind}: {made:?}");
            let template = rule.identity.as_deref().unwrap_or("{self.id|self.name}");
            let name = Scope {
                object: &made,
                ..scope
            }
            .fill_text(template, "");
            assert!(name.is_ok_and(|name| !name.is_empty()), "{kind}");
        }
    }
}

#[test]
fn every_data_source_is_read_with_nothing_left_open() {
    for entry in ENTRIES {
        let (schema, rules) = entry.read().expect("it is readable");
        for (kind, schema) in &schema.data_sources {
            let config = required(&schema.block, &ResourceRule::default());
            let computing = Computing {
                rules: &rules
                    .data_sources
                    .get(kind)
                    .cloned()
                    .unwrap_or_default()
                    .computed,
                config: &Value::Null,
                given: &Map::new(),
                seed: kind,
                n_alike: 0,
            };
            let of = schema.block.implied_type();
            let read = computing.complete(schema.block.opened(&config), &of);
            let read = read.unwrap_or_else(|problem| panic!("{kind}: {problem:?}"));
            assert!(!is_open(&read), "{kind}: {read:?}");
        }
    }
}

/// The shortest configuration: what the schema or a rule requires.
fn required(block: &Block, rule: &ResourceRule) -> Value {
    let Value::Members(mut config) = block.none() else {
        panic!("a block is an object");
    };
    for (name, attribute) in &block.attributes {
        let is_chosen = rule.exactly_one.iter().any(|names| names[0] == *name);
        if attribute.is_required || is_chosen {
            config.insert(name.clone(), any(&attribute.implied_type()));
        }
    }
    Value::Members(config)
}

fn any(of: &Type) -> Value {
    match of {
        Type::Bool => Value::Bool(true),
        Type::Number => Value::Number(Number::integer(1)),
        Type::String | Type::Dynamic => Value::String("given".to_owned()),
        Type::Map(_) => Value::Members(Default::default()),
        Type::List(_) | Type::Set(_) | Type::Tuple(_) => Value::Elements(Vec::new()),
        Type::Object(attributes) => Value::Members(
            attributes
                .iter()
                .map(|(name, of)| (name.clone(), any(of)))
                .collect(),
        ),
    }
}

fn is_open(value: &Value) -> bool {
    match value {
        Value::Unknown(_) => true,
        Value::Elements(elements) => elements.iter().any(is_open),
        Value::Members(members) => members.values().any(is_open),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Dynamic { .. } => false,
    }
}

#[test]
fn schemas_hold_nested_and_plain_attributes() {
    let (schema, _rules) = find("registry.terraform.io/rackerlabs/spot")
        .and_then(|entry| entry.read())
        .expect("it is readable");
    let block = &schema.resources["spot_cloudspace"].block;
    assert!(matches!(
        block.attributes["bids"].of,
        AttributeType::Nested(..)
    ));
    assert_eq!(
        block.attributes["region"].implied_type().to_json(),
        json!("string")
    );
}
