//! Pushing, reading and deleting manifests (`end-3`, `end-7`, `end-9`).

use std::fs;

use axum::http::{HeaderName, Method, StatusCode, header};
use serde_json::json;

use super::{
    answer::{Answer, CONTENT_DIGEST, Code, Refusal},
    content_digest::{Algorithm, ContentDigest},
    manifest_document::{ManifestDocument, Needed},
    name::{Reference, RepositoryName, Tag},
    server::{Request, blocking},
    store::{Linked, Store},
    upload::mismatch,
};

/// The longest manifest, in bytes; the specification asks for at least this much.
pub(super) const LONGEST_MANIFEST: usize = 4 * 1024 * 1024;
/// The most tags that one push may set.
const MOST_TAGS: usize = 100;

const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");

/// A manifest on its way into a repository.
struct Pushed {
    reference: Reference,
    tags: Vec<Tag>,
    media_type: Option<String>,
    bytes: Vec<u8>,
}

/// Answers `GET` and `HEAD` on a manifest.
pub(super) fn read(
    store: &Store,
    name: &RepositoryName,
    reference: &str,
    method: &Method,
) -> Result<Answer, Refusal> {
    let digest = resolve(store, name, reference)?;
    let Some(media_type) = store.linked(name, Linked::Manifests, &digest)? else {
        return Err(unknown(name, reference));
    };
    let bytes = fs::read(store.content_path(&digest))?;
    let answer = Answer::new(StatusCode::OK)
        .header(header::CONTENT_TYPE, media_type)
        .header(header::CONTENT_LENGTH, bytes.len().to_string())
        .header(CONTENT_DIGEST, digest.to_string());
    match *method {
        Method::HEAD => Ok(answer),
        _ => Ok(answer.body(bytes)),
    }
}

/// Answers `PUT` on a manifest.
pub(super) async fn push(
    store: &Store,
    name: &RepositoryName,
    reference: &str,
    request: &mut Request,
) -> Result<Answer, Refusal> {
    let reference: Reference = reference.parse().map_err(|error| {
        let code = if reference.contains(':') {
            Code::DigestInvalid
        } else {
            Code::ManifestInvalid
        };
        Refusal::new(code, format!("reference {error}"))
    })?;
    let tags = tags_to_set(&reference, request)?;
    let media_type = request
        .header(&header::CONTENT_TYPE)
        .map(|media_type| media_type.split(';').next().unwrap_or("").trim().to_owned());
    let Ok(bytes) = request.body.read_all(LONGEST_MANIFEST).await? else {
        let message = format!("a manifest has at most {LONGEST_MANIFEST} bytes");
        return Err(
            Refusal::new(Code::SizeInvalid, message).with_status(StatusCode::PAYLOAD_TOO_LARGE)
        );
    };
    let pushed = Pushed {
        reference,
        tags,
        media_type,
        bytes,
    };
    let (store, name) = (store.clone(), name.clone());
    blocking(move || pushed.keep(&store, &name)).await
}

/// Returns the tags of a push: the reference, or those of the draft's `?tag=`, which stand beside a digest only.
fn tags_to_set(reference: &Reference, request: &Request) -> Result<Vec<Tag>, Refusal> {
    let asked = match reference {
        Reference::Tag(tag) => return Ok(vec![tag.clone()]),
        Reference::Digest(_) => request.query.all("tag"),
    };
    if asked.len() > MOST_TAGS {
        let message = format!("{} tags at once, at most {MOST_TAGS}", asked.len());
        return Err(
            Refusal::new(Code::ManifestInvalid, message).with_status(StatusCode::URI_TOO_LONG)
        );
    }
    asked
        .into_iter()
        .map(|tag| {
            tag.parse()
                .map_err(|error| Refusal::new(Code::ManifestInvalid, format!("tag {error}")))
        })
        .collect()
}

impl Pushed {
    fn keep(self, store: &Store, name: &RepositoryName) -> Result<Answer, Refusal> {
        let digest = self.checked_digest()?;
        let document = ManifestDocument::parse(&self.bytes)?;
        let media_type = self.checked_media_type(&document)?;
        check_needed(store, name, &document)?;
        let subject = document.subject()?;
        store.keep(&digest, &self.bytes)?;
        store.link(name, Linked::Manifests, &digest, &media_type)?;
        if let Some(subject) = &subject {
            store.refer(name, subject, &digest)?;
        }
        for tag in &self.tags {
            store.tag(name, tag, &digest)?;
        }
        let mut answer = Answer::new(StatusCode::CREATED)
            .header(header::LOCATION, format!("/v2/{name}/manifests/{digest}"))
            .header(CONTENT_DIGEST, digest.to_string());
        if let Some(subject) = subject {
            answer = answer.header(OCI_SUBJECT, subject.to_string());
        }
        if let Reference::Digest(_) = self.reference {
            for tag in &self.tags {
                answer = answer.header(OCI_TAG, tag.as_str());
            }
        }
        Ok(answer)
    }

