//! Kind `render`: renders a Tera template to a file.

use super::body::{BodyError, Reader};
use crate::{
    expression::Value,
    plan::grammar::{Key, Object, Type, table::MAP_OF_VALUE},
};

/// Keys of a render task.
pub static GRAMMAR: Object = Object {
    what: "a render task",
    exactly: &[],
    keys: &[
        Key::new("template", Type::Path, "the template").required(),
        Key::new("to", Type::Path, "the file; it becomes the artifact `file`").required(),
        Key::new("with", MAP_OF_VALUE, "its values").dollar(),
        Key::new(
            "committed",
            Type::Boolean,
            "kept in git, compared by `render --check`",
        )
        .default("false"),
    ],
};

/// A rendered file with its expressions evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Render {
    /// The template.
    pub template: String,
    /// The file.
    pub to: String,
    /// Its values.
    pub with: Value,
    /// Whether the file is kept in git.
    pub committed: bool,
}

impl Render {
    /// Reads an evaluated body.
    pub fn read(body: Reader<'_>) -> Result<Self, BodyError> {
        Ok(Self {
            template: body.required("template")?,
            to: body.required("to")?,
            with: body
                .value("with")
                .cloned()
                .unwrap_or_else(|| Value::Map(Default::default())),
            committed: body.flag("committed", false)?,
        })
    }
}
