//! Container images: references, assembling without a daemon, pushing, reading back.
//!
//! No daemon takes part, and no other program besides those that know passwords: an image is a folder of blobs ([`Layout`]), a registry is HTTP
//! ([`RegistryClient`]). Published is what was read back, never what was sent.
//!
//! Absent on purpose: building from a Dockerfile, which needs a builder, and which login is whose, which the caller says.

mod assemble;
mod client;
mod credentials;
mod error;
#[cfg(test)]
mod fixture;
mod gzip;
mod inspect;
mod layer;
mod layout;
mod publish;
mod pull;
mod reference;
mod rootfs;
mod spec;
mod tags;
mod unpack;

pub use assemble::{Assembled, Assembly, assemble};
pub use client::{
    Access, Endpoints, FetchedManifest, ManifestHead, ManifestName, RegistryClient, Repository,
    RetryPolicy, Upload, http_client,
};
pub use credentials::{CredentialHelper, Credentials, CredentialsError};
pub use error::ImageError;
pub use inspect::{Depth, ExposedPort, ImageFacts, inspect, inspect_layout};
pub use layout::{Layout, LayoutContents};
pub use publish::{MovedTag, PublishTarget, Published, PublishedTarget, move_tag, publish};
pub use pull::{Platforms, pull};
pub use reference::{ImageReference, InvalidReference, RepositoryName, Tag};
pub use rootfs::{FileFact, FileKind};
pub use spec::{Descriptor, InvalidPlatform, Platform};
pub use tags::{ComputedTags, GitFacts, TagRules, TagRulesError};
pub use unpack::{Unpacked, unpack};
