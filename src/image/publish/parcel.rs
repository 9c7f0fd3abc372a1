//! What is sent: the documents of an image in memory, its blobs in their layout.

use bytes::Bytes;

use crate::image::{Descriptor, ImageError, Layout, spec::ManifestBody};

/// An image with all documents in memory: children before the index that names them.
pub(super) struct Parcel<'l> {
    pub(super) layout: &'l Layout,
    pub(super) root: Descriptor,
    documents: Vec<(Descriptor, Bytes)>,
    /// The largest first, so that none of them is what all others wait for.
    pub(super) blobs: Vec<Descriptor>,
}

impl<'l> Parcel<'l> {
    pub(super) fn pack(layout: &'l Layout) -> Result<Self, ImageError> {
        let root = layout.root()?.clone();
        let mut documents = Vec::new();
        let mut blobs: Vec<Descriptor> = Vec::new();
        for descriptor in layout.documents()? {
            let bytes = layout.blob(&descriptor)?;
            if let ManifestBody::Image(manifest) = layout.manifest(&descriptor)? {
                for blob in std::iter::once(manifest.config).chain(manifest.layers) {
                    // Layers with addresses of their own may often not be distributed; whoever pulls fetches them there.
                    if blob.urls.is_empty() && blobs.iter().all(|known| known.digest != blob.digest)
                    {
                        blobs.push(blob);
                    }
                }
            }
            documents.push((descriptor, bytes.into()));
        }
        blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
        Ok(Self {
            layout,
            root,
            documents,
            blobs,
        })
    }

    /// The manifest or index that is the image.
    pub(super) fn root_bytes(&self) -> &Bytes {
        let (_, bytes) = self
            .documents
            .last()
            .expect("`pack` read the root's document last");
        bytes
    }

    /// What the image names besides blobs: its children, which are there before it is.
    pub(super) fn children(&self) -> &[(Descriptor, Bytes)] {
        &self.documents[..self.documents.len() - 1]
    }
}
