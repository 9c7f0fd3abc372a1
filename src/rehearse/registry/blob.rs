//! Reading and deleting blobs (`end-2`, `end-10`).

use std::io::{self, SeekFrom};

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};
use tokio_util::io::ReaderStream;

use super::{
    answer::{Answer, CONTENT_DIGEST, Code, Refusal},
    content_digest::ContentDigest,
    name::RepositoryName,
    range::{Asked, asked},
    server::blocking,
    store::{Linked, Store},
    upload::parse_digest,
};

/// How much of a blob is read at a time.
const READ_SIZE: usize = 128 * 1024;

/// Answers `GET` and `HEAD` on a blob; `range` is the header of that name.
pub(super) async fn read(
    store: &Store,
    name: &RepositoryName,
    digest: &str,
    method: &Method,
    range: Option<&str>,
) -> Result<Answer, Refusal> {
    let digest = parse_digest(digest)?;
    let found = {
        let (store, name, digest) = (store.clone(), name.clone(), digest.clone());
        blocking(move || Ok(store.linked(&name, Linked::Blobs, &digest)?)).await?
    };
    if found.is_none() {
        return Err(unknown(name, &digest));
    }
    let file = File::open(store.content_path(&digest)).await?;
    let size = file.metadata().await?.len();
    // RFC 9110, section 14.2: a range means something for GET only.
    let part = match *method {
        Method::GET => asked(range, size),
        _ => Asked::Whole,
    };
    let (status, first, length) = match part {
        Asked::Whole => (StatusCode::OK, 0, size),
        Asked::Part { first, length } => (StatusCode::PARTIAL_CONTENT, first, length),
        Asked::Unsatisfiable => {
            return Err(
                Refusal::new(Code::SizeInvalid, "the blob has no such bytes")
                    .with_status(StatusCode::RANGE_NOT_SATISFIABLE)
                    .with_header(header::CONTENT_RANGE, format!("bytes */{size}")),
            );
        }
    };
    let mut answer = Answer::new(status)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, length.to_string())
        .header(header::ACCEPT_RANGES, "bytes")
        .header(CONTENT_DIGEST, digest.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        let last = first + length - 1;
        answer = answer.header(
            header::CONTENT_RANGE,
            format!("bytes {first}-{last}/{size}"),
        );
    }
    if *method == Method::HEAD {
        return Ok(answer);
    }
    Ok(answer.body(stream(file, first, length).await?))
}

async fn stream(mut file: File, first: u64, length: u64) -> io::Result<Body> {
    if first > 0 {
        file.seek(SeekFrom::Start(first)).await?;
    }
    let part = file.take(length);
    Ok(Body::from_stream(ReaderStream::with_capacity(
        part, READ_SIZE,
    )))
}

/// Answers `DELETE` on a blob: this repository no longer holds it, others still may.
pub(super) fn delete(
    store: &Store,
    name: &RepositoryName,
    digest: &str,
) -> Result<Answer, Refusal> {
    let digest = parse_digest(digest)?;
    if store.unlink(name, Linked::Blobs, &digest)? {
        Ok(Answer::new(StatusCode::ACCEPTED))
    } else {
        Err(unknown(name, &digest))
    }
}

fn unknown(name: &RepositoryName, digest: &ContentDigest) -> Refusal {
    Refusal::new(
        Code::BlobUnknown,
        format!("repository `{name}` has no blob `{digest}`"),
    )
}
