//! What is attached to an image: documents in manifests that name it as their subject (image-spec 1.1, "Guidelines for
//! Artifact Usage"; distribution-spec 1.1, "Listing Referrers").
//!
//! What a document says is not known here: it is bytes with a type. Where a registry keeps no list of what names an image, the
//! list is an index under the tag `sha256-HEX`, which clients write.

mod attach;
mod list;
mod tagged;
#[cfg(test)]
mod tests;

pub use attach::{Attached, Attachment, Form, Same, are_attached, attach};
pub use list::{Keeper, Referrer, Referrers, attached_bytes, referrers};
pub use tagged::{companion_subject, companion_tag};
