//! Digests in the two algorithms that the image specification registers (descriptor.md, "Registered algorithms").
//!
//! The rest of the program knows SHA-256 only; a registry keeps what others push.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256, Sha512};

/// The digest of some content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ContentDigest {
    algorithm: Algorithm,
    hex: Box<str>,
}

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Algorithm {
    Sha256,
    Sha512,
}

/// Hashes content as it comes.
pub(super) enum ContentHasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// A text that is not a digest in a known algorithm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a digest: expected `sha256:` or `sha512:` and lower-case hexadecimal characters"
)]
pub(super) struct InvalidContentDigest(String);

impl ContentDigest {
    /// Hashes bytes that are in memory.
    pub(super) fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = algorithm.hasher();
        hasher.update(bytes);
        hasher.finish()
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the characters behind the colon.
    pub(super) fn hex(&self) -> &str {
        &self.hex
    }
}

impl Algorithm {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    pub(super) fn hasher(self) -> ContentHasher {
        match self {
            Self::Sha256 => ContentHasher::Sha256(Sha256::new()),
            Self::Sha512 => ContentHasher::Sha512(Sha512::new()),
        }
    }

    fn hex_length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl ContentHasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn finish(self) -> ContentDigest {
        let (algorithm, hex) = match self {
            Self::Sha256(hasher) => (Algorithm::Sha256, hex::encode(hasher.finalize())),
            Self::Sha512(hasher) => (Algorithm::Sha512, hex::encode(hasher.finalize())),
        };
        ContentDigest {
            algorithm,
            hex: hex.into(),
        }
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm.as_str(), self.hex)
    }
}

impl FromStr for ContentDigest {
    type Err = InvalidContentDigest;

    fn from_str(text: &str) -> Result<Self, InvalidContentDigest> {
        let invalid = || InvalidContentDigest(text.to_owned());
        let (name, hex) = text.split_once(':').ok_or_else(invalid)?;
        let algorithm = [Algorithm::Sha256, Algorithm::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or_else(invalid)?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hex.len() != algorithm.hex_length() || !hex.bytes().all(is_hex) {
            return Err(invalid());
        }
        Ok(Self {
            algorithm,
            hex: hex.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_of_either_algorithm_reads_back_what_it_prints() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = ContentDigest::of(algorithm, b"{}");
            assert_eq!(digest.to_string().parse(), Ok(digest));
        }
        let sha256 = ContentDigest::of(Algorithm::Sha256, b"{}").to_string();
        for bad in [
            "",
            "sha256",
            "sha256:../../etc",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            &sha256.replace("sha256", "sha512"),
            &sha256.to_uppercase(),
        ] {
            assert!(bad.parse::<ContentDigest>().is_err(), "{bad}");
        }
    }
}
