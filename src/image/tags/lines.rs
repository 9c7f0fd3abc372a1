//! Lists of lines, and records of comma-separated values in them.

use std::collections::BTreeMap;

use super::problem::{TagInput, TagProblem};

/// A line of a list: neither empty nor a comment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'l> {
    pub(super) input: TagInput,
    /// From 1.
    pub(super) number: usize,
    pub(super) text: &'l str,
}

impl Line<'_> {
    pub(super) fn wrong(&self, because: impl Into<String>) -> TagProblem {
        TagProblem {
            input: self.input,
            line: self.number,
            text: self.text.to_owned(),
            because: because.into(),
        }
    }
}

/// The lines of a list, less empty ones and comments.
pub(super) fn lines(input: TagInput, text: &str) -> impl Iterator<Item = Line<'_>> {
    let numbered = (1..).zip(text.lines());
    let trimmed = numbered.map(move |(number, line)| Line {
        input,
        number,
        text: line.trim(),
    });
    trimmed.filter(|line| !line.text.is_empty() && !line.text.starts_with('#'))
}

/// The attributes of a record. A field without `=` is the `value`; a later one of the same name wins.
pub(super) struct Attributes<'l> {
    pub(super) line: Line<'l>,
    found: BTreeMap<String, String>,
}

impl<'l> Attributes<'l> {
    pub(super) fn read(line: Line<'l>) -> Result<Self, TagProblem> {
        let mut found = BTreeMap::new();
        for field in fields(line.text).ok_or_else(|| line.wrong("a quote is not closed"))? {
            match field.split_once('=') {
                Some((key, value)) => {
                    found.insert(key.trim().to_lowercase(), value.trim().to_owned())
                }
                None => found.insert("value".to_owned(), field.trim().to_owned()),
            };
        }
        Ok(Self { line, found })
    }

    pub(super) fn wrong(&self, because: impl Into<String>) -> TagProblem {
        self.line.wrong(because)
    }

    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        self.found.remove(key)
    }

    /// An empty one counts as not given.
    pub(super) fn take_filled(&mut self, key: &str) -> Option<String> {
        self.take(key).filter(|value| !value.is_empty())
    }

    /// Returns the names of those that nobody took.
    pub(super) fn rest(self) -> Vec<String> {
        self.found.into_keys().collect()
    }
}

/// Splits a record of comma-separated values; a quote protects commas, two of them are one. `None` if a quote stays open.
pub(super) fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.trim().is_empty() => {
                field.clear();
                quoted = true;
            }
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    (!quoted).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_what_quotes_protect() {
        let read = |line: &str| fields(line).expect("closed quotes");
        assert_eq!(
            read(r#"type=match,"pattern=\d{1,2}""#),
            ["type=match", r"pattern=\d{1,2}"]
        );
        assert_eq!(read(r#"a, "b ""c"" ,d" ,"#), ["a", r#"b "c" ,d "#, ""]);
    }

    #[test]
    fn comments_stand_at_the_beginning_of_a_line_and_count_as_lines() {
        let text = "# no\r\n\n  a#b \n#c\nd";
        let found: Vec<_> = lines(TagInput::Tags, text)
            .map(|line| (line.number, line.text))
            .collect();
        assert_eq!(found, [(3, "a#b"), (5, "d")]);
    }
}
