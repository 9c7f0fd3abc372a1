//! The values of secrets: from the variable of their name, else from their file (`plan-format.md`, `secrets`).

use std::{collections::BTreeMap, fs};

use camino::Utf8Path;

use super::{ExecuteError, stand_in::StandIns};
use crate::{ident::Name, plan::Plan, secret::Secret};

/// The secrets of a plan, as far as they have values here.
#[derive(Debug, Default)]
pub struct Secrets {
    values: BTreeMap<Name, Secret>,
    missing: BTreeMap<Name, String>,
}

impl Secrets {
    /// Finds the values of all secrets; one without a value is an error only where it is read.
    pub fn find(
        plan: &Plan,
        folder: &Utf8Path,
        variables: &BTreeMap<String, String>,
        stand_ins: &StandIns,
    ) -> Self {
        let mut secrets = Self::default();
        for (name, source) in &plan.secrets {
            let variable = variables
                .get(name.as_str())
                .filter(|value| !value.is_empty())
                .cloned();
            let file = source
                .file
                .as_ref()
                .and_then(|path| from_file(&folder.join(path)));
            let canary = stand_ins.secrets.get(name.as_str()).cloned();
            // What a rehearsal sealed, only its own key opens.
            let own = canary.clone().filter(|_| is_key(plan, stand_ins, name));
            match own.or(variable).or(file).or(canary) {
                Some(value) => {
                    secrets.values.insert(name.clone(), Secret::new(value));
                }
                None => {
                    let mut hint = format!("set the variable `{name}`");
                    if let Some(path) = &source.file {
                        hint.push_str(&format!(", or write it to `{path}`"));
                    }
                    if source.google.is_some() || source.kubernetes.is_some() {
                        hint.push_str("; this version does not read secrets through a connection");
                    }
                    secrets.missing.insert(name.clone(), hint);
                }
            }
        }
        secrets
    }

    /// Returns the value of a secret.
    ///
    /// # Errors
    ///
    /// It has none here.
    pub fn get(&self, name: &str) -> Result<&Secret, ExecuteError> {
        self.values.get(name).ok_or_else(|| ExecuteError::NoSecret {
            name: name.to_owned(),
            hint: self.missing.get(name).cloned().unwrap_or_default(),
        })
    }

    /// Goes through all values, for the mask.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.values
            .iter()
            .map(|(name, secret)| (name.as_str(), secret))
    }
}

/// Whether a secret opens what an environment of the rehearsal seals.
fn is_key(plan: &Plan, stand_ins: &StandIns, name: &Name) -> bool {
    plan.environments.iter().any(|(environment, declared)| {
        declared.key.as_ref() == Some(name)
            && stand_ins.recipients.contains_key(environment.as_str())
    })
}

/// Reads a secret's file; one trailing newline is dropped.
fn from_file(path: &Utf8Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Some(text.strip_suffix('\r').unwrap_or(text).to_owned()).filter(|text| !text.is_empty())
}
