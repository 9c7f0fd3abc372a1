//! Container images: references, assembling without a daemon, pushing, reading back.
//!
//! No daemon and no other program takes part: an image is a folder of blobs ([`Layout`]), a registry is HTTP
//! (`RegistryClient`). Published is what was read back, never what was sent.
//!
//! Absent on purpose: building from a Dockerfile, which needs a builder, and credentials' sources, which are the caller's.

mod assemble;
mod error;
mod gzip;
mod layer;
mod layout;
mod reference;
mod spec;

pub use assemble::{Assembled, Assembly, assemble};
pub use error::ImageError;
pub use layout::{Layout, LayoutContents};
pub use reference::{ImageReference, InvalidReference, RepositoryName, Tag};
pub use spec::{Descriptor, InvalidPlatform, Platform};
