//! Shorter texts, never cut inside what people see as one character.

/// The ellipsis that says that something is missing.
const MARK: char = '…';

/// Returns a text of at most `longest` characters; what is missing is marked by `…`.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    let Some((limit, _)) = text.char_indices().nth(longest) else {
        return text.to_owned();
    };
    let room = text
        .char_indices()
        .nth(longest.saturating_sub(1))
        .map_or(limit, |(at, _)| at);
    let kept = text[..boundary(text, room)].trim_end();
    let mut short = kept.to_owned();
    if longest > 0 {
        short.push(MARK);
    }
    short
}

/// Goes back from `end` to a place where no combining mark, joiner, tone or half of a flag is torn off.
pub(super) fn boundary(text: &str, mut end: usize) -> usize {
    while end > 0 {
        let (before, behind) = text.split_at(end);
        let next = behind.chars().next();
        let last = before.chars().next_back();
        let belongs =
            next.is_some_and(continues) || last == Some(JOINER) || splits_flag(before, next);
        if !belongs {
            break;
        }
        end -= last.map_or(0, char::len_utf8);
    }
    end
}

const JOINER: char = '\u{200d}';

/// Whether a character is part of the one before it.
fn continues(character: char) -> bool {
    let is_tone = ('\u{1f3fb}'..='\u{1f3ff}').contains(&character);
    let is_control = character.is_control();
    is_tone || (!is_control && unicode_width::UnicodeWidthChar::width(character) == Some(0))
}

fn splits_flag(before: &str, next: Option<char>) -> bool {
    let is_letter = |character: char| ('\u{1f1e6}'..='\u{1f1ff}').contains(&character);
    let letters = before.chars().rev().take_while(|last| is_letter(*last));
    next.is_some_and(is_letter) && letters.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_stays_as_it_is() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("", 0), "");
    }

    #[test]
    fn a_long_text_is_cut_and_marked() {
        assert_eq!(shortened("abcd", 3), "ab…");
        assert_eq!(shortened("日本語です", 3), "日本…");
        assert_eq!(shortened("a  bcd", 3), "a…");
    }

    #[test]
    fn what_is_seen_as_one_character_is_not_torn() {
        // A combining accent, a family of joined emoji, a tone, a flag.
        assert_eq!(shortened("xe\u{301}yz", 3), "x…");
        assert_eq!(shortened("x👩\u{200d}👧yz", 4), "x…");
        assert_eq!(shortened("x👍🏽yz", 3), "x…");
        assert_eq!(shortened("x🇩🇪🇫🇷yz", 5), "x🇩🇪…");
    }
}
