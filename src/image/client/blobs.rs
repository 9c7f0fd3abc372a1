//! Blobs of a repository: looking and fetching.

use std::path::Path;

use reqwest::{Method, StatusCode};
use tokio::io::AsyncWriteExt as _;

use crate::{
    digest::{Digest, Hasher},
    image::{Descriptor, ImageError, Repository, client::connection::Ask, layout::check},
};

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
}
