//! What is said of an image besides its bytes: what is in it, how it was made, and who vouches for both.
//!
//! Documents are made from facts that are given: nothing here reads a clock, an environment or a registry, and the same facts
//! give the same bytes. A signature is the exception: it is another one each time it is made. How documents are kept beside an
//! image is the business of [`image`](crate::image).
//!
//! Absent on purpose: signing without a key, by a certificate that a public service gives for an identity.

mod attachments;
mod binary;
mod contents;
mod dsse;
mod error;
mod key;
mod package;
mod provenance;
mod signature;
mod spdx;
mod statement;

pub use attachments::{Occasion, attestation, sbom, signature_of};
pub use contents::{Contents, FoundFile, contents};
pub use error::AttestationError;
pub use key::SigningKey;
pub use package::{Package, PackageKind};
pub use provenance::{Builder, Input, PREDICATE as PROVENANCE, RunFacts, provenance};
pub use spdx::spdx;
pub use statement::{Statement, Subject};
