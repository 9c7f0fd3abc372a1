//! `.terraform.lock.hcl`: which packages of which providers a module uses.

use std::fmt::Write as _;

use super::hcl;
use crate::diagnostic::Span;

/// What a lock file selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    text: String,
    /// The providers, in the file's order.
    pub providers: Vec<LockedProvider>,
}

/// One selected provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedProvider {
    /// Its source address: `registry.terraform.io/hashicorp/google`.
    pub source: String,
    /// The version.
    pub version: String,
    /// What the configuration requires of the version.
    pub constraints: Option<String>,
    /// What the packages may come to: `h1:…`, `zh:…`.
    pub hashes: Vec<String>,
    /// Where its block begins.
    pub place: Span,
    /// The attribute `hashes`, with the lines that it fills.
    hashes_span: Option<Span>,
}

/// A lock file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`.terraform.lock.hcl` says no {what} of provider `{provider}` that can be read")]
pub struct LockFileError {
    /// The provider.
    pub provider: String,
    /// What is missing.
    pub what: &'static str,
    /// Where its block begins.
    pub place: Span,
}

impl LockFile {
    /// Reads the text of a lock file.
    ///
    /// # Errors
    ///
    /// A provider has no version, or hashes that are no list of texts.
    pub fn read(text: impl Into<String>) -> Result<Self, LockFileError> {
        let text = text.into();
        let body = hcl::scan(&text);
        let mut providers = Vec::new();
        for block in body.blocks_of("provider") {
            let source = match block.labels.as_slice() {
                [label] => label.text.clone(),
                _ => String::new(),
            };
            let missing = |what| LockFileError {
                provider: source.clone(),
                what,
                place: block.header,
            };
            let version = block
                .body
                .attribute("version")
                .and_then(hcl::Attribute::text);
            let hashes = block.body.attribute("hashes");
            let read = hashes.map(|hashes| hashes.texts().ok_or_else(|| missing("hashes")));
            providers.push(LockedProvider {
                version: version.ok_or_else(|| missing("version"))?,
                constraints: block
                    .body
                    .attribute("constraints")
                    .and_then(hcl::Attribute::text),
                hashes: read.transpose()?.unwrap_or_default(),
                place: block.header,
                hashes_span: hashes
                    .map(|hashes| lines(&text, hashes.name_span.to(hashes.value_span))),
                source,
            });
        }
        Ok(Self { text, providers })
    }

    /// Returns the provider of this source address.
    pub fn provider(&self, source: &str) -> Option<&LockedProvider> {
        let mut providers = self.providers.iter();
        providers.find(|provider| provider.source == source)
    }

    /// Writes the file without the hashes of some providers, and otherwise byte for byte.
    ///
    /// With versions and without hashes terraform takes any package of that version, as a rehearsal's stand-in.
    pub fn without_hashes(&self, is_replaced: impl Fn(&str) -> bool) -> String {
        let mut written = String::with_capacity(self.text.len());
        let mut at = 0;
        for provider in self
            .providers
            .iter()
            .filter(|provider| is_replaced(&provider.source))
        {
            if let Some(span) = provider.hashes_span {
                written.push_str(&self.text[at..span.start]);
                at = span.end;
            }
        }
        written.push_str(&self.text[at..]);
        written
    }

    /// Writes a lock file of versions alone.
    pub fn of_versions<'v>(versions: impl IntoIterator<Item = (&'v str, &'v str)>) -> String {
        let mut written = String::new();
        for (source, version) in versions {
            let write = write!(
                written,
                "provider \"{source}\" {{\n  version = \"{version}\"\n}}\n"
            );
            write.expect("a text takes all that is written into it");
        }
        written
    }
}

/// Widens a span to whole lines, where nothing else stands on them.
fn lines(text: &str, span: Span) -> Span {
    let before = &text[..span.start];
    let start = before.trim_end_matches([' ', '\t']).len();
    let after = &text[span.end..];
    let end = text.len() - after.trim_start_matches([' ', '\t', '\r']).len();
    let is_alone = (start == 0 || text[..start].ends_with('\n')) && text[end..].starts_with('\n');
    if is_alone {
        Span::new(start, end + 1)
    } else {
        span
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOCKED: &str = r#"# This file is maintained automatically by "terraform init".
# Manual edits may be lost in future updates.

provider "registry.terraform.io/hashicorp/google" {
  version     = "6.8.0"
  constraints = "~> 6.0"
  hashes = [
    "h1:aaa=",
    "zh:bbb",
  ]
}

provider "registry.terraform.io/rackerlabs/spot" {
  version = "0.1.4" # pinned
  hashes = ["h1:ccc="]
}
"#;

    #[test]
    fn a_lock_file_says_versions_constraints_and_hashes() {
        let file = LockFile::read(LOCKED).expect("it is one");
        let google = &file.providers[0];
        assert_eq!(google.source, "registry.terraform.io/hashicorp/google");
        assert_eq!(google.version, "6.8.0");
        assert_eq!(google.constraints.as_deref(), Some("~> 6.0"));
        assert_eq!(google.hashes, ["h1:aaa=", "zh:bbb"]);
        let spot = file.provider("registry.terraform.io/rackerlabs/spot");
        assert_eq!(spot.map(|spot| spot.version.as_str()), Some("0.1.4"));
        assert_eq!(file.provider("registry.terraform.io/rackerlabs"), None);
    }

    #[test]
    fn only_the_hashes_of_replaced_providers_are_left_out() {
        let file = LockFile::read(LOCKED).expect("it is one");
        let without = file.without_hashes(|source| source.ends_with("/google"));
        let hashes = "  hashes = [\n    \"h1:aaa=\",\n    \"zh:bbb\",\n  ]\n";
        assert_eq!(without, LOCKED.replace(hashes, ""));
        assert_eq!(file.without_hashes(|_| false), LOCKED);
        let none = file.without_hashes(|_| true);
        let read = LockFile::read(none).expect("it is one still");
        assert!(
            read.providers
                .iter()
                .all(|provider| provider.hashes.is_empty())
        );
        assert_eq!(read.providers[1].version, "0.1.4");
    }

    #[test]
    fn a_provider_without_a_version_is_named() {
        let error =
            LockFile::read("provider \"a/b/c\" {\n hashes = []\n}\n").expect_err("no version");
        assert_eq!(
            error.to_string(),
            "`.terraform.lock.hcl` says no version of provider `a/b/c` that can be read"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_written_back(text in "(provider|\"a/b\"|\\{|\\}|=|version|hashes|\\[|\\]|\"|,|#|\n| |<<E|\\$\\{|é){0,40}") {
            if let Ok(file) = LockFile::read(text.clone()) {
                prop_assert_eq!(file.without_hashes(|_| false), text);
                file.without_hashes(|_| true);
            }
        }
    }
}
