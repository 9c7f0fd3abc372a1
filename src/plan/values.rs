//! The values that are known before anything runs: inputs, answers, what GitHub says.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::{
    field::{Field, Scope},
    fingerprint::Parts as FingerprintParts,
    model::{DecisionAnswer, Input, InputType, Parts, Plan},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, words::list_ticked},
    expression::{EvaluationError, Map, ReadError, Reference, Value},
    ident::{EnvironmentName, Name},
};

/// What is given to a plan from outside.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Values of inputs, from the command line or a dispatch.
    pub inputs: BTreeMap<String, String>,
    /// Variables of the repository.
    pub vars: Map,
    /// The context `github`.
    pub github: Map,
    /// Whether missing inputs take their example and open decisions their preference.
    pub rehearsal: bool,
}

/// The values that are known before anything runs.
#[derive(Debug, Clone)]
pub struct Values {
    shared: BTreeMap<Name, Value>,
    by_environment: IndexMap<EnvironmentName, BTreeMap<Name, Value>>,
    github: Map,
    answers: BTreeMap<Name, String>,
    assumed: Vec<(Name, String)>,
}

/// Which values are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Every input needs a value.
    All,
    /// Inputs without a value are left out: for `lint`, which knows no run.
    Known,
}

impl Values {
    /// Finds the value of each input in each environment.
    ///
    /// # Errors
    ///
    /// Every input without a value (`no-value`), and every value of the wrong type.
    pub fn resolve(plan: &Plan, given: &Given, wanted: Wanted) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Diagnostics::new();
        for name in given.inputs.keys() {
            if plan.inputs.get(name.as_str()).is_none() {
                problems.push(unknown_input(plan, name));
            }
        }
        let shared = inputs(plan, given, None, wanted, &mut problems);
        let by_environment = plan
            .environments
            .keys()
            .map(|environment| {
                (
                    environment.clone(),
                    inputs(plan, given, Some(environment), wanted, &mut problems),
                )
            })
            .collect();
        if problems.has_errors() {
            problems.sort();
            return Err(problems.into_vec());
        }
        let (answers, assumed) = answers(plan, given.rehearsal);
        Ok(Self {
            shared,
            by_environment,
            github: given.github.clone(),
            answers,
            assumed,
        })
    }

    /// Names everything that is known before anything runs, in the form of the parts of a fingerprint: inputs, those of each
    /// environment, answers.
    pub fn parts(&self) -> FingerprintParts {
        let mut parts = FingerprintParts::new("values");
        for (name, value) in &self.shared {
            parts.value(&format!("input {name}"), value);
        }
        for (environment, values) in &self.by_environment {
            for (name, value) in values {
                parts.value(&format!("input {name} of {environment}"), value);
            }
        }
        for (name, answer) in &self.answers {
            parts.part(format!("decision {name}"), answer);
        }
        parts
    }

    /// Returns the answer of a decision that is known before anything runs.
    pub fn answer(&self, decision: &str) -> Option<&str> {
        self.answers.get(decision).map(String::as_str)
    }

    /// Returns the open decisions for which a rehearsal assumed an answer.
    pub fn assumed(&self) -> &[(Name, String)] {
        &self.assumed
    }

    /// Returns the value of an input.
    pub fn input(&self, name: &str, environment: Option<&EnvironmentName>) -> Option<&Value> {
        let values = environment
            .and_then(|environment| self.by_environment.get(environment))
            .unwrap_or(&self.shared);
        values.get(name)
    }

    /// Returns what expressions read of `github`.
    pub fn github(&self) -> &Map {
        &self.github
    }

    /// Returns a scope in which only what is known before anything runs can be read.
    pub fn planning<'v>(
        &'v self,
        plan: &'v Parts,
        environment: Option<&'v EnvironmentName>,
        leg: Option<&'v Map>,
    ) -> PlanningScope<'v> {
        PlanningScope {
            plan,
            values: self,
            environment,
            leg,
        }
    }
}

fn unknown_input(plan: &Plan, name: &str) -> Diagnostic {
    let known: Vec<&str> = plan.inputs.keys().map(Name::as_str).collect();
    let problem = Diagnostic::error("unknown-name", format!("the plan has no input `{name}`"));
    match crate::diagnostic::nearest(name, known.iter().copied()) {
        Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
        None if known.is_empty() => problem.help("it declares none"),
        None => problem.help(format!(
            "its inputs are {}",
            list_ticked(known).replace(" or ", " and ")
        )),
    }
}

fn inputs(
    plan: &Plan,
    given: &Given,
    environment: Option<&EnvironmentName>,
    wanted: Wanted,
    problems: &mut Diagnostics,
) -> BTreeMap<Name, Value> {
    let mut found = BTreeMap::new();
    for (name, input) in &plan.inputs {
        match input_value(plan, name, input, given, environment) {
            Ok(Some(value)) => {
                found.insert(name.clone(), value);
            }
            // An environment that reads it will say so; for the shared walk it may be given only by environments.
            Ok(None)
                if wanted == Wanted::Known
                    || (environment.is_none() && overridden_everywhere(plan, name)) => {}
            Ok(None) if environment.is_some() && found_missing_already(problems, name) => {}
            Ok(None) => problems.push(
                Diagnostic::error("no-value", format!("input `{name}` has no value"))
                    .at(input.span)
                    .help(format!(
                        "give it by `--input {name}=…`, in an environment, or as `default`"
                    )),
            ),
            Err(problem) => problems.push(*problem),
        }
    }
    found
}

