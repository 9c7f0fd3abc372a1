//! Walks over the tokens of HCL that matter to its skeleton.

use crate::diagnostic::Span;

/// A place in a text, and how to get past what stands there. It never goes back and always ends.
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        // Terraform takes a byte order mark at the beginning.
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self { text, at }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn slice(&self, span: Span) -> &'t str {
        &self.text[span.start..span.end]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Goes past one character.
    pub(super) fn step(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Goes past white space and comments, line ends too.
    pub(super) fn skip_blank(&mut self) {
        loop {
            let is_space = |sign: char| sign.is_whitespace();
            let blank = self.rest().find(|sign| !is_space(sign));
            self.at += blank.unwrap_or(self.rest().len());
            if !self.skip_comment() {
                return;
            }
        }
    }

    /// Goes past spaces and tabs.
    pub(super) fn skip_spaces(&mut self) {
        let spaces = self.rest().find(|sign| !matches!(sign, ' ' | '\t'));
        self.at += spaces.unwrap_or(self.rest().len());
    }

    /// Goes past a comment; one to the end of the line stops before that end.
    pub(super) fn skip_comment(&mut self) -> bool {
        let rest = self.rest();
        let length = if rest.starts_with('#') || rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(inner) = rest.strip_prefix("/*") {
            inner.find("*/").map_or(rest.len(), |end| end + 4)
        } else {
            return false;
        };
        self.at += length;
        true
    }

    /// Takes a name: `for_each`, `required-version`.
    pub(super) fn name(&mut self) -> Option<Span> {
        let is_part = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-');
        let starts = |sign: char| sign.is_alphabetic() || sign == '_';
        if !self.peek().is_some_and(starts) {
            return None;
        }
        let start = self.at;
        let length = self.rest().find(|sign| !is_part(sign));
        self.at += length.unwrap_or(self.rest().len());
        Some(Span::new(start, self.at))
    }

    /// Goes past a text in quotes, with what is interpolated in it. One that does not end, ends with its line.
    pub(super) fn quoted(&mut self) -> Span {
        let start = self.at;
        self.step();
        while let Some(sign) = self.peek() {
            match sign {
                '"' => {
                    self.step();
                    break;
                }
                '\n' => break,
                '\\' => {
                    self.step();
                    self.step();
                }
                '$' | '%' if self.opens_template(sign) => self.template(),
                _ => self.step(),
            }
        }
        Span::new(start, self.at)
    }

    /// Whether `${` or `%{` stands here; `$${` and `%%{` are these very characters, and are gone past.
    fn opens_template(&mut self, sign: char) -> bool {
        let rest = &self.rest()[1..];
        if rest.starts_with(sign) && rest[1..].starts_with('{') {
            self.at += 2;
            return false;
        }
        rest.starts_with('{')
    }

    /// Goes past `${ … }`, in which braces and quotes may stand again.
    fn template(&mut self) {
        self.at += 2;
        // One for each brace that is open, true where it is a template inside of quotes.
        let mut open = vec![false];
        while let Some(sign) = self.peek() {
            let is_quoted = open.last() == Some(&true);
            match sign {
                '"' if is_quoted => {
                    open.pop();
                    self.step();
                }
                '\\' if is_quoted => {
                    self.step();
                    self.step();
                }
                '$' | '%' if is_quoted => {
                    if self.opens_template(sign) {
                        open.push(false);
                        self.at += 2;
                    } else {
                        self.step();
                    }
                }
                _ if is_quoted => self.step(),
                '"' => {
                    open.push(true);
                    self.step();
                }
                '{' => {
                    open.push(false);
                    self.step();
                }
                '}' => {
                    open.pop();
                    self.step();
                }
                _ => self.step(),
            }
            if open.is_empty() {
                return;
            }
        }
    }

    /// Goes past `<<MARKER` or `<<-MARKER` up to the line that holds the marker alone.
    pub(super) fn heredoc(&mut self) -> bool {
        let Some(rest) = self.rest().strip_prefix("<<") else {
            return false;
        };
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        let Some((marker, mut lines)) = rest.split_once('\n') else {
            return false;
        };
        let marker = marker.trim_end_matches('\r');
        let is_name = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-');
        if marker.is_empty() || !marker.chars().all(is_name) {
            return false;
        }
        while !lines.is_empty() {
            let line = lines.split('\n').next().unwrap_or_default();
            if line.trim() == marker {
                // The end of its line is the end of the attribute, and is left there.
                self.at = self.text.len() - lines.len() + line.trim_end().len();
                return true;
            }
            lines = lines.get(line.len() + 1..).unwrap_or_default();
        }
        self.at = self.text.len();
        true
    }

    /// Goes past the value of an attribute, and returns it without the white space around it.
    ///
    /// It ends with its line, or where the block ends on the same line, unless a bracket is open.
    pub(super) fn value(&mut self) -> Span {
        self.skip_spaces();
        let start = self.at;
        let mut end = start;
        let mut open = 0_usize;
        while let Some(sign) = self.peek() {
            match sign {
                '\n' if open == 0 => break,
                '}' | ']' | ')' if open == 0 => break,
                '#' | '/' | ' ' | '\t' | '\r' | '\n' => {
                    if !self.skip_comment() {
                        self.step();
                        if sign == '/' {
                            end = self.at;
                        }
                    }
                    continue;
                }
                '"' => {
                    self.quoted();
                }
                '<' if self.heredoc() => {}
                '{' | '[' | '(' => {
                    open += 1;
                    self.step();
                }
                '}' | ']' | ')' => {
                    open -= 1;
                    self.step();
                }
                _ => self.step(),
            }
            end = self.at;
        }
        Span::new(start, end)
    }
}
