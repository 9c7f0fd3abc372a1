//! Problems for people: the message, the place in its source, the next step.

use annotate_snippets::{
    AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

use super::{
    Diagnostic, Severity, SourceFile,
    excerpt::{Excerpt, Role, excerpts},
    words,
};

/// Whether terminal colours are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    Plain,
    /// ANSI colours.
    Coloured,
}

/// Shows problems one below the other, an empty line between them and a line end behind the last; nothing for none.
///
/// `main` is the source of problems that name none. The order is kept; see [`super::Diagnostics::sort`]. Any span is
/// accepted: what reaches out of its source is made to fit.
pub fn render(main: &SourceFile, diagnostics: &[Diagnostic], style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let mut shown = diagnostics
        .iter()
        .map(|diagnostic| render_one(&renderer, main, diagnostic))
        .collect::<Vec<_>>()
        .join("\n\n");
    if !shown.is_empty() {
        shown.push('\n');
    }
    shown
}

/// Says how many problems there were: `2 errors, 1 warning`; `no problems` for none.
pub fn closing_line(diagnostics: &[Diagnostic]) -> String {
    let counted: Vec<_> = [Severity::Error, Severity::Warning]
        .into_iter()
        .filter_map(|severity| {
            let of_this = |diagnostic: &&Diagnostic| diagnostic.severity == severity;
            match diagnostics.iter().filter(of_this).count() {
                0 => None,
                number => Some(words::count(number, severity.as_str())),
            }
        })
        .collect();
    if counted.is_empty() {
        "no problems".to_owned()
    } else {
        counted.join(", ")
    }
}

fn render_one(renderer: &Renderer, main: &SourceFile, diagnostic: &Diagnostic) -> String {
    let source = diagnostic.source(main);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code);
    let excerpts = excerpts(source, diagnostic);
    let mut groups = vec![Group::with_title(title)];
    for excerpt in &excerpts {
        add_excerpt(&mut groups, source.name(), excerpt);
    }
    if excerpts.is_empty() {
        add_element(&mut groups, Origin::path(source.name()));
    }
    if let Some(help) = &diagnostic.help {
        let help = normalize_untrusted_str(help);
        add_element(&mut groups, Level::HELP.message(help));
    }
    renderer.render(&groups)
}

fn add_excerpt<'e>(groups: &mut Vec<Group<'e>>, name: &'e str, excerpt: &'e Excerpt<'_>) {
    if !excerpt.cut {
        add_element(groups, snippet(excerpt).path(name));
        return;
    }
    // The library counts the column in the text that it is given, which here lacks the beginning of the line; so it is
    // told the place by itself, and a group of its own keeps it from writing an empty place before the text.
    let (line, column) = excerpt.origin;
    add_element(groups, Origin::path(name).line(line).char_column(column));
    groups.push(Group::with_level(Level::ERROR).element(snippet(excerpt)));
}

fn add_element<'e>(groups: &mut Vec<Group<'e>>, element: impl Into<Element<'e>>) {
    let last = groups.pop().unwrap_or_else(|| Group::with_level(Level::ERROR));
    groups.push(last.element(element));
}

fn snippet<'e>(excerpt: &'e Excerpt<'_>) -> Snippet<'e, annotate_snippets::Annotation<'e>> {
    let annotations = excerpt.marks.iter().map(|mark| {
        let kind = match mark.role {
            Role::Problem => AnnotationKind::Primary,
            Role::Context => AnnotationKind::Context,
        };
        kind.span(mark.range.clone()).label(mark.text)
    });
    Snippet::source(excerpt.text.as_str())
        .line_start(excerpt.first_line)
        .annotations(annotations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    #[test]
    fn show() {
        let source = SourceFile::new("deploy.yaml", "version: 1\nname: relay\nphases:\n  - id: ship\n    needs: [bulid]\n\n\n\n\n\n\n\n\n\nlast: ".to_owned() + &"x".repeat(900));
        let problems = [
            Diagnostic::error("unknown-key", "unknown key `phase`").at(Span::new(11, 15)).label("here").help("did you mean `phases`?\nor what"),
            Diagnostic::error("unknown-key", "unknown key `phase`").at(Span::new(56, 61)).also(Span::new(11, 15), "first").also(Span::new(36,40), ""),
            Diagnostic::warning("whole", "unknown key `phase`\nsecond line"),
            Diagnostic::warning("whole", "unknown key `phase`").help("x"),
            Diagnostic::warning("end", "unknown key `phase`").at(Span::at(99999)),
            Diagnostic::warning("long", "unknown key `phase`").at(Span::new(580,590)).also(Span::new(11, 15), "far away").help("hh"),
        ];
        insta::assert_snapshot!(render(&source, &problems, Style::Plain), @"");
    }
}
