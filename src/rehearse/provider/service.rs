//! The calls of terraform's plugin protocol 6, from their bytes to their answers.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use serde_json::{Map, Value as Json};
use tokio::sync::watch;

use super::{
    catalog::{self, CatalogError},
    checks,
    cloud::Cloud,
    fault::Faults,
    grpc::Status,
    msgpack,
    planned::Planning,
    problem::{self, Problem},
    rules::{ResourceRule, Rules},
    schema::{Block, ProviderSchema, Schema},
    template::Scope,
    value::{Type, Value},
    wire::{Fields, Message},
};

/// What a provider is started with.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// The address of the real provider.
    pub address: String,
    /// The file that keeps its cloud.
    pub state: PathBuf,
    /// The file of faults; there need not be one.
    pub faults: Option<PathBuf>,
    /// A file of JSON with what the rehearsal gives, texts by name.
    pub given: Option<PathBuf>,
    /// The environment.
    pub variables: BTreeMap<String, String>,
}

/// A provider.
pub(super) struct Service {
    pub(super) schema: ProviderSchema,
    pub(super) rules: Rules,
    pub(super) cloud: Cloud,
    pub(super) faults: Faults,
    options: ServiceOptions,
    /// What terraform configured it with. It holds tokens, and is neither written nor shown.
    config: Mutex<Value>,
    /// Whether terraform asked for an end.
    stop: watch::Sender<bool>,
}

/// What an answer says besides problems.
type Answered = Result<Message, Problem>;

impl Service {
    /// A provider that nobody has configured yet.
    ///
    /// # Errors
    ///
    /// There is no stand-in for it.
    pub(super) fn new(options: ServiceOptions) -> Result<Self, CatalogError> {
        let (schema, rules) = catalog::find(&options.address)?.read()?;
        Ok(Self {
            schema,
            rules,
            cloud: Cloud::new(&options.state),
            faults: Faults::new(options.faults.as_deref()),
            config: Mutex::new(Value::Null),
            stop: watch::Sender::new(false),
            options,
        })
    }

    /// Answers a call.
    ///
    /// # Errors
    ///
    /// There is no such call, or the request is none.
    pub(super) async fn answer(&self, method: &str, request: &[u8]) -> Result<Vec<u8>, Status> {
        let fields = Fields::read(request).map_err(Status::invalid)?;
        let message = match method {
            "GetMetadata" => self.metadata(),
            "GetProviderSchema" => self.provider_schema(),
            "ValidateProviderConfig" => {
                said(2, self.check_config(&fields).map(|()| Message::default()))
            }
            "ConfigureProvider" => said(1, self.configure(&fields).map(|()| Message::default())),
            "ValidateResourceConfig" => listed(self.check_resource(&fields)),
            "ValidateDataResourceConfig" => listed(self.check_data_source(&fields)),
            "UpgradeResourceState" => upgraded(&fields)?,
            "ReadResource" => said(2, self.read(&fields).await),
            "PlanResourceChange" => said(4, self.plan(&fields)),
            "ApplyResourceChange" => self.apply(&fields).await,
            "ImportResourceState" => said(2, self.import(&fields)),
            "ReadDataSource" => said(2, self.read_data_source(&fields).await),
            "MoveResourceState" => said(2, Err(none("moves state from another type"))),
            "GetFunctions" | "GetResourceIdentitySchemas" => Message::default(),
            "StopProvider" => {
                self.stop.send_replace(true);
                Message::default()
            }
            other => return Err(Status::unimplemented(other)),
        };
        Ok(message.into_bytes())
    }

    /// Waits until terraform asks for an end.
    pub(super) async fn stopped(&self) {
        // The sender is this provider's own, and lives as long as it does.
        self.stop.subscribe().wait_for(|stop| *stop).await.ok();
    }

