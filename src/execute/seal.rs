//! Sealing to the key of an environment (`age`): secret outputs, and states that were rescued.

use super::ExecuteError;
use crate::{event::FailureKind, secret::Secret};

/// Encrypts to a recipient, as text.
///
/// # Errors
///
/// The recipient is none.
pub fn seal(recipient: &str, bytes: &[u8]) -> Result<String, ExecuteError> {
    let failed = |reason: &str| {
        let message = format!("cannot seal to `{recipient}`: {reason}");
        ExecuteError::task(FailureKind::Internal, message)
    };
    let recipient: age::x25519::Recipient = recipient.parse().map_err(&failed)?;
    age::encrypt_and_armor(&recipient, bytes).map_err(|error| failed(&error.to_string()))
}

/// Decrypts what was sealed.
///
/// # Errors
///
/// The key is none, or another's.
pub fn open(armor: &[u8], key: &Secret) -> Result<Vec<u8>, ExecuteError> {
    let failed = |reason: &str| {
        let message = format!("cannot open what is sealed: {reason}");
        ExecuteError::task(FailureKind::Task, message)
            .hint("`key` of the environment names the secret that opens it")
    };
    let identity: age::x25519::Identity = key.expose().trim().parse().map_err(&failed)?;
    age::decrypt(&identity, armor).map_err(|error| failed(&error.to_string()))
}
