//! The document that `terraform show -json` writes, as far as it is read. Everything else in it is passed over.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// A part whose shape is read only where that is needed. `null` is none.
pub(super) type Part = Option<Box<RawValue>>;

#[derive(Deserialize)]
pub(super) struct ResourceDocument {
    pub address: String,
    pub previous_address: Option<String>,
    pub module_address: Option<String>,
    pub mode: Option<String>,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub provider_name: String,
    pub deposed: Option<String>,
    pub action_reason: Option<String>,
    pub change: ChangeDocument,
}

#[derive(Deserialize)]
pub(super) struct ChangeDocument {
    pub actions: Vec<String>,
    #[serde(default)]
    pub before: Part,
    #[serde(default)]
    pub after: Part,
    #[serde(default)]
    pub after_unknown: Part,
    #[serde(default)]
    pub before_sensitive: Part,
    #[serde(default)]
    pub after_sensitive: Part,
    #[serde(default)]
    pub replace_paths: Vec<Vec<Value>>,
    pub importing: Option<ImportingDocument>,
}

#[derive(Deserialize)]
pub(super) struct ImportingDocument {
    pub id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct DeferredDocument {
    #[serde(default)]
    pub reason: String,
    pub resource_change: ResourceDocument,
}

/// A resource of a state.
#[derive(Deserialize)]
pub(super) struct StatedDocument {
    pub address: String,
    pub mode: Option<String>,
    #[serde(default)]
    pub values: Part,
    #[serde(default)]
    pub sensitive_values: Part,
}

#[derive(Deserialize)]
pub(super) struct StandingDocument {
    pub address: StandingAddress,
    pub status: String,
    #[serde(default)]
    pub instances: Vec<StandingInstance>,
}

#[derive(Deserialize)]
pub(super) struct StandingAddress {
    pub to_display: String,
}

#[derive(Deserialize)]
pub(super) struct StandingInstance {
    #[serde(default)]
    pub problems: Vec<StandingProblem>,
}

#[derive(Deserialize)]
pub(super) struct StandingProblem {
    #[serde(default)]
    pub message: String,
}

#[derive(Deserialize)]
pub(super) struct VariableDocument {
    #[serde(default)]
    pub value: Part,
}

#[derive(Deserialize, Default)]
pub(super) struct ConfigurationDocument {
    #[serde(default)]
    pub root_module: RootModule,
}

#[derive(Deserialize, Default)]
pub(super) struct RootModule {
    #[serde(default)]
    pub variables: IndexMap<String, DeclaredVariable>,
}

#[derive(Deserialize)]
pub(super) struct DeclaredVariable {
    #[serde(default)]
    pub sensitive: bool,
}
