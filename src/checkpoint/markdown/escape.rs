//! Texts of others in Markdown, so that they are read and do nothing.
//!
//! Characters with a meaning become entities, which hold in a line, a table and inside HTML alike. GitHub looks for
//! mentions and references after the Markdown is rendered, so an entity does not stop these: a space of no width does.

use crate::report::shortened;

/// A space of no width.
const GAP: &str = "&#8203;";

/// Returns a text as one line that nothing in it can leave.
pub(super) fn inline(text: &str) -> String {
    let line = one_line(text);
    let characters: Vec<char> = line.chars().collect();
    let mut escaped = String::with_capacity(line.len());
    for (index, character) in characters.iter().enumerate() {
        push_entity(&mut escaped, *character);
        if is_reference(&characters, index) {
            escaped.push_str(GAP);
        }
    }
    escaped
}

/// Returns a text as code on one line; a dash where it is empty.
pub(super) fn code(text: &str) -> String {
    let line = one_line(text);
    if line.is_empty() {
        return "–".to_owned();
    }
    // Between backticks a bar would end a cell, and a backslash before it could not be written.
    match line.contains(['`', '|', '\\', '<', '>', '&']) {
        true => html_code(&line),
        false => format!("`{line}`"),
    }
}

/// Returns a text as code where no Markdown is read: in the summary of a `<details>`.
pub(super) fn html_code(text: &str) -> String {
    let mut escaped = "<code>".to_owned();
    for character in one_line(text).chars() {
        push_entity(&mut escaped, character);
    }
    escaped.push_str("</code>");
    escaped
}

/// Returns a sentence of ours, in which names stand between backticks, with what others put into it.
pub(super) fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let mut written = String::with_capacity(text.len());
    let mut parts = parts.iter().enumerate().peekable();
    while let Some((index, part)) = parts.next() {
        let is_name = index % 2 == 1;
        match (is_name, parts.peek()) {
            (true, Some(_)) if !part.trim().is_empty() => written.push_str(&code(part)),
            // A backtick without a partner is one.
            (true, _) => written.push_str(&format!("&#96;{}", with_spaces(part))),
            (false, _) => written.push_str(&with_spaces(part)),
        }
    }
    written.trim().to_owned()
}

/// Returns a sentence of at most `longest` bytes, as it is written.
pub(super) fn prose_within(text: &str, longest: usize) -> String {
    within(text, longest, prose)
}

/// Returns code of at most `longest` bytes, as it is written.
pub(super) fn code_within(text: &str, longest: usize) -> String {
    within(text, longest, code)
}

fn within(text: &str, longest: usize, write: fn(&str) -> String) -> String {
    let mut room = longest;
    loop {
        let written = write(&shortened(text, room));
        if written.len() <= longest || room == 0 {
            return written;
        }
        room /= 2;
    }
}

/// Returns a link, or its label alone where the address is none that a page should lead to.
pub(super) fn link(label: &str, address: &str) -> String {
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    let is_plain = address
        .chars()
        .all(|character| character.is_ascii_graphic() && !"<>()[]|\\\"`".contains(character));
    match is_web && is_plain {
        true => format!("[{label}]({address})"),
        false => label.to_owned(),
    }
}

/// Returns lines in a fence that none of them can close; the last `most_lines` lines and `longest` characters.
pub(super) fn fence(text: &str, most_lines: usize, longest: usize) -> String {
    let clean: String = text
        .chars()
        .filter(|character| matches!(character, '\n' | '\t') || !is_hidden(*character))
        .collect();
    // A comment of ours is found by its first characters, wherever they stand.
    let clean = clean.replace("<!--", "<!\u{200b}--");
    let lines: Vec<&str> = clean.trim_end().lines().collect();
    let mut taken: Vec<String> = Vec::new();
    let mut room = longest;
    for line in lines.iter().rev().take(most_lines) {
        let line = shortened(line, room);
        let length = line.chars().count() + 1;
        if length > room {
            break;
        }
        room -= length;
        taken.push(line);
    }
    let left_out = lines.len() - taken.len();
    if left_out > 0 {
        taken.push(format!("… {left_out} before"));
    }
    taken.reverse();
    let body = taken.join("\n");
    let longest_run = body
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let marks = "`".repeat((longest_run + 1).max(3));
    format!("{marks}text\n{body}\n{marks}")
}

/// Returns a table; cells are written already.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!(
        "| {} |\n|{}",
        heads.join(" | "),
        " --- |".repeat(heads.len())
    );
    for row in rows {
        text.push_str(&format!("\n| {} |", row.join(" | ")));
    }
    text
}

