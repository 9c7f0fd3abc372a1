//! Registries for tests, as they are out there: real ones, ones that ask for tokens, and a proxy that makes any of them fail.
//!
//! Everything listens on the loopback address, on a free port, and ends with the value that stands for it.
mod exchange;
mod fault;
mod http;
mod listener;
mod proxy;
mod registry;
mod schedule;
#[cfg(feature = "tokens")]
mod tokens;
mod tool;

pub use exchange::{Exchange, Request};
pub use fault::Fault;
pub use proxy::{Proxy, ProxyOptions};
pub use registry::{Access, Edition, Registry};
pub use schedule::Schedule;
#[cfg(feature = "tokens")]
pub use tokens::{Sold, TokenOptions, TokenServer};
pub use tool::{PASSWORD, USER, tool};
