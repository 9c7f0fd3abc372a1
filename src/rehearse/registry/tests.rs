//! The registry over real HTTP on the loopback address.
mod blobs;
mod folder;
mod manifests;
mod world;
