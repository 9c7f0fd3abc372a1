//! Google Cloud: who a job is there, without a key that somebody could lose.
//!
//! A [`GoogleIdentity`] is asked for an access token as often as one is needed, and fetches a new one before the last has run
//! out: by Workload Identity Federation (GitHub's OIDC token for a federated token, that for one of a service account), or by
//! application default credentials. For children, a [`CredentialFile`] says the same in the form that Google's own libraries
//! read. What GitHub says of a job can also be asked for others than Google: [`IdTokens`].
//!
//! Absent on purpose: Google's services themselves, and a clock; times come from the [`Clock`] that the caller gives.

mod clock;
mod credential_file;
mod default_credentials;
mod error;
mod external;
mod id_token;
mod identity;
mod key;
mod metadata;
mod provider;
mod refresh;
mod services;
#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use credential_file::{CredentialFile, variables};
pub use error::{CloudError, Refusal};
pub use external::Federation;
pub use id_token::IdTokens;
pub use identity::{AccessToken, GoogleIdentity};
pub use provider::{InvalidProvider, Provider};
pub use services::{Addresses, Repeats, Services};
