//! The sealed preview: what was shown to a reviewer, and what is carried out of it, under one digest.
//!
//! A bundle is one file of JSON. Its readable part says of each task what was foreseen and of what the task was made: names,
//! digests and texts in which secrets are masked. Saved plans of terraform hold secrets in clear, so they stand in it encrypted
//! (`age`) to their environment's recipient. The digest of the file is the bundle's identity: nothing of it can be changed
//! without another digest, and an approval names the digest.
mod error;
mod manifest;
mod sealed;
mod store;
#[cfg(test)]
mod tests;

pub use error::BundleError;
pub use manifest::{Backend, Bound, Entry, Manifest, Outlook, Program, SealedPlan, Words};
pub use sealed::{Bundle, Draft, Plans};
pub use store::Store;
