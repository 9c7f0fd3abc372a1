//! The forms in which a secret turns up in the output of tools.

use std::collections::BTreeSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

/// Shortest value that is masked, in bytes. Whatever is shorter occurs in ordinary text.
pub(super) const SHORTEST: usize = 4;

/// Returns every text that gives the secret away, its lines included; nothing for a value under [`SHORTEST`].
pub(super) fn forms(secret: &str) -> BTreeSet<Vec<u8>> {
    let trimmed = secret.trim();
    if trimmed.len() < SHORTEST {
        return BTreeSet::new();
    }
    let mut values = BTreeSet::from([secret, trimmed]);
    let lines = secret.split(['\r', '\n']).map(str::trim);
    if secret.contains(['\r', '\n']) {
        values.extend(lines.filter(|line| line.len() >= SHORTEST && !is_trivial(line)));
    }
    values.into_iter().flat_map(encodings).collect()
}

/// Whether a line of a secret says nothing: brackets of a JSON document, the armour of a PEM file.
fn is_trivial(line: &str) -> bool {
    let is_armour = line.starts_with("-----") && line.ends_with("-----");
    is_armour
        || line
            .chars()
            .all(|character| character.is_whitespace() || "{}[]()<>\"',:;-=".contains(character))
}

fn encodings(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let mut texts = vec![
        value.to_owned(),
        hex::encode(bytes),
        hex::encode_upper(bytes),
        xml(value, "&apos;"),
        xml(value, "&#39;"),
    ];
    texts.extend(percent(bytes));
    texts.extend(json(value));
    texts.extend(shell(value));
    texts.extend(base64(bytes));
    texts.into_iter().map(String::into_bytes).collect()
}

/// Bytes besides letters and digits that a percent-encoder leaves alone.
const PERCENT_KEEPS: [&str; 8] = [
    // RFC 3986, unreserved.
    "-._~",
    // `encodeURIComponent`.
    "-_.!~*'()",
    // `encodeURI`.
    "-_.!~*'();/?:@&=+$,#",
    // `application/x-www-form-urlencoded`.
    "*-._",
    // Python's `quote`.
    "-._~/",
    // Go's `PathEscape`.
    "-_.~$&+=:@",
    // The user information of a URL (WHATWG).
    "!$%&'()*+,-._~",
    // The path of a URL (WHATWG).
    "!$%&'()*+,-./:;=@[\\]^_|~",
];

fn percent(bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    for keeps in PERCENT_KEEPS {
        for space in ["%20", "+"] {
            for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
                texts.push(percent_with(bytes, keeps.as_bytes(), space, digits));
            }
        }
    }
    texts
}

fn percent_with(bytes: &[u8], keeps: &[u8], space: &str, digits: &[u8; 16]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || keeps.contains(&byte) {
            text.push(char::from(byte));
        } else if byte == b' ' {
            text.push_str(space);
        } else {
            text.push('%');
            text.push(char::from(digits[usize::from(byte >> 4)]));
            text.push(char::from(digits[usize::from(byte & 15)]));
        }
    }
    text
}

/// JSON as most write it, as Go writes it (`<`, `>` and `&` escaped), in ASCII only, and each once more inside a JSON string.
fn json(value: &str) -> Vec<String> {
    let escapes: [fn(char) -> bool; 3] = [
        |_| false,
        |character| matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'),
        |character| !character.is_ascii(),
    ];
    let mut texts = Vec::new();
    for escape in escapes {
        let once = json_with(value, escape);
        texts.push(json_with(&once, escape));
        texts.push(once.replace('/', "\\/"));
        texts.push(once);
    }
    texts
}

fn json_with(value: &str, escape: fn(char) -> bool) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            other if other < ' ' || escape(other) => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
            other => text.push(other),
        }
    }
    text
}

