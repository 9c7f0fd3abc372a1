//! Problems, and lists of them.

use std::sync::Arc;

use super::{SourceFile, Span};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// What was read cannot be used.
    Error,
    /// It can be used, and is probably not what was meant.
    Warning,
}

impl Severity {
    /// Returns the word that people and programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A second place that explains a problem, in the same source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there, if it needs words.
    pub text: Option<String>,
}

/// One problem: what was found, where, what was expected, what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Its name, stable and lower case with dashes: `unknown-key`.
    pub code: &'static str,
    /// What was found, one sentence without a full stop, names in backticks.
    pub message: String,
    /// The place; `None` where it concerns the whole source.
    pub span: Option<Span>,
    /// Words beside the carets, if the message does not say it all.
    pub label: Option<String>,
    /// Other places in the same source.
    pub others: Vec<Label>,
    /// The next step.
    pub help: Option<String>,
    /// The source; `None` is the one that was read, the plan itself.
    pub file: Option<Arc<SourceFile>>,
}

impl Diagnostic {
    /// Makes an error without a place.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// Makes a warning without a place.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    fn new(severity: Severity, code: &'static str, message: String) -> Self {
        Self {
            severity,
            code,
            message,
            span: None,
            label: None,
            others: Vec::new(),
            help: None,
            file: None,
        }
    }

    /// Puts it at a place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Writes words beside the carets.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = Some(text.into());
        self
    }

    /// Shows another place too; an empty text shows the place alone.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        let text = Some(text.into()).filter(|text| !text.is_empty());
        self.others.push(Label { span, text });
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Puts it into another source than the one that was read.
    #[must_use]
    pub fn in_file(mut self, file: Arc<SourceFile>) -> Self {
        self.file = Some(file);
        self
    }

    /// Returns the source in which its spans count: its own, or else `main`.
    pub(crate) fn source<'s>(&'s self, main: &'s SourceFile) -> &'s SourceFile {
        self.file.as_deref().unwrap_or(main)
    }
}

/// Problems in the order in which they were found, until they are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Starts without a problem.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Sorts by place: the source that was read first, then the others by name; in each by offset, what concerns the
    /// whole source last. Problems of one place keep their order.
    pub fn sort(&mut self) {
        self.0.sort_by(|left, right| place(left).cmp(&place(right)));
    }

    /// Whether a problem is an error.
    pub fn has_errors(&self) -> bool {
        self.count_of(Severity::Error) > 0
    }

    /// Returns how many problems are of this severity.
    pub fn count_of(&self, severity: Severity) -> usize {
        self.iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    }

    /// Returns how many problems there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no problem.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes through the problems.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Returns the problems as a slice, as [`super::render()`] takes them.
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.0
    }

    /// Returns the problems.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.0
    }
}

fn place(diagnostic: &Diagnostic) -> (Option<&str>, bool, Option<Span>) {
    let file = diagnostic.file.as_ref().map(|file| file.name());
    (file, diagnostic.span.is_none(), diagnostic.span)
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: T) {
        self.0.extend(diagnostics);
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<T: IntoIterator<Item = Diagnostic>>(diagnostics: T) -> Self {
        Self(Vec::from_iter(diagnostics))
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'d> IntoIterator for &'d Diagnostics {
    type Item = &'d Diagnostic;
    type IntoIter = std::slice::Iter<'d, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_sorted_by_file_and_place_and_keep_their_order_at_one_place() {
        let chart = Arc::new(SourceFile::new("Chart.yaml", ""));
        let mut problems: Diagnostics = [
            Diagnostic::error("in-chart", "")
                .at(Span::at(0))
                .in_file(chart),
            Diagnostic::warning("whole", ""),
            Diagnostic::error("late", "").at(Span::at(9)),
            Diagnostic::error("first", "").at(Span::at(3)),
            Diagnostic::warning("second", "").at(Span::at(3)),
        ]
        .into_iter()
        .collect();
        problems.sort();
        let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["first", "second", "late", "whole", "in-chart"]);
        assert_eq!(problems.count_of(Severity::Warning), 2);
    }

    #[test]
    fn warnings_alone_are_no_errors() {
        assert!(!Diagnostics::from(Diagnostic::warning("w", "")).has_errors());
        assert!(Diagnostics::from(Diagnostic::error("e", "")).has_errors());
    }
}
