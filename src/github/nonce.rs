//! Random words that nobody can guess beforehand: delimiters of environment files, tokens of stopped commands.

use std::fmt;

/// A word of 32 hexadecimal characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(String);

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness(#[source] getrandom::Error);

impl Nonce {
    /// Makes a new one from the randomness of the system.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(NoRandomness)?;
        Ok(Self::from_bytes(bytes))
    }

    /// Makes one from bytes that the caller drew.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes))
    }

    /// Returns the word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
