//! The two standard streams. A reader that went away is no error: `deploy-action graph | head` ends quietly.

use std::io::{self, Write as _};

use super::{CliError, Environment};
use crate::{
    diagnostic::{Diagnostic, Severity, SourceFile, Style, closing_line, render, to_json},
    github::command::{Annotation, AnnotationLevel, Annotations},
};

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Writes data to stdout.
pub fn data(text: &str) {
    // Nobody is left to be told that stdout is closed.
    drop(
        io::stdout()
            .write_all(text.as_bytes())
            .and_then(|()| io::stdout().flush()),
    );
}

/// Writes JSON to stdout, indented, with a line end.
pub fn json(value: &serde_json::Value) {
    data(&format!("{value:#}\n"));
}

/// Writes words for people to stderr.
pub fn words(text: &str) {
    // Nobody is left to be told that stderr is closed.
    drop(io::stderr().write_all(text.as_bytes()));
}

/// Shows problems with their places: as text on stderr, or as JSON on stdout.
pub fn problems(
    environment: &Environment,
    format: Format,
    source: &SourceFile,
    problems: &[Diagnostic],
) {
    match format {
        Format::Json => json(
            &problems
                .iter()
                .map(|problem| to_json(source, problem))
                .collect(),
        ),
        Format::Text if problems.is_empty() => {}
        Format::Text => {
            let style = if environment.colours() {
                Style::Coloured
            } else {
                Style::Plain
            };
            words(&render(source, problems, style));
            words(&format!("{}\n", closing_line(problems)));
            annotate(environment, source, problems);
        }
    }
}

/// Puts problems beside their lines on the page of a run, on GitHub's runner.
fn annotate(environment: &Environment, source: &SourceFile, problems: &[Diagnostic]) {
    if !environment.on_actions() {
        return;
    }
    let mut annotations = Annotations::new();
    for problem in problems {
        let level = match problem.severity {
            Severity::Error => AnnotationLevel::Error,
            Severity::Warning => AnnotationLevel::Warning,
        };
        let help = problem.help.iter().map(|help| format!("\nhelp: {help}"));
        let message = format!("{}{}", problem.message, help.collect::<String>());
        let annotation = Annotation::new(level, message).titled(problem.code);
        let source = problem.source(source);
        annotations.push(match problem.span {
            Some(span) => {
                let (line, column) = source.line_column(span.start);
                annotation.at(source.name(), line, column)
            }
            None => annotation,
        });
    }
    words(&annotations.commands());
}

/// Shows an error as `error: …`, its causes and its hint; on GitHub's runner as an annotation.
pub fn error(environment: &Environment, error: &CliError) {
    if environment.on_actions() {
        let causes = error
            .causes
            .iter()
            .map(|cause| format!("\n  caused by: {cause}"));
        let hint = error.hint.iter().map(|hint| format!("\nhint: {hint}"));
        let message: String = std::iter::once(error.message.clone())
            .chain(causes)
            .chain(hint)
            .collect();
        let mut annotations = Annotations::new();
        annotations.push(Annotation::new(AnnotationLevel::Error, message));
        words(&annotations.commands());
        return;
    }
    let (red, cyan, plain) = if environment.colours() {
        ("\x1b[1;31m", "\x1b[36m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    let mut text = format!("{red}error{plain}: {}\n", error.message);
    for cause in &error.causes {
        text.push_str(&format!("  caused by: {cause}\n"));
    }
    if let Some(hint) = &error.hint {
        text.push_str(&format!("{cyan}hint{plain}: {hint}\n"));
    }
    words(&text);
}
