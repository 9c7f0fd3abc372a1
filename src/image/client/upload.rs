//! Bringing a blob into a repository with the fewest requests that a registry allows (distribution-spec, "Pushing blobs").
//!
//! One request asks the registry to take the blob over from a repository that has it, and begins an upload where it cannot.
//! The blob goes in one piece. Where that broke, it goes in pieces, each of which is written down, so that whoever comes next
//! goes on behind the last one.

use std::{ops::Range, path::Path};

use reqwest::{
    Method, Response, StatusCode,
    header::{CONTENT_RANGE, HeaderName, HeaderValue, RANGE},
};
use url::Url;

use super::check_file;
use crate::{
    digest::Digest,
    image::{
        Descriptor, ImageError, Repository,
        blob_cache::{BlobCache, CutUpload},
        client::connection::{Ask, Payload},
    },
};

/// Bytes of a piece. GHCR refuses longer ones.
const PIECE: u64 = 4 << 20;

/// Tries that bring an upload in pieces no further until it is begun anew.
const STUCK: u32 = 2;

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

/// What is asked before a blob is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup<'l> {
    /// Whether the repository has it: likely where it has another version of the image.
    Head,
    /// That it be taken over from one of these repositories of the registry, the first that is known to have it, else from the
    /// repository itself; one request, which begins the upload where it is not there.
    Mount(&'l [String]),
}

/// How an upload began.
enum Begun {
    There,
    Open(Session),
}

/// An upload that goes on.
#[derive(Debug, Clone)]
struct Session {
    location: Url,
    /// Bytes that the registry has.
    offset: u64,
    piece: u64,
}

/// A blob, and the file that holds it.
#[derive(Clone, Copy)]
struct Parcel<'b> {
    blob: &'b Descriptor,
    file: &'b Path,
}

