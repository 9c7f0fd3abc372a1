//! Sealing to the key of an environment (`age`): secret outputs, rescued states, saved plans.

use age::secrecy::ExposeSecret as _;

use super::Secret;

/// Something that cannot be sealed, or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Nothing can be sealed to it.
    #[error("cannot seal to `{recipient}`: {reason}")]
    Recipient {
        /// To whom it was to be sealed.
        recipient: String,
        /// Why not.
        reason: String,
    },
    /// The key does not open it.
    #[error("cannot open what is sealed: {reason}")]
    Key {
        /// Why not.
        reason: String,
    },
}

impl SealError {
    /// Returns the next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Recipient { .. } => {
                "`recipient` of the environment is a public key of age: `age1…`, as `age-keygen` prints it"
            }
            Self::Key { .. } => {
                "`key` of the environment names the secret that opens what is sealed to its `recipient`"
            }
        }
    }
}

/// Encrypts to a recipient, as text.
///
/// # Errors
///
/// The recipient is none.
pub fn seal(recipient: &str, bytes: &[u8]) -> Result<String, SealError> {
    let failed = |reason: String| SealError::Recipient {
        recipient: recipient.to_owned(),
        reason,
    };
    let parsed: Result<age::x25519::Recipient, _> = recipient.parse();
    let parsed = parsed.map_err(|reason: &str| failed(reason.to_owned()))?;
    age::encrypt_and_armor(&parsed, bytes).map_err(|error| failed(error.to_string()))
}

/// Decrypts what was sealed.
///
/// # Errors
///
/// The key is none, or another's.
pub fn open(armor: &[u8], key: &Secret) -> Result<Vec<u8>, SealError> {
    let identity = identity(key)?;
    age::decrypt(&identity, armor).map_err(|error| SealError::Key {
        reason: error.to_string(),
    })
}

/// Returns the recipient to whom this key opens what is sealed.
///
/// # Errors
///
/// The key is none.
pub fn recipient_of(key: &Secret) -> Result<String, SealError> {
    Ok(identity(key)?.to_public().to_string())
}

fn identity(key: &Secret) -> Result<age::x25519::Identity, SealError> {
    let parsed: Result<age::x25519::Identity, _> = key.expose().trim().parse();
    parsed.map_err(|reason: &str| SealError::Key {
        reason: reason.to_owned(),
    })
}

/// Makes a key and the recipient that belongs to it.
pub fn new_key() -> (Secret, String) {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    (Secret::new(identity.to_string().expose_secret()), recipient)
}
