//! Starts a published image, so that checks can look at it running.
//!
//! Where docker or podman answers, it runs the image; else the image's unpacked root file system is entered by
//! namespaces of our own (Linux), with a network in which two containers never meet. Either way the ports are reached
//! at addresses of 127.0.0.1, and nothing that was started survives this process, however it ends.
//!
//! Deliberately absent: pulling and unpacking (the caller's, by `image`), waiting until something answers (the
//! caller's, by `probe`), volumes, and limits of memory or processor time.
mod config;
mod engine;
mod engine_container;
mod error;
mod guard;
#[cfg(target_os = "linux")]
mod inside;
mod namespaces;
mod started;
mod tail;
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "no image is entered by namespaces there")
)]
mod user;
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "no image is entered by namespaces there")
)]
mod wire;

pub use config::{ContainerRequest, ImageConfig, RootFolder, RootMode};
pub use engine::{Engine, EngineKind, find_engine};
pub use error::{Barrier, ContainerError};
pub use guard::{Helper, contain_main};
pub use started::{ContainerExit, Started, StartedBy};
