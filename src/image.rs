//! Container images: references, assembling without a daemon, pushing, reading back.
//!
//! No daemon takes part, and no other program besides those that know passwords: an image is a folder of blobs ([`Layout`]), a registry is HTTP
//! ([`RegistryClient`]). Published is what was read back, never what was sent.
//!
//! Absent on purpose: building from a Dockerfile, which needs a builder (what that leaves is taken over by [`take_over`]), and
//! which login is whose, which the caller says.

mod assemble;
mod blob_cache;
mod built;
mod client;
mod contents;
mod credentials;
mod docker_save;
mod error;
#[cfg(test)]
mod fixture;
mod gzip;
mod inspect;
mod join;
mod layer;
mod layer_cache;
mod layout;
mod machine;
mod publish;
mod pull;
mod reference;
mod referrers;
mod retention;
mod rootfs;
mod spec;
mod tags;
mod tee;
mod unpack;

pub use assemble::{Assembled, Assembly, assemble, assemble_cached};
pub use blob_cache::BlobCache;
pub use built::take_over;
pub use client::{
    Access, Endpoints, FetchedManifest, Lookup, ManifestHead, ManifestName, RegistryClient,
    Repository, RetryPolicy, Upload, http_client,
};
pub use credentials::{CredentialHelper, Credentials, CredentialsError, Unknown};
pub use docker_save::from_docker_archive;
pub use error::{ImageError, Standing};
pub use inspect::{Depth, ExposedPort, ImageFacts, inspect, inspect_layout};
pub use join::{join, join_layouts};
pub use layer_cache::LayerCache;
pub use layout::{Layout, LayoutContents};
pub use publish::{
    MovedTag, PublishTarget, Published, PublishedTarget, RootManifest, Staged, TagBefore, Traffic,
    move_tag, preflight, publish, restore_tag, stage,
};
pub use pull::{Platforms, pull};
pub use reference::{ImageReference, InvalidReference, RepositoryName, Tag};
pub use referrers::{
    Attached, Attachment, Form, Keeper, Referrer, Referrers, Same, are_attached, attach,
    attached_bytes, companion_subject, companion_tag, referrers,
};
pub use retention::{Held, Listed, Reason, Rules, Verdict, inventory, judge, order_of_deletion};
pub use rootfs::{FileFact, FileKind};
pub use spec::{Descriptor, InvalidPlatform, Platform};
pub use tags::{
    AnnotationLevel, ComputedTags, Dialect, Fate, GitFacts, ImageTitle, KnownTags, LabelLines,
    Labels, LeftTag, PullRequestCommit, RegistryTags, SettledTags, TagImages, TagInput, TagNames,
    TagProblem, TagRules, TagRulesError, TagStep, ToldEvent, short_sha_length,
};
pub use unpack::{Unpacked, unpack};
