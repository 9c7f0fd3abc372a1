//! Uploading a blob: at once, in a session, in chunks, as a stream, or by a mount (`end-4` to `end-6`, `end-11`, `end-13`).
//!
//! A session is one file that grows. Whoever writes to it holds its lock, across processes.

use std::{
    fs::{self, OpenOptions, TryLockError},
    io::{self, Read as _},
    str::FromStr,
};

use axum::http::{HeaderName, StatusCode, header};
use camino::{Utf8Path, Utf8PathBuf};
use tokio::{fs::File, io::AsyncWriteExt as _};

use super::{
    answer::{Answer, CONTENT_DIGEST, Code, Refusal},
    content_digest::{ContentDigest, ContentHasher},
    name::RepositoryName,
    range::Chunk,
    server::{Request, blocking},
    store::{Linked, Store, absent_is_none},
};
use crate::portable::is_same_file;

/// Docker's name of a session, which its client logs.
const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// How much of a finished upload is read at a time to hash it.
const READ_SIZE: usize = 256 * 1024;

/// The id of a session: 32 hexadecimal characters, so it is safe as a file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SessionId(String);

impl SessionId {
    fn new() -> Result<Self, Refusal> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(hex::encode(bytes)))
    }
}

impl FromStr for SessionId {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(unknown(text))
        }
    }
}

/// A session that this request alone writes to.
struct Session {
    id: SessionId,
    path: Utf8PathBuf,
    file: File,
    length: u64,
}

/// Answers `POST /v2/<name>/blobs/uploads/`: a mount, a whole blob, or a new session.
pub(super) async fn begin(
    store: &Store,
    name: &RepositoryName,
    request: &mut Request,
) -> Result<Answer, Refusal> {
    if let Some(digest) = request.query.first("mount") {
        let digest = parse_digest(digest)?;
        let from = request.query.first("from").map(str::to_owned);
        let (store, name) = (store.clone(), name.clone());
        let mounted = blocking(move || mount(&store, &name, &digest, from.as_deref())).await?;
        if let Some(answer) = mounted {
            return Ok(answer);
        }
    }
    let whole = request
        .query
        .first("digest")
        .map(parse_digest)
        .transpose()?;
    let id = SessionId::new()?;
    create(store.clone(), name.clone(), id.clone()).await?;
    match whole {
        None => Ok(progress(StatusCode::ACCEPTED, name, &id, 0)),
        Some(digest) => {
            let session = Session::open(store, name, id).await?;
            session.close(store, name, digest, request).await
        }
    }
}

/// Answers `PATCH` on a session: takes a chunk or a stream.
pub(super) async fn append(
    store: &Store,
    name: &RepositoryName,
    session: &str,
    request: &mut Request,
) -> Result<Answer, Refusal> {
    let mut session = Session::open(store, name, session.parse()?).await?;
    session.receive(name, request, None).await?;
    Ok(progress(
        StatusCode::ACCEPTED,
        name,
        &session.id,
        session.length,
    ))
}

/// Answers `PUT` on a session: takes the last bytes, if there are any, and makes it a blob.
pub(super) async fn finish(
    store: &Store,
    name: &RepositoryName,
    session: &str,
    request: &mut Request,
) -> Result<Answer, Refusal> {
    let digest = request.query.first("digest").unwrap_or("");
    let digest = parse_digest(digest)?;
    let session = Session::open(store, name, session.parse()?).await?;
    session.close(store, name, digest, request).await
}

/// Answers `GET` on a session: how far it is.
pub(super) fn status(
    store: &Store,
    name: &RepositoryName,
    session: &str,
) -> Result<Answer, Refusal> {
    let id: SessionId = session.parse()?;
    match absent_is_none(fs::metadata(store.uploads(name).join(&id.0)))? {
        Some(metadata) => Ok(progress(StatusCode::NO_CONTENT, name, &id, metadata.len())),
        None => Err(unknown(session)),
    }
}

/// Answers `DELETE` on a session: gives it up.
pub(super) fn cancel(
    store: &Store,
    name: &RepositoryName,
    session: &str,
) -> Result<Answer, Refusal> {
    let id: SessionId = session.parse()?;
    match absent_is_none(fs::remove_file(store.uploads(name).join(&id.0)))? {
        Some(()) => Ok(Answer::new(StatusCode::NO_CONTENT)),
        None => Err(unknown(session)),
    }
}

impl Session {
    async fn open(store: &Store, name: &RepositoryName, id: SessionId) -> Result<Self, Refusal> {
        let path = store.uploads(name).join(&id.0);
        blocking(move || {
            let opened = OpenOptions::new().read(true).append(true).open(&path);
            let file = absent_is_none(opened)?.ok_or_else(|| unknown(&id.0))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(busy(&id)),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            let metadata = file.metadata()?;
            // Between opening and locking, another request may have made the file a blob; that one is not written to.
            let still_there = absent_is_none(fs::metadata(&path))?
                .is_some_and(|found| is_same_file(&found, &metadata));
            if !still_there {
                return Err(unknown(&id.0));
            }
            Ok(Self {
                id,
                path,
                file: File::from_std(file),
                length: metadata.len(),
            })
        })
        .await
    }

    /// Writes the body behind what is there, and hashes it on the way where asked to.
    async fn receive(
        &mut self,
        name: &RepositoryName,
        request: &mut Request,
        mut hasher: Option<&mut ContentHasher>,
    ) -> Result<(), Refusal> {
        let chunk = self.expected_chunk(name, request)?;
        let start = self.length;
        while let Some(bytes) = request.body.next().await? {
            self.file.write_all(&bytes).await?;
            self.length += bytes.len() as u64;
            if let Some(hasher) = hasher.as_deref_mut() {
                hasher.update(&bytes);
            }
        }
        self.file.flush().await?;
        let received = self.length - start;
        if let Some(chunk) = chunk
            && chunk.length != received
        {
            self.file.set_len(start).await?;
            return Err(wrong_size(chunk, received));
        }
        Ok(())
    }

