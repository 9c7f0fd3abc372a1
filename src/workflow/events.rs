//! The events of a workflow, what each of them starts, and what a dispatch asks.

use serde_json::{Map, Value, json};

use super::{WorkflowError, action, conditions::inert};
use crate::plan::{
    Plan,
    model::{Input, InputType, WorkflowDeclaration},
};

/// The verbs that a workflow can run.
pub const COMMANDS: [&str; 4] = ["run", "preview", "drift", "verify"];

/// The most inputs of a dispatch (GitHub, "Events that trigger workflows").
const MOST_INPUTS: usize = 25;

/// What an event starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    /// The tasks, a job each.
    Run,
    /// What would happen, in one job.
    Preview,
    /// Whether the outside is still what the plan says, in one job.
    Drift,
    /// The checks alone, in one job.
    Verify,
}

impl Command {
    /// Returns the verb.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Preview => "preview",
            Self::Drift => "drift",
            Self::Verify => "verify",
        }
    }

    fn of_verb(verb: &str) -> Option<Self> {
        [Self::Run, Self::Preview, Self::Drift, Self::Verify]
            .into_iter()
            .find(|command| command.verb() == verb)
    }

    fn of_event(event: &str) -> Option<Self> {
        match event {
            "push" | "release" | "workflow_dispatch" => Some(Self::Run),
            "pull_request" | "merge_group" => Some(Self::Preview),
            "schedule" => Some(Self::Drift),
            _ => None,
        }
    }
}

/// The events of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Events {
    /// Each event with its filters; `Null` where it has none.
    pub filters: Map<String, Value>,
    /// What each of them starts, in the same order.
    pub commands: Vec<(String, Command)>,
}

impl Events {
    /// Reads `on` as the plan writes it.
    pub fn read(workflow: &str, declaration: &WorkflowDeclaration) -> Result<Self, WorkflowError> {
        let workflow = workflow.to_owned();
        let filters = match &declaration.on {
            Value::String(event) => Map::from_iter([(event.clone(), Value::Null)]),
            Value::Array(events) => events
                .iter()
                .filter_map(|event| Some((event.as_str()?.to_owned(), Value::Null)))
                .collect(),
            Value::Object(events) => {
                let without_empty = |filters: &Value| match filters {
                    Value::Object(entries) if entries.is_empty() => Value::Null,
                    other => other.clone(),
                };
                events
                    .iter()
                    .map(|(event, filters)| (event.clone(), without_empty(filters)))
                    .collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Map::new(),
        };
        if filters.is_empty() {
            return Err(WorkflowError::NoEvent { workflow });
        }
        let command = match &declaration.command {
            None => None,
            Some(verb) => {
                Some(
                    Command::of_verb(verb).ok_or_else(|| WorkflowError::UnknownCommand {
                        workflow: workflow.clone(),
                        command: verb.clone(),
                    })?,
                )
            }
        };
        let mut commands = Vec::new();
        for event in filters.keys() {
            let (workflow, event) = (workflow.clone(), event.clone());
            if matches!(event.as_str(), "pull_request_target" | "workflow_run") {
                return Err(WorkflowError::DangerousEvent { workflow, event });
            }
            match command.or_else(|| Command::of_event(&event)) {
                Some(command) => commands.push((event, command)),
                None => return Err(WorkflowError::UnknownEvent { workflow, event }),
            }
        }
        Ok(Self { filters, commands })
    }

    /// Returns the events that start a command.
    pub fn of(&self, command: Command) -> Vec<&str> {
        self.commands
            .iter()
            .filter(|(_, started)| *started == command)
            .map(|(event, _)| event.as_str())
            .collect()
    }

    /// Whether some event starts a command.
    pub fn start(&self, command: Command) -> bool {
        !self.of(command).is_empty()
    }

    /// Whether all events start one command.
    pub fn start_only(&self, command: Command) -> bool {
        self.commands.iter().all(|(_, started)| *started == command)
    }

    /// Whether a person can start it.
    pub fn has_dispatch(&self) -> bool {
        self.filters.contains_key("workflow_dispatch")
    }

    /// Adds the plan's inputs, and `confirm` where gates ask for it, to the dispatch; what the plan wrote there stays.
    pub fn add_inputs(
        &mut self,
        workflow: &str,
        plan: &Plan,
        confirmed: &[String],
    ) -> Result<(), WorkflowError> {
        let Some(dispatch) = self.filters.get_mut("workflow_dispatch") else {
            return Ok(());
        };
        let mut inputs = Map::new();
        for (name, input) in &plan.inputs {
            if name.as_str() == action::CONFIRM.name {
                return Err(WorkflowError::ReservedInput(name.to_string()));
            }
            let overridden = plan
                .environments
                .values()
                .any(|environment| environment.inputs.contains_key(name));
            inputs.insert(name.to_string(), dispatch_input(input, overridden));
        }
        if !confirmed.is_empty() {
            let description = format!("Gates that you confirm, by task: {}", confirmed.join(", "));
            inputs.insert(
                action::CONFIRM.name.to_owned(),
                json!({ "description": description, "type": "string" }),
            );
        }
        if let Some(Value::Object(written)) = dispatch.get("inputs") {
            inputs.extend(written.clone());
        }
        if inputs.len() > MOST_INPUTS {
            return Err(WorkflowError::TooManyInputs {
                workflow: workflow.to_owned(),
                found: inputs.len(),
                most: MOST_INPUTS,
            });
        }
        if inputs.is_empty() {
            return Ok(());
        }
        match dispatch {
            Value::Object(entries) => {
                entries.insert("inputs".to_owned(), Value::Object(inputs));
            }
            other => *other = json!({ "inputs": inputs }),
        }
        Ok(())
    }
}

/// An input of a dispatch. What a person leaves empty is not given: a default written here would be given in every run, and
/// win against the value of an environment, so it stands here only where no environment has one. GitHub knows no choice and
/// no boolean that can be left empty; such an input is a text.
fn dispatch_input(input: &Input, overridden: bool) -> Value {
    let default = input.default.as_ref().and_then(|default| default.literal());
    let may_be_empty = overridden || (input.default.is_some() && default.is_none());
    let default = default.filter(|_| !overridden);
    let options: Vec<String> = match input.ty {
        InputType::Choice => input.options.clone(),
        InputType::Boolean => vec!["true".to_owned(), "false".to_owned()],
        InputType::String | InputType::Number | InputType::Json => Vec::new(),
    };
    let ty = match input.ty {
        InputType::Number => "number",
        InputType::Boolean if !may_be_empty => "boolean",
        InputType::Choice if !may_be_empty => "choice",
        InputType::String | InputType::Json | InputType::Boolean | InputType::Choice => "string",
    };
    let mut entries = Map::new();
    let alternatives =
        (may_be_empty && !options.is_empty()).then(|| format!("{}, or empty", options.join(", ")));
    let description = match (input.description.as_deref().map(inert), alternatives) {
        (Some(description), Some(alternatives)) => Some(format!("{description} ({alternatives})")),
        (description, alternatives) => description.or(alternatives),
    };
    entries.extend(description.map(|description| ("description".to_owned(), description.into())));
    if default.is_none() && !may_be_empty {
        entries.insert("required".to_owned(), true.into());
    }
    entries.insert("type".to_owned(), ty.into());
    if ty == "choice" {
        entries.insert("options".to_owned(), options.into());
    }
    if let Some(text) = default {
        let typed = match ty {
            "number" | "boolean" => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            _ => Value::String(text),
        };
        entries.insert("default".to_owned(), typed);
    }
    Value::Object(entries)
}
