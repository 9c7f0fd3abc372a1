//! Text of others, made harmless for a terminal and short enough for its width.

use unicode_width::UnicodeWidthChar as _;

use super::shorten::boundary;

/// The ellipsis that says that something is missing.
const MARK: &str = "…";

/// Drops what would move the cursor, change the terminal or turn the direction of text around, and joins lines.
pub(crate) fn visible(text: &str) -> String {
    let characters = text.trim_end().chars().map(|character| match character {
        '\n' => ' ',
        other => other,
    });
    let is_shown = |character: &char| {
        *character == '\t' || !(character.is_control() || turns_direction(*character))
    };
    characters.filter(is_shown).collect()
}

/// Whether a character makes a terminal write what follows from right to left.
fn turns_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns how many columns a text takes at most.
///
/// Each character counts by itself: a terminal that joins emoji takes fewer columns, and none takes more.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

fn columns_of(character: char) -> usize {
    match character {
        // It asks for the coloured form of the character before it, which is wide.
        '\u{fe0f}' => 1,
        other => other.width().unwrap_or(0),
    }
}

/// Returns a text that takes at most `most` columns; what is missing is marked by `…`, and no character is torn.
pub(crate) fn fitted(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut taken = 0;
    let end = text.char_indices().find(|(_, character)| {
        taken += columns_of(*character);
        taken + 1 > most
    });
    let kept = end.map_or(0, |(end, _)| boundary(text, end));
    let kept = text[..kept].trim_end();
    match most {
        0 => String::new(),
        _ => format!("{kept}{MARK}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_moves_the_cursor_or_turns_the_text_is_dropped() {
        assert_eq!(
            visible("a\u{1b}[2J\r\u{202e}b\u{2066}\u{7}\nc\n"),
            "a[2Jb c"
        );
    }

    #[test]
    fn a_text_is_cut_by_its_width() {
        for (text, most, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("日本語", 1, "…"),
            ("xe\u{301}yz", 2, "x…"),
            ("❤\u{fe0f}❤\u{fe0f}", 3, "❤\u{fe0f}…"),
            ("👩\u{200d}👧 together", 4, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(fitted(text, most), expected, "{text} in {most}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_it_may_be(text in "\\PC{0,40}", most in 0_usize..30) {
            prop_assert!(columns(&fitted(&text, most)) <= most);
        }
    }
}
