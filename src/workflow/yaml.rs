//! How YAML is written: scalars that mean what they say under YAML 1.1 and 1.2, and trees of them.

use serde_json::Value;

/// Words that some reader of YAML takes for something else than a text.
const WORDS: [&str; 12] = [
    "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "none",
];

/// Characters besides letters and digits that may stand anywhere in a plain scalar, where no rule below forbids them.
const PLAIN: &str = " _-./$(){}[]<>=+*@!&|,;:'\"%^~?#";

/// Writes a text as a scalar: plain where every reader takes it for that text, else in double quotes.
pub fn quote(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            // Line ends of other standards and the byte order mark change the text or end the line in some readers.
            special
                if special.is_control()
                    || matches!(special, '\u{2028}' | '\u{2029}' | '\u{feff}') =>
            {
                quoted.push_str(&format!("\\u{:04x}", special as u32));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(text: &str) -> bool {
    let starts_well =
        text.starts_with(|first: char| first.is_alphanumeric() || "_./$".contains(first));
    let ends_well = !text.ends_with([' ', ':']);
    let known = text
        .chars()
        .all(|character| character.is_alphanumeric() || PLAIN.contains(character));
    let has_no_marks = !text.contains(": ") && !text.contains(" #");
    starts_well && ends_well && known && has_no_marks && !is_word(text) && !is_numeric(text)
}

fn is_word(text: &str) -> bool {
    let lower = text.trim_start_matches('.').to_lowercase();
    WORDS.contains(&lower.as_str())
}

/// Whether some reader could take a text for a number, a time or a date.
fn is_numeric(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && text
            .chars()
            .all(|character| character.is_ascii_hexdigit() || "xXoO_.:+- TtZz".contains(character))
}

/// Returns the comment behind the value at a path of keys.
pub type Comments<'c> = &'c dyn Fn(&[String], &Value) -> Option<String>;

/// Writes a tree as a block of lines, indented by `indent` columns; the text ends with a line end.
pub fn block(value: &Value, indent: usize, comments: Comments<'_>) -> String {
    let mut writer = Writer {
        text: String::new(),
        comments,
        path: Vec::new(),
    };
    writer.children(value, indent);
    writer.text
}

struct Writer<'c> {
    text: String,
    comments: Comments<'c>,
    path: Vec<String>,
}

impl Writer<'_> {
    fn children(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    self.text.push_str(&" ".repeat(indent));
                    self.entry(key, value, indent);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(index.to_string());
                    self.item(item, indent);
                    self.path.pop();
                }
            }
            scalar => {
                self.text
                    .push_str(&format!("{}{}\n", " ".repeat(indent), scalar_text(scalar)))
            }
        }
    }

    /// Writes `key: value`; the indentation of its line stands already.
    fn entry(&mut self, key: &str, value: &Value, indent: usize) {
        self.path.push(key.to_owned());
        // GitHub's own readers take `on` for the key that it is.
        let is_events = key == "on" && self.path.len() == 1;
        self.text.push_str(&if is_events {
            key.to_owned()
        } else {
            quote(key)
        });
        self.text.push(':');
        let comment = (self.comments)(&self.path, value)
            .map(|comment| format!(" # {comment}"))
            .unwrap_or_default();
        if is_tree(value) {
            self.text.push_str(&format!("{comment}\n"));
            self.children(value, indent + 2);
        } else {
            let scalar = scalar_text(value);
            let space = if scalar.is_empty() { "" } else { " " };
            self.text.push_str(&format!("{space}{scalar}{comment}\n"));
        }
        self.path.pop();
    }

    fn item(&mut self, item: &Value, indent: usize) {
        self.text.push_str(&format!("{}-", " ".repeat(indent)));
        match item {
            Value::Object(entries) if !entries.is_empty() => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    let before = if index == 0 { 1 } else { indent + 2 };
                    self.text.push_str(&" ".repeat(before));
                    self.entry(key, value, indent + 2);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                self.text.push('\n');
                self.children(item, indent + 2);
            }
            Value::Null => self.text.push_str(" null\n"),
            scalar => self.text.push_str(&format!(" {}\n", scalar_text(scalar))),
        }
    }
}

fn is_tree(value: &Value) -> bool {
    match value {
        Value::Object(entries) => !entries.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Writes what has no children.
pub fn scalar_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quote(text),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) {
        let yaml = format!("{}:\n  - {}\n", quote(text), quote(text));
        let read: Value =
            serde_yaml::from_str(&yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"));
        let expected = serde_json::json!({ text: [text] });
        assert_eq!(read, expected, "{yaml}");
    }

    #[test]
    fn a_scalar_is_read_as_the_text_that_was_written() {
        let texts = [
            "",
            " ",
            "a",
            "on",
            "On",
            "yes",
            "NO",
            "y",
            "~",
            "null",
            "1.20",
            "0x1F",
            "0o17",
            "1e3",
            "12:30:45",
            "2026-11-20",
            ".5",
            ".inf",
            "-",
            "- a",
            "-1",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a`",
            "{a",
            "[a",
            "]",
            "'a'",
            "\"a\"",
            "a\nb",
            "a\\nb",
            "\tb",
            "a ",
            " a",
            "? a",
            "|",
            ">",
            "<<",
            "=",
            "${{ a }}",
            "${{ !a && 'b: c' }}",
            "...",
            "---",
            "ä ö",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "\u{7f}",
            "🚀",
            "a,b",
            "+1",
            "1_000",
            "0b1",
        ];
        for text in texts {
            check(text);
        }
    }

    #[test]
    fn words_and_numbers_of_other_readers_are_quoted_and_plain_words_are_not() {
        for text in [
            "on",
            "yes",
            "1.20",
            "2026-11-20",
            "~",
            "1e3",
            "Off",
            "12:30",
        ] {
            assert_eq!(quote(text), format!("\"{text}\""));
        }
        for text in [
            "build",
            "Check out",
            "${{ a }}",
            "release / app (production)",
            "v1.2",
            "type=sha",
        ] {
            assert_eq!(quote(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_as_it_was(text in "\\PC{0,20}") {
            check(&text);
        }
    }

    #[test]
    fn a_tree_is_written_with_its_comments() {
        let tree = serde_json::json!({"on": {"push": null}, "a": [1, "x", {"b": true, "c": []}, [2]], "d": {}});
        let comments =
            |path: &[String], _: &Value| (path == ["a", "2", "b"]).then(|| "why".to_owned());
        insta::assert_snapshot!(block(&tree, 0, &comments), @r#"
        on:
          push:
        a:
          - 1
          - x
          - b: true # why
            c: []
          -
            - 2
        d: {}
        "#);
    }
}
