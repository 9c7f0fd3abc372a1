//! Blobs on their way out: a file, or a part of it, hashed while it is read.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::Path,
};

use bytes::Bytes;

use crate::{
    digest::Hasher,
    image::{Descriptor, ImageError, layout::check},
};

/// Bytes that are read, hashed and handed on at a time; a few times this much is in memory for each upload.
const CHUNK: usize = 512 << 10;

/// Streams a whole file. Its last bytes are handed over only when all are what the descriptor promises, so that no registry
/// ever holds a whole blob that is damaged.
pub(super) async fn checked_body(
    path: &Path,
    blob: &Descriptor,
) -> Result<reqwest::Body, ImageError> {
    let file = open(path, blob).await?;
    if blob.size == 0 {
        check("the file", blob, 0, Hasher::new().finish())?;
    }
    Ok(stream(Reading {
        file,
        left: blob.size,
        promise: Some((Hasher::new(), blob.clone())),
    }))
}

/// Streams a part of a file, which [`check_file`] has seen to be what its descriptor promises.
pub(super) async fn part_of(
    path: &Path,
    blob: &Descriptor,
    part: Range<u64>,
) -> Result<reqwest::Body, ImageError> {
    let mut file = open(path, blob).await?;
    file.seek(SeekFrom::Start(part.start))
        .map_err(ImageError::io("read", path))?;
    Ok(stream(Reading {
        file,
        left: part.end - part.start,
        promise: None,
    }))
}

async fn open(path: &Path, blob: &Descriptor) -> Result<File, ImageError> {
    let (owned, expected) = (path.to_owned(), blob.size);
    let opened = blocking(move || {
        let file = File::open(&owned)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    });
    let (file, length) = opened.await.map_err(ImageError::io("read", path))?;
    if length != expected {
        return Err(ImageError::WrongSize {
            what: format!("the file `{}`", path.display()),
            expected,
            found: length,
        });
    }
    Ok(file)
}

/// A file that is read from where it stands.
struct Reading {
    file: File,
    left: u64,
    /// What the bytes so far come to, and what all have to come to.
    promise: Option<(Hasher, Descriptor)>,
}

impl Reading {
    fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        if self.left == 0 {
            return Ok(None);
        }
        let wanted = self.left.min(CHUNK as u64);
        let mut bytes = Vec::with_capacity(CHUNK.min(usize::try_from(wanted).unwrap_or(CHUNK)));
        (&mut self.file).take(wanted).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= bytes.len() as u64;
        if let Some((hasher, blob)) = &mut self.promise {
            hasher.update(&bytes);
            if self.left == 0 {
                check("the file", blob, blob.size, hasher.clone().finish())
                    .map_err(io::Error::other)?;
            }
        }
        Ok(Some((bytes.into(), self)))
    }
}

fn stream(reading: Reading) -> reqwest::Body {
    reqwest::Body::wrap_stream(futures_util::stream::try_unfold(reading, async |reading| {
        blocking(|| reading.next()).await
    }))
}

/// Checks that a file is what its descriptor promises.
///
/// # Errors
/// If it is not, or cannot be read.
pub(in crate::image) async fn check_file(blob: &Descriptor, path: &Path) -> Result<(), ImageError> {
    let owned = path.to_owned();
    let hashed = blocking(move || {
        let mut hasher = Hasher::new();
        let size = io::copy(&mut File::open(owned)?, &mut hasher)?;
        Ok((size, hasher.finish()))
    });
    let (size, digest) = hashed.await.map_err(ImageError::io("read", path))?;
    check(
        &format!("the file `{}`", path.display()),
        blob,
        size,
        digest,
    )
}

/// Does what may wait for the disk, or takes a while, where no other request waits for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(problem) => Err(io::Error::other(problem)),
    }
}
