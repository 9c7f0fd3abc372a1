//! Values of the file with their expressions read.

use indexmap::IndexMap;

use super::{Draft, Site};
use crate::{
    diagnostic::{Diagnostic, Span},
    expression::{Expression, ExpressionError, ExpressionProblem, Template},
    plan::{
        duration,
        field::{Content, Field},
        grammar::{Key, Object, Takes, Type},
        model::Condition,
        node::{Content as NodeContent, Map, Node, Scalar, Typed},
        position::Position,
    },
};

impl Draft<'_> {
    /// Reads the value of `key`, or nothing where it is absent.
    pub fn field(
        &mut self,
        map: &Map,
        object: &'static Object,
        key: &str,
        position: Position,
    ) -> Option<Field> {
        let node = map.get(key)?;
        let key = object.key(key)?;
        Some(self.value(node, key, key.ty, position))
    }

    /// Reads a whole object as a map of fields; keys that the grammar does not know have been reported.
    pub fn object(&mut self, node: &Node, object: &'static Object, position: Position) -> Field {
        let mut entries = IndexMap::new();
        for entry in node.as_map().map_or(&[][..], |map| &map.entries) {
            let known = object.keys.iter().find(|key| key.name == entry.key);
            // Checks, policies and conditions are read by their own functions; they are no values.
            if let Some(key) = known.filter(|key| !holds_objects_with_ids(key.ty)) {
                let place = if key.name == "proxy" {
                    Position::Proxy
                } else {
                    position
                };
                entries.insert(
                    entry.key.clone(),
                    self.value(&entry.value, key, key.ty, place),
                );
            }
        }
        Field {
            span: node.span,
            content: Content::Map(entries),
        }
    }

    /// Reads a value of a type.
    pub fn value(&mut self, node: &Node, key: &'static Key, ty: Type, position: Position) -> Field {
        let content = match (&node.content, ty) {
            (NodeContent::Map(_), Type::Object(object)) => {
                return self.object(node, object, position);
            }
            (NodeContent::Map(map), _) => {
                let inner = if let Type::Map(inner) = ty {
                    *inner
                } else {
                    Type::Value
                };
                let entries = map.entries.iter().map(|entry| {
                    (
                        entry.key.clone(),
                        self.value(&entry.value, key, inner, position),
                    )
                });
                Content::Map(entries.collect())
            }
            (NodeContent::List(items), _) => {
                let inner = if let Type::List(inner) = ty {
                    *inner
                } else {
                    Type::Value
                };
                Content::List(
                    items
                        .iter()
                        .map(|item| self.value(item, key, inner, position))
                        .collect(),
                )
            }
            (NodeContent::Scalar(scalar), _) => self.scalar(node, scalar, key, ty, position),
        };
        Field {
            span: node.span,
            content,
        }
    }

    fn scalar(
        &mut self,
        node: &Node,
        scalar: &Scalar,
        key: &'static Key,
        ty: Type,
        position: Position,
    ) -> Content {
        if let Type::List(inner) = ty {
            return self.scalar(node, scalar, key, *inner, position);
        }
        let keeps_type = matches!(
            ty,
            Type::Value | Type::Requirement | Type::Number | Type::Boolean | Type::Map(_)
        );
        match scalar.typed() {
            Typed::Null => return Content::Null,
            Typed::Boolean(flag) if keeps_type => return Content::Boolean(flag),
            Typed::Number(number) if keeps_type => return Content::Number(number),
            Typed::Boolean(_) | Typed::Number(_) | Typed::Text => {}
        }
        if key.takes == Takes::Literals {
            if scalar.text.contains("${{") {
                self.problem(refuse_expression(node, scalar, key));
            }
            return Content::Text(Template::literal(scalar.text.clone()));
        }
        Content::Text(self.template(node, scalar, key, position))
    }

    fn template(
        &mut self,
        node: &Node,
        scalar: &Scalar,
        key: &'static Key,
        position: Position,
    ) -> Template {
        if !scalar.text.contains("${{") {
            return Template::literal(scalar.text.clone());
        }
        let places = Places::of(self.source.text(), node.span, &scalar.text);
        let template = match Template::parse_mapped(&scalar.text, &|offset| places.at(offset)) {
            Ok(template) => template,
            Err(errors) => {
                self.problems.extend(errors.iter().map(expression_problem));
                return Template::literal(scalar.text.clone());
            }
        };
        for expression in template.expressions() {
            self.sites.push(Site {
                owner: self.owner.clone(),
                position,
                secrets: key.takes == Takes::Secrets,
                key: key.name,
                expression: expression.clone(),
            });
        }
        template
    }

    /// Reads a condition: a bare expression, or one `${{ }}` around the whole.
    pub fn condition(&mut self, map: &Map, position: Position) -> Option<Condition> {
        let node = map.get("if")?;
        let scalar = node.as_scalar()?;
        let places = Places::of(self.source.text(), node.span, &scalar.text);
        match Expression::parse_condition_mapped(&scalar.text, &|offset| places.at(offset)) {
            Ok(expression) => {
                self.sites.push(Site {
                    owner: self.owner.clone(),
                    position,
                    secrets: false,
                    key: "if",
                    expression: expression.clone(),
                });
                Some(Condition {
                    text: expression.text().to_owned(),
                    expression,
                    span: node.span,
                })
            }
            Err(error) => {
                self.problem(expression_problem(&error));
                None
            }
        }
    }
}