/// The inside of single quotes (both ways to write a quote), of double quotes, of `$'…'`, and each character escaped.
fn shell(value: &str) -> Vec<String> {
    let escaped = |special: &str| {
        let mut text = String::with_capacity(value.len());
        for character in value.chars() {
            if special.contains(character) {
                text.push('\\');
            }
            text.push(character);
        }
        text
    };
    let dollar = escaped("\\'")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t");
    vec![
        value.replace('\'', r"'\''"),
        value.replace('\'', r#"'"'"'"#),
        escaped("\"\\"),
        escaped("\"\\$`"),
        escaped("\"\\$`!"),
        // What bash's `printf %q` escapes.
        escaped(" !\"#$&'()*,;<>?[\\]^`{|}~"),
        dollar,
    ]
}

fn xml(value: &str, apostrophe: &str) -> String {
    value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', apostrophe)
}

/// Base64 of the value alone, and the part of it that stays the same wherever the value stands inside something longer.
fn base64(bytes: &[u8]) -> Vec<String> {
    let mut texts = vec![STANDARD.encode(bytes), URL_SAFE.encode(bytes)];
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        texts.push(engine.encode(bytes));
        for shift in 0..3_usize {
            let mut shifted = vec![0; shift];
            shifted.extend_from_slice(bytes);
            let text = engine.encode(&shifted);
            // A character carries six bits; those that share bits with a neighbour of the value differ by the neighbour.
            let first = (shift * 8).div_ceil(6);
            let end = shifted.len() * 8 / 6;
            texts.push(text[first..end].to_owned());
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(secret: &str, form: &str) -> bool {
        forms(secret).contains(form.as_bytes())
    }

    #[test]
    fn a_secret_is_known_in_the_forms_that_tools_print() {
        let secret = r#"p@ss "wörd"/<'>"#;
        for form in [
            r#"p@ss "wörd"/<'>"#,
            "p%40ss%20%22w%C3%B6rd%22%2F%3C%27%3E",
            "p%40ss%20%22w%c3%b6rd%22%2f%3c%27%3e",
            "p%40ss+%22w%C3%B6rd%22%2F%3C%27%3E",
            r#"p@ss \"wörd\"/<'>"#,
            r#"p@ss \"wörd\"/\u003c'\u003e"#,
            r#"p@ss \"w\u00f6rd\"/<'>"#,
            r#"p@ss \"wörd\"\/<'>"#,
            r#"p@ss \\\"wörd\\\"/<'>"#,
            r#"p@ss "wörd"/<'\''>"#,
            r#"p@ss \"wörd\"/<'>"#,
            "p@ss &quot;wörd&quot;/&lt;&#39;&gt;",
            "70407373202277c3b67264222f3c273e",
            "70407373202277C3B67264222F3C273E",
            "cEBzcyAid8O2cmQiLzwnPg==",
        ] {
            assert!(has(secret, form), "{form}");
        }
    }

    /// A secret that every encoder writes in its own way; what follows was written by the encoders themselves.
    const HARD: &str = r#"p@ss "wörd"/<'>~$x!(1)*[é]:^|\q,+=&;#?-._`z"#;

    #[test]
    fn each_percent_encoder_is_known_by_what_it_leaves_alone() {
        for (encoder, form) in [
            (
                "RFC 3986",
                "p%40ss%20%22w%C3%B6rd%22%2F%3C%27%3E~%24x%21%281%29%2A%5B%C3%A9%5D%3A%5E%7C%5Cq%2C%2B%3D%26%3B%23%3F-._%60z",
            ),
            (
                "encodeURIComponent",
                "p%40ss%20%22w%C3%B6rd%22%2F%3C'%3E~%24x!(1)*%5B%C3%A9%5D%3A%5E%7C%5Cq%2C%2B%3D%26%3B%23%3F-._%60z",
            ),
            (
                "encodeURI",
                "p@ss%20%22w%C3%B6rd%22/%3C'%3E~$x!(1)*%5B%C3%A9%5D:%5E%7C%5Cq,+=&;#?-._%60z",
            ),
            (
                "a form",
                "p%40ss+%22w%C3%B6rd%22%2F%3C%27%3E%7E%24x%21%281%29*%5B%C3%A9%5D%3A%5E%7C%5Cq%2C%2B%3D%26%3B%23%3F-._%60z",
            ),
            (
                "Python's quote",
                "p%40ss%20%22w%C3%B6rd%22/%3C%27%3E~%24x%21%281%29%2A%5B%C3%A9%5D%3A%5E%7C%5Cq%2C%2B%3D%26%3B%23%3F-._%60z",
            ),
            (
                "Go's PathEscape",
                "p@ss%20%22w%C3%B6rd%22%2F%3C%27%3E~$x%21%281%29%2A%5B%C3%A9%5D:%5E%7C%5Cq%2C+=&%3B%23%3F-._%60z",
            ),
            (
                "user information",
                "p%40ss%20%22w%C3%B6rd%22%2F%3C'%3E~$x!(1)*%5B%C3%A9%5D%3A%5E%7C%5Cq,+%3D&%3B%23%3F-._%60z",
            ),
            (
                "a path",
                r"p@ss%20%22w%C3%B6rd%22/%3C'%3E~$x!(1)*[%C3%A9]:^|\q,+=&;%23%3F-._%60z",
            ),
            (
                "digits in lower case",
                "p%40ss%20%22w%c3%b6rd%22%2f%3c%27%3e~%24x%21%281%29%2a%5b%c3%a9%5d%3a%5e%7c%5cq%2c%2b%3d%26%3b%23%3f-._%60z",
            ),
        ] {
            assert!(has(HARD, form), "{encoder}: {form}");
        }
    }

    #[test]
    fn each_writer_of_json_is_known() {
        let secret = "a\"b\\c/d<é\u{2028}\u{1f511}\n\t\u{1}";
        for (writer, form) in [
            ("most", "a\\\"b\\\\c/d<é\u{2028}\u{1f511}\\n\\t\\u0001"),
            ("Go", "a\\\"b\\\\c/d\\u003cé\\u2028\u{1f511}\\n\\t\\u0001"),
            (
                "ASCII only",
                "a\\\"b\\\\c/d<\\u00e9\\u2028\\ud83d\\udd11\\n\\t\\u0001",
            ),
            (
                "PHP",
                "a\\\"b\\\\c\\/d<\\u00e9\\u2028\\ud83d\\udd11\\n\\t\\u0001",
            ),
            (
                "with slashes escaped",
                "a\\\"b\\\\c\\/d<é\u{2028}\u{1f511}\\n\\t\\u0001",
            ),
            (
                "Go with slashes escaped",
                "a\\\"b\\\\c\\/d\\u003cé\\u2028\u{1f511}\\n\\t\\u0001",
            ),
            (
                "JSON in JSON",
                "a\\\\\\\"b\\\\\\\\c/d<é\u{2028}\u{1f511}\\\\n\\\\t\\\\u0001",
            ),
            (
                "Go in Go",
                "a\\\\\\\"b\\\\\\\\c/d\\\\u003cé\\\\u2028\u{1f511}\\\\n\\\\t\\\\u0001",
            ),
            (
                "ASCII in ASCII",
                "a\\\\\\\"b\\\\\\\\c/d<\\\\u00e9\\\\u2028\\\\ud83d\\\\udd11\\\\n\\\\t\\\\u0001",
            ),
        ] {
            assert!(has(secret, form), "{writer}: {form}");
        }
    }

    #[test]
    fn each_way_to_quote_for_a_shell_is_known() {
        let secret = "a 'b\"c\\d$e`f!g&h\ti";
        for (way, form) in [
            ("single quotes", "a '\\''b\"c\\d$e`f!g&h\ti"),
            (
                "single quotes, as Python writes them",
                "a '\"'\"'b\"c\\d$e`f!g&h\ti",
            ),
            ("double quotes in a file", "a 'b\\\"c\\\\d$e`f!g&h\ti"),
            ("double quotes", "a 'b\\\"c\\\\d\\$e\\`f!g&h\ti"),
            (
                "double quotes with history",
                "a 'b\\\"c\\\\d\\$e\\`f\\!g&h\ti",
            ),
            ("printf %q", "a\\ \\'b\\\"c\\\\d\\$e\\`f\\!g\\&h\ti"),
            ("$'…'", "a \\'b\"c\\\\d$e`f!g&h\\ti"),
        ] {
            assert!(has(secret, form), "{way}: {form}");
        }
    }

    #[test]
    fn hex_and_xml_are_known_in_both_ways_to_write_them() {
        assert!(has("<'k\u{fe}>", "3c276bc3be3e"));
        assert!(has("<'k\u{fe}>", "3C276BC3BE3E"));
        assert!(has("<'k\">&", "&lt;&#39;k&quot;&gt;&amp;"));
        assert!(has("<'k\">&", "&lt;&apos;k&quot;&gt;&amp;"));
    }

    #[test]
    fn base64_is_known_in_both_alphabets_at_every_place_inside_something_longer() {
        let secret = ">>?~>??~~>>";
        for engine in [STANDARD, URL_SAFE] {
            for before in ["", "u", "us", "use", "user"] {
                for after in ["", "z", "z1", "z12"] {
                    let whole = engine.encode(format!("{before}{secret}{after}"));
                    let found = forms(secret)
                        .iter()
                        .any(|form| whole.contains(&String::from_utf8_lossy(form).into_owned()));
                    assert!(found, "{whole}");
                }
            }
        }
    }

    #[test]
    fn base64_of_a_secret_alone_is_known_to_its_last_character() {
        for form in ["Pj4/fg==", "Pj4/fg", "Pj4_fg==", "Pj4_fg"] {
            assert!(has(">>?~", form), "{form}");
        }
    }

    #[test]
    fn lines_that_say_nothing_are_not_masked_alone() {
        let secret = "-----BEGIN KEY-----\n{\n  \"key\": 1\n}\n    ]]}}\nabc\n";
        assert!(has(secret, "\"key\": 1"));
        for harmless in ["{", "}", "]]}}", "abc", "-----BEGIN KEY-----"] {
            assert!(!has(secret, harmless), "{harmless}");
        }
    }

    #[test]
    fn a_secret_is_known_without_the_white_space_around_it() {
        assert!(has("hunter2\n", "hunter2"));
        assert!(has("\thunter2 ", "hunter2"));
    }

    #[test]
    fn what_is_shorter_than_four_bytes_has_no_forms() {
        assert!(forms(" ab \n").is_empty());
        assert!(forms("").is_empty());
    }
}