impl Repository<'_> {
    /// Brings a blob into the repository from a file, whose bytes are checked on their way. Of several that bring the same
    /// blob to a registry at one time, one sends it.
    ///
    /// # Errors
    /// If the file is not what the descriptor promises, or the registry refuses or cannot be reached.
    pub async fn upload_blob(
        &self,
        blob: &Descriptor,
        file: &Path,
        lookup: Lookup<'_>,
    ) -> Result<Upload, ImageError> {
        let _turn = self.cache().turn(self.key(), blob.digest).await;
        let parcel = Parcel { blob, file };
        let cut = self
            .cache()
            .cut(self.key(), blob.digest, self.name().path());
        let done = match cut {
            Some(cut) => self.go_on(parcel, cut).await?,
            None => self.bring(parcel, lookup).await?,
        };
        self.cache()
            .ended(self.key(), blob.digest, self.name().path());
        self.cache()
            .saw(self.key(), blob.digest, self.name().path());
        Ok(done)
    }

    fn cache(&self) -> &BlobCache {
        &self.client.blobs
    }

    async fn bring(&self, parcel: Parcel<'_>, lookup: Lookup<'_>) -> Result<Upload, ImageError> {
        let digest = parcel.blob.digest;
        let session = match lookup {
            Lookup::Head if self.head_blob(digest).await? => return Ok(Upload::Existing),
            Lookup::Head => match self.begin(digest, None).await? {
                Begun::There => return Ok(Upload::Existing),
                Begun::Open(session) => session,
            },
            Lookup::Mount(from) => {
                let known = self.cache().places(self.key(), digest);
                let place = known.into_iter().find(|place| from.contains(place));
                match self.begin(digest, Some(place.as_deref())).await? {
                    Begun::There if place.is_some() => return Ok(Upload::Mounted),
                    Begun::There => return Ok(Upload::Existing),
                    Begun::Open(session) => {
                        if let Some(place) = place {
                            self.cache().lost(self.key(), digest, &place);
                        }
                        session
                    }
                }
            }
        };
        self.send(parcel, session).await?;
        Ok(Upload::Sent)
    }

    /// Begins an upload of nothing and gives it up: whoever may do that may push.
    ///
    /// # Errors
    /// If the registry refuses, or cannot be reached.
    pub(in crate::image) async fn try_to_write(&self) -> Result<(), ImageError> {
        let doing = "let an image be pushed";
        let url = self.url("blobs/uploads/")?;
        let ask = Ask::new(doing, Method::POST, url.clone());
        let answer = self.ask(&ask, &[StatusCode::ACCEPTED]).await?;
        let location = self.location(doing, &url, &answer)?;
        self.give_up(location).await;
        Ok(())
    }

    /// Tells the registry that an upload will not be gone on with. Registries forget uploads by themselves, and some cannot be
    /// told to, so nothing hangs on the answer.
    async fn give_up(&self, location: Url) {
        let ask = Ask::new("give up an upload", Method::DELETE, location);
        let gone = [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND];
        if let Err(problem) = self.ask_once(&ask, &gone).await {
            tracing::debug!(%problem, "an upload was left to be forgotten");
        }
    }

    /// Begins an upload, or has the registry take the blob over: from a repository, or from this one itself, which is a way
    /// of asking whether it is there.
    async fn begin(
        &self,
        digest: Digest,
        mount: Option<Option<&str>>,
    ) -> Result<Begun, ImageError> {
        let doing = format!("begin the upload of the blob {}", digest.short());
        let plain = self.url("blobs/uploads/")?;
        let mut url = plain.clone();
        if let Some(from) = mount {
            url.query_pairs_mut()
                .append_pair("mount", &digest.to_string())
                .append_pair("from", from.unwrap_or(self.name().path()));
        }
        let hoped = [StatusCode::ACCEPTED, StatusCode::CREATED];
        let ask = Ask::new(&doing, Method::POST, url.clone());
        let answer = match self.ask(&ask, &hoped).await {
            // Some registries refuse to take a blob over, in several words, where the specification has them begin an upload.
            Err(ImageError::Refused { .. }) if mount.is_some() => {
                url = plain;
                self.ask(&Ask::new(&doing, Method::POST, url.clone()), &hoped)
                    .await?
            }
            other => other?,
        };
        if answer.status() == StatusCode::CREATED {
            return Ok(Begun::There);
        }
        let least = number_of(&answer, "oci-chunk-min-length").unwrap_or_default();
        Ok(Begun::Open(Session {
            location: self.location(&doing, &url, &answer)?,
            offset: 0,
            piece: PIECE.max(least),
        }))
    }

    /// Sends in one piece, and in several where that broke.
    async fn send(&self, parcel: Parcel<'_>, session: Session) -> Result<(), ImageError> {
        let Parcel { blob, file } = parcel;
        if blob.size <= session.piece {
            return self.send_small(parcel, session).await;
        }
        self.remember(blob.digest, &session, false);
        let Err(problem) = self.put_whole(parcel, &session.location).await else {
            return Ok(());
        };
        self.client.pace.wait(0, problem).await?;
        check_file(blob, file).await?;
        if self.head_blob(blob.digest).await? {
            return Ok(());
        }
        self.send_in_pieces(parcel, None).await
    }

    async fn send_small(&self, parcel: Parcel<'_>, first: Session) -> Result<(), ImageError> {
        let digest = parcel.blob.digest;
        self.client
            .pace
            .run(async |attempt| {
                if attempt == 0 {
                    return self.put_whole(parcel, &first.location).await;
                }
                // A connection may break after the registry has stored everything, and a session is good for one try.
                if self.head_blob(digest).await? {
                    return Ok(());
                }
                match self.begin(digest, None).await? {
                    Begun::Open(session) => self.put_whole(parcel, &session.location).await,
                    Begun::There => Ok(()),
                }
            })
            .await
    }

    async fn put_whole(&self, parcel: Parcel<'_>, location: &Url) -> Result<(), ImageError> {
        let Parcel { blob, file } = parcel;
        let mut ask = Ask::new(
            format!("upload the blob {}", blob.digest.short()),
            Method::PUT,
            with_digest(location, blob.digest),
        );
        ask.payload = Payload::Blob {
            file: file.to_owned(),
            blob: blob.clone(),
        };
        let _lane = self.client.lane(blob.size).await;
        match self.ask_once(&ask, &STORED).await {
            Ok(_) => Ok(()),
            Err(problem) => {
                // An upload that we broke off ourselves looks like a broken connection; the file tells which it was.
                check_file(blob, file).await?;
                Err(problem)
            }
        }
    }

    /// Goes on with an upload of an earlier process, or begins one in pieces where the registry has forgotten it.
    async fn go_on(&self, parcel: Parcel<'_>, cut: CutUpload) -> Result<Upload, ImageError> {
        let Parcel { blob, file } = parcel;
        if self.head_blob(blob.digest).await? {
            return Ok(Upload::Existing);
        }
        check_file(blob, file).await?;
        let begun = Session {
            location: cut.location,
            offset: 0,
            piece: PIECE,
        };
        let session = match cut.in_pieces && self.is_home(&begun.location) {
            // Whatever the registry answers, an upload that cannot be gone on with is begun anew.
            true => self.ask_offset(parcel, &begun).await.ok(),
            false => None,
        };
        self.send_in_pieces(parcel, session).await?;
        Ok(Upload::Sent)
    }

    /// Sends pieces, from where `session` stands, until the registry has the whole blob. What brings the upload further is no
    /// failed try, so a line that breaks again and again only makes it slow.
    async fn send_in_pieces(
        &self,
        parcel: Parcel<'_>,
        mut session: Option<Session>,
    ) -> Result<(), ImageError> {
        let (mut failures, mut stuck) = (0, 0);
        // What was sent once is no progress when it is sent again: an upload that never ends well ends.
        let mut furthest = session.as_ref().map_or(0, |session| session.offset);
        loop {
            let step = self.next_piece(parcel, &mut session).await;
            let stands = session.as_ref().map_or(0, |session| session.offset);
            if stands > furthest {
                furthest = stands;
                (failures, stuck) = (0, 0);
            }
            match step {
                Ok(Step::Stored) => return Ok(()),
                Ok(Step::Further) => {}
                Err(problem) => {
                    // A line that breaks says nothing of the upload: it is gone on with, by this process or the next.
                    let is_refused = matches!(problem, ImageError::Refused { .. });
                    // Of an upload about which both sides think differently, the registry says where it stands.
                    let asks = is_out_of_step(&problem) && failures + 1 < self.client.pace.attempts;
                    if !asks {
                        self.client.pace.wait(failures, problem).await?;
                    }
                    failures += 1;
                    stuck += u32::from(is_refused);
                    session = self.regain(parcel, session, stuck).await;
                    if session.is_none() {
                        stuck = 0;
                    }
                }
            }
        }
    }

    /// Asks where an upload stands after a failure; one that comes no further is given up.
    async fn regain(
        &self,
        parcel: Parcel<'_>,
        session: Option<Session>,
        stuck: u32,
    ) -> Option<Session> {
        let session = session?;
        if stuck >= STUCK {
            self.give_up(session.location).await;
            return None;
        }
        self.ask_offset(parcel, &session).await.ok()
    }

    async fn next_piece(
        &self,
        parcel: Parcel<'_>,
        session: &mut Option<Session>,
    ) -> Result<Step, ImageError> {
        let Parcel { blob, file } = parcel;
        let Some(current) = session else {
            // The last try may have stored everything and only its answer been lost.
            if self.head_blob(blob.digest).await? {
                return Ok(Step::Stored);
            }
            let Begun::Open(begun) = self.begin(blob.digest, None).await? else {
                return Ok(Step::Stored);
            };
            self.remember(blob.digest, &begun, true);
            *session = Some(begun);
            return Ok(Step::Further);
        };
        if current.offset >= blob.size {
            let doing = format!("end the upload of the blob {}", blob.digest.short());
            let url = with_digest(&current.location, blob.digest);
            let ask = Ask::new(doing, Method::PUT, url);
            return match self.ask_once(&ask, &STORED).await {
                Ok(_) => Ok(Step::Stored),
                Err(problem) => {
                    *session = None;
                    Err(problem)
                }
            };
        }
        let end = (current.offset + current.piece).min(blob.size);
        let part = current.offset..end;
        let mut ask = Ask::new(
            format!(
                "upload bytes {} to {} of the blob {}",
                part.start,
                part.end,
                blob.digest.short()
            ),
            Method::PATCH,
            current.location.clone(),
        );
        ask.payload = Payload::Part {
            file: file.to_owned(),
            blob: blob.clone(),
            part: part.clone(),
        };
        let _lane = self.client.lane(blob.size).await;
        let taken = [
            StatusCode::ACCEPTED,
            StatusCode::NO_CONTENT,
            StatusCode::CREATED,
        ];
        let answer = self.ask_once(&ask, &taken).await?;
        // Its `Range` is not asked: some registries say the first piece's for ever, and one that lost bytes says so at the end.
        let location = self.location(&ask.doing, &ask.url, &answer)?;
        *current = Session {
            location,
            offset: end,
            piece: current.piece,
        };
        self.remember(blob.digest, current, true);
        Ok(Step::Further)
    }

    /// Asks how much of an upload the registry has.
    async fn ask_offset(
        &self,
        parcel: Parcel<'_>,
        session: &Session,
    ) -> Result<Session, ImageError> {
        let doing = format!(
            "say how much it has of the blob {}",
            parcel.blob.digest.short()
        );
        let ask = Ask::new(&doing, Method::GET, session.location.clone());
        let answer = self
            .ask(
                &ask,
                &[StatusCode::NO_CONTENT, StatusCode::ACCEPTED, StatusCode::OK],
            )
            .await?;
        let offset = match answer.headers().get(RANGE) {
            None => 0,
            Some(range) => range_end(range).ok_or_else(|| {
                self.against(&doing, "its Range is not two numbers with `-`".to_owned())
            })?,
        };
        if offset > parcel.blob.size {
            return Err(self.against(
                &doing,
                format!(
                    "it has {offset} bytes of a blob of {} bytes",
                    parcel.blob.size
                ),
            ));
        }
        let location = match self.location(&doing, &ask.url, &answer) {
            Ok(location) => location,
            // The specification has it say the address; one that does not keeps the old one.
            Err(_) => session.location.clone(),
        };
        Ok(Session {
            location,
            offset,
            piece: session.piece,
        })
    }

    /// Writes down where an upload goes on. An address elsewhere is signed for whoever has it, and is kept by nobody.
    fn remember(&self, digest: Digest, session: &Session, in_pieces: bool) {
        if self.is_home(&session.location) {
            let upload = CutUpload {
                location: session.location.clone(),
                in_pieces,
            };
            self.cache()
                .begun(self.key(), digest, self.name().path(), upload);
        }
    }
}