    fn checked_digest(&self) -> Result<ContentDigest, Refusal> {
        match &self.reference {
            Reference::Tag(_) => Ok(ContentDigest::of(Algorithm::Sha256, &self.bytes)),
            Reference::Digest(expected) => {
                let found = ContentDigest::of(expected.algorithm(), &self.bytes);
                if found == *expected {
                    Ok(found)
                } else {
                    Err(mismatch(expected, &found))
                }
            }
        }
    }

    fn checked_media_type(&self, document: &ManifestDocument) -> Result<String, Refusal> {
        match (&self.media_type, &document.media_type) {
            (Some(header), Some(field)) if header != field => Err(Refusal::new(
                Code::ManifestInvalid,
                format!("Content-Type is `{header}`, the manifest's `mediaType` is `{field}`"),
            )),
            (Some(media_type), _) | (None, Some(media_type)) => Ok(media_type.clone()),
            (None, None) => Err(Refusal::new(
                Code::ManifestInvalid,
                "neither Content-Type nor the manifest's `mediaType` says what this is",
            )),
        }
    }
}

/// Refuses a manifest whose parts are not in the repository, and names all of them.
fn check_needed(
    store: &Store,
    name: &RepositoryName,
    document: &ManifestDocument,
) -> Result<(), Refusal> {
    let mut missing = Vec::new();
    for needed in document.needed()? {
        let (digest, held) = match needed {
            Needed::Blob(digest) => {
                let held = store.linked(name, Linked::Blobs, &digest)?;
                (digest, held)
            }
            // Some builders keep a cache as an index of layers, so an entry may be a blob.
            Needed::Manifest(digest) => {
                let held = match store.linked(name, Linked::Manifests, &digest)? {
                    None => store.linked(name, Linked::Blobs, &digest)?,
                    held => held,
                };
                (digest, held)
            }
        };
        if held.is_none() {
            missing.push((
                format!("repository `{name}` has no `{digest}`"),
                json!({ "digest": digest.to_string() }),
            ));
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Refusal::all(Code::ManifestBlobUnknown, missing))
    }
}

/// Answers `DELETE` on a manifest: by tag the tag alone, by digest the manifest and every tag that names it.
pub(super) fn delete(
    store: &Store,
    name: &RepositoryName,
    reference: &str,
) -> Result<Answer, Refusal> {
    let parsed = reference.parse().or(Err(unknown(name, reference)))?;
    let deleted = match parsed {
        Reference::Tag(tag) => store.untag(name, &tag)?,
        Reference::Digest(digest) => delete_manifest(store, name, &digest)?,
    };
    if deleted {
        Ok(Answer::new(StatusCode::ACCEPTED))
    } else {
        Err(unknown(name, reference))
    }
}

fn delete_manifest(
    store: &Store,
    name: &RepositoryName,
    digest: &ContentDigest,
) -> Result<bool, Refusal> {
    if store.linked(name, Linked::Manifests, digest)?.is_none() {
        return Ok(false);
    }
    for tag in store.tags(name)? {
        if store.tagged(name, &tag)?.as_ref() == Some(digest) {
            store.untag(name, &tag)?;
        }
    }
    let bytes = fs::read(store.content_path(digest))?;
    if let Some(subject) = ManifestDocument::parse(&bytes)?.subject()? {
        store.unrefer(name, &subject, digest)?;
    }
    Ok(store.unlink(name, Linked::Manifests, digest)?)
}

fn resolve(
    store: &Store,
    name: &RepositoryName,
    reference: &str,
) -> Result<ContentDigest, Refusal> {
    match reference.parse() {
        Ok(Reference::Digest(digest)) => Ok(digest),
        Ok(Reference::Tag(tag)) => store
            .tagged(name, &tag)?
            .ok_or_else(|| unknown(name, reference)),
        Err(_) => Err(unknown(name, reference)),
    }
}

fn unknown(name: &RepositoryName, reference: &str) -> Refusal {
    Refusal::new(
        Code::ManifestUnknown,
        format!("repository `{name}` has no manifest `{reference}`"),
    )
}
