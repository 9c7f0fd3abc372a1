//! Talks to registries (distribution-spec 1.1), whatever their host really is.

mod answer;
mod blobs;
mod body;
mod challenge;
mod connection;
mod endpoint;
mod login;
mod manifests;
mod referrers;
mod retry;
#[cfg(test)]
mod tests;
mod upload;
#[cfg(test)]
mod upload_tests;

pub use connection::{Access, RegistryClient, Repository, http_client};
pub use endpoint::Endpoints;
pub use manifests::{FetchedManifest, ManifestHead, ManifestName};
pub use retry::RetryPolicy;
pub use upload::{Lookup, Upload};

pub(super) use body::check_file;
use endpoint::check_leads;
pub(super) use referrers::SubjectKept;
