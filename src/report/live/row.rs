//! One row of the tree, cut to the width of the terminal.

use crate::report::{
    Colours, Tone,
    visible::{columns, fitted},
};

/// A row before it is painted.
#[derive(Debug, Default)]
pub(super) struct Row(Vec<(Option<Tone>, String)>);

impl Row {
    /// Adds text in the colour of the terminal.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push((None, text.into()));
        self
    }

    /// Adds text in the colour of a tone.
    #[must_use]
    pub fn painted(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.0.push((Some(tone), text.into()));
        self
    }

    /// Writes what fits, and returns it with the number of its columns.
    pub fn written(&self, colours: Colours, width: usize) -> (String, usize) {
        let mut written = String::new();
        let mut taken = 0;
        for (tone, text) in &self.0 {
            let kept = fitted(text, width - taken);
            taken += columns(&kept);
            match tone {
                Some(tone) => written.push_str(&colours.paint(*tone, &kept)),
                None => written.push_str(&kept),
            }
            if kept != *text {
                break;
            }
        }
        (written, taken)
    }
}

/// Fills a text with spaces up to a number of columns, or cuts it.
pub(super) fn padded(text: &str, to: usize) -> String {
    let text = fitted(text, to);
    let missing = to - columns(&text);
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_ends_where_the_terminal_does() {
        let row = Row::default()
            .painted(Tone::Good, "日本")
            .text(" and more")
            .text("!");
        let plain = |width| row.written(Colours::Plain, width);
        assert_eq!(plain(20), ("日本 and more!".to_owned(), 14));
        assert_eq!(plain(8), ("日本 an…".to_owned(), 8));
        assert_eq!(plain(3), ("日…".to_owned(), 3));
        assert_eq!(
            row.written(Colours::Ansi, 3),
            ("\u{1b}[32m日…\u{1b}[0m".to_owned(), 3)
        );
    }

    #[test]
    fn a_text_is_padded_by_its_width() {
        assert_eq!(padded("日本", 6), "日本  ");
        assert_eq!(padded("abcdef", 4), "abc…");
    }
}
