//! A stand-in for sigstore: GitHub's issuer of tokens, a certificate authority (Fulcio) and a log (Rekor v1), on one address.
//!
//! It speaks their protocols and keeps everything in memory. The authority looks at the token, its audience and the proof that the key
//! is the asker's; the log looks at signatures of envelopes, and takes those over digests as they are. Certificates are in no log of
//! certificates. What it made is verified by [`SigstoreServer::trusted_root`], in the form that cosign reads.
mod authority;
mod issuer;
mod log;
mod server;

pub use issuer::{IDENTITY, ISSUER};
pub use server::{Fault, SigstoreServer};
