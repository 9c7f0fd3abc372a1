//! The body of a request, counted while it is read.

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::StreamExt as _;

use super::answer::{Code, Refusal};

/// The most that is read of a body nobody wants, so that the client sees the answer instead of a broken connection.
const LONGEST_DRAIN: u64 = 64 * 1024 * 1024;

/// A body and how much of it has come.
pub(super) struct RequestBody {
    stream: BodyDataStream,
    received: u64,
}

/// A body that is longer than its reader takes.
#[derive(Debug)]
pub(super) struct TooLong;

impl RequestBody {
    pub(super) fn new(body: Body) -> Self {
        Self {
            stream: body.into_data_stream(),
            received: 0,
        }
    }

    /// Returns how many bytes were read.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Returns the next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        match self.stream.next().await {
            None => Ok(None),
            Some(Ok(bytes)) => {
                self.received += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Some(Err(error)) => Err(Refusal::new(
                Code::BlobUploadInvalid,
                format!("the body ended early: {error}"),
            )),
        }
    }

    /// Reads a body of at most `limit` bytes.
    pub(super) async fn read_all(
        &mut self,
        limit: usize,
    ) -> Result<Result<Vec<u8>, TooLong>, Refusal> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await? {
            if all.len() + bytes.len() > limit {
                return Ok(Err(TooLong));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(Ok(all))
    }

    /// Reads and forgets what is left.
    pub(super) async fn drain(&mut self) {
        let end = self.received.saturating_add(LONGEST_DRAIN);
        while self.received < end && matches!(self.next().await, Ok(Some(_))) {}
    }
}
