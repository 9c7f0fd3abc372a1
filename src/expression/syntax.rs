//! An expression that has been read.

use std::fmt;

use super::{
    coercion::is_truthy,
    error::{EvaluationError, EvaluationProblem, ExpressionError, ExpressionProblem},
    evaluate::{Evaluator, Files, Reader},
    node::{Comparison, Literal, Node, NodeKind},
    parser::{Places, parse, place},
    reference::{Reference, Span},
    template,
    value::Value,
};

/// An expression of GitHub's language: what stands between `${{` and `}}`, or in an `if`.
///
/// Two are equal if they mean the same, wherever they stand. `Display` writes it in one canonical way, which is read
/// again as an equal expression.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    root: Node,
    references: Vec<Reference>,
    span: Span,
}

/// A reference that is compared with a text written in the expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextComparison {
    /// What is compared.
    pub reference: Reference,
    /// The text.
    pub text: String,
    /// Where the text stands: byte offsets into the source, quotes included.
    pub span: Span,
}

impl Expression {
    /// Reads an expression whose first byte stands at `offset` of its source.
    ///
    /// # Errors
    ///
    /// The first problem, with its place in the source.
    pub fn parse(text: &str, offset: usize) -> Result<Self, ExpressionError> {
        Self::parse_mapped(text, &|at| offset.saturating_add(at))
    }

    /// Reads an expression whose source is written differently, as in a quoted or folded YAML scalar: `places` leads
    /// from a byte offset in `text` (at most its length) to one in the source.
    ///
    /// # Errors
    ///
    /// The first problem, with its place in the source.
    pub fn parse_mapped(
        text: &str,
        places: &dyn Fn(usize) -> usize,
    ) -> Result<Self, ExpressionError> {
        let root = parse(text, places)?;
        let mut references = Vec::new();
        root.visit(&mut |node| references.extend(node.reference()));
        let blanks = text.len() - text.trim_start().len();
        let trimmed = text.trim();
        Ok(Self {
            text: trimmed.to_owned(),
            root,
            references,
            span: place(places, blanks..blanks + trimmed.len()),
        })
    }

    /// Reads a condition: a bare expression, or one `${{ }}` around the whole, whose first byte stands at `offset`.
    ///
    /// # Errors
    ///
    /// The first problem, with its place in the source. A condition that is a text whatever its expressions say, as
    /// `${{ a }} == 'b'`, is [`ExpressionProblem::AlwaysTrue`].
    pub fn parse_condition(text: &str, offset: usize) -> Result<Self, ExpressionError> {
        Self::parse_condition_mapped(text, &|at| offset.saturating_add(at))
    }

    /// Reads a condition whose source is written differently; `places` as in [`Expression::parse_mapped`].
    ///
    /// # Errors
    ///
    /// As [`Expression::parse_condition`].
    pub fn parse_condition_mapped(
        text: &str,
        places: &dyn Fn(usize) -> usize,
    ) -> Result<Self, ExpressionError> {
        let (inner, shift) = condition_text(text, places)?;
        let condition = Self::parse_mapped(inner, &|at| places(shift + at))?;
        match &condition.root.kind {
            NodeKind::Literal(Literal::Text(text)) if !text.is_empty() => Err(ExpressionError {
                problem: ExpressionProblem::AlwaysTrue,
                span: condition.span,
            }),
            _ => Ok(condition),
        }
    }

    /// Returns the text as written, without blanks around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns where it stands: byte offsets into the source.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Returns what it reads, in the order of writing, each as often as it is written.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.references.iter()
    }

    /// Whether all that it may read satisfies `known`: so is a condition static, if all its references are known now.
    pub fn reads_only(&self, known: impl Fn(&Reference) -> bool) -> bool {
        self.references.iter().all(known)
    }

    /// Returns the references that are compared by `==` or `!=` with a text written in the expression.
    pub fn comparisons_with_text(&self) -> Vec<TextComparison> {
        let mut found = Vec::new();
        self.root.visit(&mut |node| {
            if let NodeKind::Comparison {
                operator: Comparison::Equal | Comparison::NotEqual,
                left,
                right,
            } = &node.kind
            {
                found.extend(text_comparison(left, right));
                found.extend(text_comparison(right, left));
            }
        });
        found
    }

    /// Returns the text that it is, if it is nothing but one.
    pub fn literal_text(&self) -> Option<&str> {
        match &self.root.kind {
            NodeKind::Literal(Literal::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Evaluates it. `reader` is asked for what is needed and for nothing else: `&&`, `||`, `case` and `format` leave
    /// alone what does not matter. `files` answers `hashFiles`.
    ///
    /// A reader is given a context and at most [`Reference::steps_to_value`] steps; the evaluation goes on from its value,
    /// and what is missing there is null.
    ///
    /// # Errors
    ///
    /// The first problem; an error of the reader comes back in [`EvaluationError::read_error`].
    pub fn evaluate(&self, reader: Reader<'_>, files: Files<'_>) -> Result<Value, EvaluationError> {
        Evaluator { reader, files }.value(&self.root)
    }

    /// Evaluates it as a condition: `false`, `0`, `''`, `null` and NaN are false, all else is true.
    ///
    /// # Errors
    ///
    /// As [`Expression::evaluate`], and [`EvaluationProblem::SecretJudged`] where it depends on a secret.
    pub fn evaluate_condition(
        &self,
        reader: Reader<'_>,
        files: Files<'_>,
    ) -> Result<bool, EvaluationError> {
        match self.evaluate(reader, files)? {
            Value::Secret(_) => Err(EvaluationError {
                problem: EvaluationProblem::SecretJudged {
                    operation: "this condition".to_owned(),
                },
                span: self.span(),
            }),
            value => Ok(is_truthy(&value)),
        }
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.root, formatter)
    }
}

fn text_comparison(side: &Node, other: &Node) -> Option<TextComparison> {
    match (side.reference(), &other.kind) {
        (Some(reference), NodeKind::Literal(Literal::Text(text))) => Some(TextComparison {
            reference,
            text: text.clone(),
            span: other.span.clone(),
        }),
        _ => None,
    }
}

/// Returns the bare expression of a condition, and where in `text` it begins.
fn condition_text<'t>(
    text: &'t str,
    places: Places<'_>,
) -> Result<(&'t str, usize), ExpressionError> {
    let Some(opening) = template::find_unquoted(text, "${{") else {
        return Ok((text, 0));
    };
    let start = opening + 3;
    let closing = template::find_unquoted(&text[start..], "}}").map(|length| start + length);
    match closing {
        Some(closing)
            if text[..opening].trim().is_empty() && text[closing + 2..].trim().is_empty() =>
        {
            Ok((&text[start..closing], start))
        }
        Some(_) => Err(ExpressionError {
            problem: ExpressionProblem::AlwaysTrue,
            span: place(places, 0..text.len()),
        }),
        None => Err(template::unclosed(text, opening, places)),
    }
}
