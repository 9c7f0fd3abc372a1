//! The providers that there is a stand-in for: their schemas and rules, which are parts of this program.

use std::io::{self, Read as _};

use flate2::read::GzDecoder;
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
    /// What `terraform providers schema -json` says, packed.
    schema: &'static [u8],
    rules: &'static str,
}

/// All of them.
pub(super) const ENTRIES: [Entry; 3] = [
    Entry {
        address: "registry.terraform.io/cloudflare/cloudflare",
        schema: include_bytes!(concat!(env!("OUT_DIR"), "/cloudflare.json.gz")),
        rules: include_str!("rules/cloudflare.yaml"),
    },
    Entry {
        address: "registry.terraform.io/hashicorp/google",
        schema: include_bytes!(concat!(env!("OUT_DIR"), "/google.json.gz")),
        rules: include_str!("rules/google.yaml"),
    },
    Entry {
        address: "registry.terraform.io/rackerlabs/spot",
        schema: include_bytes!(concat!(env!("OUT_DIR"), "/spot.json.gz")),
        rules: include_str!("rules/spot.yaml"),
    },
];

/// A provider's files that are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is no stand-in.
    #[error("there is no stand-in for {found}, only for {known}")]
    Unknown {
        /// The addresses that were asked for.
        found: String,
        /// What there is.
        known: String,
    },
    /// The schema is not readable.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The schema cannot be unpacked.
    #[error("the schema of a provider cannot be unpacked")]
    Packed(#[from] io::Error),
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
    find_all([address]).map(|found| found[0])
}

/// Finds the stand-ins of several providers.
///
/// # Errors
///
/// There is none for some of them; each is named.
pub(super) fn find_all<'a>(
    addresses: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Entry>, CatalogError> {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for address in addresses {
        match ENTRIES.iter().find(|entry| entry.address == address) {
            Some(entry) => found.push(*entry),
            None => missing.push(address),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    Err(CatalogError::Unknown {
        found: quoted(&missing),
        known: quoted(&ENTRIES.map(|entry| entry.address)),
    })
}

fn quoted(addresses: &[&str]) -> String {
    let addresses: Vec<String> = addresses
        .iter()
        .map(|address| format!("`{address}`"))
        .collect();
    addresses.join(", ")
}

impl Entry {
    /// Reads the schema and the rules, each resource with those of all.
    ///
    /// # Errors
    ///
    /// A file is not what it should be.
    pub(super) fn read(&self) -> Result<(ProviderSchema, Rules), CatalogError> {
        let schema = ProviderSchema::of_json(&self.json()?, self.address)?;
        let rules: Json = serde_yaml::from_str(self.rules)
            .map_err(|error| CatalogError::Yaml(error.to_string()))?;
        let rules = Rules::of_json(&rules)?.spread(&schema);
        Ok((schema, rules))
    }

    /// Returns where the schema was taken from.
    ///
    /// # Errors
    ///
    /// The file is not what it should be.
    pub(super) fn source(&self) -> Result<String, CatalogError> {
        let json = self.json()?;
        Ok(json["x_source"].as_str().unwrap_or_default().to_owned())
    }

    fn json(&self) -> Result<Json, CatalogError> {
        let mut json = String::new();
        GzDecoder::new(self.schema).read_to_string(&mut json)?;
        Ok(serde_json::from_str(&json)?)
    }
}

#[cfg(test)]
mod tests;
