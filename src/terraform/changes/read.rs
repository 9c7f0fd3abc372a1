//! Reads the document, once and from its beginning to its end.

use std::{fmt, io};

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    Changes, Resources,
    document::{ChangeDocument, ConfigurationDocument, VariableDocument},
    take::Taking,
};
use crate::{
    secret::{MaskError, Secret},
    terraform::AddressPattern,
};

/// What of a plan is secret though terraform does not say so, and what is judged later.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading<'r> {
    /// Resources, attributes (`data.spot_kubeconfig.*.raw`) and outputs (`output.kubeconfig`) that are sensitive.
    pub sensitive: &'r [AddressPattern],
    /// Resources whose attributes are kept for [`Changes::judge`].
    pub kept: &'r [AddressPattern],
}

/// Why a document cannot be read as a plan. No value of the document stands in it.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// The reader failed.
    #[error("the plan cannot be read")]
    Io(#[source] io::Error),
    /// It is no JSON, or ends too early.
    #[error(
        "{what} at line {line}, column {column} of the plan's JSON{}",
        inside(part)
    )]
    Malformed {
        /// What is wrong, in words.
        what: &'static str,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The key of the document that was being read.
        part: Option<String>,
    },
    /// It is JSON of another kind.
    #[error("this is no plan of terraform: {because}")]
    NotAPlan {
        /// What is missing.
        because: &'static str,
    },
    /// A format that means something else.
    #[error("the plan's JSON is of format `{found}`, and formats 0.2 and 1 are understood")]
    Format {
        /// What the document says.
        found: String,
    },
    /// Something that nobody here knows, and that may be anything.
    #[error("the plan would do `{actions}` to `{address}`, which this version does not know")]
    Action {
        /// The resource.
        address: String,
        /// The words.
        actions: String,
    },
    /// The secrets of the plan cannot be masked.
    #[error("the plan's sensitive values cannot be masked")]
    Mask(#[from] MaskError),
}

fn inside(part: &Option<String>) -> String {
    part.as_deref()
        .map(|part| format!(", in `{part}`"))
        .unwrap_or_default()
}

impl ChangesError {
    /// Returns the next step.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Malformed { .. } | Self::NotAPlan { .. } => {
                Some("`terraform show -json PLANFILE` writes what is read here")
            }
            Self::Format { .. } | Self::Action { .. } => {
                Some("pin a version of terraform that this program knows, as 1.11")
            }
            Self::Io(_) | Self::Mask(_) => None,
        }
    }
}

impl Changes {
    /// Reads what `terraform show -json PLANFILE` wrote. The reader is best buffered.
    ///
    /// # Errors
    ///
    /// The document is malformed, no plan, or would do something that is not known here.
    pub fn read(reader: impl io::Read, reading: &Reading<'_>) -> Result<Self, ChangesError> {
        let mut taking = Taking::new(reading);
        let mut deserializer = serde_json::Deserializer::from_reader(reader);
        let read = deserializer
            .deserialize_map(Document(&mut taking))
            .and_then(|()| deserializer.end());
        match read {
            Ok(()) => taking.into_changes(),
            Err(error) => Err(taking.into_error(error)),
        }
    }
}

/// Returns what is secret in a state, each with its first place, from what `terraform show -json` writes without a plan: what
/// terraform marks sensitive, and what `sensitive` names. After an apply these are known that no plan could know.
///
/// # Errors
///
/// The document is malformed.
pub fn secrets_of_state(
    reader: impl io::Read,
    sensitive: &[AddressPattern],
) -> Result<Vec<(String, Secret)>, ChangesError> {
    let kept = &[];
    state(reader, &Reading { sensitive, kept }).map(Taking::into_secrets)
}

/// Returns the resources of a state that `reading` keeps, from what `terraform show -json` writes without a plan.
///
/// # Errors
///
/// The document is malformed.
pub fn resources_of_state(
    reader: impl io::Read,
    reading: &Reading<'_>,
) -> Result<Resources, ChangesError> {
    state(reader, reading).map(Taking::into_resources)
}

fn state<'r>(reader: impl io::Read, reading: &Reading<'r>) -> Result<Taking<'r>, ChangesError> {
    let mut taking = Taking::of_state(reading);
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let read = State(&mut taking)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    match read {
        Ok(()) => Ok(taking),
        Err(error) => Err(taking.into_error(error)),
    }
}

/// The whole document.
struct Document<'t, 'r>(&'t mut Taking<'r>);

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a plan")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            part(self.0, &key, &mut map)?;
        }
        self.0.part = None;
        Ok(())
    }
}

fn part<'de, A: MapAccess<'de>>(
    taking: &mut Taking<'_>,
    key: &str,
    map: &mut A,
) -> Result<(), A::Error> {
    taking.part = Some(key.to_owned());
    match key {
        "format_version" => {
            let format = map.next_value()?;
            let checked = taking.format(format);
            taking.hold(checked)?;
        }
        "terraform_version" => taking.terraform_version = map.next_value()?,
        "timestamp" => taking.timestamp = map.next_value()?,
        "complete" => taking.complete = map.next_value()?,
        "errored" => taking.errored = map.next_value()?,
        "applyable" => taking.applyable = map.next_value()?,
        "resource_changes" => map.next_value_seed(Each(taking, Taking::change))?,
        "resource_drift" => map.next_value_seed(Each(taking, Taking::drifted))?,
        "deferred_changes" => map.next_value_seed(Each(taking, Taking::deferred))?,
        "checks" => map.next_value_seed(Each(taking, Taking::standing))?,
        "output_changes" => {
            let outputs: Option<IndexMap<String, ChangeDocument>> = map.next_value()?;
            for (name, change) in outputs.into_iter().flatten() {
                let taken = taking.output(name, change);
                taking.hold(taken)?;
            }
        }
        "variables" => {
            let variables: Option<IndexMap<String, VariableDocument>> = map.next_value()?;
            taking.variables = variables.unwrap_or_default();
        }
        // Data that terraform has read already stand nowhere else.
        "prior_state" => map.next_value_seed(State(taking))?,
        "configuration" => {
            let configuration: ConfigurationDocument = map.next_value()?;
            taking.declared = configuration.root_module.variables;
        }
        other => {
            taking.is_plan |= other == "planned_values";
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(())
}

/// A part of a state: modules in modules, with their resources. What is secret in it is kept, and nothing else.
struct State<'t, 'r>(&'t mut Taking<'r>);

impl<'de> DeserializeSeed<'de> for State<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for State<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a state")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "values" | "root_module" | "child_modules" => {
                    map.next_value_seed(State(&mut *self.0))?;
                }
                "resources" => map.next_value_seed(Each(&mut *self.0, Taking::stated))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    /// Modules inside of a module.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(State(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

/// What takes an element.
type Take<'r, T> = fn(&mut Taking<'r>, T) -> Result<(), ChangesError>;

/// The elements of a list, each taken as soon as it is read.
struct Each<'t, 'r, T>(&'t mut Taking<'r>, Take<'r, T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Each<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<'_, '_, T> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self(taking, take) = self;
        while let Some(element) = list.next_element()? {
            let taken = take(taking, element);
            taking.hold(taken)?;
        }
        Ok(())
    }
}
