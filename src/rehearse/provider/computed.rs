//! What is known after apply: computed values, by the rules, else by name and type.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{
    json::of_json,
    problem::Problem,
    template::{Scope, TemplateError},
    value::{Number, Type, Value},
};

/// The values of one object.
pub(super) struct Computing<'c> {
    /// Templates by path.
    pub(super) rules: &'c Map<String, Json>,
    pub(super) config: &'c Value,
    pub(super) given: &'c Map<String, Json>,
    pub(super) seed: &'c str,
    /// Which of the equal objects it is, from 0.
    pub(super) n_alike: usize,
}

impl Computing<'_> {
    /// Returns the object with a value in each place that was not known.
    ///
    /// Attributes of the object itself are computed in the order of the rules, so that one may be made from those before it.
    ///
    /// # Errors
    ///
    /// A rule does not fit the schema, or speaks of what is not known.
    pub(super) fn complete(&self, object: Value, of: &Type) -> Result<Value, Problem> {
        let mut object = object;
        if let Type::Object(types) = of {
            for (name, template) in self.rules {
                let is_open = object.get(name).is_unknown();
                if let (true, Some(of)) = (is_open, types.get(name)) {
                    let value = self.by_rule(template, of, &object, name)?;
                    if let Value::Members(members) = &mut object {
                        members.insert(name.clone(), value);
                    }
                }
            }
        }
        let known = object.clone();
        self.complete_in(object, of, &known, ("", ""))
    }

    /// `path` is the place by names, `place` with the indices as well.
    fn complete_in(
        &self,
        value: Value,
        of: &Type,
        object: &Value,
        (path, place): (&str, &str),
    ) -> Result<Value, Problem> {
        match (value, of) {
            (Value::Unknown(_), of) => self.made(of, object, (path, place)),
            (Value::Members(members), of @ (Type::Object(_) | Type::Map(_))) => {
                let members = members.into_iter().map(|(name, member)| {
                    let place = joined(place, &name);
                    let completed = match of {
                        Type::Object(types) => {
                            let of = types.get(&name).unwrap_or(&Type::Dynamic);
                            self.complete_in(member, of, object, (&joined(path, &name), &place))
                        }
                        Type::Map(of) => self.complete_in(member, of, object, (path, &place)),
                        _ => Ok(member),
                    };
                    Ok((name, completed?))
                });
                members.collect::<Result<_, _>>().map(Value::Members)
            }
            (Value::Elements(elements), Type::List(of) | Type::Set(of)) => {
                let elements = elements.into_iter().enumerate().map(|(index, element)| {
                    let place = joined(place, &index.to_string());
                    self.complete_in(element, of, object, (path, &place))
                });
                elements.collect::<Result<_, _>>().map(Value::Elements)
            }
            (value, _) => Ok(value),
        }
    }

    /// Makes a value by the rule for its place, else by its type.
    fn made(
        &self,
        of: &Type,
        object: &Value,
        (path, place): (&str, &str),
    ) -> Result<Value, Problem> {
        if let Some(template) = self.rules.get(path) {
            return self.by_rule(template, of, object, place);
        }
        Ok(match of {
            Type::Bool => Value::Bool(false),
            Type::Number => Value::Number(Number::integer(0)),
            Type::String => Value::String(self.text(object, path, place)?),
            Type::List(_) | Type::Set(_) => Value::Elements(Vec::new()),
            Type::Map(_) => Value::Members(BTreeMap::new()),
            Type::Tuple(types) => {
                let elements = types.iter().map(|of| self.made(of, object, (path, place)));
                Value::Elements(elements.collect::<Result<_, _>>()?)
            }
            Type::Object(types) => {
                let members = types.iter().map(|(name, of)| {
                    let (path, place) = (joined(path, name), joined(place, name));
                    Ok((name.clone(), self.made(of, object, (&path, &place))?))
                });
                Value::Members(members.collect::<Result<_, Problem>>()?)
            }
            Type::Dynamic => Value::Null,
        })
    }

    /// A text that looks like what its name says.
    fn text(&self, object: &Value, path: &str, place: &str) -> Result<String, TemplateError> {
        let name = path.rsplit('.').next().unwrap_or(path);
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        let template = if ends(&["time", "timestamp", "updated", "_at", "_on"]) {
            "{time}"
        } else if name == "id" || ends(&["_id", "fingerprint", "etag"]) {
            "{hash}"
        } else if ends(&["ip_address", "_ip", "address"]) {
            "{ip:10.128}"
        } else if ends(&["link", "url", "uri", "endpoint"]) {
            "https://stand-in.invalid/{hash:12}"
        } else {
            return Ok(format!(
                "{name}-{}",
                self.scope(object).fill_text("{hash:8}", place)?
            ));
        };
        self.scope(object).fill_text(template, place)
    }

    fn by_rule(
        &self,
        template: &Json,
        of: &Type,
        object: &Value,
        place: &str,
    ) -> Result<Value, Problem> {
        let filled = self.scope(object).fill(template, place)?;
        Ok(of_json(&filled, of, place)?)
    }

    fn scope<'s>(&'s self, object: &'s Value) -> Scope<'s> {
        Scope {
            object,
            config: self.config,
            given: self.given,
            seed: self.seed,
            n_alike: self.n_alike,
        }
    }
}

pub(super) fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        return name.to_owned();
    }
    format!("{path}.{name}")
}
