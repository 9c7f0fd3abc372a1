//! Texts with a name, and places in them.

/// A range of bytes in one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl Span {
    /// Returns the range from `start` up to, and without, `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Returns the empty place at `offset`.
    pub const fn at(offset: usize) -> Self {
        Self::new(offset, offset)
    }

    /// Returns the smallest span that holds both.
    pub fn to(self, other: Self) -> Self {
        Self::new(self.start.min(other.start), self.end.max(other.end))
    }
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self::new(range.start, range.end)
    }
}

/// A text and the name by which people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    name: String,
    text: String,
    line_starts: Vec<usize>,
}

impl SourceFile {
    /// Takes a text; `name` is what messages call it, as a path relative to where the user stands.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let behind_line_feeds = text.match_indices('\n').map(|(offset, _)| offset + 1);
        let line_starts = std::iter::once(0).chain(behind_line_feeds).collect();
        Self {
            name: name.into(),
            text,
            line_starts,
        }
    }

    /// Returns the name as people see it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text of a span; a span that reaches out of the text, or into a character, is made smaller.
    pub fn slice(&self, span: Span) -> &str {
        let span = self.fit(span);
        &self.text[span.start..span.end]
    }

    /// Returns line and column of an offset, both counted from 1, the column in characters.
    ///
    /// An offset behind the end counts as the end, one inside a character as its start.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = self.floor_character(offset);
        let line = self.line_of(offset);
        let column = self.text[self.line_starts[line - 1]..offset]
            .chars()
            .count();
        (line, column + 1)
    }

    /// Returns the number of the line that holds `offset`, counted from 1.
    pub fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// Returns how many lines there are; an empty text has one.
    pub fn line_count(&self) -> usize {
        self.line_starts.len()
    }

    /// Returns the bytes of a line, counted from 1, without its end (`\n` or `\r\n`); a line that does not exist is empty.
    pub fn line_span(&self, line: usize) -> Span {
        let Some(start) = line
            .checked_sub(1)
            .and_then(|index| self.line_starts.get(index))
        else {
            return Span::at(self.text.len());
        };
        let end = match self.line_starts.get(line) {
            Some(next) => next - 1,
            None => self.text.len(),
        };
        let text = &self.text[*start..end];
        Span::new(
            *start,
            start + text.strip_suffix('\r').unwrap_or(text).len(),
        )
    }

    /// Brings a span into the text: in order, not behind the end, on the borders of characters.
    pub(crate) fn fit(&self, span: Span) -> Span {
        let start = self.floor_character(span.start);
        let end = self.floor_character(span.end).max(start);
        Span::new(start, end)
    }

    fn floor_character(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let source = SourceFile::new("a.yaml", "é: 1\r\nb: ß2\n");
        let places =
            [0, 1, 2, 4, 7, 11, 12, 13, 14, 15, 99].map(|offset| source.line_column(offset));
        assert_eq!(
            places,
            [
                (1, 1),
                (1, 1),
                (1, 2),
                (1, 4),
                (2, 1),
                (2, 4),
                (2, 5),
                (2, 6),
                (3, 1),
                (3, 1),
                (3, 1)
            ]
        );
    }

    #[test]
    fn a_line_is_shown_without_its_end() {
        let source = SourceFile::new("a.yaml", "one\r\ntwo\n\nlast");
        let lines: Vec<_> = (0..6)
            .map(|line| source.slice(source.line_span(line)))
            .collect();
        assert_eq!(lines, ["", "one", "two", "", "last", ""]);
        assert_eq!(source.line_count(), 4);
    }

    #[test]
    fn a_span_that_reaches_out_of_its_text_is_made_to_fit() {
        let source = SourceFile::new("a.yaml", "aé");
        assert_eq!(source.slice(Span::new(0, 2)), "a");
        assert_eq!(source.slice(Span::new(2, 9)), "é");
        assert_eq!(source.slice(Span::new(9, 2)), "");
        assert_eq!(SourceFile::new("", "").slice(Span::new(3, 1)), "");
    }
}
