//! Publishing: blobs, then manifests by digest, then all tags everywhere, then reading back.
//!
//! [`stage`] brings everything but the tags; [`Staged::move_tags`] moves them. What has to be everywhere before any tag names
//! the image is done in between, and what the tags named before is known by then.

mod parcel;
mod restore;
mod stage;
mod tags;
mod target;
#[cfg(test)]
mod tests;

pub use restore::{TagBefore, move_tag, restore_tag};
pub use stage::{RootManifest, Staged, preflight, stage};
pub use target::{MovedTag, PublishTarget, Published, PublishedTarget, Traffic};

use super::{ImageError, Layout, RegistryClient};

/// Uploads and look-ups at one time.
const AT_ONCE: usize = 16;

/// Publishes the one image of a layout: a tag that names it already costs one request and nothing else.
///
/// Tags are moved last, after the image is whole in every repository. Each is then read back, and the bytes hashed.
///
/// # Errors
/// If the layout is damaged, or a registry refuses, cannot be reached or sends back something else. What ended it stands inside
/// [`ImageError::Unfinished`], which names the tags that were moved and those that were not.
pub async fn publish(
    client: &RegistryClient,
    layout: &Layout,
    targets: &[PublishTarget],
) -> Result<Published, ImageError> {
    let staged = stage(client, layout, targets, RootManifest::MayWait).await?;
    staged.move_tags().await
}
