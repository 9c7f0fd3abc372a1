//! Registries for tests, as they are out there: real ones, ones that ask for tokens, and a proxy that makes any of them fail; and
//! terraform's backends.
//!
//! Everything listens on the loopback address, on a free port, and ends with the value that stands for it.
mod ask;
mod backend;
mod exchange;
mod fault;
mod http;
mod layout;
mod listener;
pub mod processes;
mod provider;
mod proxy;
mod push;
mod registry;
mod schedule;
#[cfg(feature = "tokens")]
mod sigstore;
mod soak;
mod survive;
#[cfg(feature = "tokens")]
mod tokens;
mod tool;
mod wait;

pub use ask::{tag_digest, whole};
pub use backend::{Backend, BackendKind, StateServer};
pub use exchange::{Exchange, Request};
pub use fault::Fault;
pub use layout::{digest, write_layout};
pub use provider::{Package, REQUIRED, StandIn};
pub use proxy::{Proxy, ProxyOptions};
pub use push::{Ended, Publisher};
pub use registry::{Access, Edition, Registry};
pub use schedule::Schedule;
#[cfg(feature = "tokens")]
pub use sigstore::{Fault as SigstoreFault, IDENTITY, ISSUER, SigstoreServer};
pub use soak::{Soaked, soak};
#[cfg(feature = "tokens")]
pub use tokens::{Sold, TokenOptions, TokenServer};
pub use tool::{LOGIN, PASSWORD, USER, tool};
