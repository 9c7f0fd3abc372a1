//! OCI image layouts: folders of content-addressed blobs (image-spec, image-layout.md).
//!
//! Reading trusts nothing: every byte that leaves a layout was checked against the digest and the size that name it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    digest::{Digest, Hasher},
    image::{
        ImageError,
        spec::{Descriptor, INDEX, Index, LARGEST_MANIFEST, ManifestBody},
        tee::Tee,
    },
    portable::set_mode_of,
};

const VERSION: &str = "1.0.0";
/// An index names indexes, which name indexes; real ones go two deep.
const DEEPEST: usize = 8;

/// A folder that is an OCI image layout.
#[derive(Debug, Clone)]
pub struct Layout {
    folder: PathBuf,
    manifests: Vec<Descriptor>,
}

/// What a whole layout holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutContents {
    /// Manifests and indexes.
    pub manifests: usize,
    /// Configurations and layers.
    pub blobs: usize,
    /// Bytes of all of them.
    pub bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayoutFile {
    image_layout_version: String,
}

impl Layout {
    /// Opens the layout in `folder`.
    ///
    /// # Errors
    /// If `oci-layout` or `index.json` is missing, malformed, or of a version that is not known.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, ImageError> {
        let folder = folder.as_ref();
        let refuse = |because: String| ImageError::NotALayout {
            path: folder.to_owned(),
            because,
        };
        let read = |name: &str| {
            read_at_most(&folder.join(name), LARGEST_MANIFEST)
                .map_err(|problem| refuse(format!("`{name}`: {problem}")))
        };
        let version: LayoutFile = serde_json::from_slice(&read("oci-layout")?)
            .map_err(|problem| refuse(format!("`oci-layout`: {problem}")))?;
        if version.image_layout_version != VERSION {
            return Err(refuse(format!(
                "its version is `{}`, expected `{VERSION}`",
                version.image_layout_version
            )));
        }
        let index: Index = serde_json::from_slice(&read("index.json")?)
            .map_err(|problem| refuse(format!("`index.json`: {problem}")))?;
        if index.schema_version != 2 {
            return Err(refuse(format!(
                "its schemaVersion is {}, expected 2",
                index.schema_version
            )));
        }
        Ok(Self {
            folder: folder.to_owned(),
            manifests: index.manifests,
        })
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns what `index.json` lists.
    pub fn manifests(&self) -> &[Descriptor] {
        &self.manifests
    }

    /// Returns the one manifest or index that `index.json` lists.
    ///
    /// # Errors
    /// If it lists none or several, because then nothing says which one is meant.
    pub fn root(&self) -> Result<&Descriptor, ImageError> {
        match self.manifests.as_slice() {
            [only] => Ok(only),
            other => Err(ImageError::NotALayout {
                path: self.folder.clone(),
                because: format!(
                    "`index.json` lists {} manifests, expected one manifest or one index",
                    other.len()
                ),
            }),
        }
    }

    /// Returns where a blob lies, or would lie.
    pub fn blob_path(&self, digest: Digest) -> PathBuf {
        blob_path(&self.folder, digest)
    }

    /// Opens a blob; reading to its end checks its size and digest.
    ///
    /// # Errors
    /// If it is not there.
    pub fn open_blob(&self, descriptor: &Descriptor) -> Result<impl Read + use<>, ImageError> {
        let path = self.blob_path(descriptor.digest);
        let file = File::open(&path).map_err(ImageError::io("read", &path))?;
        Ok(Checked {
            inner: file,
            hasher: Hasher::new(),
            read: 0,
            descriptor: descriptor.clone(),
        })
    }

    /// Reads a small blob, such as a manifest or a configuration, checked.
    ///
    /// # Errors
    /// If it is missing, larger than four MiB, or not what its descriptor promises.
    pub fn blob(&self, descriptor: &Descriptor) -> Result<Vec<u8>, ImageError> {
        let what = || format!("blob {}", descriptor.digest);
        if descriptor.size > LARGEST_MANIFEST {
            return Err(ImageError::Malformed {
                what: what(),
                because: format!(
                    "it has {} bytes, expected at most {LARGEST_MANIFEST}",
                    descriptor.size
                ),
            });
        }
        let path = self.blob_path(descriptor.digest);
        let bytes = read_at_most(&path, LARGEST_MANIFEST).map_err(ImageError::io("read", &path))?;
        check(&what(), descriptor, bytes.len() as u64, Digest::of(&bytes))?;
        Ok(bytes)
    }

