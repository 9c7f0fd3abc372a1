//! What a change will make of an object: what is known at plan, and what is known after apply.

use std::collections::BTreeMap;

use super::{
    computed::joined,
    json::of_json,
    problem::Problem,
    rules::ResourceRule,
    schema::{Attribute, AttributeType, Block, Nesting},
    template::Scope,
    value::Value,
};

/// A planned change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) value: Value,
    /// Attributes whose change makes a new object.
    pub(super) replacing: Vec<String>,
}

/// What the plan of one change looks at.
pub(super) struct Planning<'p> {
    pub(super) block: &'p Block,
    pub(super) rule: &'p ResourceRule,
    /// Whether defaults may stand where nothing is computed.
    pub(super) legacy: bool,
    pub(super) scope: Scope<'p>,
}

impl Planning<'_> {
    /// Plans to make `proposed` of `prior`, which is null for a new object.
    ///
    /// # Errors
    ///
    /// A rule does not fit the schema.
    pub(super) fn plan(
        &self,
        prior: &Value,
        proposed: &Value,
        config: &Value,
    ) -> Result<Planned, Problem> {
        let proposed = self.block(self.block, proposed, prior, "")?;
        if prior.is_null() || proposed == *prior {
            return Ok(Planned {
                value: proposed,
                replacing: Vec::new(),
            });
        }
        let Value::Members(mut members) = proposed else {
            return Err(Problem::new("The proposed state is no object", ""));
        };
        for name in &self.rule.changes {
            if config.get(name).is_null() {
                members.insert(name.clone(), Value::UNKNOWN);
            }
        }
        let value = Value::Members(members);
        let replacing = self.rule.immutable.iter();
        Ok(Planned {
            replacing: replacing
                .filter(|name| value.get(name) != prior.get(name))
                .cloned()
                .collect(),
            value,
        })
    }

    fn block(
        &self,
        block: &Block,
        proposed: &Value,
        prior: &Value,
        path: &str,
    ) -> Result<Value, Problem> {
        let Value::Members(members) = proposed else {
            return Ok(proposed.clone());
        };
        let mut planned = self.attributes(&block.attributes, members, prior, path)?;
        for (name, nested) in &block.blocks {
            let path = joined(path, name);
            let value = each(
                nested.nesting,
                proposed.get(name),
                prior.get(name),
                |value, prior| self.block(&nested.block, value, prior, &path),
            )?;
            planned.insert(name.clone(), value);
        }
        Ok(Value::Members(planned))
    }

    fn attributes(
        &self,
        attributes: &BTreeMap<String, Attribute>,
        proposed: &BTreeMap<String, Value>,
        prior: &Value,
        path: &str,
    ) -> Result<BTreeMap<String, Value>, Problem> {
        let planned = attributes.iter().map(|(name, attribute)| {
            let value = proposed.get(name).unwrap_or(&Value::Null);
            let path = joined(path, name);
            let planned = self.attribute(attribute, value, (prior, name), &path)?;
            Ok((name.clone(), planned))
        });
        planned.collect()
    }

    /// Plans an attribute of an object; `before` is the object as it was, if it was there, and the attribute's name in it.
    fn attribute(
        &self,
        attribute: &Attribute,
        proposed: &Value,
        before: (&Value, &str),
        path: &str,
    ) -> Result<Value, Problem> {
        let (object, name) = before;
        match (&attribute.of, proposed) {
            _ if attribute.is_write_only => Ok(Value::Null),
            (_, Value::Null) => {
                // What was nothing when the object was made is known to be nothing.
                let is_open = attribute.is_computed && object.is_null();
                match self.default(attribute, path)? {
                    Some(value) if is_open || !attribute.is_computed => Ok(value),
                    _ if is_open => Ok(Value::UNKNOWN),
                    _ => Ok(Value::Null),
                }
            }
            (AttributeType::Plain(_), value) => Ok(value.clone()),
            (AttributeType::Nested(nesting, attributes), value) => each(
                *nesting,
                value,
                object.get(name),
                |value, prior| match value {
                    Value::Members(members) => self
                        .attributes(attributes, members, prior, path)
                        .map(Value::Members),
                    _ => Ok(value.clone()),
                },
            ),
        }
    }

    /// The value that a rule gives where the configuration gives none, if that is known already.
    fn default(&self, attribute: &Attribute, path: &str) -> Result<Option<Value>, Problem> {
        let Some(template) = self.rule.defaults.get(path) else {
            return Ok(None);
        };
        if !attribute.is_computed && !self.legacy {
            return Ok(None);
        }
        match self.scope.fill(template, path) {
            Ok(json) => Ok(Some(of_json(&json, &attribute.implied_type(), path)?)),
            Err(_known_after_apply) => Ok(None),
        }
    }
}

