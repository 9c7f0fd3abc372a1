//! Reading what a step wrote, as a runner on Linux reads it.

use indexmap::IndexMap;

use super::FileError;

/// Reads a file of outputs or variables: `NAME=VALUE` and `NAME<<DELIMITER`, whichever sign comes first in a line.
///
/// A later value replaces an earlier one. Lines end with a line feed; a carriage return belongs to the value, and in front of the
/// delimiter it hides it, as on every runner but Windows. Bytes that are no UTF-8 are replaced.
///
/// # Errors
///
/// Fails with the first line that a runner refuses; it refuses the whole file then and fails the step.
pub fn parse_output_file(bytes: &[u8]) -> Result<IndexMap<String, String>, FileError> {
    let text = String::from_utf8_lossy(bytes);
    // A byte order mark is eaten by the runner's reader.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut lines = Lines {
        rest: text,
        number: 0,
    };
    let mut values = IndexMap::new();
    while let Some(line) = lines.next_line() {
        if line.text.is_empty() {
            continue;
        }
        let sign = ["=", "<<"]
            .into_iter()
            .filter_map(|sign| Some((line.text.find(sign)?, sign)))
            .min();
        let Some((at, sign)) = sign else {
            return Err(FileError::Format {
                line: line.number,
                text: line.text.to_owned(),
            });
        };
        let (name, rest) = (&line.text[..at], &line.text[at + sign.len()..]);
        let is_heredoc = sign == "<<";
        if name.is_empty() || is_heredoc && rest.is_empty() {
            return Err(FileError::Empty {
                line: line.number,
                text: line.text.to_owned(),
            });
        }
        let value = match is_heredoc {
            true => heredoc(&mut lines, line.number, rest)?,
            false => rest.to_owned(),
        };
        values.insert(name.to_owned(), value);
    }
    Ok(values)
}

/// Reads a value up to the line that is exactly the delimiter.
fn heredoc(lines: &mut Lines<'_>, opened: usize, delimiter: &str) -> Result<String, FileError> {
    let mut value = String::new();
    let mut is_first = true;
    while let Some(line) = lines.next_line() {
        if line.text == delimiter {
            return Ok(value);
        }
        if !line.is_ended {
            return Err(FileError::NoNewLine {
                line: opened,
                delimiter: delimiter.to_owned(),
            });
        }
        if !is_first {
            value.push('\n');
        }
        is_first = false;
        value.push_str(line.text);
    }
    Err(FileError::NoDelimiter {
        line: opened,
        delimiter: delimiter.to_owned(),
    })
}

struct Lines<'t> {
    rest: &'t str,
    number: usize,
}

struct Line<'t> {
    text: &'t str,
    number: usize,
    is_ended: bool,
}

impl<'t> Lines<'t> {
    fn next_line(&mut self) -> Option<Line<'t>> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let ended = self.rest.split_once('\n');
        let (text, rest) = ended.unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(Line {
            text,
            number: self.number,
            is_ended: ended.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let values = parse_output_file(text.as_bytes()).expect(text);
        let found: Vec<_> = values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = parse_output_file(text.as_bytes()).expect_err(text);
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn both_forms_are_read_and_the_first_sign_decides() {
        check("", &[]);
        check("a=1\n\nb=x=y<<z\n", &[("a", "1"), ("b", "x=y<<z")]);
        check("a=\nb= ", &[("a", ""), ("b", " ")]);
        check(
            "a<<E\none\n\ntwo\nE\nb=2",
            &[("a", "one\n\ntwo"), ("b", "2")],
        );
        check("a<<E=F\n1\nE=F", &[("a", "1")]);
        check("a<<E\nE\n", &[("a", "")]);
        check("a<<E\n\nE\n", &[("a", "")]);
        check("a<<E\n\n\nE\n", &[("a", "\n")]);
        check("a=1\nb=2\na=3\n", &[("a", "3"), ("b", "2")]);
        check("\u{feff}a=1\n", &[("a", "1")]);
    }

    #[test]
    fn a_carriage_return_stays_in_the_value() {
        check("a=1\r\n", &[("a", "1\r")]);
        check("a<<E\none\r\nE\n", &[("a", "one\r")]);
        check_error(
            "a<<E\none\nE\r\n",
            "line 1: matching delimiter `E` not found",
        );
        check("a<<E\r\none\nE\r\n", &[("a", "one")]);
    }

    #[test]
    fn what_a_runner_refuses_is_refused_with_its_line() {
        check_error(
            "ok=1\nnope\n",
            "line 2: invalid format `nope`: expected `NAME=VALUE` or `NAME<<DELIMITER`",
        );
        check_error(
            "\n=1\n",
            "line 2: invalid format `=1`: name and delimiter must not be empty",
        );
        check_error(
            "<<E\n",
            "line 1: invalid format `<<E`: name and delimiter must not be empty",
        );
        check_error(
            "a<<\n",
            "line 1: invalid format `a<<`: name and delimiter must not be empty",
        );
        check_error("a<<E\n", "line 1: matching delimiter `E` not found");
        check_error("a<<E", "line 1: matching delimiter `E` not found");
        check_error("a<<E\n1\n", "line 1: matching delimiter `E` not found");
        check_error(
            "a<<E\n1 E",
            "line 1: the delimiter `E` does not stand on a line of its own",
        );
    }
}
