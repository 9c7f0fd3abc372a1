//! Blobs of a repository: looking, fetching, uploading.

use std::{io, path::Path};

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

use crate::{
    digest::{Digest, Hasher},
    image::{
        Descriptor, ImageError, Repository, RepositoryName,
        client::connection::{Ask, Payload},
        layout::check,
    },
};

const CHUNK: usize = 256 << 10;

/// How a blob came to be in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upload {
    /// It was there.
    Existing,
    /// The registry took it over from another repository.
    Mounted,
    /// It was sent.
    Sent,
}

/// How an upload began.
enum Session {
    Mounted,
    Open(Url),
}

impl Repository<'_> {
    /// Asks whether a blob is there.
    ///
    /// # Errors
    /// If the registry refuses or cannot be reached.
    pub async fn head_blob(&self, digest: Digest) -> Result<bool, ImageError> {
        let ask = Ask::new(
            format!("look up the blob {}", digest.short()),
            Method::HEAD,
            self.url(&format!("blobs/{digest}"))?,
        );
        let answer = self
            .ask(&ask, &[StatusCode::OK, StatusCode::NOT_FOUND])
            .await?;
        Ok(answer.status() == StatusCode::OK)
    }

    /// Fetches a blob into the file `into`, which is there afterwards only if size and digest are right.
    ///
    /// # Errors
    /// If the blob is missing or not what its descriptor promises, if the registry refuses or cannot be reached, or if the file
    /// cannot be written.
    pub async fn get_blob(&self, blob: &Descriptor, into: &Path) -> Result<(), ImageError> {
        let ask = Ask::new(
            format!("fetch the blob {}", blob.digest.short()),
            Method::GET,
            self.url(&format!("blobs/{}", blob.digest))?,
        );
        self.client
            .pace
            .run(async |_| self.fetch_once(&ask, blob, into).await)
            .await
    }

    async fn fetch_once(
        &self,
        ask: &Ask,
        blob: &Descriptor,
        into: &Path,
    ) -> Result<(), ImageError> {
        let mut answer = self
            .ask_once(ask, &[StatusCode::OK, StatusCode::NOT_FOUND])
            .await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(ImageError::Missing {
                registry: self.registry().to_owned(),
                what: format!("the blob {}", blob.digest),
            });
        }
        let folder = into.parent().unwrap_or(Path::new("."));
        let scratch = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(folder)
            .map_err(ImageError::io("create a file in", folder))?;
        let handle = scratch.reopen().map_err(ImageError::io("write", into))?;
        let mut file = tokio::fs::File::from_std(handle);
        let mut hasher = Hasher::new();
        let mut size = 0;
        // What is longer than promised is not read to its end, which may never come.
        while size <= blob.size {
            let Some(chunk) = answer
                .chunk()
                .await
                .map_err(|source| self.unreachable(&ask.doing, source))?
            else {
                break;
            };
            hasher.update(&chunk);
            size += chunk.len() as u64;
            file.write_all(&chunk)
                .await
                .map_err(ImageError::io("write", into))?;
        }
        file.flush().await.map_err(ImageError::io("write", into))?;
        let what = format!("the blob that `{}` sent", self.registry());
        check(&what, blob, size, hasher.finish())?;
        match scratch.persist(into) {
            Ok(_) => Ok(()),
            Err(problem) => Err(ImageError::io("write", into)(problem.error)),
        }
    }

    /// Brings a blob into the repository: it is looked for, taken over from `mount_from` where that is given, or sent in one
    /// piece from the file `from`, whose bytes are checked on their way.
    ///
    /// # Errors
    /// If the file is not what the descriptor promises, or the registry refuses or cannot be reached.
    pub async fn upload_blob(
        &self,
        blob: &Descriptor,
        from: &Path,
        mount_from: Option<&RepositoryName>,
    ) -> Result<Upload, ImageError> {
        if mount_from.is_none() && self.head_blob(blob.digest).await? {
            return Ok(Upload::Existing);
        }
        let Session::Open(first) = self.open_upload(blob, mount_from).await? else {
            return Ok(Upload::Mounted);
        };
        self.client
            .pace
            .run(async |attempt| {
                if attempt == 0 {
                    return self.send(blob, from, &first).await;
                }
                // A connection may break after the registry has stored everything, and a session is good for one try.
                if self.head_blob(blob.digest).await? {
                    return Ok(());
                }
                match self.open_upload(blob, None).await? {
                    Session::Open(location) => self.send(blob, from, &location).await,
                    Session::Mounted => Ok(()),
                }
            })
            .await?;
        Ok(Upload::Sent)
    }

    async fn open_upload(
        &self,
        blob: &Descriptor,
        mount_from: Option<&RepositoryName>,
    ) -> Result<Session, ImageError> {
        let doing = format!("begin the upload of the blob {}", blob.digest.short());
        let plain = self.url("blobs/uploads/")?;
        let mut url = plain.clone();
        if let Some(from) = mount_from {
            url.query_pairs_mut()
                .append_pair("mount", &blob.digest.to_string())
                .append_pair("from", from.path());
        }
        let hoped = [StatusCode::ACCEPTED, StatusCode::CREATED];
        let answer = match self
            .ask(&Ask::new(&doing, Method::POST, url.clone()), &hoped)
            .await
        {
            // Some registries refuse to take a blob over, in several words, where the specification has them begin an upload.
            Err(ImageError::Refused { .. }) if mount_from.is_some() => {
                url = plain;
                self.ask(&Ask::new(&doing, Method::POST, url.clone()), &hoped)
                    .await?
            }
            other => other?,
        };
        match answer.status() {
            StatusCode::CREATED => Ok(Session::Mounted),
            _ => Ok(Session::Open(self.location(&doing, &url, &answer)?)),
        }
    }

    async fn send(&self, blob: &Descriptor, from: &Path, location: &Url) -> Result<(), ImageError> {
        let mut ask = Ask::new(
            format!("upload the blob {}", blob.digest.short()),
            Method::PUT,
            with_digest(location, blob.digest),
        );
        ask.payload = Payload::Blob {
            file: from.to_owned(),
            blob: blob.clone(),
        };
        let stored = [StatusCode::CREATED, StatusCode::NO_CONTENT, StatusCode::OK];
        match self.ask_once(&ask, &stored).await {
            Ok(_) => Ok(()),
            Err(problem) => {
                // An upload that we broke off ourselves looks like a broken connection; the file tells which it was.
                check_file(blob, from).await?;
                Err(problem)
            }
        }
    }
}

