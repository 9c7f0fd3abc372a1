//! Check `terraform`: what the state of a terraform task says of a resource.

use super::{Asked, Question};
use crate::{
    event::{FailureKind, Reality},
    execute::{ExecuteError, Run},
    expression::{Map, Value},
    ident::TaskId,
    plan::{kind::Reader, requirement::FieldPath},
    probe::{Evidence, Observations},
    terraform::{AddressPattern, changes::Stated},
};

/// What is seen of a value that is sensitive.
const SENSITIVE: &str = "sensitive";

impl<'p> Run<'_, 'p> {
    pub(super) async fn ask_terraform(
        &self,
        question: &Question<'_, 'p>,
        reader: Reader<'_>,
    ) -> Result<Asked, ExecuteError> {
        let task: TaskId = reader
            .required("task")?
            .parse()
            .map_err(|error| ExecuteError::task(FailureKind::Invalid, format!("{error}")))?;
        let pattern = AddressPattern::new(reader.required("resource")?);
        let environment = question.node.key.environment.as_ref();
        let (mut found, mut reality) = (Vec::new(), Reality::Real);
        // Of a matrix each leg has a state of its own.
        for index in self.graph.resolve(&task, environment) {
            let (resources, whose) = self.stated(index, &pattern).await?;
            found.extend(resources);
            reality = whose;
        }
        Ok(Asked {
            evidence: evidence(&pattern, &found, &expected(question)),
            reality,
        })
    }
}

/// The attributes that the check judges. No other leaves the state: it may hold secrets that nobody marked.
fn expected(question: &Question<'_, '_>) -> Vec<String> {
    let names = question.check.expect.entries().into_iter().flatten();
    let paths = names.filter_map(|(name, _)| FieldPath::parse(name).ok());
    paths
        .filter_map(|path| path.first_name().map(str::to_owned))
        .collect()
}

fn evidence(pattern: &AddressPattern, found: &[Stated], attributes: &[String]) -> Evidence {
    let mut observed = Observations::new();
    let read = |name: &String| {
        let values = found.iter().map(|resource| match &resource.values {
            // All of it is.
            whole @ Value::Secret(_) => shown(whole),
            values => shown(values.get(name).unwrap_or(&Value::Null)),
        });
        let mut values: Vec<Value> = values.collect();
        let value = match values.len() {
            0 => Value::Null,
            1 => values.remove(0),
            _ => beside(values),
        };
        (name.clone(), value)
    };
    for (name, value) in attributes.iter().map(read) {
        observed.add(&name, value);
    }
    // Resources are few enough for a number of the expression language.
    observed.add("count", Value::Number(found.len() as f64));
    Evidence {
        observed,
        holds: match found {
            [] => Err(format!("the state has no `{pattern}`")),
            _ => Ok(()),
        },
    }
}

/// Copies a value without what is sensitive in it.
fn shown(value: &Value) -> Value {
    match value {
        Value::Secret(_) => Value::from(SENSITIVE),
        Value::List(items) => Value::List(items.iter().map(shown).collect()),
        Value::Map(entries) => {
            let entries = entries.iter();
            Value::Map(
                entries
                    .map(|(name, entry)| (name.clone(), shown(entry)))
                    .collect(),
            )
        }
        Value::Null | Value::Boolean(_) | Value::Number(_) | Value::Text(_) => value.clone(),
    }
}

/// Lays the same attribute of several resources side by side: wherever a path leads, there is a list with one value of each.
fn beside(values: Vec<Value>) -> Value {
    let is_map = |value: &Value| matches!(value, Value::Map(_));
    let is_blocks = |value: &Value| matches!(value, Value::List(items) if items.iter().all(is_map));
    if values.iter().all(is_map) {
        let mut names: Vec<String> = values.iter().flat_map(names).collect();
        names.sort();
        names.dedup();
        let entry = |name: String| {
            let entries = values.iter();
            let entries = entries.map(|value| value.get(&name).cloned().unwrap_or_default());
            (name.clone(), beside(entries.collect()))
        };
        return Value::Map(names.into_iter().map(entry).collect::<Map>());
    }
    if values.iter().all(is_blocks) {
        let items = |value: &Value| match value {
            Value::List(items) => items.clone(),
            _ => Vec::new(),
        };
        let lists: Vec<Vec<Value>> = values.iter().map(items).collect();
        let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
        let block = |index: usize| {
            let blocks = lists.iter().filter_map(|list| list.get(index).cloned());
            beside(blocks.collect())
        };
        return Value::List((0..longest).map(block).collect());
    }
    Value::List(values)
}

fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Map(entries) => entries.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::requirement::Observed, secret::Secret, terraform::changes::Mode};

    fn stated(address: &str, json: serde_json::Value) -> Stated {
        Stated {
            address: address.to_owned(),
            mode: Mode::Managed,
            values: Value::from(json),
        }
    }

    fn at(evidence: &Evidence, path: &str) -> Value {
        let whole = Value::Map(evidence.observed.values().into_iter().collect());
        let path = FieldPath::parse(path).expect("a path");
        Observed::new(
            path.observe(&whole),
            crate::plan::requirement::Measure::Plain,
        )
        .value
    }

    #[test]
    fn a_path_leads_to_one_value_or_over_several_resources_to_a_list() {
        let pattern = AddressPattern::new("db.*");
        let of = |tier: &str| serde_json::json!({ "settings": [{ "tier": tier }], "ports": [1] });
        let names = ["settings".to_owned(), "ports".to_owned()];
        let one = evidence(&pattern, &[stated("db.a", of("small"))], &names);
        assert_eq!(at(&one, "settings[0].tier"), Value::from("small"));
        assert_eq!(at(&one, "count"), Value::Number(1.0));
        let two = [stated("db.a", of("small")), stated("db.b", of("large"))];
        let two = evidence(&pattern, &two, &names);
        let both = serde_json::json!(["small", "large"]);
        assert_eq!(at(&two, "settings[0].tier"), Value::from(both));
        assert_eq!(
            at(&two, "ports"),
            Value::from(serde_json::json!([[1], [1]]))
        );
    }

    #[test]
    fn what_is_sensitive_is_seen_as_that_and_what_was_not_asked_for_not_at_all() {
        let pattern = AddressPattern::new("db.a");
        let mut found = stated("db.a", serde_json::json!({ "tier": "small" }));
        if let Value::Map(entries) = &mut found.values {
            entries.insert("key".to_owned(), Value::Secret(Secret::new("hunter2")));
        }
        let seen = evidence(&pattern, &[found], &["key".to_owned()]);
        assert_eq!(at(&seen, "key"), Value::from(SENSITIVE));
        assert_eq!(at(&seen, "tier"), Value::Null);
    }

    #[test]
    fn a_resource_that_is_not_there_does_not_hold_by_itself() {
        let pattern = AddressPattern::new("db.*");
        let none = evidence(&pattern, &[], &[]);
        assert_eq!(none.holds, Err("the state has no `db.*`".to_owned()));
        assert_eq!(at(&none, "count"), Value::Number(0.0));
    }
}
