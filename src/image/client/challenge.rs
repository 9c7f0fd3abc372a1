//! `WWW-Authenticate`: what a registry wants before it answers (RFC 9110, 11.6.1; distribution-spec, "Token authentication").

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads the answer's challenges; a token is taken before a password.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let challenges: Vec<_> = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .filter_map(Self::parse)
            .collect();
        challenges
            .iter()
            .find(|challenge| matches!(challenge, Self::Bearer { .. }))
            .or(challenges.first())
            .cloned()
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        let find = |name: &str| {
            parameters
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        };
        Some(Self::Bearer {
            realm: find("realm")?,
            service: find("service"),
            scope: find("scope").filter(|scope| !scope.is_empty()),
        })
    }
}

/// Reads `key=value` and `key="quoted, with \" inside"`, separated by commas.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => match after.split_once(',') {
                Some((value, after)) => (value.trim().to_owned(), after),
                None => (after.trim().to_owned(), ""),
            },
        };
        let key = key.trim_matches(|c: char| c == ',' || c.is_whitespace());
        found.push((key.to_owned(), value));
        rest = after;
    }
    found
}

fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return (value, &text[at + 1..]),
            '\\' if !escaped => escaped = true,
            c => {
                value.push(c);
                escaped = false;
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_in_all_their_spellings() {
        let bearer = |service: Option<&str>, scope: Option<&str>| {
            Some(Challenge::Bearer {
                realm: "https://a/token".to_owned(),
                service: service.map(str::to_owned),
                scope: scope.map(str::to_owned),
            })
        };
        for (text, expected) in [
            (
                r#"Bearer realm="https://a/token",service="a b",scope="repository:x:pull,push""#,
                bearer(Some("a b"), Some("repository:x:pull,push")),
            ),
            (
                r#"bearer scope="", Realm="https://a/token" , service=a"#,
                bearer(Some("a"), None),
            ),
            (
                r#"Bearer realm="https://a/token",error="x \"y\", z=1",service=s"#,
                bearer(Some("s"), None),
            ),
            (r#"Basic realm="x""#, Some(Challenge::Basic)),
            ("BASIC", Some(Challenge::Basic)),
            ("Bearer service=a", None),
            ("Negotiate", None),
            (
                "Bearer realm=\"never closed",
                Some(Challenge::Bearer {
                    realm: "never closed".to_owned(),
                    service: None,
                    scope: None,
                }),
            ),
        ] {
            assert_eq!(Challenge::parse(text), expected, "{text}");
        }
    }
}
