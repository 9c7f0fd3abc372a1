//! The Linux side: the supervisor, which enters namespaces and forwards ports, and the first process of a container.
mod first;
mod mounts;
mod network;
mod supervisor;
mod unshare;

pub(in crate::container) use first::init;
pub(in crate::container) use supervisor::supervise;
