//! Regular expressions of rules: those of JavaScript, as the original's are.

use std::fmt;

/// Beyond this a pattern is no rule for tags any more, and whoever compiles it may need more than there is.
const LONGEST: usize = 1_000;
/// Flags that JavaScript knows.
const FLAGS: &str = "dgimsuvy";

/// A compiled pattern, plain or as `/pattern/flags`.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// As written.
    text: String,
    regex: regress::Regex,
    /// With the flag `g` JavaScript returns all matches in place of the groups of the first.
    all: bool,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!(
                "its pattern has {} bytes, at most {LONGEST} are read",
                text.len()
            ));
        }
        let written = text
            .strip_prefix('/')
            .and_then(|rest| rest.rsplit_once('/'))
            .filter(|(pattern, _)| !pattern.is_empty());
        let (pattern, flags) = written.unwrap_or((text, ""));
        if let Some(flag) = flags.chars().find(|flag| !FLAGS.contains(*flag)) {
            return Err(format!(
                "unknown flag `{flag}` of its pattern; expected some of `{FLAGS}`"
            ));
        }
        // `d` and `g` change nothing about what matches.
        let known: String = flags
            .chars()
            .filter(|flag| "imsuv".contains(*flag))
            .collect();
        let regex = regress::Regex::with_flags(pattern, known.as_str())
            .map_err(|problem| format!("its pattern `{pattern}` is none: {problem}"))?;
        Ok(Self {
            text: text.to_owned(),
            regex,
            all: flags.contains('g'),
        })
    }

    /// Whether the pattern has a group besides the whole.
    pub(super) fn has_group(&self) -> bool {
        let mut escaped = false;
        let mut in_class = false;
        let mut signs = self.text.chars().peekable();
        while let Some(sign) = signs.next() {
            match sign {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => in_class = true,
                ']' => in_class = false,
                '(' if !in_class => {
                    let mut ahead = signs.clone();
                    let captures = match (ahead.next(), ahead.next(), ahead.next()) {
                        (Some('?'), Some('<'), Some(sign)) => !matches!(sign, '=' | '!'),
                        (Some('?'), _, _) => false,
                        _ => true,
                    };
                    if captures {
                        return true;
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Returns a group of the first match, by number, with what stands before and after it.
    pub(super) fn find<'t>(&self, text: &'t str, group: usize) -> Option<Found<'t>> {
        let range = self.regex.find(text)?.group(group)?;
        Some(Found {
            before: &text[..range.start],
            group: &text[range.clone()],
            after: &text[range.end..],
        })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.find(text).is_some()
    }

    /// As [`Self::find`], but with the flag `g` the number is that of a match, as in the original.
    pub(super) fn find_as_javascript(&self, text: &str, group: usize) -> Option<String> {
        if !self.all {
            return self.find(text, group).map(|found| found.group.to_owned());
        }
        let found = self.regex.find_iter(text).nth(group)?;
        Some(text[found.range()].to_owned())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// A group in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'t> {
    pub(super) before: &'t str,
    pub(super) group: &'t str,
    pub(super) after: &'t str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_javascript() {
        let find = |pattern: &str, text: &str, group| {
            let pattern = Pattern::parse(pattern).expect(pattern);
            pattern
                .find(text, group)
                .map(|found| found.group.to_owned())
        };
        assert_eq!(find("v(.*)", "v1.2", 1).as_deref(), Some("1.2"));
        assert_eq!(find("/V(.*)/i", "v1.2", 1).as_deref(), Some("1.2"));
        assert_eq!(find("^(?!rc)(.*)$", "rc1", 1), None);
        assert_eq!(find(r"(?<=v)\d+", "v12", 0).as_deref(), Some("12"));
        assert_eq!(find(r"\d", "٣", 0), None, "digits are those of ASCII");
        assert_eq!(find("(a)|(b)", "b", 1), None);
        for bad in ["(", "/x/q", &"x".repeat(1_001)] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn with_the_flag_g_the_number_is_that_of_a_match() {
        let pattern = Pattern::parse(r"/(\d)\./g").expect("a pattern");
        let javascript = |group| pattern.find_as_javascript("1.2.3", group);
        assert_eq!(javascript(1).as_deref(), Some("2."));
        assert_eq!(javascript(2), None);
        assert_eq!(pattern.find("1.2.3", 1).map(|found| found.group), Some("1"));
    }

    #[test]
    fn a_group_is_seen_where_there_is_one() {
        for (pattern, has) in [
            ("v(.*)", true),
            ("v(?<n>.*)", true),
            ("v.*", false),
            (r"v\(.*\)", false),
            ("(?:v)(?=x)(?<=y)[(]", false),
        ] {
            let pattern = Pattern::parse(pattern).expect(pattern);
            assert_eq!(pattern.has_group(), has, "{pattern}");
        }
    }

    #[test]
    fn deeply_nested_patterns_do_not_break_the_program() {
        let deep = format!("{}{}", "(".repeat(500), ")".repeat(500));
        // Refused or read, it comes back.
        drop(Pattern::parse(&deep));
        drop(Pattern::parse(&"(".repeat(1_000)));
        drop(Pattern::parse(&"[".repeat(1_000)));
    }
}
