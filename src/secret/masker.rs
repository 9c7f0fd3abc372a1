//! The mask over all secrets of a run.

use std::{borrow::Cow, collections::BTreeSet, fmt, sync::Arc};

use super::{
    Secret,
    automaton::Patterns,
    encoding::{SHORTEST, forms},
    stream::MaskStream,
};

/// What stands in the place of a secret.
pub(super) const MASK: &[u8] = b"***";

/// A mask that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// The forms of all secrets together are more than the automaton can hold.
    #[error("the secrets are too large to be masked: {bytes} bytes in {count} patterns")]
    TooLarge {
        /// Number of patterns.
        count: usize,
        /// Their length in bytes.
        bytes: usize,
        /// What the automaton says.
        #[source]
        source: aho_corasick::BuildError,
    },
}

/// Replaces secrets by `***`. It never changes once it is built, and a clone costs nothing.
#[derive(Clone, Default)]
pub struct Masker(Arc<Mask>);

#[derive(Default)]
struct Mask {
    secrets: Vec<(String, Secret)>,
    too_short: Vec<String>,
    patterns: Option<Patterns>,
}

impl Masker {
    /// Builds the mask of named secrets.
    ///
    /// Each secret is masked as it is, without the white space around it, and, where it has several lines, line by line
    /// (lines of at least four bytes that hold more than brackets and quotes). Each of these also percent-encoded,
    /// escaped for JSON, XML and the shell, in hex, and in base64 of both alphabets wherever it stands inside something
    /// longer, wrapped at 64 or 76 characters or not.
    ///
    /// A secret of less than four bytes would mask ordinary text and is not masked; [`Masker::too_short`] names it.
    pub fn new<N: Into<String>>(
        secrets: impl IntoIterator<Item = (N, Secret)>,
    ) -> Result<Self, MaskError> {
        let secrets: Vec<(String, Secret)> = secrets
            .into_iter()
            .map(|(name, secret)| (name.into(), secret))
            .collect();
        let too_short = secrets
            .iter()
            .filter(|(_, secret)| secret.expose().trim().len() < SHORTEST)
            .map(|(name, _)| name.clone())
            .collect();
        let patterns: BTreeSet<Vec<u8>> = secrets
            .iter()
            .flat_map(|(_, secret)| forms(secret.expose()))
            .collect();
        Ok(Self(Arc::new(Mask {
            secrets,
            too_short,
            patterns: build(&patterns)?,
        })))
    }

    /// Returns this mask with more secrets; the same one where it holds them already.
    pub fn with<N: Into<String>>(
        &self,
        more: impl IntoIterator<Item = (N, Secret)>,
    ) -> Result<Self, MaskError> {
        let mut secrets = self.0.secrets.clone();
        for (name, secret) in more {
            if !secrets.iter().any(|(_, known)| *known == secret) {
                secrets.push((name.into(), secret));
            }
        }
        if secrets.len() == self.0.secrets.len() {
            return Ok(self.clone());
        }
        Self::new(secrets)
    }

    /// Returns the names of the secrets that are too short to be masked, in the order in which they were given.
    pub fn too_short(&self) -> &[String] {
        &self.0.too_short
    }

