//! Values of the file with their expressions read.

use indexmap::IndexMap;

use super::{Draft, Named, Site};
use crate::{
    diagnostic::{Diagnostic, Span},
    expression::{Expression, ExpressionError, ExpressionProblem, Template},
    plan::{
        duration,
        field::{Content, Field},
        grammar::{Key, Object, Takes, Type},
        model::{Condition, ConnectionKind},
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
        let key_span = map.entry(key)?.key_span;
        let key = object.key(key)?;
        Some(self.value(node, key, key.ty, position).behind(key_span))
    }

    /// Reads a whole object as a map of fields; keys that the grammar does not know have been reported.
    pub fn object(&mut self, node: &Node, object: &'static Object, position: Position) -> Field {
        let written = node.as_map().map_or(&[][..], |map| &map.entries);
        let mut entries = IndexMap::with_capacity(written.len());
        for entry in written {
            let known = object.keys.iter().find(|key| key.name == entry.key);
            // Checks are read by a function of their own; they are no values.
            if let Some(key) = known.filter(|key| !holds_checks(key.ty)) {
                let place = if key.name == "proxy" {
                    Position::Proxy
                } else {
                    position
                };
                self.mentions_in(&entry.value, key, object);
                if matches!(key.name, "port" | "ports") {
                    for item in entry.value.items() {
                        self.whole_number(item, key.name, 1..=65_535);
                    }
                }
                let field = self.value(&entry.value, key, key.ty, place);
                entries.insert(entry.key.clone(), field.behind(entry.key_span));
            }
        }
        Field::new(node.span, Content::Map(entries))
    }

    /// Keeps the names of connections, decisions and tasks that stand in the body of a kind.
    fn mentions_in(&mut self, node: &Node, key: &Key, object: &Object) {
        if !matches!(key.ty, Type::Name | Type::List(Type::Name)) {
            return;
        }
        let Some(named) = named_by(key, object) else {
            return;
        };
        for item in node.items() {
            let scalar = item
                .as_scalar()
                .filter(|scalar| scalar.typed() != Typed::Null && !scalar.text.contains("${{"));
            if let Some(scalar) = scalar {
                self.mention(&scalar.text, item.span, named);
            }
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
                    let field = self.value(&entry.value, key, inner, position);
                    (entry.key.clone(), field.behind(entry.key_span))
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
        Field::new(node.span, content)
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
        if ty == Type::Condition {
            return self.condition_as_value(node, scalar);
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
        let expression = self.condition_of(node, scalar, position)?;
        Some(Condition {
            text: expression.text().to_owned(),
            expression,
            span: node.span,
        })
    }

    fn condition_of(
        &mut self,
        node: &Node,
        scalar: &Scalar,
        position: Position,
    ) -> Option<Expression> {
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
                Some(expression)
            }
            Err(error) => {
                self.problem(expression_problem(&error));
                None
            }
        }
    }

    /// A condition inside a body, as that of a policy: the value that its expression gives.
    fn condition_as_value(&mut self, node: &Node, scalar: &Scalar) -> Content {
        let Some(expression) = self.condition_of(node, scalar, Position::Condition) else {
            return Content::Null;
        };
        let places = Places::of(self.source.text(), node.span, &scalar.text);
        let text = expression.text();
        let start = scalar.text.find(text).unwrap_or(0);
        let whole = format!("${{{{{text}}}}}");
        let at = |offset: usize| places.at(start + offset.saturating_sub("${{".len()));
        Content::Text(
            Template::parse_mapped(&whole, &at).unwrap_or_else(|_| Template::literal(text)),
        )
    }
}

/// Whether a key holds checks, which are parts of the model of their own.
fn holds_checks(ty: Type) -> bool {
    matches!(ty, Type::List(Type::Object(object)) if object.what == "a check")
}

/// What the names behind a key of a body are the names of; `None` for programs, which need no declaration.
fn named_by(key: &Key, object: &Object) -> Option<Named> {
    const CLUSTER: &[ConnectionKind] = &[ConnectionKind::Kubernetes];
    Some(match (object.what, key.name) {
        ("an image", "push" | "preview-push") => Named::Connection(&[ConnectionKind::Registry]),
        ("a kubernetes task" | "a kubernetes check", "connection") => Named::Connection(CLUSTER),
        ("an sql check", "connection") => Named::Connection(&[ConnectionKind::Postgres]),
        ("a metric check", "connection") => Named::Connection(&[ConnectionKind::Prometheus]),
        ("a swarm check", "connection") => Named::Connection(&[ConnectionKind::Docker]),
        ("an s3 check", "connection") => Named::Connection(&[ConnectionKind::S3]),
        ("a postgres connection", "from") => Named::Connection(WITHIN),
        (_, "login") => Named::Connection(&[]),
        ("a gate", "decisions") => Named::Decision,
        ("a terraform check", "task") => Named::Task,
        _ => return None,
    })
}

/// The kinds of connections in which a pod or a container can be started.
pub(super) const WITHIN: &[ConnectionKind] = &[ConnectionKind::Kubernetes, ConnectionKind::Docker];

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

    /// Reads a whole number inside a range; another number is a problem.
    pub fn whole_number(
        &mut self,
        node: &Node,
        key: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let Typed::Number(number) = node.as_scalar()?.typed() else {
            return None;
        };
        let whole = number as i64;
        if number.fract() == 0.0 && range.contains(&whole) {
            return Some(whole);
        }
        let (least, most) = (range.start(), range.end());
        self.problem(
            Diagnostic::error(
                "number",
                format!("`{key}` is a whole number from {least} to {most}, found `{number}`"),
            )
            .at(node.span)
            .help(format!("write a number from {least} to {most}")),
        );
        None
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
            .filter_map(|item| {
                let scalar = item.as_scalar()?;
                (scalar.typed() != Typed::Null).then(|| (scalar.text.clone(), item.span))
            })
            .collect()
    }
}
