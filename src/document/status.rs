//! Where a status is written: check boxes, symbols, status cells and status lines.

use std::ops::Range;

use super::{MarkKind, StatusMark};
use crate::diagnostic::Span;

/// Symbols that lead or end the words of an item to say how it stands. Each may be followed by a variation selector.
const SYMBOLS: [char; 27] = [
    '✅', '☑', '✔', '✓', '🟢', '❌', '✗', '✘', '❎', '🔴', '🚫', '⛔', '⏸', '⏳', '⌛', '🚧', '🔄',
    '🟡', '🟠', '⚠', '⬜', '☐', '🔲', '▶', '⏭', '🔜', '⚪',
];
const VARIATION_SELECTOR: char = '\u{fe0f}';
/// Marks that people write into check boxes besides those of GitHub, which are a space, `x` and `X`.
const OTHER_BOX_MARKS: &str = "~!-/>?*";

/// Returns how many bytes of a status symbol stand at the beginning of `text`.
pub(super) fn leading_symbol(text: &str) -> Option<usize> {
    let first = text
        .chars()
        .next()
        .filter(|first| SYMBOLS.contains(first))?;
    let behind = &text[first.len_utf8()..];
    let selector = behind.starts_with(VARIATION_SELECTOR);
    Some(
        first.len_utf8()
            + if selector {
                VARIATION_SELECTOR.len_utf8()
            } else {
                0
            },
    )
}

/// Returns how many bytes of a status symbol stand at the end of `text`.
pub(super) fn trailing_symbol(text: &str) -> Option<usize> {
    let bare = text.strip_suffix(VARIATION_SELECTOR).unwrap_or(text);
    let last = bare
        .chars()
        .next_back()
        .filter(|last| SYMBOLS.contains(last))?;
    Some(text.len() - bare.len() + last.len_utf8())
}

/// Returns how many bytes of an unusual check box, such as `[~]`, stand at the beginning of `text`.
pub(super) fn leading_other_box(text: &str) -> Option<usize> {
    let mut characters = text.chars();
    let is_box = characters.next() == Some('[')
        && characters
            .next()
            .is_some_and(|mark| OTHER_BOX_MARKS.contains(mark))
        && characters.next() == Some(']')
        && characters.next().is_some_and(char::is_whitespace);
    is_box.then_some("[~]".len())
}

/// Makes the mark of some bytes of `text`.
pub(super) fn mark(kind: MarkKind, text: &str, range: Range<usize>) -> StatusMark {
    StatusMark {
        kind,
        text: text[range.clone()].to_owned(),
        span: Span::from(range),
    }
}

/// Returns the status that the lines of a paragraph or list item say, as in ``**Status**: `Completed` ``.
pub(super) fn of_lines(text: &str, range: Range<usize>) -> Option<StatusMark> {
    let mut offset = range.start;
    for line in text[range].split_inclusive('\n') {
        if let Some(value) = value_of_status_line(line) {
            let range = offset + value.start..offset + value.end;
            return Some(mark(MarkKind::Words, text, range));
        }
        offset += line.len();
    }
    None
}

fn value_of_status_line(line: &str) -> Option<Range<usize>> {
    let is_markup = |character: char| "*_`#>-+ \t".contains(character);
    let label = line.trim_start_matches(is_markup);
    let behind = label
        .get(.."status".len())
        .filter(|word| word.eq_ignore_ascii_case("status"))
        .map(|word| &label[word.len()..])?;
    let value = behind
        .trim_start_matches(['*', '_', ' '])
        .strip_prefix(':')?;
    let value = inner(line, line.len() - value.len()..line.len());
    (!value.is_empty()).then_some(value)
}

/// Returns the status that a heading says of itself, as in ``## **Current Status: `Phase 3 Automated`**``.
pub(super) fn of_heading(text: &str, range: Range<usize>) -> Option<StatusMark> {
    let label = label_end(&text[range.clone()])?;
    let value = inner(text, range.start + label..range.end);
    (!value.is_empty()).then(|| mark(MarkKind::Words, text, value))
}

/// Returns the words without the status that stands behind `Status:`: a name must not change with the status.
pub(super) fn without_value(words: &str) -> &str {
    match label_end(words) {
        Some(end) => &words[..end],
        None => words,
    }
}

/// Returns where `Status:` ends, the last word of a label.
fn label_end(text: &str) -> Option<usize> {
    const LABEL: &str = "status:";
    let label = text.to_ascii_lowercase().find(LABEL)?;
    // Inside another word it is none.
    let is_word = !text[..label].ends_with(char::is_alphanumeric);
    is_word.then_some(label + LABEL.len())
}

/// Makes a range smaller by the spaces and markup at its ends.
pub(super) fn inner(text: &str, range: Range<usize>) -> Range<usize> {
    let is_markup = |character: char| character.is_whitespace() || "*_`~".contains(character);
    let whole = &text[range.clone()];
    let without_start = whole.trim_start_matches(is_markup);
    let start = range.start + (whole.len() - without_start.len());
    start..start + without_start.trim_end_matches(is_markup).len()
}

/// Whether a column with this title holds statuses.
pub(super) fn is_status_column(title: &str) -> bool {
    ["status", "state", "progress", "done"]
        .iter()
        .any(|name| title.trim().eq_ignore_ascii_case(name))
}
