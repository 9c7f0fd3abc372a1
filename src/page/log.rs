//! The last lines of logs, and where the whole of them is.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ident::TaskKey;

/// Logs by task and by the path that its record names.
pub type Logs = BTreeMap<(TaskKey, String), LogView>;

/// The longest line of a log that is shown, in characters.
const LONGEST_LINE: usize = 400;

/// A log as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LogView {
    /// Where the whole of it is, as a relative link; `None` where the page has no place from which one could lead there.
    pub href: Option<String>,
    /// Its last lines.
    pub tail: String,
    /// Whether there is more before them.
    pub has_more: bool,
}

/// Returns the last lines of a text without codes for terminals, and whether something stands before them.
///
/// `text` may be the end of a longer one; `is_whole` says that it is not.
pub fn tail(text: &str, is_whole: bool, lines: usize) -> (String, bool) {
    let text = match (is_whole, text.split_once('\n')) {
        // The first line of an end is half a line.
        (false, Some((_, whole_lines))) => whole_lines,
        (false, None) | (true, _) => text,
    };
    let all: Vec<&str> = text.lines().collect();
    let first = all.len().saturating_sub(lines);
    let shown: Vec<String> = all[first..].iter().map(|line| shown(line)).collect();
    (shown.join("\n"), !is_whole || first > 0)
}

/// A line as a terminal would leave it: what a carriage return overwrote and colours are gone.
fn shown(line: &str) -> String {
    let last = line
        .trim_end_matches('\r')
        .rsplit('\r')
        .next()
        .unwrap_or_default();
    crate::report::shortened(&without_codes(last), LONGEST_LINE)
}

/// Drops the control sequences of terminals (ECMA-48, 5.4: `ESC [`, parameters, a final letter; and `ESC ]` up to its end).
fn without_codes(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            text.push(character);
            continue;
        }
        match characters.peek() {
            Some('[') => {
                characters.next();
                skip_to(&mut characters, |next| ('@'..='~').contains(&next));
            }
            Some(']') => skip_to(&mut characters, |next| {
                matches!(next, '\u{7}' | '\u{9c}' | '\\')
            }),
            Some(_) | None => {}
        }
    }
    text
}

/// Drops characters up to and with the first that ends something.
fn skip_to(characters: &mut impl Iterator<Item = char>, ends: impl Fn(char) -> bool) {
    while characters.next().is_some_and(|next| !ends(next)) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_shown_and_that_there_are_more_is_known() {
        assert_eq!(tail("a\nb\nc\n", true, 2), ("b\nc".to_owned(), true));
        assert_eq!(tail("a\nb\n", true, 2), ("a\nb".to_owned(), false));
        assert_eq!(tail("lf a line\nb\n", false, 9), ("b".to_owned(), true));
        assert_eq!(tail("", true, 9), (String::new(), false));
    }

    #[test]
    fn a_line_is_what_a_terminal_would_leave() {
        let (text, _) = tail(
            "10 %\r50 %\rdone\r\n\u{1b}[1;31mred\u{1b}[0m \u{1b}]0;title\u{7}end\n",
            true,
            9,
        );
        assert_eq!(text, "done\nred end");
    }

    #[test]
    fn a_line_without_an_end_is_shortened() {
        let (text, _) = tail(&"x".repeat(1_000_000), true, 9);
        assert_eq!(text.chars().count(), LONGEST_LINE);
    }
}