/// Lists of checks and policies are parts of the model of their own.
fn holds_objects_with_ids(ty: Type) -> bool {
    matches!(ty, Type::List(Type::Object(object)) if object.what == "a check")
}

fn refuse_expression(node: &Node, scalar: &Scalar, key: &Key) -> Diagnostic {
    if key.name == "script" || key.name == "make" {
        let expression = first_expression(&scalar.text);
        let name = variable_name(expression);
        return Diagnostic::error("expression-in-script", format!("no expressions stand in `{}`: their text would become program text", key.name))
            .at(node.span)
            .help(format!("give the value by the task's variables, `env: {{ {name}: \"{expression}\" }}`, and write `\"${name}\"`"));
    }
    Diagnostic::error("expression", format!("`{}` takes no expressions", key.name))
        .at(node.span)
        .help("write it out; what varies between runs is an input and stands where the grammar shows `$`")
}

fn first_expression(text: &str) -> &str {
    let start = text.find("${{").unwrap_or(0);
    let end = text[start..]
        .find("}}")
        .map_or(text.len(), |offset| start + offset + 2);
    &text[start..end]
}

/// A name for the variable that carries the value of an expression: `${{ inputs.region }}` gives `REGION`.
fn variable_name(expression: &str) -> String {
    let inner = expression
        .trim_start_matches("${{")
        .trim_end_matches("}}")
        .trim();
    let last = inner
        .rsplit(|character: char| {
            !character.is_ascii_alphanumeric() && character != '-' && character != '_'
        })
        .next();
    let name = last.unwrap_or("VALUE").replace('-', "_").to_uppercase();
    if name.is_empty() {
        "VALUE".to_owned()
    } else {
        name
    }
}

/// Turns a mistake inside an expression into a problem.
pub(super) fn expression_problem(error: &ExpressionError) -> Diagnostic {
    let code = match &error.problem {
        ExpressionProblem::StatusFunction { .. } => "status-function",
        ExpressionProblem::AlwaysTrue => "always-true",
        _ => "expression",
    };
    let problem = Diagnostic::error(code, error.to_string()).at(error.span.clone().into());
    match error.hint() {
        Some(hint) => problem.help(hint),
        None => problem.help(
            "the language is GitHub's: texts in single quotes, `==`, `&&`, `||`, `!`, functions",
        ),
    }
}

/// Leads from an offset in a scalar's text to the offset in the file, past quotes, escapes and indentation.
struct Places {
    offsets: Vec<usize>,
    end: usize,
}

impl Places {
    fn of(source: &str, span: Span, text: &str) -> Self {
        let written = source.get(span.start..span.end).unwrap_or_default();
        let mut offsets = Vec::with_capacity(text.len());
        let mut at = 0;
        for character in text.chars() {
            at = next_place(written, at, character);
            offsets.extend(std::iter::repeat_n(span.start + at, character.len_utf8()));
            at += written[at..].chars().next().map_or(0, char::len_utf8);
        }
        Self {
            offsets,
            end: span.end,
        }
    }

    fn at(&self, offset: usize) -> usize {
        self.offsets.get(offset).copied().unwrap_or(self.end)
    }
}

/// Finds where `character` was written; a folded line break became a space, and an escape another character.
fn next_place(written: &str, from: usize, character: char) -> usize {
    let found = written[from..]
        .char_indices()
        .take(MOST_SKIPPED)
        .find(|(_, candidate)| {
            *candidate == character
                || (character == ' ' && *candidate == '\n')
                || (character == '\n' && *candidate == '\\')
        });
    found.map_or(from, |(offset, _)| from + offset)
}

/// Indentation and quotes that may stand between two characters of a scalar.
const MOST_SKIPPED: usize = 200;

impl Draft<'_> {
    /// Reads a duration that the shape has been checked of.
    pub fn duration(&self, map: &Map, key: &str) -> Option<std::time::Duration> {
        let scalar = map.get(key)?.as_scalar()?;
        duration::parse(&scalar.text).ok()
    }

    /// Reads a text.
    pub fn text(&self, map: &Map, key: &str) -> Option<String> {
        map.get(key)?
            .as_scalar()
            .filter(|scalar| scalar.typed() != Typed::Null)
            .map(|scalar| scalar.text.clone())
    }

    /// Reads a boolean.
    pub fn flag(&self, map: &Map, key: &str, default: bool) -> bool {
        match map.get(key).and_then(Node::as_scalar).map(Scalar::typed) {
            Some(Typed::Boolean(flag)) => flag,
            _ => default,
        }
    }

    /// Reads a list of texts, of which one may stand alone, with their places.
    pub fn texts(&self, map: &Map, key: &str) -> Vec<(String, Span)> {
        let items = map.get(key).map_or(&[][..], Node::items);
        items
            .iter()
            .filter_map(|item| Some((item.as_scalar()?.text.clone(), item.span)))
            .collect()
    }
}
