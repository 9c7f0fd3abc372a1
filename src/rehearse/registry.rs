//! The embedded registry: the stand-in for a container registry, over a folder, on the loopback address.
//!
//! It speaks the OCI distribution specification 1.1 (`end-1` to `end-13`) and, from its draft, a manifest pushed with
//! several tags at once. Its state is the folder and nothing else, so a restart or a second process on the same folder
//! goes on where the first one stood. It asks for no credentials and collects no garbage: content stays in the folder
//! when the last repository that linked it lets go of it.
mod answer;
mod blob;
mod body;
mod content_digest;
mod contents;
mod discovery;
mod manifest;
mod manifest_document;
mod name;
mod range;
mod route;
mod server;
mod store;
#[cfg(test)]
mod tests;
mod upload;

pub use contents::{HeldManifest, HeldRepository, contents};
pub use server::{Registry, RegistryError, RegistryOptions, RegistryRequest, VERSION};
