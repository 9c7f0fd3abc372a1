//! Compressed layers that are kept between runs, by the digest of their uncompressed bytes.
//!
//! A file lies at `SCHEME/DIFF-ID/DIGEST`: the way of compressing, what was compressed, what came out. It is checked
//! against its name when it is taken. A cache that cannot be read or written is no failure: the layer is compressed.

use std::{
    collections::BTreeMap,
    fs::{self, File, FileTimes},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    digest::Digest,
    image::{Descriptor, gzip, layout::LayoutWriter, spec::LAYER_GZIP, tee::Tee},
    portable::private_folder,
};

/// More than this is not kept; what was not used for the longest time goes first.
const MOST_BYTES: u64 = 2 << 30;

/// A folder of compressed layers, or none.
#[derive(Debug, Clone, Default)]
pub struct LayerCache {
    folder: Option<PathBuf>,
}

impl LayerCache {
    /// Keeps nothing and knows nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Keeps layers below `folder`, which is made when there is something to keep.
    pub fn at(folder: impl AsRef<Path>) -> Self {
        Self {
            folder: Some(folder.as_ref().join(gzip::SCHEME)),
        }
    }

    /// Whether anything can be in it.
    pub(super) fn is_there(&self) -> bool {
        self.folder.as_ref().is_some_and(|folder| folder.is_dir())
    }

    /// Puts the layer with these uncompressed bytes into a layout, if it is kept and whole.
    pub(super) fn take(&self, diff_id: Digest, writer: &LayoutWriter) -> Option<Descriptor> {
        let folder = self.folder.as_ref()?.join(diff_id.hex());
        let kept = fs::read_dir(folder).ok()?.flatten();
        kept.map(|entry| entry.path())
            .find_map(|path| take_file(&path, writer))
    }

    /// Keeps a layer that was compressed.
    pub(super) fn keep(&self, diff_id: Digest, layer: &Descriptor, file: &Path) {
        let Some(folder) = &self.folder else {
            return;
        };
        if let Err(problem) = keep_file(&folder.join(diff_id.hex()), layer, file)
            .and_then(|()| forget_beyond(folder, MOST_BYTES))
        {
            tracing::debug!(%problem, "a compressed layer is not kept");
        }
    }
}

fn take_file(path: &Path, writer: &LayoutWriter) -> Option<Descriptor> {
    let digest: Digest = format!("sha256:{}", path.file_name()?.to_str()?)
        .parse()
        .ok()?;
    let mut scratch = writer.scratch().ok()?;
    let mut copy = Tee::new(scratch.as_file_mut());
    let copied = File::open(path).and_then(|mut file| io::copy(&mut file, &mut copy));
    let (found, size) = copy.finish();
    if copied.is_err() || found != digest {
        // It is damaged: nobody shall read it again.
        fs::remove_file(path).ok();
        return None;
    }
    writer.keep(scratch, digest).ok()?;
    touch(path);
    Some(Descriptor {
        media_type: LAYER_GZIP.to_owned(),
        digest,
        size,
        platform: None,
        annotations: BTreeMap::new(),
        urls: Vec::new(),
    })
}

/// Marks a file as used now. Where that is not possible it is forgotten earlier.
fn touch(path: &Path) {
    let now = FileTimes::new().set_modified(SystemTime::now());
    if let Err(problem) = File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_times(now))
    {
        tracing::debug!(%problem, "the time of a kept layer cannot be set");
    }
}

fn keep_file(folder: &Path, layer: &Descriptor, file: &Path) -> io::Result<()> {
    private_folder().create(folder)?;
    let scratch = tempfile::NamedTempFile::new_in(folder)?;
    io::copy(&mut File::open(file)?, &mut scratch.as_file())?;
    match scratch.persist(folder.join(layer.digest.hex())) {
        Ok(_) => Ok(()),
        Err(problem) => Err(problem.error),
    }
}

/// Removes the files that were used longest ago, until the rest fits.
fn forget_beyond(folder: &Path, most: u64) -> io::Result<()> {
    let mut kept = Vec::new();
    let mut total = 0;
    for layers in fs::read_dir(folder)? {
        for file in fs::read_dir(layers?.path())? {
            let file = file?;
            let metadata = file.metadata()?;
            total += metadata.len();
            kept.push((metadata.modified()?, metadata.len(), file.path()));
        }
    }
    kept.sort_unstable();
    for (_, size, path) in kept {
        if total <= most {
            break;
        }
        fs::remove_file(path)?;
        total -= size;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_not_used_for_the_longest_time_is_forgotten_first() {
        let folder = tempfile::tempdir().expect("a folder");
        for (age, name) in [(3, "old"), (1, "new"), (2, "middle")] {
            let layer = folder.path().join(name);
            fs::create_dir(&layer).expect("a folder");
            fs::write(layer.join("blob"), [0; 10]).expect("a file");
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
            File::options()
                .append(true)
                .open(layer.join("blob"))
                .and_then(|file| file.set_modified(time))
                .expect("a time");
        }
        forget_beyond(folder.path(), 20).expect("it fits");
        let there = |name: &str| folder.path().join(name).join("blob").exists();
        assert_eq!(
            (there("old"), there("middle"), there("new")),
            (false, true, true)
        );
    }
}
