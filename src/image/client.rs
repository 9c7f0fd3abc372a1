//! Talks to registries (distribution-spec 1.1), whatever their host really is.

mod answer;
mod blobs;
mod challenge;
mod connection;
mod endpoint;
mod login;
mod manifests;
mod retry;
#[cfg(test)]
mod tests;

pub use blobs::Upload;
pub use connection::{Access, RegistryClient, Repository, http_client};
pub use endpoint::Endpoints;
pub use manifests::{FetchedManifest, ManifestHead, ManifestName};
pub use retry::RetryPolicy;

pub(super) use blobs::check_file;
use endpoint::check_leads;
