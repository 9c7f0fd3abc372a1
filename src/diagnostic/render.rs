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
    let last = groups
        .pop()
        .unwrap_or_else(|| Group::with_level(Level::ERROR));
    groups.push(last.element(element));
}

fn snippet<'e>(excerpt: &'e Excerpt<'_>) -> Snippet<'e, annotate_snippets::Annotation<'e>> {
    let annotations = excerpt.marks.iter().map(|mark| {
        let kind = match mark.role {
            Role::Problem => AnnotationKind::Primary,
            Role::Context => AnnotationKind::Context,
        };
        kind.span(mark.range.clone())
            .label(mark.text.map(normalize_untrusted_str))
    });
    Snippet::source(excerpt.text.as_str())
        .line_start(excerpt.first_line)
        .annotations(annotations)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::Span;

    const PLAN: &str = "version: 1\nname: relay\nphases:\n  - id: ship\n    needs: [bulid]\n";

    fn span_of(text: &str, part: &str) -> Span {
        let start = text.find(part).expect(part);
        Span::new(start, start + part.len())
    }

    fn show(text: &str, diagnostic: Diagnostic) -> String {
        let source = SourceFile::new("deploy.yaml", text);
        render(&source, &[diagnostic], Style::Plain)
    }

    #[test]
    fn a_problem_is_shown_in_its_line_with_the_next_step() {
        let problem = Diagnostic::error(
            "unknown-name",
            "phase `ship` needs `bulid`, which is not defined",
        )
        .at(span_of(PLAN, "bulid"))
        .label("not defined")
        .help("did you mean `build`?");
        insta::assert_snapshot!(show(PLAN, problem), @r"
        error[unknown-name]: phase `ship` needs `bulid`, which is not defined
         --> deploy.yaml:5:13
          |
        5 |     needs: [bulid]
          |             ^^^^^ not defined
          |
          = help: did you mean `build`?
        ");
    }

    #[test]
    fn a_second_place_nearby_stands_in_the_same_excerpt() {
        let problem = Diagnostic::warning("twice", "`relay` is there twice")
            .at(span_of(PLAN, "ship"))
            .also(span_of(PLAN, "relay"), "first here");
        insta::assert_snapshot!(show(PLAN, problem), @r"
        warning[twice]: `relay` is there twice
         --> deploy.yaml:4:9
          |
        2 | name: relay
          |       ----- first here
        3 | phases:
        4 |   - id: ship
          |         ^^^^
        ");
    }

    #[test]
    fn a_second_place_far_away_gets_an_excerpt_of_its_own() {
        let text = format!("id: app\n{}id: app\n", "# a comment\n".repeat(5_000));
        let last = text.rfind("app").expect("it is there");
        let problem = Diagnostic::error("duplicate-id", "task `app` is there twice")
            .at(Span::new(last, last + 3))
            .also(span_of(&text, "app"), "first here")
            .help("ids are unique in the plan");
        insta::assert_snapshot!(show(&text, problem), @r"
        error[duplicate-id]: task `app` is there twice
            --> deploy.yaml:5002:5
             |
        5002 | id: app
             |     ^^^
             |
            ::: deploy.yaml:1:5
             |
           1 | id: app
             |     --- first here
             |
             = help: ids are unique in the plan
        ");
    }

    #[test]
    fn a_long_line_is_cut_around_the_problem_and_keeps_its_column() {
        let text = format!("a: 1\nb: {}here{}\n", "x".repeat(700), "y".repeat(700));
        let problem = Diagnostic::error("long", "something is wrong").at(span_of(&text, "here"));
        insta::assert_snapshot!(show(&text, problem), @r"
        error[long]: something is wrong
         --> deploy.yaml:2:704
          |
          |
        2 | ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxhereyyyyyyyyyyyyyyyyyyyyyyyyyy...
          |                                                                                                        ^^^^
        ");
    }

    #[test]
    fn a_problem_of_the_whole_source_names_the_source() {
        let problem = Diagnostic::warning("empty", "the plan has no task").help("add a phase");
        insta::assert_snapshot!(show(PLAN, problem), @r"
        warning[empty]: the plan has no task
        --> deploy.yaml
         = help: add a phase
        ");
    }

    #[test]
    fn a_problem_of_another_file_is_shown_there() {
        let chart = Arc::new(SourceFile::new(
            "chart/values.yaml",
            "image:\r\n\ttag: latest\r\n",
        ));
        let problem = Diagnostic::error("tag", "`latest` moves")
            .at(span_of(chart.text(), "latest"))
            .in_file(chart);
        insta::assert_snapshot!(show(PLAN, problem), @r"
        error[tag]: `latest` moves
         --> chart/values.yaml:2:7
          |
        2 |     tag: latest
          |          ^^^^^^
        ");
    }

    #[test]
    fn problems_are_counted_at_the_end() {
        let error = || Diagnostic::error("e", "");
        let warning = || Diagnostic::warning("w", "");
        assert_eq!(
            closing_line(&[error(), warning(), error()]),
            "2 errors, 1 warning"
        );
        assert_eq!(closing_line(&[warning()]), "1 warning");
        assert_eq!(closing_line(&[]), "no problems");
    }

    #[test]
    fn control_characters_of_a_source_do_not_reach_the_terminal() {
        let text = "a: \u{1b}[31mred\u{7}\u{202e}\n";
        let problem = Diagnostic::error("red", "found \u{1b}[31m")
            .at(Span::new(3, 8))
            .label("\u{1b}[0m")
            .help("remove \u{1b}");
        let shown = show(text, problem);
        assert!(
            !shown.contains(['\u{1b}', '\u{7}', '\u{202e}']),
            "{shown:?}"
        );
    }

    proptest! {
        #[test]
        fn any_span_of_any_text_can_be_shown(
            text in "[a-é\t\r\n \u{0}\u{1b}日🦀\u{301}\u{200b}:#]{0,40}",
            repeat in 0_usize..60,
            spans in prop::collection::vec((0_usize..3_000, 0_usize..3_000), 1..5),
        ) {
            let source = SourceFile::new("deploy.yaml", text.repeat(repeat));
            let mut problem = Diagnostic::error("any", "anything");
            for (start, end) in &spans {
                problem = problem.at(Span::new(*start, *end)).also(Span::new(*end, *start), "other");
            }
            for style in [Style::Plain, Style::Coloured] {
                let shown = render(&source, std::slice::from_ref(&problem), style);
                let (line, column) = source.line_column(spans[spans.len() - 1].0);
                let whole = source.line_span(line);
                // A place behind the text of its line, as that of a carriage return, is shown at the end of the line.
                let column = column.min(source.slice(whole).chars().count() + 1);
                prop_assert!(shown.contains(&format!("deploy.yaml:{line}:{column}")), "{shown}");
            }
            crate::diagnostic::to_json(&source, &problem);
        }
    }
}