/// Adds the digest without touching the rest: the query of a Location is the registry's own state.
fn with_digest(location: &Url, digest: Digest) -> Url {
    let mut url = location.clone();
    let query = match location.query() {
        Some(query) if !query.is_empty() => format!("{query}&digest={digest}"),
        _ => format!("digest={digest}"),
    };
    url.set_query(Some(&query));
    url
}

/// Streams a file. Its last bytes are handed over only when all are what the descriptor promises, so that no registry ever
/// holds a whole blob that is damaged.
pub(super) async fn checked_body(
    path: &Path,
    blob: &Descriptor,
) -> Result<reqwest::Body, ImageError> {
    let file = tokio::fs::File::open(path)
        .await
        .map_err(ImageError::io("read", path))?;
    let length = file
        .metadata()
        .await
        .map_err(ImageError::io("read", path))?
        .len();
    if length != blob.size {
        return Err(ImageError::WrongSize {
            what: format!("the file `{}`", path.display()),
            expected: blob.size,
            found: length,
        });
    }
    let start = (file, Hasher::new(), 0_u64, blob.clone());
    let stream =
        futures_util::stream::try_unfold(start, async |(mut file, mut hasher, mut size, blob)| {
            let mut buffer = vec![0; CHUNK];
            let count = file.read(&mut buffer).await?;
            if count == 0 && size == blob.size {
                return Ok(None);
            }
            buffer.truncate(count);
            hasher.update(&buffer);
            size += count as u64;
            if size >= blob.size || count == 0 {
                check("the file", &blob, size, hasher.clone().finish())
                    .map_err(io::Error::other)?;
            }
            Ok::<_, io::Error>(Some((Bytes::from(buffer), (file, hasher, size, blob))))
        });
    Ok(reqwest::Body::wrap_stream(stream))
}

pub(in crate::image) async fn check_file(blob: &Descriptor, path: &Path) -> Result<(), ImageError> {
    let mut file = tokio::fs::File::open(path)
        .await
        .map_err(ImageError::io("read", path))?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let count = file
            .read(&mut buffer)
            .await
            .map_err(ImageError::io("read", path))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        size += count as u64;
    }
    check(
        &format!("the file `{}`", path.display()),
        blob,
        size,
        hasher.finish(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_kept_as_it_is() {
        let digest = Digest::of("x");
        for (location, query) in [
            ("https://r/v2/a/blobs/uploads/1", format!("digest={digest}")),
            (
                "https://r/u?_state=a%2Fb+c==",
                format!("_state=a%2Fb+c==&digest={digest}"),
            ),
        ] {
            let url = with_digest(&location.parse().expect("an address"), digest);
            assert_eq!(url.query(), Some(query.as_str()));
        }
    }
}
