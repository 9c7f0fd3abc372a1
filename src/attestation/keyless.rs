//! Signing without a key that anybody keeps (sigstore): a key is made for minutes, a certificate authority (Fulcio) puts the
//! identity of the job beside it, and a public log (Rekor) tells that it was used in these minutes.
//!
//! The authority is believed as far as that its certificate is for our key, the log as far as that its entry is about our signature.
//! Whether either may be trusted is for those to say who verify, by roots that they choose.

mod certificate;
mod error;
mod log;
mod services;
mod signer;
mod token;

pub use error::KeylessError;
pub use services::{FULCIO_URL, REKOR_URL, Sigstore};
pub use signer::JobSigner;
pub use token::AUDIENCE;

pub(super) use certificate::Certificate;
pub(super) use log::{BundledEntry, LogEntry};