fn overridden_everywhere(plan: &Plan, name: &Name) -> bool {
    !plan.environments.is_empty()
        && plan
            .environments
            .values()
            .all(|environment| environment.inputs.contains_key(name))
}

fn found_missing_already(problems: &Diagnostics, name: &Name) -> bool {
    let message = format!("input `{name}` has no value");
    problems.iter().any(|problem| problem.message == message)
}

fn input_value(
    plan: &Plan,
    name: &Name,
    input: &Input,
    given: &Given,
    environment: Option<&EnvironmentName>,
) -> Result<Option<Value>, Box<Diagnostic>> {
    if let Some(text) = given.inputs.get(name.as_str()) {
        let value = typed(input, &Value::from(text.as_str()))
            .map_err(|problem| Box::new(problem.at(input.span)))?;
        return Ok(Some(value));
    }
    let overriding =
        environment.and_then(|environment| plan.environments[environment].inputs.get(name));
    let example = input.example.as_ref().filter(|_| given.rehearsal);
    for field in overriding.into_iter().chain(&input.default).chain(example) {
        let value = field
            .evaluate(&GivenScope { given })
            .map_err(|error| Box::new(evaluation_problem(&error)))?;
        if value != Value::Null {
            return typed(input, &value)
                .map(Some)
                .map_err(|problem| Box::new(problem.at(field.span)));
        }
    }
    Ok(None)
}

/// Brings a value to the type of its input.
fn typed(input: &Input, value: &Value) -> Result<Value, Box<Diagnostic>> {
    let text = value.as_plain_text();
    let wrong = |expected: &str| {
        Box::new(
            Diagnostic::error("input", format!("`{value}` is not {expected}"))
                .help("the input's `type` says what it takes"),
        )
    };
    let typed = match (input.ty, value) {
        (InputType::Json, Value::Text(text)) => {
            match serde_json::from_str::<serde_json::Value>(text) {
                Ok(json) => Value::from(json),
                Err(_) => value.clone(),
            }
        }
        (InputType::Json, _)
        | (InputType::Boolean, Value::Boolean(_))
        | (InputType::Number, Value::Number(_)) => value.clone(),
        (InputType::Number, _) => {
            let number = text
                .as_deref()
                .and_then(|text| text.trim().parse::<f64>().ok())
                .filter(|number| number.is_finite());
            Value::Number(number.ok_or_else(|| wrong("a number"))?)
        }
        (InputType::Boolean, _) => match text.as_deref() {
            Some("true") => Value::Boolean(true),
            Some("false") => Value::Boolean(false),
            _ => return Err(wrong("`true` or `false`")),
        },
        (InputType::String | InputType::Choice, _) => {
            Value::Text(text.clone().ok_or_else(|| wrong("a text"))?)
        }
    };
    // A choice without options has been reported as such.
    if input.ty == InputType::Choice
        && !input.options.is_empty()
        && !text
            .as_ref()
            .is_some_and(|text| input.options.contains(text))
    {
        return Err(Box::new(
            Diagnostic::error("input", format!("`{value}` is no option of the input"))
                .help(format!("the options are {}", input.options.join(", "))),
        ));
    }
    match (&input.pattern, &text) {
        (Some(pattern), Some(text)) if !pattern.is_match(text) => Err(Box::new(
            Diagnostic::error("input", format!("`{text}` does not match `{pattern}`"))
                .help("the input's `pattern` says what it takes"),
        )),
        _ => Ok(typed),
    }
}

type Answers = (BTreeMap<Name, String>, Vec<(Name, String)>);

fn answers(plan: &Plan, rehearsal: bool) -> Answers {
    let mut answers = BTreeMap::new();
    let mut assumed = Vec::new();
    for (name, decision) in &plan.decisions {
        match &decision.answer {
            DecisionAnswer::Given(answer) => {
                answers.insert(name.clone(), answer.clone());
            }
            DecisionAnswer::Open if rehearsal => {
                if let Some(answer) = decision
                    .preferred
                    .as_ref()
                    .or_else(|| decision.options.first())
                {
                    answers.insert(name.clone(), answer.clone());
                    assumed.push((name.clone(), answer.clone()));
                }
            }
            DecisionAnswer::Open | DecisionAnswer::ByTask(_) => {}
        }
    }
    (answers, assumed)
}

/// Turns an evaluation that failed into a problem at its place.
pub fn evaluation_problem(error: &EvaluationError) -> Diagnostic {
    let problem = Diagnostic::error("value", error.to_string()).at(error.span.clone().into());
    match error.hint() {
        Some(hint) => problem.help(hint),
        None => problem,
    }
}

