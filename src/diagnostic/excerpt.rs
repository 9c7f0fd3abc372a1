//! The few lines of a source that a problem needs, cut to a width that a log can show.

use std::ops::Range;

use super::{Diagnostic, SourceFile, Span};

/// Longest line that is shown whole, in characters; of a longer one the part around its marks is shown.
const LONGEST_LINE: usize = 400;
/// How many characters of a long line are shown before its first mark.
const BEFORE_MARK: usize = 100;
/// Marks at most this many lines apart stand in one excerpt.
const NEAR: usize = 8;

/// Neighbouring lines of a source and the places to point at in them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt<'d> {
    /// The lines, each with a line feed behind it.
    pub(super) text: String,
    /// Number of the first line in the source, from 1.
    pub(super) first_line: usize,
    /// Line and column of the mark that came first, in the source.
    pub(super) origin: (usize, usize),
    /// Whether the beginning of a line with a mark is missing, so that columns in `text` are not those of the source.
    pub(super) cut: bool,
    /// What to point at.
    pub(super) marks: Vec<Mark<'d>>,
}

/// A place in the text of an [`Excerpt`], inside one line and on the borders of characters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mark<'d> {
    pub(super) range: Range<usize>,
    pub(super) text: Option<&'d str>,
    pub(super) role: Role,
}

/// Whether a mark is the problem itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Problem,
    Context,
}

/// A mark that is not in an excerpt yet: its range counts in its line.
struct Place<'d> {
    line: usize,
    range: Range<usize>,
    text: Option<&'d str>,
    role: Role,
}

/// Returns what is to be shown of `source`: the excerpt with the problem first, then those with its other places.
pub(super) fn excerpts<'d>(source: &SourceFile, diagnostic: &'d Diagnostic) -> Vec<Excerpt<'d>> {
    let mut groups: Vec<Vec<Place<'d>>> = Vec::new();
    for place in places(source, diagnostic) {
        let near = groups.iter_mut().find(|group| {
            group
                .iter()
                .any(|other| other.line.abs_diff(place.line) <= NEAR)
        });
        match near {
            Some(group) => group.push(place),
            None => groups.push(vec![place]),
        }
    }
    groups
        .into_iter()
        .map(|group| excerpt(source, group))
        .collect()
}

fn places<'d>(source: &SourceFile, diagnostic: &'d Diagnostic) -> Vec<Place<'d>> {
    let problem = diagnostic
        .span
        .map(|span| place(source, span, diagnostic.label.as_deref(), Role::Problem));
    let others = diagnostic
        .others
        .iter()
        .map(|other| place(source, other.span, other.text.as_deref(), Role::Context));
    problem.into_iter().chain(others).collect()
}

/// A span of several lines is pointed at in its first one: carets under a whole script would hide the script.
fn place<'d>(source: &SourceFile, span: Span, text: Option<&'d str>, role: Role) -> Place<'d> {
    let span = source.fit(span);
    let line = source.line_of(span.start);
    let whole = source.line_span(line);
    let start = span.start.min(whole.end);
    let end = span.end.min(whole.end).max(start);
    Place {
        line,
        range: start - whole.start..end - whole.start,
        text,
        role,
    }
}

fn excerpt<'d>(source: &SourceFile, places: Vec<Place<'d>>) -> Excerpt<'d> {
    let first_line = places.iter().map(|place| place.line).min().unwrap_or(1);
    let last_line = places.iter().map(|place| place.line).max().unwrap_or(1);
    let origin = places.first().map_or((1, 1), |place| {
        source.line_column(source.line_span(place.line).start + place.range.start)
    });
    let mut text = String::new();
    let mut cut = false;
    let mut marks = Vec::with_capacity(places.len());
    for line in first_line..=last_line {
        let content = source.slice(source.line_span(line));
        let in_line = || places.iter().filter(|place| place.line == line);
        let window = window(content, in_line());
        cut |= window.start > 0;
        let begin = text.len() + push_window(&mut text, content, &window);
        marks.extend(in_line().map(|place| Mark {
            range: begin + shift(place.range.start, &window)
                ..begin + shift(place.range.end, &window),
            text: place.text,
            role: place.role,
        }));
    }
    Excerpt {
        text,
        first_line,
        origin,
        cut,
        marks,
    }
}

/// Returns the bytes of a line that are shown: all, or some around the first of its marks (the problem, if it is there).
fn window<'p, 'd: 'p>(
    content: &str,
    mut places: impl Iterator<Item = &'p Place<'d>>,
) -> Range<usize> {
    if content.len() <= LONGEST_LINE || content.chars().nth(LONGEST_LINE).is_none() {
        return 0..content.len();
    }
    let mark = places.next().map_or(0, |place| place.range.start);
    let before = content[..mark].char_indices().rev();
    let start = before
        .take(BEFORE_MARK)
        .last()
        .map_or(mark, |(offset, _)| offset);
    let end = content[start..]
        .char_indices()
        .nth(LONGEST_LINE)
        .map_or(content.len(), |(offset, _)| start + offset);
    start..end
}

/// Appends the window as a line and returns how many bytes stand before it.
fn push_window(text: &mut String, content: &str, window: &Range<usize>) -> usize {
    const CUT: &str = "...";
    let before = if window.start > 0 { CUT } else { "" };
    let behind = if window.end < content.len() { CUT } else { "" };
    text.push_str(before);
    text.push_str(&content[window.clone()]);
    text.push_str(behind);
    text.push('\n');
    before.len()
}

fn shift(offset: usize, window: &Range<usize>) -> usize {
    offset.clamp(window.start, window.end) - window.start
}
