//! What a builder left, taken over: checked, one image, of the platform that was asked for.

use std::collections::BTreeMap;

use crate::image::{
    Descriptor, ImageError, Layout, Platform,
    inspect::{nested, read_config},
    join::images,
    layout::{LayoutWriter, to_json},
    spec::{Manifest, ManifestBody},
};

/// Takes over the layout that a builder wrote for one platform: every blob is checked, what is not the image (a builder's own
/// attestations) is left out, and annotations are added to its manifest.
///
/// # Errors
/// If the layout holds no image or several, a blob is missing or damaged, or the image is for another platform.
pub fn take_over(
    layout: &Layout,
    platform: &Platform,
    annotations: &BTreeMap<String, String>,
) -> Result<Layout, ImageError> {
    layout.verify()?;
    let (mut descriptor, mut manifest) = only_image(layout)?;
    let found = read_config(&layout.blob(&manifest.config)?)?.platform();
    if !fits(&found, platform) {
        return Err(ImageError::OtherPlatform {
            expected: Box::new(platform.clone()),
            found: Box::new(found),
        });
    }
    let writer = LayoutWriter::create(layout.folder())?;
    if !annotations.is_empty() {
        manifest.annotations.extend(annotations.clone());
        descriptor = writer.put(&descriptor.media_type, &to_json(&manifest)?)?;
    }
    // What the builder calls the image in its own folder is no business of a registry.
    descriptor.annotations.clear();
    descriptor.platform = Some(found);
    let layout = writer.finish(vec![descriptor])?;
    layout.prune()?;
    Ok(layout)
}

fn only_image(layout: &Layout) -> Result<(Descriptor, Box<Manifest>), ImageError> {
    let root = layout.root()?;
    let index = match layout.manifest(root)? {
        ManifestBody::Image(manifest) => return Ok((root.clone(), manifest)),
        ManifestBody::Index(index) => index,
    };
    let children: Vec<_> = images(&index).collect();
    match children.as_slice() {
        [only] => match layout.manifest(only)? {
            ManifestBody::Image(manifest) => Ok(((*only).clone(), manifest)),
            ManifestBody::Index(_) => Err(nested(only)),
        },
        several => Err(ImageError::NotALayout {
            path: layout.folder().to_owned(),
            because: format!("it holds {} images, expected one", several.len()),
        }),
    }
}

/// A variant counts where both say one: builders add `v8` to `arm64`, or leave it out.
fn fits(found: &Platform, wanted: &Platform) -> bool {
    let same_variant = match (&found.variant, &wanted.variant) {
        (Some(found), Some(wanted)) => found == wanted,
        _ => true,
    };
    found.os == wanted.os && found.architecture == wanted.architecture && same_variant
}
