//! What an expression reads: a context and the way into it.

use std::{fmt, ops::Range};

use super::lexer::is_word;

/// Byte offsets into a source, the end not included.
pub type Span = Range<usize>;

/// A reference to a value outside the expression, as `tasks.server.outputs.reference` or `decisions['tls']`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The context: `tasks`, `inputs`, `github`.
    pub root: String,
    /// The way into it.
    pub path: Vec<Segment>,
    /// Byte offsets into the source.
    pub span: Span,
}

/// A step of the way into a context.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// An entry of a map: `.name` or `['name']`.
    Name(String),
    /// An element of a list, from 0: `[1]`.
    Index(usize),
    /// Every element: `.*` or `[*]`.
    Wildcard,
    /// A name or index that is known when the expression is evaluated: `[matrix.service]`.
    Computed,
}

impl Reference {
    /// Returns the names that the way begins with, up to its first other step.
    pub fn names(&self) -> Vec<&str> {
        self.path
            .iter()
            .map_while(|segment| match segment {
                Segment::Name(name) => Some(name.as_str()),
                Segment::Index(_) | Segment::Wildcard | Segment::Computed => None,
            })
            .collect()
    }

    /// Returns how many steps lead to what is read as a whole: three in `tasks` (`tasks.TASK.outputs.NAME`), else one.
    ///
    /// A reader is never asked for more; what follows is looked up in the value that it returns.
    pub fn steps_to_value(root: &str) -> usize {
        if root == "tasks" { 3 } else { 1 }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.root)?;
        for segment in &self.path {
            match segment {
                Segment::Name(name) => write_name(formatter, name)?,
                Segment::Index(index) => write!(formatter, "[{index}]")?,
                Segment::Wildcard => formatter.write_str(".*")?,
                Segment::Computed => formatter.write_str("[…]")?,
            }
        }
        Ok(())
    }
}

/// Writes the step to entry `name` as short as the language allows.
pub(super) fn write_name(formatter: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if is_word(name) {
        write!(formatter, ".{name}")
    } else {
        write!(formatter, "['{}']", name.replace('\'', "''"))
    }
}