    /// Checks every blob that the layout's manifests name, and that none is missing.
    ///
    /// # Errors
    /// At the first blob that is missing, damaged or malformed.
    pub fn verify(&self) -> Result<LayoutContents, ImageError> {
        let mut contents = LayoutContents {
            manifests: 0,
            blobs: 0,
            bytes: 0,
        };
        let mut seen = BTreeSet::new();
        for descriptor in self.documents()? {
            contents.manifests += 1;
            contents.bytes += descriptor.size;
            let ManifestBody::Image(manifest) = self.manifest(&descriptor)? else {
                continue;
            };
            for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
                if !blob.urls.is_empty() || !seen.insert(blob.digest) {
                    continue;
                }
                self.check_blob(blob)?;
                contents.blobs += 1;
                contents.bytes += blob.size;
            }
        }
        Ok(contents)
    }

    /// Lists all manifests and indexes, children before the index that names them, each once.
    pub(super) fn documents(&self) -> Result<Vec<Descriptor>, ImageError> {
        let mut found = Vec::new();
        for descriptor in &self.manifests {
            self.collect_documents(descriptor, 0, &mut found)?;
        }
        Ok(found)
    }

    pub(super) fn collect_documents(
        &self,
        descriptor: &Descriptor,
        depth: usize,
        found: &mut Vec<Descriptor>,
    ) -> Result<(), ImageError> {
        if found.iter().any(|known| known.digest == descriptor.digest) {
            return Ok(());
        }
        if depth > DEEPEST {
            return Err(ImageError::Malformed {
                what: format!("index {}", descriptor.digest),
                because: format!("indexes are nested deeper than {DEEPEST}"),
            });
        }
        if let ManifestBody::Index(index) = self.manifest(descriptor)? {
            for child in &index.manifests {
                self.collect_documents(child, depth + 1, found)?;
            }
        }
        found.push(descriptor.clone());
        Ok(())
    }

    pub(super) fn manifest(&self, descriptor: &Descriptor) -> Result<ManifestBody, ImageError> {
        let what = format!("manifest {}", descriptor.digest);
        ManifestBody::parse(&what, &descriptor.media_type, &self.blob(descriptor)?)
    }

    fn check_blob(&self, descriptor: &Descriptor) -> Result<(), ImageError> {
        let path = self.blob_path(descriptor.digest);
        let file = File::open(&path).map_err(ImageError::io("read", &path))?;
        let mut hasher = Hasher::new();
        // One byte more than promised tells a longer file, whatever its length.
        let size = io::copy(&mut file.take(descriptor.size + 1), &mut hasher)
            .map_err(ImageError::io("read", &path))?;
        check(
            &format!("blob {}", descriptor.digest),
            descriptor,
            size,
            hasher.finish(),
        )
    }
}

/// Compares bytes with what names them; the size first, because it is what people can see.
pub(super) fn check(
    what: &str,
    descriptor: &Descriptor,
    size: u64,
    digest: Digest,
) -> Result<(), ImageError> {
    if size != descriptor.size {
        return Err(ImageError::WrongSize {
            what: what.to_owned(),
            expected: descriptor.size,
            found: size,
        });
    }
    if digest != descriptor.digest {
        return Err(ImageError::WrongDigest {
            what: what.to_owned(),
            expected: descriptor.digest,
            found: digest,
        });
    }
    Ok(())
}

fn blob_path(folder: &Path, digest: Digest) -> PathBuf {
    folder.join("blobs").join("sha256").join(digest.hex())
}

fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Hands bytes on and fails at the end if they were not the promised ones.
struct Checked<R> {
    inner: R,
    hasher: Hasher,
    read: u64,
    descriptor: Descriptor,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.read += count as u64;
        if (count == 0 && !buffer.is_empty()) || self.read > self.descriptor.size {
            let found = self.hasher.clone().finish();
            check(
                &format!("blob {}", self.descriptor.digest),
                &self.descriptor,
                self.read,
                found,
            )
            .map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))?;
        }
        Ok(count)
    }
}

/// Fills a folder so that it becomes a layout; `index.json` comes last.
#[derive(Debug, Clone)]
pub(super) struct LayoutWriter {
    folder: PathBuf,
}

impl LayoutWriter {
    pub(super) fn create(folder: &Path) -> Result<Self, ImageError> {
        let blobs = folder.join("blobs").join("sha256");
        fs::create_dir_all(&blobs).map_err(ImageError::io("create", &blobs))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn blob_path(&self, digest: Digest) -> PathBuf {
        blob_path(&self.folder, digest)
    }

    /// Returns a file beside the blobs, which becomes one when its digest is known.
    pub(super) fn scratch(&self) -> Result<tempfile::NamedTempFile, ImageError> {
        let blobs = self.folder.join("blobs").join("sha256");
        tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(&blobs)
            .map_err(ImageError::io("create a file in", &blobs))
    }

    pub(super) fn keep(
        &self,
        file: tempfile::NamedTempFile,
        digest: Digest,
    ) -> Result<(), ImageError> {
        let path = self.blob_path(digest);
        // Temporary files are for their owner only; blobs are for every reader, whatever the umask.
        set_mode_of(file.as_file(), 0o644).map_err(ImageError::io("write", &path))?;
        match file.persist(&path) {
            Ok(_) => Ok(()),
            Err(problem) => Err(ImageError::io("write", &path)(problem.error)),
        }
    }

    pub(super) fn put(&self, media_type: &str, bytes: &[u8]) -> Result<Descriptor, ImageError> {
        let digest = Digest::of(bytes);
        let mut file = self.scratch()?;
        file.write_all(bytes)
            .map_err(ImageError::io("write", self.blob_path(digest)))?;
        self.keep(file, digest)?;
        Ok(Descriptor {
            media_type: media_type.to_owned(),
            digest,
            size: bytes.len() as u64,
            platform: None,
            annotations: Default::default(),
            urls: Vec::new(),
        })
    }

    /// Puts a blob of any size, whose digest is not known before.
    pub(super) fn put_from(
        &self,
        media_type: &str,
        from: &mut impl Read,
    ) -> Result<Descriptor, ImageError> {
        let mut file = self.scratch()?;
        let mut copy = Tee::new(file.as_file_mut());
        io::copy(from, &mut copy).map_err(ImageError::io("write a blob into", &self.folder))?;
        let (digest, size) = copy.finish();
        self.keep(file, digest)?;
        Ok(Descriptor {
            media_type: media_type.to_owned(),
            digest,
            size,
            platform: None,
            annotations: Default::default(),
            urls: Vec::new(),
        })
    }

    pub(super) fn finish(self, manifests: Vec<Descriptor>) -> Result<Layout, ImageError> {
        let index = Index {
            schema_version: 2,
            media_type: Some(INDEX.to_owned()),
            manifests,
            annotations: Default::default(),
        };
        let version = LayoutFile {
            image_layout_version: VERSION.to_owned(),
        };
        self.replace("oci-layout", &to_json(&version)?)?;
        self.replace("index.json", &to_json(&index)?)?;
        Layout::open(&self.folder)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ImageError> {
        let path = self.folder.join(name);
        let mut file = self.scratch()?;
        file.write_all(bytes)
            .map_err(ImageError::io("write", &path))?;
        set_mode_of(file.as_file(), 0o644).map_err(ImageError::io("write", &path))?;
        match file.persist(&path) {
            Ok(_) => Ok(()),
            Err(problem) => Err(ImageError::io("write", &path)(problem.error)),
        }
    }
}

impl Layout {
    /// Removes blobs that no manifest names any more.
    pub(super) fn prune(&self) -> Result<(), ImageError> {
        let mut kept = BTreeSet::new();
        for descriptor in self.documents()? {
            kept.insert(descriptor.digest.hex());
            if let ManifestBody::Image(manifest) = self.manifest(&descriptor)? {
                kept.insert(manifest.config.digest.hex());
                kept.extend(manifest.layers.iter().map(|layer| layer.digest.hex()));
            }
        }
        let blobs = self.folder.join("blobs").join("sha256");
        for blob in fs::read_dir(&blobs).map_err(ImageError::io("read", &blobs))? {
            let blob = blob.map_err(ImageError::io("read", &blobs))?;
            let name = blob.file_name();
            // Files with other names are another writer's scratch.
            let stale = name
                .to_str()
                .is_some_and(|name| name.len() == 64 && !kept.contains(name));
            if stale {
                fs::remove_file(blob.path()).map_err(ImageError::io("remove", blob.path()))?;
            }
        }
        Ok(())
    }
}

/// Writes JSON without spaces; the order of keys is that of the types, so the same value has the same bytes.
pub(super) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, ImageError> {
    serde_json::to_vec(value).map_err(|problem| ImageError::Malformed {
        what: "a document of the image".to_owned(),
        because: problem.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{fixture::layout_of, spec::MANIFEST};

    fn sound(folder: &Path) -> Layout {
        layout_of(
            folder,
            &[&[("x", tar::EntryType::Regular, "content", 0o644)]],
        )
    }

    #[test]
    fn a_folder_that_is_no_layout_is_refused_with_what_is_wrong() {
        for (file, content, because) in [
            ("oci-layout", None, "`oci-layout`: No such file"),
            ("oci-layout", Some("{}"), "missing field"),
            (
                "oci-layout",
                Some(r#"{"imageLayoutVersion":"2.0.0"}"#),
                "expected `1.0.0`",
            ),
            ("index.json", None, "`index.json`: No such file"),
            ("index.json", Some("[]"), "`index.json`"),
            (
                "index.json",
                Some(r#"{"schemaVersion":1,"manifests":[]}"#),
                "expected 2",
            ),
            (
                "index.json",
                Some(
                    r#"{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:../../x","size":1}]}"#,
                ),
                "is not a digest",
            ),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            sound(folder.path());
            let path = folder.path().join(file);
            match content {
                Some(content) => fs::write(&path, content).expect("a file"),
                None => fs::remove_file(&path).expect("a file"),
            }
            let problem = Layout::open(folder.path()).expect_err(because);
            assert!(problem.to_string().contains(because), "{problem}");
            assert!(problem.hint().is_some());
        }
    }

    #[test]
    fn every_cut_or_changed_document_is_an_error_and_never_a_panic() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = sound(folder.path());
        layout.verify().expect("a sound layout");
        let path = layout.blob_path(layout.manifests()[0].digest);
        let bytes = fs::read(&path).expect("a manifest");
        for cut in 0..bytes.len() {
            // Named by its own digest, so that the reader and not the check has to refuse it.
            let writer = LayoutWriter::create(&folder.path().join("cut")).expect("a folder");
            let cut = writer.put(MANIFEST, &bytes[..cut]).expect("a blob");
            let cut = writer.finish(vec![cut]).expect("a layout");
            assert!(cut.verify().is_err());
        }
        let mut changed = bytes.clone();
        changed[20] ^= 1;
        fs::write(&path, changed).expect("a file");
        assert!(matches!(
            layout.verify(),
            Err(ImageError::WrongDigest { .. })
        ));
        fs::write(&path, &bytes[1..]).expect("a file");
        assert!(matches!(layout.verify(), Err(ImageError::WrongSize { .. })));
        fs::remove_file(&path).expect("a file");
        assert!(matches!(layout.verify(), Err(ImageError::Io { .. })));
    }

    #[test]
    fn several_images_are_no_single_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = sound(folder.path());
        let twice = vec![layout.manifests()[0].clone(); 2];
        let writer = LayoutWriter::create(folder.path()).expect("a folder");
        let layout = writer.finish(twice).expect("a layout");
        let problem = layout.root().expect_err("two").to_string();
        assert!(problem.contains("lists 2 manifests"), "{problem}");
    }
}