/// What one request of an upload in pieces came to.
enum Step {
    Further,
    Stored,
}

/// Whether a registry has another part of an upload than was thought, or none of it any more.
fn is_out_of_step(problem: &ImageError) -> bool {
    matches!(
        problem,
        ImageError::Refused {
            status: 400 | 404 | 416,
            ..
        }
    )
}

const STORED: [StatusCode; 3] = [StatusCode::CREATED, StatusCode::NO_CONTENT, StatusCode::OK];

/// `Content-Range` of a piece, as the specification has it: without a unit, both ends inclusive.
pub(super) fn content_range(part: &Range<u64>) -> (HeaderName, String) {
    let text = format!("{}-{}", part.start, part.end.saturating_sub(1));
    (CONTENT_RANGE, text)
}

/// Reads `0-1023`, also with the unit that some write before it, as the number of bytes.
fn range_end(range: &HeaderValue) -> Option<u64> {
    let text = range.to_str().ok()?;
    let text = text.strip_prefix("bytes=").unwrap_or(text);
    let (start, end) = text.split_once('-')?;
    let (start, end): (u64, u64) = (start.parse().ok()?, end.parse().ok()?);
    // Registries say `0-0` of an upload without a byte as well as of one with a byte; the byte is sent once more.
    match (start, end) {
        (0, 0) => Some(0),
        (0, end) => end.checked_add(1),
        _ => None,
    }
}

fn number_of(answer: &Response, header: &'static str) -> Option<u64> {
    answer.headers().get(header)?.to_str().ok()?.parse().ok()
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

    #[test]
    fn a_range_is_read_as_the_number_of_bytes_that_are_there() {
        for (text, bytes) in [
            ("0-1023", Some(1024)),
            ("bytes=0-1023", Some(1024)),
            ("0-0", Some(0)),
            ("5-9", None),
            ("0-18446744073709551615", None),
            ("", None),
            ("0--1", None),
        ] {
            let header = HeaderValue::from_static(text);
            assert_eq!(range_end(&header), bytes, "{text}");
        }
    }
}
