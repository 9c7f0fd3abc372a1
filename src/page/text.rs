//! Text of others as HTML that stays text: escaped, and without characters that hide or reorder what stands beside them.

use std::io::{self, Write};

/// Writes a text as HTML. Characters that steer a terminal or turn the direction of writing are written out: a log or a
/// name must not be able to look like something else.
pub(super) fn escape(text: &str, html: &mut dyn Write) -> io::Result<()> {
    let mut rest = text;
    while let Some((at, character)) = rest.char_indices().find(|(_, next)| is_special(*next)) {
        html.write_all(&rest.as_bytes()[..at])?;
        match character {
            '&' => html.write_all(b"&amp;")?,
            '<' => html.write_all(b"&lt;")?,
            '>' => html.write_all(b"&gt;")?,
            '"' => html.write_all(b"&quot;")?,
            '\'' => html.write_all(b"&#39;")?,
            _ => html.write_all(written_out(character).as_bytes())?,
        }
        rest = &rest[at + character.len_utf8()..];
    }
    html.write_all(rest.as_bytes())
}

fn is_special(character: char) -> bool {
    matches!(character, '&' | '<' | '>' | '"' | '\'') || is_unseen(character)
}

/// Whether a character is not seen and changes how others are.
fn is_unseen(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    turns || (character.is_control() && !matches!(character, '\n' | '\t'))
}

fn written_out(character: char) -> String {
    match u32::from(character) {
        // Unicode has a picture for each of the old control characters.
        code @ 0..0x20 => char::from_u32(0x2400 + code)
            .unwrap_or('\u{fffd}')
            .to_string(),
        0x7f => '\u{2421}'.to_string(),
        code => format!("‹U+{code:04X}›"),
    }
}

/// Returns a text as HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut html = Vec::with_capacity(text.len());
    escape(text, &mut html).expect("memory takes every byte");
    String::from_utf8(html).expect("it was made of whole characters")
}

/// Escapes a sentence of ours and sets the names between backticks as code. A name may hold names of its own.
pub(super) fn prose(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('`') {
        html.push_str(&escaped(&rest[..start]));
        let inside = &rest[start + 1..];
        match end_of_name(inside) {
            Some(end) => {
                html.push_str(&format!("<code>{}</code>", escaped(&inside[..end])));
                rest = &inside[end + 1..];
            }
            None => {
                html.push('`');
                rest = inside;
            }
        }
    }
    html.push_str(&escaped(rest));
    html
}

/// Finds the backtick that ends a name: the first one for which as many names ended as began. One begins behind a space.
fn end_of_name(text: &str) -> Option<usize> {
    let mut open = 1;
    for (at, _) in text.match_indices('`') {
        let begins = text[..at].ends_with(char::is_whitespace);
        open = if begins { open + 1 } else { open - 1 };
        if open == 0 {
            return Some(at);
        }
    }
    None
}

/// Whether a text is the address of a web page, so that a link to it leads nowhere else.
pub(super) fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// Writes a path as a relative link: each part percent-encoded but for what addresses need not encode.
pub fn link_of_path(path: &str) -> String {
    let mut link = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b'/'
            | b'@'
            | b'+' => {
                link.push(char::from(byte));
            }
            _ => link.push_str(&format!("%{byte:02X}")),
        }
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_html_is_text() {
        assert_eq!(
            escaped("<a href='x'>\"&\"</a>]]>"),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;]]&gt;"
        );
        assert_eq!(escaped("Über\n\tשלום"), "Über\n\tשלום");
    }

    #[test]
    fn what_is_not_seen_is_written_out() {
        assert_eq!(escaped("a\u{202e}b\u{2069}"), "a‹U+202E›b‹U+2069›");
        assert_eq!(escaped("\u{1b}[31m\u{7f}\0"), "␛[31m␡␀");
        assert_eq!(escaped("\u{85}"), "‹U+0085›");
    }

    #[test]
    fn names_between_backticks_are_code() {
        assert_eq!(
            prose("Repair `a<b`: `left"),
            "Repair <code>a&lt;b</code>: `left"
        );
        assert_eq!(
            prose("`script `exit 1`` ended; `b` too"),
            "<code>script `exit 1`</code> ended; <code>b</code> too"
        );
    }

    #[test]
    fn a_path_with_a_percent_sign_is_still_found_behind_its_link() {
        assert_eq!(
            link_of_path("logs/19/build+%2e.%2f@x/a b"),
            "logs/19/build+%252e.%252f@x/a%20b"
        );
    }
}
