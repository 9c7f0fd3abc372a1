//! The providers that there is a stand-in for: their schemas and rules, which are parts of this program.

use serde_json::Value as Json;

use super::{
    rules::{Rules, RulesError},
    schema::{ProviderSchema, SchemaError},
};

/// A provider that there is a stand-in for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Where terraform finds the real one.
    pub(super) address: &'static str,
    schema: &'static str,
    rules: &'static str,
}

/// All of them.
pub(super) const ENTRIES: [Entry; 1] = [Entry {
    address: "registry.terraform.io/rackerlabs/spot",
    schema: include_str!("schemas/spot.json"),
    rules: include_str!("rules/spot.yaml"),
}];

/// A provider's files that are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is no stand-in.
    #[error("there is no stand-in for the provider `{found}`, only for {known}")]
    Unknown {
        /// The address that was asked for.
        found: String,
        /// What there is.
        known: String,
    },
    /// The schema is not readable.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The schema is no JSON.
    #[error("the schema of a provider is no JSON")]
    Json(#[from] serde_json::Error),
    /// The rules are not readable.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The rules are no YAML.
    #[error("the rules of a provider are no YAML: {0}")]
    Yaml(String),
}

/// Whether there is a stand-in for a provider, by its whole address.
pub fn is_known(address: &str) -> bool {
    ENTRIES.iter().any(|entry| entry.address == address)
}

/// Finds the stand-in of a provider by its whole address.
///
/// # Errors
///
/// There is none.
pub(super) fn find(address: &str) -> Result<Entry, CatalogError> {
    let found = ENTRIES.iter().find(|entry| entry.address == address);
    found.copied().ok_or_else(|| CatalogError::Unknown {
        found: address.to_owned(),
        known: ENTRIES
            .map(|entry| format!("`{}`", entry.address))
            .join(", "),
    })
}

impl Entry {
    /// Reads the schema.
    ///
    /// # Errors
    ///
    /// The file is not what it should be.
    pub(super) fn schema(&self) -> Result<ProviderSchema, CatalogError> {
        let json: Json = serde_json::from_str(self.schema)?;
        Ok(ProviderSchema::of_json(&json, self.address)?)
    }

    /// Returns where the schema was taken from.
    pub(super) fn source(&self) -> Result<String, CatalogError> {
        let json: Json = serde_json::from_str(self.schema)?;
        Ok(json["x_source"].as_str().unwrap_or_default().to_owned())
    }

    /// Reads the rules.
    ///
    /// # Errors
    ///
    /// The file is not what it should be.
    pub(super) fn rules(&self) -> Result<Rules, CatalogError> {
        let json: Json = serde_yaml::from_str(self.rules)
            .map_err(|error| CatalogError::Yaml(error.to_string()))?;
        Ok(Rules::of_json(&json)?)
    }
}
