//! Registries for tests, as they are out there: real ones, ones that ask for tokens, and a proxy that makes any of them fail.
//!
//! Everything listens on the loopback address, on a free port, and ends with the value that stands for it.
mod ask;
mod exchange;
mod fault;
mod http;
mod layout;
mod listener;
mod proxy;
mod push;
mod registry;
mod schedule;
#[cfg(feature = "tokens")]
mod sigstore;
mod soak;
mod states;
mod survive;
#[cfg(feature = "tokens")]
mod tokens;
mod tool;

pub use ask::{tag_digest, whole};
pub use exchange::{Exchange, Request};
pub use fault::Fault;
pub use layout::{digest, write_layout};
pub use proxy::{Proxy, ProxyOptions};
pub use push::{Ended, Publisher};
pub use registry::{Access, Edition, Registry};
pub use schedule::Schedule;
#[cfg(feature = "tokens")]
pub use sigstore::{Fault as SigstoreFault, IDENTITY, ISSUER, SigstoreServer};
pub use soak::{Soaked, soak};
pub use states::StateServer;
#[cfg(feature = "tokens")]
pub use tokens::{Sold, TokenOptions, TokenServer};
pub use tool::{LOGIN, PASSWORD, USER, tool};
