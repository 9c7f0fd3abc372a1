//! A small read-only server: HTTP on one port, the git protocol on another.
//!
//! Everything it serves is compiled in, so any number of copies answer alike and a lost one loses nothing.
//! Deliberately absent: writing (`git-receive-pack` is refused), authentication, TLS, files of the machine.

mod bounded;
mod gate;
mod git;
mod http;
mod packet;
mod repository;
mod server;
mod settings;

pub use repository::{ObjectId, Repository};
pub use server::{Running, Server};
pub use settings::{InvalidSetting, Settings};