/// The values of inputs may read the repository's variables and GitHub's.
struct GivenScope<'g> {
    given: &'g Given,
}

impl Scope for GivenScope<'_> {
    fn read(&self, reference: &Reference) -> Result<Value, ReadError> {
        let context = match reference.root.as_str() {
            "vars" => &self.given.vars,
            _ => &self.given.github,
        };
        Ok(entry(context, reference))
    }

    fn hash_files(&self, _: &[String]) -> Result<String, String> {
        Err("files are not read at this place".to_owned())
    }
}

fn entry(context: &Map, reference: &Reference) -> Value {
    reference
        .names()
        .first()
        .and_then(|name| context.get(*name))
        .cloned()
        .unwrap_or_default()
}

/// What is known before anything runs.
pub struct PlanningScope<'v> {
    plan: &'v Parts,
    values: &'v Values,
    environment: Option<&'v EnvironmentName>,
    leg: Option<&'v Map>,
}

impl Scope for PlanningScope<'_> {
    fn read(&self, reference: &Reference) -> Result<Value, ReadError> {
        let name = reference
            .names()
            .first()
            .copied()
            .unwrap_or_default()
            .to_owned();
        match reference.root.as_str() {
            "inputs" => match self.values.input(&name, self.environment) {
                Some(value) => Ok(value.clone()),
                None => Err(ReadError::NoValue {
                    what: "input".to_owned(),
                    name,
                }),
            },
            "github" => Ok(entry(&self.values.github, reference)),
            "environment" => Ok(self
                .environment
                .map_or(Value::Null, |environment| environment.as_str().into())),
            "matrix" => Ok(self.leg.map_or(Value::Null, |leg| entry(leg, reference))),
            "decisions" => match self.values.answer(&name) {
                Some(answer) => Ok(answer.into()),
                None => match self
                    .plan
                    .decisions
                    .get(name.as_str())
                    .map(|decision| &decision.answer)
                {
                    Some(DecisionAnswer::ByTask(_)) => Err(ReadError::NotYet {
                        task: format!("answering `{name}`"),
                    }),
                    _ => Err(ReadError::Open { decision: name }),
                },
            },
            "tasks" => Err(ReadError::NotYet { task: name }),
            "secrets" => Err(ReadError::NoValue {
                what: "secret".to_owned(),
                name,
            }),
            _ => Err(ReadError::Refused {
                because: format!("`{}` is not known before the run", reference.root),
            }),
        }
    }

    fn hash_files(&self, _: &[String]) -> Result<String, String> {
        Err("files are read when the task runs".to_owned())
    }
}

/// Evaluates a field that holds nothing but what is known at planning; `Ok(None)` where something is not known yet.
pub fn known_now(
    field: &Field,
    scope: &PlanningScope<'_>,
) -> Result<Option<Value>, EvaluationError> {
    match field.evaluate(scope) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.read_error().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;
    use crate::diagnostic::{Style, render};

    /// Resolves the values of a plan with these inputs, and returns what is said.
    fn said(inputs: &str, environments: &str, given: &[(&str, &str)], wanted: Wanted) -> String {
        let text = format!("name: shop\n{inputs}{environments}phases: []\n");
        let read = crate::plan::read_text("deploy.yaml", text, Utf8Path::new("."));
        let plan = read.plan.expect("the plan is valid");
        let pairs = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let given = Given {
            inputs: pairs.collect(),
            ..Given::default()
        };
        match Values::resolve(&plan, &given, wanted) {
            Ok(_) => String::new(),
            Err(problems) => render(&read.source, &problems, Style::Plain),
        }
    }

    #[test]
    fn an_input_without_a_value_is_told_the_three_ways_to_one() {
        insta::assert_snapshot!(said("inputs:\n  project: {}\n", "", &[], Wanted::All), @r"
        error[no-value]: input `project` has no value
         --> deploy.yaml:3:3
          |
        3 |   project: {}
          |   ^^^^^^^
          |
          = help: give it by `--input project=…`, in an environment, or as `default`
        ");
    }

    #[test]
    fn an_input_has_a_value_where_one_of_the_three_ways_gives_it() {
        let inputs = "inputs:\n  project: {}\n";
        let staging = "environments:\n  staging: { inputs: { project: a } }\n";
        assert_eq!(said(inputs, "", &[("project", "a")], Wanted::All), "");
        assert_eq!(
            said("inputs:\n  project: { default: a }\n", "", &[], Wanted::All),
            ""
        );
        assert_eq!(said(inputs, staging, &[], Wanted::All), "");
        assert_eq!(said(inputs, "", &[], Wanted::Known), "");
        let production = format!("{staging}  production: {{}}\n");
        assert!(said(inputs, &production, &[], Wanted::All).contains("no-value"));
    }

    #[test]
    fn a_given_input_that_the_plan_does_not_have_is_told_the_nearest() {
        let said = said(
            "inputs:\n  project: { default: a }\n",
            "",
            &[("projct", "b")],
            Wanted::All,
        );
        assert!(said.contains("the plan has no input `projct`"), "{said}");
        assert!(said.contains("did you mean `project`?"), "{said}");
    }
}
