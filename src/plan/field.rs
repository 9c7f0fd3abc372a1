//! A value of the plan file whose expressions have been read and not yet been evaluated.

use indexmap::IndexMap;

use crate::{
    diagnostic::Span,
    expression::{EvaluationError, Expression, Map, ReadError, Reference, Template, Value},
};

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Field {
    /// Where it stands.
    pub span: Span,
    /// Where its key stands; its own place in a list.
    pub key: Span,
    /// What it is.
    pub content: Content,
}

/// What a field holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// A text, perhaps with expressions.
    Text(Template),
    /// A list.
    List(Vec<Field>),
    /// A map.
    Map(IndexMap<String, Field>),
}

/// Up to so many entries, looking at each costs less than hashing the key.
const FEW: usize = 8;

/// What an expression is evaluated against.
pub trait Scope {
    /// Returns the value that a reference leads to.
    fn read(&self, reference: &Reference) -> Result<Value, ReadError>;

    /// Returns the digest of the files that match the patterns, for `hashFiles`.
    fn hash_files(&self, patterns: &[String]) -> Result<String, String>;
}

impl Field {
    /// A field that holds nothing.
    pub fn null(span: Span) -> Self {
        Self::new(span, Content::Null)
    }

    /// A field that stands in a list, or whose key is not known yet.
    pub fn new(span: Span, content: Content) -> Self {
        Self {
            span,
            key: span,
            content,
        }
    }

    /// The same field behind a key.
    #[must_use]
    pub fn behind(mut self, key: Span) -> Self {
        self.key = key;
        self
    }

    /// Whether it holds nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// Returns the entry `key` of a map.
    pub fn get(&self, key: &str) -> Option<&Field> {
        let entries = self.entries()?;
        if entries.len() > FEW {
            return entries.get(key);
        }
        let mut entries = entries.iter();
        entries.find_map(|(name, field)| (name == key).then_some(field))
    }

    /// Returns the entries of a map.
    pub fn entries(&self) -> Option<&IndexMap<String, Field>> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            Content::Null
            | Content::Boolean(_)
            | Content::Number(_)
            | Content::Text(_)
            | Content::List(_) => None,
        }
    }

    /// Returns the items of a list, or the field itself where one stands alone.
    pub fn items(&self) -> &[Field] {
        match &self.content {
            Content::List(items) => items,
            Content::Null => &[],
            Content::Boolean(_) | Content::Number(_) | Content::Text(_) | Content::Map(_) => {
                std::slice::from_ref(self)
            }
        }
    }

    /// Returns the text of a scalar that holds no expression.
    pub fn literal(&self) -> Option<String> {
        match &self.content {
            Content::Text(template) => template.is_literal().then(|| template.text().to_owned()),
            Content::Number(number) => Some(crate::expression::number_text(*number)),
            Content::Boolean(flag) => Some(flag.to_string()),
            Content::Null | Content::List(_) | Content::Map(_) => None,
        }
    }

    /// Visits the expressions at any depth.
    pub fn expressions<'f>(&'f self, visit: &mut dyn FnMut(&'f Expression)) {
        match &self.content {
            Content::Text(template) => template.expressions().for_each(visit),
            Content::List(items) => items.iter().for_each(|item| item.expressions(visit)),
            Content::Map(entries) => entries.values().for_each(|entry| entry.expressions(visit)),
            Content::Null | Content::Boolean(_) | Content::Number(_) => {}
        }
    }

    /// Evaluates the field; the first thing that cannot be evaluated ends it.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, EvaluationError> {
        match &self.content {
            Content::Null => Ok(Value::Null),
            Content::Boolean(flag) => Ok(Value::Boolean(*flag)),
            Content::Number(number) => Ok(Value::Number(*number)),
            Content::Text(template) => template
                .evaluate(&|reference| scope.read(reference), &|patterns| {
                    scope.hash_files(patterns)
                }),
            Content::List(items) => items
                .iter()
                .map(|item| item.evaluate(scope))
                .collect::<Result<_, _>>()
                .map(Value::List),
            Content::Map(entries) => entries
                .iter()
                .map(|(key, field)| Ok((key.clone(), field.evaluate(scope)?)))
                .collect::<Result<Map, _>>()
                .map(Value::Map),
        }
    }
}
