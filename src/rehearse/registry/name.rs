//! Repository names, tags and references, as the distribution specification writes them ("Pulling manifests").

use std::{fmt, str::FromStr};

use super::content_digest::ContentDigest;

/// The longest name of a repository: longer ones fail in clients that limit host and name to 255 characters.
const LONGEST_NAME: usize = 255;
/// The longest tag.
const LONGEST_TAG: usize = 128;

/// The name of a repository. Its parts are never empty, `.` or `..` and never begin with `_`, so it is safe in a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RepositoryName(Box<str>);

/// A tag. It never begins with a dot and holds no slash, so it is safe as a file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag(Box<str>);

/// What names a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reference {
    Tag(Tag),
    Digest(ContentDigest),
}

/// A text that is not a name, a tag or a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not well formed")]
pub(super) struct Malformed(String);

impl RepositoryName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() <= LONGEST_NAME && text.split('/').all(is_component) {
            Ok(Self(text.into()))
        } else {
            Err(Malformed(text.to_owned()))
        }
    }
}

/// Tells whether a text is `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends_are_words = [bytes.first(), bytes.last()]
        .into_iter()
        .all(|end| end.is_some_and(|byte| is_word(*byte)));
    ends_are_words
        && text
            .split(|letter: char| letter.is_ascii() && is_word(letter as u8))
            .all(|separator| {
                matches!(separator, "" | "." | "_" | "__")
                    || separator.bytes().all(|byte| byte == b'-')
            })
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Tag {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let starts_well = text.bytes().next().is_some_and(is_word);
        let goes_on_well = text
            .bytes()
            .all(|byte| is_word(byte) || byte == b'.' || byte == b'-');
        if starts_well && goes_on_well && text.len() <= LONGEST_TAG {
            Ok(Self(text.into()))
        } else {
            Err(Malformed(text.to_owned()))
        }
    }
}

impl FromStr for Reference {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.contains(':') {
            match text.parse() {
                Ok(digest) => Ok(Self::Digest(digest)),
                Err(_) => Err(Malformed(text.to_owned())),
            }
        } else {
            text.parse().map(Self::Tag)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_name_follows_the_expression_of_the_specification() {
        for good in ["a", "acme/api", "a.b/c_d/e__f/g---h", "0/1"] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in [
            "", "/", "a/", "/a", "a//b", "A", "_a", "a_", "a___b", "a..b", "a._b", "..", "a/../b",
            "a/_blobs", "é", "a b", "a-.b", ".a",
        ] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
        }
        assert!("a".repeat(255).parse::<RepositoryName>().is_ok());
        assert!("a".repeat(256).parse::<RepositoryName>().is_err());
    }

    #[test]
    fn a_tag_follows_the_expression_of_the_specification() {
        for good in ["a", "_", "1.0", "Latest", "a..b", "sha256-ab"] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "-a", "a/b", "a:b", "a+b", "é"] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
        assert!("a".repeat(128).parse::<Tag>().is_ok());
        assert!("a".repeat(129).parse::<Tag>().is_err());
    }

    #[test]
    fn a_text_with_a_colon_is_a_digest_or_nothing() {
        assert!("sha256:baddigeststring".parse::<Reference>().is_err());
        let digest = format!("sha256:{}", "0".repeat(64));
        assert!(matches!(digest.parse(), Ok(Reference::Digest(_))));
    }
}
