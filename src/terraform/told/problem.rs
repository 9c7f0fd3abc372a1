//! Problems as terraform reports them.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use crate::diagnostic::{Diagnostic, Severity, SourceFile, Span};

/// Longest words beside the carets.
const LONGEST_LABEL: usize = 100;

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a line.
    pub summary: String,
    /// What it is, in paragraphs; empty where the line says all.
    pub detail: String,
    /// The resource that it concerns.
    pub address: Option<String>,
    /// Where in the configuration.
    pub place: Option<Place>,
    /// What stands there.
    pub snippet: Option<Snippet>,
}

/// A place in a file of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Place {
    /// The file, relative to where terraform ran.
    #[serde(rename = "filename")]
    pub file: Utf8PathBuf,
    /// Its first character.
    pub start: Position,
    /// Behind its last.
    pub end: Position,
}

/// A position in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The byte, from 0.
    pub byte: usize,
}

/// The text at a place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Snippet {
    /// The block that it stands in: `resource "terraform_data" "bad"`.
    pub context: Option<String>,
    /// The lines.
    pub code: String,
    /// The number of the first, from 1.
    pub start_line: usize,
    /// Where in the lines the problem begins.
    pub highlight_start_offset: usize,
    /// Where it ends.
    pub highlight_end_offset: usize,
}

/// A problem as terraform writes it.
#[derive(Deserialize)]
pub(super) struct ProblemDocument {
    severity: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    detail: String,
    address: Option<String>,
    range: Option<Place>,
    snippet: Option<Snippet>,
}

impl From<ProblemDocument> for Problem {
    fn from(document: ProblemDocument) -> Self {
        Self {
            severity: match document.severity.as_str() {
                "warning" => Severity::Warning,
                _ => Severity::Error,
            },
            summary: document.summary,
            detail: document.detail.trim().to_owned(),
            address: document.address,
            place: document.range,
            snippet: document.snippet,
        }
    }
}

impl Problem {
    /// Returns the problem at its place. `folder` is where terraform ran, as people see it; `source` gives a file of it, where
    /// the caller has it. Without one the lines that terraform quotes stand for the file.
    pub fn diagnostic(
        &self,
        folder: &Utf8Path,
        source: impl FnOnce(&Utf8Path) -> Option<Arc<SourceFile>>,
    ) -> Diagnostic {
        let message = match &self.address {
            Some(address) => format!("{} (`{address}`)", self.summary),
            None => self.summary.clone(),
        };
        let mut diagnostic = match self.severity {
            Severity::Error => Diagnostic::error("terraform", message),
            Severity::Warning => Diagnostic::warning("terraform", message),
        };
        let detail = self.detail.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut is_placed = false;
        if let Some(place) = &self.place {
            let path = beneath(folder, &place.file);
            let found = source(&path)
                .map(|file| (file, Span::new(place.start.byte, place.end.byte)))
                .or_else(|| Some(self.snippet.as_ref()?.quoted(&path)));
            if let Some((file, span)) = found {
                diagnostic = diagnostic.at(span).in_file(file);
                is_placed = true;
            }
        }
        match detail.as_str() {
            "" => diagnostic,
            short if is_placed && short.len() <= LONGEST_LABEL => diagnostic.label(short),
            long => diagnostic.help(long),
        }
    }
}

impl Snippet {
    /// Returns a source that holds nothing but these lines, at their numbers, and the span in it.
    fn quoted(&self, path: &Utf8Path) -> (Arc<SourceFile>, Span) {
        // Whatever a file claims, a report does not grow by it.
        const MOST_LINES: usize = 1_000_000;
        let above = self.start_line.saturating_sub(1).min(MOST_LINES);
        let text = format!("{}{}", "\n".repeat(above), self.code);
        let at = |offset: usize| above.saturating_add(offset.min(self.code.len()));
        let span = Span::new(
            at(self.highlight_start_offset),
            at(self.highlight_end_offset),
        );
        (Arc::new(SourceFile::new(path.as_str(), text)), span)
    }
}

/// Joins a folder and a path in it; `.` is no folder to name.
fn beneath(folder: &Utf8Path, file: &Utf8Path) -> Utf8PathBuf {
    if folder == "." || folder == "" {
        file.to_owned()
    } else {
        folder.join(file)
    }
}

/// What `terraform validate -json` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// Whether the configuration can be used.
    pub valid: bool,
    /// The problems, warnings among them.
    pub problems: Vec<Problem>,
}

/// The answer of `terraform validate -json` is none.
#[derive(Debug, thiserror::Error)]
#[error("`validate -json` printed something else than its JSON, at line {line}, column {column}")]
pub struct ValidationError {
    line: usize,
    column: usize,
}

impl Validation {
    /// Reads what `terraform validate -json` printed, valid or not.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn read(text: &str) -> Result<Self, ValidationError> {
        #[derive(Deserialize)]
        struct Document {
            valid: bool,
            #[serde(default)]
            diagnostics: Vec<ProblemDocument>,
        }
        let document: Document = serde_json::from_str(text).map_err(|error| ValidationError {
            line: error.line(),
            column: error.column(),
        })?;
        let problems = document.diagnostics.into_iter().map(Problem::from);
        Ok(Self {
            valid: document.valid,
            problems: problems.collect(),
        })
    }
}