    /// Returns what terraform configured the provider with.
    pub(super) fn config(&self) -> Value {
        self.config
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns what the rehearsal gives.
    ///
    /// # Errors
    ///
    /// Its file is not readable.
    pub(super) fn given(&self) -> Result<Map<String, Json>, Problem> {
        let Some(file) = &self.options.given else {
            return Ok(Map::new());
        };
        let unreadable =
            |why: String| Problem::new("What the rehearsal gives is not readable", why);
        let bytes = fs::read(file).map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
    }

    /// Returns the schema of a resource type, with its rule.
    pub(super) fn resource(&self, kind: &str) -> Result<(&Schema, ResourceRule), Problem> {
        let schema = self
            .schema
            .resources
            .get(kind)
            .ok_or_else(|| none(&format!("has a resource `{kind}`")))?;
        Ok((
            schema,
            self.rules.resources.get(kind).cloned().unwrap_or_default(),
        ))
    }

    /// Returns the schema of a data source.
    pub(super) fn data_source(&self, kind: &str) -> Result<&Schema, Problem> {
        let found = self.schema.data_sources.get(kind);
        found.ok_or_else(|| none(&format!("has a data source `{kind}`")))
    }

    fn metadata(&self) -> Message {
        let names = |names: Vec<&String>| -> Vec<Message> {
            let names = names.into_iter();
            names.map(|name| Message::default().text(1, name)).collect()
        };
        Message::default()
            .message(1, &capabilities())
            .messages(3, names(self.schema.data_sources.keys().collect()))
            .messages(4, names(self.schema.resources.keys().collect()))
    }

    fn provider_schema(&self) -> Message {
        let mut message = Message::default().message(1, &self.schema.provider.message());
        for (name, schema) in &self.schema.resources {
            message = message.entry(2, name, &schema.message());
        }
        for (name, schema) in &self.schema.data_sources {
            message = message.entry(3, name, &schema.message());
        }
        message.message(6, &capabilities())
    }

    fn check_config(&self, fields: &Fields<'_>) -> Result<(), Problem> {
        let config = value(fields, 1, &self.schema.provider.block)?;
        for (name, variables) in &self.rules.needs {
            let has_variable = variables
                .iter()
                .any(|name| self.options.variables.contains_key(name));
            if config.get(name).is_null() && !has_variable {
                return Err(Problem::new(
                    format!("Missing {name}"),
                    format!(
                        "The provider needs `{name}`, or one of the variables {}",
                        variables.join(", ")
                    ),
                )
                .at(name));
            }
        }
        Ok(())
    }

    fn configure(&self, fields: &Fields<'_>) -> Result<(), Problem> {
        let config = value(fields, 2, &self.schema.provider.block)?;
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    fn check_resource(&self, fields: &Fields<'_>) -> Result<Vec<Problem>, Problem> {
        let (schema, rule) = self.resource(text(fields, 1)?)?;
        let config = value(fields, 2, &schema.block)?;
        let mut problems = checks::decided(&schema.block, &config);
        problems.extend(checks::problems(&rule, &config));
        Ok(problems)
    }

    fn check_data_source(&self, fields: &Fields<'_>) -> Result<Vec<Problem>, Problem> {
        let block = &self.data_source(text(fields, 1)?)?.block;
        Ok(checks::decided(block, &value(fields, 2, block)?))
    }

    fn plan(&self, fields: &Fields<'_>) -> Answered {
        let (schema, rule) = self.resource(text(fields, 1)?)?;
        let prior = value(fields, 2, &schema.block)?;
        let proposed = value(fields, 3, &schema.block)?;
        if proposed.is_null() {
            return Ok(Message::default().message(1, &dynamic(&proposed)));
        }
        let planning = Planning {
            block: &schema.block,
            rule: &rule,
            legacy: self.rules.legacy,
            scope: Scope {
                object: &proposed,
                config: &self.config(),
                given: &Map::new(),
                seed: "",
                n_alike: 0,
            },
        };
        let planned = planning.plan(&prior, &proposed, &value(fields, 4, &schema.block)?)?;
        let replacing = planned.replacing.iter();
        Ok(Message::default()
            .message(1, &dynamic(&planned.value))
            .messages(2, replacing.map(|name| problem::path(name)))
            .number(5, self.rules.legacy.into()))
    }
}

/// A problem as the answer's only one, or the answer.
pub(super) fn said(field: u32, answered: Answered) -> Message {
    answered.unwrap_or_else(|problem| Message::default().message(field, &problem.message()))
}

/// Every problem that was found, as the answer.
fn listed(checked: Result<Vec<Problem>, Problem>) -> Message {
    let problems = checked.unwrap_or_else(|problem| vec![problem]);
    Message::default().messages(1, problems.iter().map(Problem::message))
}

/// The stand-in lacks what was asked for.
fn none(what: &str) -> Problem {
    Problem::new(
        "The stand-in lacks what was asked for",
        format!("No stand-in provider {what}. The schema holds what the rehearsed systems use."),
    )
}

/// The provider may be used without asking for its schema first.
fn capabilities() -> Message {
    Message::default().number(2, 1)
}

/// The state as terraform keeps it: the stand-in has one version of each schema.
fn upgraded(fields: &Fields<'_>) -> Result<Message, Status> {
    let raw = fields.message(3).map_err(Status::invalid)?;
    Ok(Message::default().message(1, &Message::default().bytes(2, raw.bytes(1))))
}

/// Reads a text of a request.
pub(super) fn text<'b>(fields: &Fields<'b>, field: u32) -> Result<&'b str, Problem> {
    fields.text(field).map_err(unreadable)
}

/// Reads the value of a block in a request.
pub(super) fn value(fields: &Fields<'_>, field: u32, block: &Block) -> Result<Value, Problem> {
    value_of(fields, field, &block.implied_type())
}

fn value_of(fields: &Fields<'_>, field: u32, of: &Type) -> Result<Value, Problem> {
    let dynamic = fields.message(field).map_err(unreadable)?;
    match dynamic.bytes(1) {
        [] => Ok(Value::Null),
        bytes => msgpack::decode(bytes, of).map_err(unreadable),
    }
}

/// Writes a value as the protocol does.
pub(super) fn dynamic(value: &Value) -> Message {
    Message::default().bytes(1, &msgpack::encode(value))
}

fn unreadable(error: impl std::fmt::Display) -> Problem {
    Problem::new("The request is not readable", error.to_string())
}

#[cfg(test)]
mod tests;
