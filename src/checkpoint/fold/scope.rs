//! What expressions read when nothing is secret and nothing runs: costs, and the page of an environment.

use super::Material;
use crate::{
    event::OutputValue,
    expression::{Map, ReadError, Reference, Value},
    ident::{EnvironmentName, TaskId},
    plan::{
        field::{Field, Scope},
        values::PlanningScope,
    },
};

/// What is known now: what was known before the run, outputs in clear, and answers.
pub(super) struct KnownScope<'m> {
    material: Material<'m>,
    environment: Option<&'m EnvironmentName>,
    planning: PlanningScope<'m>,
}

impl<'m> KnownScope<'m> {
    pub(super) fn new(
        material: &Material<'m>,
        environment: Option<&'m EnvironmentName>,
        leg: Option<&'m Map>,
    ) -> Self {
        let plan = material.graph.plan();
        Self {
            material: *material,
            environment,
            planning: material.values.planning(plan, environment, leg),
        }
    }

    /// Returns a text; `None` where something in it is not known or secret.
    pub(super) fn text(&self, field: &Field) -> Option<String> {
        let value = field.evaluate(self).ok()?;
        value.as_plain_text().filter(|text| !text.is_empty())
    }

    /// Returns a number; `None` where it is not known, or none.
    pub(super) fn number(&self, field: &Field) -> Option<f64> {
        let value = field.evaluate(self).ok()?;
        let number = value.as_plain_text()?.trim().parse().ok();
        number.filter(|number: &f64| number.is_finite())
    }

    fn output(&self, reference: &Reference) -> Option<Value> {
        let names = reference.names();
        let (task, part, output) = (names.first()?, names.get(1)?, names.get(2)?);
        let task: TaskId = task.parse().ok().filter(|_| *part == "outputs")?;
        let mut legs = Map::new();
        for index in self.material.graph.resolve(&task, self.environment) {
            let key = &self.material.graph.nodes()[index].key;
            let attempt = self.material.state.task(key)?.success()?;
            let value = match attempt.ended.as_ref()?.outputs.get(*output)? {
                OutputValue::Clear { value } => value.clone(),
                OutputValue::Sealed { .. } | OutputValue::Withheld => return None,
            };
            match &key.leg {
                Some(leg) => legs.insert(leg.to_string(), value),
                None => return Some(value),
            };
        }
        (!legs.is_empty()).then_some(Value::Map(legs))
    }
}

impl Scope for KnownScope<'_> {
    fn read(&self, reference: &Reference) -> Result<Value, ReadError> {
        let name = reference.names().first().copied().unwrap_or_default();
        match reference.root.as_str() {
            "tasks" => self.output(reference).ok_or_else(|| ReadError::NotYet {
                task: name.to_owned(),
            }),
            "decisions" => {
                let answered = name.parse().ok();
                let answered = answered.and_then(|name| self.material.state.decision(&name));
                match answered {
                    Some(decision) => Ok(decision.answer.as_str().into()),
                    None => self.planning.read(reference),
                }
            }
            _ => self.planning.read(reference),
        }
    }

    fn hash_files(&self, patterns: &[String]) -> Result<String, String> {
        self.planning.hash_files(patterns)
    }
}
