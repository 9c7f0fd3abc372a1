//! The plan file as a tree of nodes, each with its place: YAML 1.2 with the core schema, and nothing more.
//!
//! Merge keys, tags, second documents and duplicate keys are refused here, and so is a file that is larger, deeper or
//! wider than a plan may be (`plan-format.md`, 3.1). Nothing here knows what the keys mean.
mod read;
mod steps;

pub use read::{read, too_large};

use std::rc::Rc;

use crate::diagnostic::Span;

/// The largest plan file, in bytes.
pub const MOST_BYTES: usize = 1024 * 1024;
/// The deepest nesting, in levels.
pub const MOST_LEVELS: usize = 64;
/// The largest number of nodes, counted after aliases are followed.
pub const MOST_NODES: usize = 200_000;

/// One value of the file.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub content: Content,
}

/// The three shapes of YAML. An alias shares what its anchor names, so that it costs nothing to follow one.
#[derive(Debug, Clone)]
pub enum Content {
    /// A single value.
    Scalar(Scalar),
    /// `[a, b]`, or lines with dashes.
    List(Rc<Vec<Node>>),
    /// `{ a: b }`, or lines with colons.
    Map(Rc<Map>),
}

/// The entries of a mapping, in the order of the file.
#[derive(Debug, Clone)]
pub struct Map {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Whether it was written with braces.
    pub flow: bool,
}

/// One key with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A single value as it was written, and what YAML's core schema makes of it.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The text after escapes and folding.
    pub text: String,
    /// Whether it was written without quotes, so that it may be a number, a boolean or null.
    pub plain: bool,
}

/// What YAML's core schema makes of a plain scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Typed {
    /// Nothing.
    Null,
    /// `true` or `false`; `yes`, `on` and their like are text.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// Anything else.
    Text,
}

impl Scalar {
    /// Returns what the core schema makes of it.
    pub fn typed(&self) -> Typed {
        if !self.plain {
            return Typed::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Typed::Null,
            "true" | "True" | "TRUE" => Typed::Boolean(true),
            "false" | "False" | "FALSE" => Typed::Boolean(false),
            text => core_number(text).map_or(Typed::Text, Typed::Number),
        }
    }
}

/// Reads a number of the core schema (YAML 1.2.2, 10.3.2), without infinities and NaN, which no plan needs.
fn core_number(text: &str) -> Option<f64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16)
            .ok()
            .map(|number| number as f64);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8)
            .ok()
            .map(|number| number as f64);
    }
    let starts_as_number = text
        .trim_start_matches(['-', '+'])
        .starts_with(|first: char| first.is_ascii_digit() || first == '.');
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let only_number_characters = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if starts_as_number && has_digit && only_number_characters {
        text.parse().ok()
    } else {
        None
    }
}

impl Node {
    /// Returns the mapping, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.content {
            Content::Map(map) => Some(map),
            Content::Scalar(_) | Content::List(_) => None,
        }
    }

    /// Returns the scalar, if it is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            Content::Map(_) | Content::List(_) => None,
        }
    }

    /// Whether nothing stands there, as behind `key:` at the end of a line.
    pub fn is_null(&self) -> bool {
        self.as_scalar()
            .is_some_and(|scalar| scalar.typed() == Typed::Null)
    }

    /// Returns the nodes that a list holds, or the node itself: a single item may stand without brackets.
    pub fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            Content::Scalar(_) | Content::Map(_) => std::slice::from_ref(self),
        }
    }

    /// Names its shape as messages do.
    pub fn shape(&self) -> &'static str {
        match &self.content {
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
            Content::Scalar(scalar) => match scalar.typed() {
                Typed::Null => "nothing",
                Typed::Boolean(_) => "a boolean",
                Typed::Number(_) => "a number",
                Typed::Text => "a text",
            },
        }
    }
}

impl Map {
    /// Returns the value of `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Returns the entry of `key`.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}
