//! The stand-in for Google's identity services and for GitHub's issuer of OIDC tokens: it checks what they check.
//!
//! One job of GitHub, any number of providers and service accounts. Time is the caller's [`Clock`](crate::cloud::Clock), so an
//! hour passes when a test says so. It signs with ECDSA where GitHub signs with RSA, keeps everything in memory, and knows no
//! service of Google's besides those that give tokens.
mod issuer;
mod jwt;
mod server;
mod service_accounts;
mod state;
mod sts;

pub use server::{Google, GoogleOptions, VERSION};
pub use state::{GoogleError, Trust};