/// Plans each object of something nested, beside the one that was at its place.
fn each(
    nesting: Nesting,
    value: &Value,
    prior: &Value,
    plan: impl Fn(&Value, &Value) -> Result<Value, Problem>,
) -> Result<Value, Problem> {
    match (nesting, value) {
        (Nesting::Single | Nesting::Group, value) => plan(value, prior),
        (Nesting::Map, Value::Members(members)) => {
            let members = members
                .iter()
                .map(|(key, member)| Ok((key.clone(), plan(member, prior.get(key))?)));
            members.collect::<Result<_, _>>().map(Value::Members)
        }
        (Nesting::List, Value::Elements(elements)) => {
            let elements = elements.iter().enumerate().map(|(index, element)| {
                let prior = prior.elements().get(index).unwrap_or(&Value::Null);
                plan(element, prior)
            });
            elements.collect::<Result<_, _>>().map(Value::Elements)
        }
        (Nesting::Set, Value::Elements(elements)) => {
            let elements = elements.iter().map(|element| {
                let before = prior.elements().iter().find(|before| *before == element);
                plan(element, before.unwrap_or(&Value::Null))
            });
            let mut elements = elements.collect::<Result<Vec<_>, _>>()?;
            elements.sort();
            Ok(Value::Elements(elements))
        }
        (_, value) => Ok(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value as Json, json};

    use super::*;
    use crate::rehearse::provider::schema::ProviderSchema;

    /// A node with interfaces, each of which gets an address.
    fn block() -> Block {
        let given = json!({ "type": "string", "optional": true });
        let made = json!({ "type": "string", "optional": true, "computed": true });
        let interface = json!({ "attributes": { "network": given, "address": made } });
        let schema = json!({ "version": 0, "block": {
            "attributes": {
                "size": given,
                "zone": made,
                "key": { "type": "string", "optional": true, "write_only": true },
                "id": { "type": "string", "computed": true }
            },
            "block_types": {
                "interface": { "nesting_mode": "list", "block": interface },
                "disk": { "nesting_mode": "set", "block": interface }
            }
        } });
        let file = json!({ "provider_schemas": { "x": {
            "provider": { "version": 0, "block": {} }, "resource_schemas": { "node": schema }
        } } });
        let schema = ProviderSchema::of_json(&file, "x").expect("a schema");
        schema.resources["node"].block.clone()
    }

    fn value(json: &Json) -> Value {
        of_json(json, &block().implied_type(), "").expect("a value")
    }

    /// Plans, and writes what is not known as `?`.
    fn planned(prior: &Value, proposed: &Json) -> (Json, Vec<String>) {
        let rule = ResourceRule {
            immutable: vec!["zone".to_owned()],
            defaults: Map::from_iter([("zone".to_owned(), json!("a"))]),
            ..ResourceRule::default()
        };
        let proposed = value(proposed);
        let planning = Planning {
            block: &block(),
            rule: &rule,
            legacy: false,
            scope: Scope {
                object: &proposed,
                config: &Value::Null,
                given: &Map::new(),
                seed: "",
                n_alike: 0,
            },
        };
        let planned = planning.plan(prior, &proposed, &proposed).expect("a plan");
        (marked(&planned.value), planned.replacing)
    }

    fn marked(value: &Value) -> Json {
        match value {
            Value::Unknown(_) => json!("?"),
            Value::Elements(elements) => elements.iter().map(marked).collect(),
            Value::Members(members) => {
                let members = members.iter().filter(|(_, member)| !member.is_null());
                let members = members.map(|(name, member)| (name.clone(), marked(member)));
                Json::Object(members.collect())
            }
            other => crate::rehearse::provider::json::to_json(other),
        }
    }

    fn there() -> Json {
        json!({
            "size": "small", "zone": "a", "id": "1",
            "interface": [{ "network": "n", "address": "10.0.0.2" }],
            "disk": [{ "network": "d", "address": "10.0.0.3" }]
        })
    }

    #[test]
    fn what_is_computed_is_open_in_a_new_object_and_a_default_is_known() {
        let new = json!({
            "size": "small", "key": "canary", "interface": [{ "network": "n" }], "disk": [{ "network": "d" }]
        });
        let (planned, replacing) = planned(&Value::Null, &new);
        assert_eq!(
            planned,
            json!({
                "disk": [{ "address": "?", "network": "d" }], "id": "?",
                "interface": [{ "address": "?", "network": "n" }], "size": "small", "zone": "a"
            })
        );
        assert_eq!(replacing, Vec::<String>::new());
    }

    #[test]
    fn what_was_computed_stays_and_only_what_is_new_is_open() {
        let mut proposed = there();
        proposed["size"] = json!("large");
        for (name, network) in [("interface", "m"), ("disk", "e")] {
            let nested = proposed[name].as_array_mut().expect("a list");
            nested.push(json!({ "network": network }));
        }
        let (planned, replacing) = planned(&value(&there()), &proposed);
        assert_eq!(planned["id"], "1");
        assert_eq!(
            planned["interface"],
            json!([{ "address": "10.0.0.2", "network": "n" }, { "address": "?", "network": "m" }])
        );
        assert_eq!(
            planned["disk"],
            json!([{ "address": "?", "network": "e" }, { "address": "10.0.0.3", "network": "d" }])
        );
        assert_eq!(replacing, Vec::<String>::new());
    }

    #[test]
    fn another_zone_makes_another_object() {
        let mut proposed = there();
        proposed["zone"] = json!("b");
        assert_eq!(planned(&value(&there()), &proposed).1, ["zone"]);
    }
}
