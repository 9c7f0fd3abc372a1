//! What is said of an image besides its bytes: what is in it, how it was made, and who vouches for both.
//!
//! Documents are made from facts that are given: nothing here reads a clock, an environment or a registry, and the same facts
//! give the same bytes. A signature is the exception: it is another one each time it is made, and where no key is kept, a
//! certificate authority and a log are asked for what it is verified by. How documents are kept beside an image is the business of
//! [`image`](crate::image).

mod attachments;
mod binary;
mod contents;
mod dsse;
mod error;
mod key;
mod keyless;
mod package;
mod provenance;
mod signature;
mod signer;
mod spdx;
mod statement;

pub use attachments::{Claim, Occasion, attestation, sbom};
pub use contents::{Contents, FoundFile, contents};
pub use error::AttestationError;
pub use key::SigningKey;
pub use keyless::{AUDIENCE, FULCIO_URL, JobSigner, KeylessError, REKOR_URL, Sigstore};
pub use package::{Package, PackageKind};
pub use provenance::{Builder, Input, PREDICATE as PROVENANCE, RunFacts, provenance};
pub use signer::Signer;
pub use spdx::spdx;
pub use statement::{Statement, Subject};
