//! Programs that build images from Dockerfiles: which of them works here, and how it is called.
//!
//! Asked in this order, the first that works is taken: docker buildx, docker, podman, buildah; `DEPLOY_ACTION_BUILDER` names
//! one. Each is called in a folder of ours, in which it leaves the image for one platform, as a layout or as an archive of
//! `docker save`. Secrets are files in that folder, and never arguments.
//!
//! Absent on purpose: taking over what was left, which is `image`'s, and several platforms, each of which is a build of its own.
mod call;
mod find;

pub use call::{BuildRequest, Leaves, SecretFile};
pub use find::{Builder, BuilderKind, Needs, NoBuilder, VARIABLE, find};