    /// Returns the text with all secrets replaced.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.mask_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(masked) => Cow::Owned(match String::from_utf8(masked) {
                Ok(masked) => masked,
                Err(cut) => String::from_utf8_lossy(cut.as_bytes()).into_owned(),
            }),
        }
    }

    /// Returns the bytes with all secrets replaced.
    pub fn mask_bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        let mut stream = self.stream();
        let mut masked = Vec::new();
        stream.push(bytes, &mut masked);
        stream.finish(&mut masked);
        if stream.masked() == 0 {
            Cow::Borrowed(bytes)
        } else {
            Cow::Owned(masked)
        }
    }

    /// Whether this very secret is masked, or would be if it were longer.
    pub fn knows(&self, secret: &Secret) -> bool {
        self.0.secrets.iter().any(|(_, known)| known == secret)
    }

    /// Whether a secret stands in the text.
    pub fn finds(&self, text: &str) -> bool {
        matches!(self.mask_bytes(text.as_bytes()), Cow::Owned(_))
    }

    /// Begins a text that arrives in pieces.
    pub fn stream(&self) -> MaskStream {
        MaskStream::new(self.clone())
    }

    /// Returns every text that is masked, and shows it to whoever asks: as secret as the secrets themselves.
    pub fn forms(&self) -> BTreeSet<Vec<u8>> {
        let secrets = self.0.secrets.iter();
        secrets
            .flat_map(|(_, secret)| forms(secret.expose()))
            .collect()
    }

    /// Returns what the mask was built from, for the process that has to build the same one.
    #[cfg_attr(not(unix), expect(dead_code, reason = "no child is started there"))]
    pub(crate) fn secrets(&self) -> &[(String, Secret)] {
        &self.0.secrets
    }

    pub(super) fn patterns(&self) -> Option<&Patterns> {
        self.0.patterns.as_ref()
    }
}

fn build(patterns: &BTreeSet<Vec<u8>>) -> Result<Option<Patterns>, MaskError> {
    if patterns.is_empty() {
        return Ok(None);
    }
    Patterns::build(patterns)
        .map(Some)
        .map_err(|source| MaskError::TooLarge {
            count: patterns.len(),
            bytes: patterns.iter().map(Vec::len).sum(),
            source,
        })
}

impl fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.secrets.iter().map(|(name, _)| &**name).collect();
        formatter.debug_tuple("Masker").field(&names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masker(secrets: &[&str]) -> Masker {
        let named = secrets.iter().map(|text| (*text, Secret::new(*text)));
        Masker::new(named).expect("a few secrets fit")
    }

    #[test]
    fn a_text_without_secrets_is_not_copied() {
        let masker = masker(&["hunter2"]);
        assert!(matches!(masker.mask("hunter3"), Cow::Borrowed("hunter3")));
    }

    #[test]
    fn overlapping_secrets_are_masked_together() {
        let masker = masker(&["abcdef", "defghi", "bcde"]);
        assert_eq!(masker.mask("xabcdefghix"), "x***x");
        assert_eq!(masker.mask("xabcdex"), "xa***x");
    }

    #[test]
    fn a_secret_inside_a_longer_one_does_not_hide_its_rest() {
        let masker = masker(&["pass", "passphrase", "word"]);
        assert_eq!(
            masker.mask("passphrase, pass, passphras"),
            "***, ***, ***phras"
        );
        assert_eq!(masker.mask("password"), "***");
    }

    #[test]
    fn short_secrets_are_named_and_mask_nothing() {
        let masker = Masker::new([
            ("EMPTY", Secret::new("")),
            ("BRACE", Secret::new("{\n")),
            ("LONG", Secret::new("1234")),
        ])
        .expect("a few secrets fit");
        assert_eq!(masker.too_short(), ["EMPTY", "BRACE"]);
        assert_eq!(masker.mask("{ 1234 }"), "{ *** }");
    }

    #[test]
    fn every_line_of_a_key_is_masked_wherever_it_is_printed() {
        let masker = masker(&["-----BEGIN KEY-----\nMIIEow\nIBAAKC\n-----END KEY-----\n"]);
        assert_eq!(masker.mask("  MIIEow\r\n  IBAAKC"), "  ***\r\n  ***");
    }

    #[test]
    fn adding_a_known_secret_keeps_the_mask() {
        let first = masker(&["hunter2"]);
        let same = first.with([("AGAIN", Secret::new("hunter2"))]);
        let more = first.with([("OTHER", Secret::new("hunter3"))]);
        assert!(Arc::ptr_eq(&first.0, &same.expect("it fits").0));
        assert_eq!(more.expect("it fits").mask("hunter2 hunter3"), "*** ***");
    }

    #[test]
    fn a_mask_prints_names_only() {
        let masker = Masker::new([("TOKEN", Secret::new("hunter2"))]).expect("it fits");
        assert_eq!(format!("{masker:?}"), r#"Masker(["TOKEN"])"#);
    }
}
