//! Texts with `${{ … }}` in them.

use super::{
    error::{EvaluationError, ExpressionError, ExpressionProblem},
    evaluate::{Evaluator, Files, Reader},
    format::Text,
    parser::{Places, place},
    reference::Reference,
    syntax::{Expression, TextComparison},
    value::Value,
};

/// A text of the plan, in which expressions may stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    text: String,
    /// Empty where the text stands for itself: most texts of a plan do.
    parts: Vec<OwnPart>,
}

#[derive(Debug, Clone, PartialEq)]
enum OwnPart {
    Text(String),
    Expression(Expression),
}

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part<'t> {
    /// Text that stands for itself.
    Text(&'t str),
    /// `${{ … }}`.
    Expression(&'t Expression),
}

impl Template {
    /// Reads a text whose first byte stands at `offset` of its source. A text without `${{` is a template too.
    ///
    /// # Errors
    ///
    /// The first problem of each expression, in order; never empty.
    pub fn parse(text: &str, offset: usize) -> Result<Self, Vec<ExpressionError>> {
        Self::parse_mapped(text, &|at| offset.saturating_add(at))
    }

    /// Reads a text whose source is written differently, as in a quoted or folded YAML scalar: `places` leads from a byte
    /// offset in `text` (at most its length) to one in the source.
    ///
    /// # Errors
    ///
    /// The first problem of each expression, in order; never empty.
    pub fn parse_mapped(
        text: &str,
        places: &dyn Fn(usize) -> usize,
    ) -> Result<Self, Vec<ExpressionError>> {
        let mut parts = Vec::new();
        let mut problems = Vec::new();
        let mut at = 0;
        while let Some(opening) = text[at..].find("${{").map(|before| at + before) {
            if opening > at {
                parts.push(OwnPart::Text(text[at..opening].to_owned()));
            }
            let start = opening + 3;
            let Some(length) = find_unquoted(&text[start..], "}}") else {
                problems.push(unclosed(text, opening, places));
                return Err(problems);
            };
            let inner = &text[start..start + length];
            match Expression::parse_mapped(inner, &|offset| places(start + offset)) {
                Ok(expression) => parts.push(OwnPart::Expression(expression)),
                Err(problem) => problems.push(problem),
            }
            at = start + length + 2;
        }
        if at > 0 && at < text.len() {
            parts.push(OwnPart::Text(text[at..].to_owned()));
        }
        if problems.is_empty() {
            Ok(Self {
                text: text.to_owned(),
                parts,
            })
        } else {
            Err(problems)
        }
    }

    /// Makes a template that is `text`, whatever stands in it.
    pub fn literal(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            parts: Vec::new(),
        }
    }

    /// Returns the text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns its parts, in order.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let whole = self.parts.is_empty().then_some(Part::Text(&self.text));
        let parts = self.parts.iter().map(|part| match part {
            OwnPart::Text(text) => Part::Text(text),
            OwnPart::Expression(expression) => Part::Expression(expression),
        });
        whole.into_iter().chain(parts)
    }

    /// Whether no expression stands in it.
    pub fn is_literal(&self) -> bool {
        self.expressions().next().is_none()
    }

    /// Whether it is one expression and nothing else, whose type it then keeps.
    pub fn is_single(&self) -> bool {
        self.single().is_some()
    }

    /// Returns the expression that it is, if it is one and nothing else.
    pub fn single(&self) -> Option<&Expression> {
        match self.parts.as_slice() {
            [OwnPart::Expression(expression)] => Some(expression),
            _ => None,
        }
    }

    /// Returns its expressions, in order.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.parts.iter().filter_map(|part| match part {
            OwnPart::Expression(expression) => Some(expression),
            OwnPart::Text(_) => None,
        })
    }

    /// Returns what its expressions read, in the order of writing.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.expressions().flat_map(Expression::references)
    }

    /// Whether all that its expressions may read satisfies `known`.
    pub fn reads_only(&self, known: impl Fn(&Reference) -> bool) -> bool {
        self.references().all(known)
    }

    /// Returns the comparisons with texts in its expressions, as [`Expression::comparisons_with_text`].
    pub fn comparisons_with_text(&self) -> Vec<TextComparison> {
        self.expressions()
            .flat_map(Expression::comparisons_with_text)
            .collect()
    }

    /// Evaluates it. One expression alone gives its value of any type; else the result is a text, and a secret one if a
    /// secret went into it.
    ///
    /// # Errors
    ///
    /// As [`Expression::evaluate`]; a null, list or map inside a text is an error.
    pub fn evaluate(&self, reader: Reader<'_>, files: Files<'_>) -> Result<Value, EvaluationError> {
        if let Some(expression) = self.single() {
            return expression.evaluate(reader, files);
        }
        let evaluator = Evaluator { reader, files };
        let mut text = Text::default();
        for part in self.parts() {
            match part {
                Part::Text(clear) => text.push_str(clear, 0..0)?,
                Part::Expression(expression) => {
                    let node = expression.root();
                    text.push(&evaluator.value(node)?, node)?;
                }
            }
        }
        Ok(text.into_value())
    }
}

/// Finds `wanted` where it does not stand inside a text of the expression language.
pub(super) fn find_unquoted(text: &str, wanted: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, character)| {
        if character == '\'' {
            quoted = !quoted;
        }
        (!quoted && text[at..].starts_with(wanted)).then_some(at)
    })
}

/// Says that the `${{` at `opening` has no end, or that a text inside it has none.
pub(super) fn unclosed(text: &str, opening: usize, places: Places<'_>) -> ExpressionError {
    let inner = &text[opening + 3..];
    let last_quote = inner.rfind('\'');
    let (problem, span) = match last_quote {
        // An odd number of quotes: the text swallowed the end.
        Some(quote) if inner.matches('\'').count() % 2 == 1 && inner.contains("}}") => {
            let start = opening + 3 + quote;
            (ExpressionProblem::UnterminatedText, start..start + 1)
        }
        _ => (ExpressionProblem::Unclosed, opening..opening + 3),
    };
    ExpressionError {
        problem,
        span: place(places, span),
    }
}
