//! The way out over HTTP: the same proxies and certificates for every client of the program.
//!
//! TLS is by rustls with ring, and trusts what the system trusts (on Linux SSL_CERT_FILE and SSL_CERT_DIR take its place), besides
//! the file that DEPLOY_ACTION_CA_FILE names. HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are read as curl reads them, and
//! as in Go's programs no proxy stands before this machine itself: a rehearsal's servers are there.

mod client;
mod proxies;

pub use client::{CA_FILE, HttpError, builder, is_untrusted};