/// Returns something that is opened by a click; the summary is HTML.
pub(super) fn details(summary: &str, body: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{body}\n\n</details>")
}

/// Escapes a part of a sentence and keeps the spaces at its ends, which part it from its neighbours.
fn with_spaces(part: &str) -> String {
    let edge = |is_edge: bool| if is_edge { " " } else { "" };
    let middle = inline(part);
    if middle.is_empty() {
        return edge(!part.is_empty()).to_owned();
    }
    let starts = edge(part.starts_with(char::is_whitespace));
    let ends = edge(part.ends_with(char::is_whitespace));
    format!("{starts}{middle}{ends}")
}

fn push_entity(escaped: &mut String, character: char) {
    match character {
        '&' => escaped.push_str("&amp;"),
        '<' => escaped.push_str("&lt;"),
        '>' => escaped.push_str("&gt;"),
        '`' | '*' | '_' | '~' | '[' | ']' | '|' | '\\' | '$' | '#' => {
            escaped.push_str(&format!("&#{};", u32::from(character)));
        }
        _ => escaped.push(character),
    }
}

/// Whether GitHub could read a mention or a reference across the place behind a character: `@name`, `#1`, `GH-1`.
fn is_reference(characters: &[char], index: usize) -> bool {
    let next = characters.get(index + 1);
    let is_number = next.is_some_and(char::is_ascii_digit);
    match characters[index] {
        '@' => next.is_some(),
        '#' => is_number,
        '-' if is_number && index >= 2 => {
            let before: String = characters[index - 2..index].iter().collect();
            before.eq_ignore_ascii_case("gh")
        }
        _ => false,
    }
}

/// Joins lines and drops what cannot be seen.
fn one_line(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter(|character| character.is_whitespace() || !is_hidden(*character))
        .collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.join(" ")
}

/// Whether a character controls a terminal, or turns the direction of what follows.
fn is_hidden(character: char) -> bool {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    turns || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_written_as_an_entity() {
        assert_eq!(
            inline("a|b `c` *d* <!-- x --> </details>\n[e](f) & \\"),
            "a&#124;b &#96;c&#96; &#42;d&#42; &lt;!-- x --&gt; &lt;/details&gt; &#91;e&#93;(f) &amp; &#92;"
        );
    }

    #[test]
    fn nobody_is_called_and_no_issue_is_linked() {
        assert_eq!(
            inline("@octocat o/r#12 GH-7"),
            "@&#8203;octocat o/r&#35;&#8203;12 GH-&#8203;7"
        );
        assert_eq!(inline("a # b"), "a &#35; b");
    }

    #[test]
    fn terminal_codes_and_turned_text_are_dropped() {
        assert_eq!(inline("a\u{1b}[31mb\u{202e}c"), "a&#91;31mbc");
    }

    #[test]
    fn code_keeps_what_it_can_between_backticks() {
        assert_eq!(code("ghcr.io/o/r@sha256:12"), "`ghcr.io/o/r@sha256:12`");
        assert_eq!(code("a|b`c"), "<code>a&#124;b&#96;c</code>");
        assert_eq!(code("a\n  b"), "`a b`");
        assert_eq!(code(" "), "–");
    }

    #[test]
    fn names_in_a_sentence_become_code_and_a_lone_backtick_stays() {
        assert_eq!(
            prose("task `a` needs `b|c`."),
            "task `a` needs <code>b&#124;c</code>."
        );
        assert_eq!(prose("it`s *so*"), "it&#96;s &#42;so&#42;");
    }

    #[test]
    fn a_fence_is_longer_than_the_ones_in_it() {
        assert_eq!(fence("a\n````\nb", 9, 99), "`````text\na\n````\nb\n`````");
        assert_eq!(fence("a\nb\nc", 2, 99), "```text\n… 1 before\nb\nc\n```");
        assert_eq!(
            fence("<!-- m -->", 9, 99),
            "```text\n<!\u{200b}-- m -->\n```"
        );
    }

    #[test]
    fn only_plain_addresses_become_links() {
        assert_eq!(link("run", "https://x.org/1"), "[run](https://x.org/1)");
        for address in [
            "javascript:alert(1)",
            "https://x.org/a)b",
            "https://x.org/a b",
        ] {
            assert_eq!(link("run", address), "run");
        }
    }

    #[test]
    fn what_is_written_within_a_limit_is_not_longer() {
        let hostile = "@".repeat(500);
        assert!(prose_within(&hostile, 100).len() <= 100);
        assert!(code_within(&"`|".repeat(500), 80).len() <= 80);
    }
}
