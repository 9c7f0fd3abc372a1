//! Kind `gate`: waits for decisions or a confirmation.

use super::body::{BodyError, Reader};
use crate::plan::grammar::{Exactly, Key, Object, Type, table::NAMES};

/// Keys of a gate.
pub static GRAMMAR: Object = Object {
    what: "a gate",
    exactly: &[Exactly {
        of: &["decisions", "confirm"],
        required: true,
        called: "condition",
    }],
    keys: &[
        Key::new("decisions", NAMES, "all answered"),
        Key::new(
            "confirm",
            Type::Text,
            "what a person does or has seen; who and when are kept",
        ),
    ],
};

/// A gate with its expressions evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// Waits until these decisions are answered.
    Decisions(Vec<String>),
    /// Waits until a person confirms this.
    Confirm(String),
}

impl Gate {
    /// Reads an evaluated body.
    pub fn read(body: Reader<'_>) -> Result<Self, BodyError> {
        match body.text("confirm")? {
            Some(text) => Ok(Self::Confirm(text)),
            None => Ok(Self::Decisions(body.texts("decisions")?)),
        }
    }
}
