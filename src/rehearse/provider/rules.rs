//! What a schema does not say about resources: the rules of a provider, one file each in `rules/`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::schema::ProviderSchema;

/// The rules of a provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Rules {
    /// Attributes of the provider's configuration that it does not work without, with the variables that stand in for them.
    pub(super) needs: BTreeMap<String, Vec<String>>,
    /// Whether the provider is made with the older kit, whose plans may hold defaults of what is not computed.
    pub(super) legacy: bool,
    /// The rule of every resource type that has such attributes, behind its own.
    everywhere: ResourceRule,
    pub(super) resources: BTreeMap<String, ResourceRule>,
    pub(super) data_sources: BTreeMap<String, DataRule>,
}

/// The rule of a resource type.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct ResourceRule {
    /// Template of the name by which the cloud knows an object, and by which it is imported.
    pub(super) identity: Option<String>,
    /// Attributes whose change makes a new object.
    pub(super) immutable: Vec<String>,
    /// Attributes of which at most one is set.
    pub(super) conflicts: Vec<Vec<String>>,
    /// Attributes of which exactly one is set.
    pub(super) exactly_one: Vec<Vec<String>>,
    /// What an attribute may be.
    pub(super) values: BTreeMap<String, Vec<String>>,
    /// Values that are known when it is planned, by path.
    pub(super) defaults: Map<String, Json>,
    /// Values that are known after apply, by path, each perhaps from those before it.
    pub(super) computed: Map<String, Json>,
    /// Computed attributes that every update changes.
    pub(super) changes: Vec<String>,
    /// The attribute that keeps an object from being deleted.
    pub(super) protected_by: Option<String>,
}

/// The rule of a data source.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct DataRule {
    /// The resource type whose object it shows.
    pub(super) of: Option<String>,
    /// Which object: an attribute of the resource by the attribute of the data source that it equals.
    pub(super) by: BTreeMap<String, String>,
    /// Values by path, each perhaps from those before it.
    pub(super) computed: Map<String, Json>,
}

/// The rules of a provider are not readable.
#[derive(Debug, thiserror::Error)]
#[error("the rules of a provider are not readable")]
pub struct RulesError(#[source] serde_json::Error);

impl Rules {
    /// Reads a file of rules.
    ///
    /// # Errors
    ///
    /// It is not one.
    pub(super) fn of_json(json: &Json) -> Result<Self, RulesError> {
        Self::deserialize(json).map_err(RulesError)
    }

    /// Gives each resource type what holds everywhere.
    pub(super) fn spread(mut self, schema: &ProviderSchema) -> Self {
        for (kind, schema) in &schema.resources {
            let attributes = &schema.block.attributes;
            let rule = self.resources.entry(kind.clone()).or_default();
            let everywhere = &self.everywhere;
            rule.identity = rule.identity.take().or_else(|| everywhere.identity.clone());
            for name in &everywhere.immutable {
                if attributes.contains_key(name) && !rule.immutable.contains(name) {
                    rule.immutable.push(name.clone());
                }
            }
            let behind = |ours: &mut Map<String, Json>, theirs: &Map<String, Json>| {
                for (name, template) in theirs {
                    if attributes.contains_key(name) && !ours.contains_key(name) {
                        ours.insert(name.clone(), template.clone());
                    }
                }
            };
            behind(&mut rule.defaults, &everywhere.defaults);
            behind(&mut rule.computed, &everywhere.computed);
        }
        self
    }
}