    /// Checks the `Content-Range` of a chunk before anything of it is written.
    fn expected_chunk(
        &self,
        name: &RepositoryName,
        request: &Request,
    ) -> Result<Option<Chunk>, Refusal> {
        let Some(header) = request.header(&header::CONTENT_RANGE) else {
            return Ok(None);
        };
        let chunk = Chunk::parse(header).ok_or_else(|| {
            Refusal::new(
                Code::BlobUploadInvalid,
                format!("`{header}` is no range of bytes: expected `FIRST-LAST`"),
            )
        })?;
        if chunk.first != self.length {
            let message = format!(
                "the chunk begins at byte {}, expected {}",
                chunk.first, self.length
            );
            return Err(Refusal::new(Code::BlobUploadInvalid, message)
                .with_status(StatusCode::RANGE_NOT_SATISFIABLE)
                .with_header(header::LOCATION, location(name, &self.id))
                .with_header(header::RANGE, range(self.length))
                .with_header(UPLOAD_ID, &self.id.0));
        }
        match request.content_length() {
            Some(length) if length != chunk.length => Err(wrong_size(chunk, length)),
            _ => Ok(Some(chunk)),
        }
    }

    /// Takes the last bytes and makes the session a blob of this digest.
    async fn close(
        mut self,
        store: &Store,
        name: &RepositoryName,
        digest: ContentDigest,
        request: &mut Request,
    ) -> Result<Answer, Refusal> {
        let all_in_this_request = self.length == 0;
        let mut hasher = digest.algorithm().hasher();
        self.receive(name, request, Some(&mut hasher)).await?;
        self.file.sync_data().await?;
        let (store, name) = (store.clone(), name.clone());
        blocking(move || {
            let found = if all_in_this_request {
                hasher.finish()
            } else {
                hash_file(&self.path, digest.algorithm().hasher())?
            };
            if found != digest {
                fs::remove_file(&self.path)?;
                return Err(mismatch(&digest, &found));
            }
            store.adopt(&digest, &self.path)?;
            store.link(&name, Linked::Blobs, &digest, "")?;
            Ok(blob_created(&name, &digest))
        })
        .await
    }
}

async fn create(store: Store, name: RepositoryName, id: SessionId) -> Result<(), Refusal> {
    blocking(move || {
        let uploads = store.uploads(&name);
        fs::create_dir_all(&uploads)?;
        fs::File::create_new(uploads.join(&id.0))?;
        Ok(())
    })
    .await
}

/// Links a blob that another repository holds; `None` when it cannot be found there.
///
/// Without a source every repository is asked (distribution-spec: "The registry MAY treat the `from` parameter as optional").
fn mount(
    store: &Store,
    name: &RepositoryName,
    digest: &ContentDigest,
    from: Option<&str>,
) -> Result<Option<Answer>, Refusal> {
    let sources: Vec<RepositoryName> = match from {
        Some(from) => from.parse().into_iter().collect(),
        None => store.repositories()?,
    };
    for source in sources {
        if store.linked(&source, Linked::Blobs, digest)?.is_some() {
            store.link(name, Linked::Blobs, digest, "")?;
            return Ok(Some(blob_created(name, digest)));
        }
    }
    Ok(None)
}

fn hash_file(path: &Utf8Path, mut hasher: ContentHasher) -> io::Result<ContentDigest> {
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; READ_SIZE];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            length => hasher.update(&buffer[..length]),
        }
    }
}

pub(super) fn parse_digest(text: &str) -> Result<ContentDigest, Refusal> {
    text.parse()
        .map_err(|error| Refusal::new(Code::DigestInvalid, format!("{error}")))
}

pub(super) fn mismatch(expected: &ContentDigest, found: &ContentDigest) -> Refusal {
    Refusal::new(
        Code::DigestInvalid,
        format!("the content's digest is `{found}`, not `{expected}`"),
    )
}

fn blob_created(name: &RepositoryName, digest: &ContentDigest) -> Answer {
    Answer::new(StatusCode::CREATED)
        .header(header::LOCATION, format!("/v2/{name}/blobs/{digest}"))
        .header(CONTENT_DIGEST, digest.to_string())
}

fn progress(status: StatusCode, name: &RepositoryName, id: &SessionId, length: u64) -> Answer {
    Answer::new(status)
        .header(header::LOCATION, location(name, id))
        .header(header::RANGE, range(length))
        .header(UPLOAD_ID, &id.0)
}

fn location(name: &RepositoryName, id: &SessionId) -> String {
    format!("/v2/{name}/blobs/uploads/{}", id.0)
}

/// Writes what has come as a range. The form has no word for nothing: like the reference registry, it is `0-0` too.
fn range(length: u64) -> String {
    format!("0-{}", length.saturating_sub(1))
}

fn unknown(session: &str) -> Refusal {
    Refusal::new(
        Code::BlobUploadUnknown,
        format!("there is no upload `{session}`"),
    )
}

fn busy(id: &SessionId) -> Refusal {
    let message = format!("another request is writing to upload `{}`", id.0);
    Refusal::new(Code::BlobUploadInvalid, message).with_status(StatusCode::CONFLICT)
}

fn wrong_size(chunk: Chunk, length: u64) -> Refusal {
    Refusal::new(
        Code::SizeInvalid,
        format!("the range holds {} bytes, the body {length}", chunk.length),
    )
}
