//! What the stand-in says to terraform: a problem with the attribute that it concerns.

use super::{
    cloud::CloudError, fault::FaultError, json::JsonError, template::TemplateError, wire::Message,
};

/// The protocol's number of an error.
const ERROR: u64 = 1;

/// An error that terraform shows to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) summary: String,
    pub(super) detail: String,
    /// The attribute of the configuration.
    pub(super) attribute: Option<String>,
}

impl Problem {
    /// A problem of an object as a whole.
    pub(super) fn new(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            detail: detail.into(),
            attribute: None,
        }
    }

    /// Names the attribute.
    pub(super) fn at(mut self, attribute: &str) -> Self {
        self.attribute = Some(attribute.to_owned());
        self
    }

    /// Writes it as the protocol does.
    pub(super) fn message(&self) -> Message {
        let message = Message::default()
            .number(1, ERROR)
            .text(2, &self.summary)
            .text(3, &self.detail);
        match &self.attribute {
            Some(attribute) => message.message(4, &path(attribute)),
            None => message,
        }
    }
}

/// The path of an attribute of the whole.
pub(super) fn path(attribute: &str) -> Message {
    Message::default().message(1, &Message::default().text(1, attribute))
}

impl From<CloudError> for Problem {
    fn from(error: CloudError) -> Self {
        Self::new("The stand-in's cloud cannot be used", in_full(&error))
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        Self::new(
            "The stand-in's cloud holds what does not fit the schema",
            in_full(&error),
        )
    }
}

impl From<FaultError> for Problem {
    fn from(error: FaultError) -> Self {
        Self::new(
            "The faults of the stand-in are not readable",
            in_full(&error),
        )
    }
}

impl From<TemplateError> for Problem {
    fn from(error: TemplateError) -> Self {
        Self::new("A rule of the stand-in does not fit", in_full(&error))
    }
}

/// An error with its causes.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&format!(": {error}"));
        cause = error.source();
    }
    words
}
