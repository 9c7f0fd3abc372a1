//! What a registry's folder holds, for reports and for the stand-in of GitHub's package lists.

use std::io;

use camino::Utf8Path;
use jiff::Timestamp;

use super::store::{Linked, Store};

/// A repository and its manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRepository {
    /// The name without a host: `acme/api`.
    pub name: String,
    /// Its manifests, in the order of their digests.
    pub manifests: Vec<HeldManifest>,
}

/// A manifest that a repository holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldManifest {
    /// `sha256:…` or `sha512:…`.
    pub digest: String,
    /// The media type that it was pushed with.
    pub media_type: String,
    /// The tags that name it, in lexical order.
    pub tags: Vec<String>,
    /// When it was last pushed.
    pub pushed_at: Timestamp,
}

/// Reads what a registry's folder holds, whether or not a registry runs on it; a folder without one holds nothing.
///
/// # Errors
/// When the folder cannot be read.
pub fn contents(folder: &Utf8Path) -> io::Result<Vec<HeldRepository>> {
    let store = Store::at(folder.to_owned());
    let mut repositories = Vec::new();
    for name in store.repositories()? {
        let mut tagged = Vec::new();
        for tag in store.tags(&name)? {
            if let Some(digest) = store.tagged(&name, &tag)? {
                tagged.push((digest, tag.as_str().to_owned()));
            }
        }
        let mut manifests = Vec::new();
        for digest in store.links(&name, Linked::Manifests)? {
            // A manifest may be deleted while the folder is read.
            let Some(media_type) = store.linked(&name, Linked::Manifests, &digest)? else {
                continue;
            };
            let tags = tagged.iter().filter(|(tagged, _)| *tagged == digest);
            manifests.push(HeldManifest {
                digest: digest.to_string(),
                media_type,
                tags: tags.map(|(_, tag)| tag.clone()).collect(),
                pushed_at: store.linked_at(&name, Linked::Manifests, &digest)?,
            });
        }
        repositories.push(HeldRepository {
            name: name.to_string(),
            manifests,
        });
    }
    Ok(repositories)
}
