//! Manifests and tags of a repository.

use std::str::FromStr as _;

use bytes::Bytes;
use reqwest::{
    Method, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LINK},
};
use serde::Deserialize;

use crate::{
    digest::Digest,
    image::{
        ImageError, Repository, Tag,
        client::{
            answer,
            connection::{Ask, Payload},
        },
        spec::{ACCEPT, LARGEST_MANIFEST},
    },
};

/// Pages of tags are not read without end.
const MOST_PAGES: usize = 1000;

/// How a manifest is named in its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestName {
    /// By a tag, which can move.
    Tag(Tag),
    /// By its content.
    Digest(Digest),
}

impl std::fmt::Display for ManifestName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

/// What a registry says of a manifest without sending it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestHead {
    /// Its digest.
    pub digest: Digest,
    /// Its type.
    pub media_type: String,
    /// Its number of bytes, where the registry says it.
    pub size: Option<u64>,
}

/// A manifest with its bytes; the digest is that of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedManifest {
    /// Digest of the bytes.
    pub digest: Digest,
    /// Type, as the registry says it.
    pub media_type: String,
    /// The bytes, unchanged.
    pub bytes: Bytes,
}

#[derive(Deserialize)]
struct TagPage {
    // Some registries write `null` for a repository without tags.
    tags: Option<Vec<String>>,
}

impl Repository<'_> {
    /// Asks for a manifest's digest; `None` if there is no such manifest.
    ///
    /// # Errors
    /// If the registry refuses, cannot be reached, or breaks the protocol.
    pub async fn head_manifest(
        &self,
        name: &ManifestName,
    ) -> Result<Option<ManifestHead>, ImageError> {
        let mut ask = Ask::new(
            format!("look up `{name}`"),
            Method::HEAD,
            self.url(&format!("manifests/{name}"))?,
        );
        ask.accept = Some(ACCEPT);
        let answer = self
            .ask(&ask, &[StatusCode::OK, StatusCode::NOT_FOUND])
            .await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        match said_digest(answer.headers()) {
            Some(digest) => Ok(Some(ManifestHead {
                digest,
                media_type: text(answer.headers(), &CONTENT_TYPE),
                size: text(answer.headers(), &CONTENT_LENGTH).parse().ok(),
            })),
            // A registry may leave the header out; then only the bytes tell.
            None => Ok(self.get_manifest(name).await?.map(|manifest| ManifestHead {
                digest: manifest.digest,
                media_type: manifest.media_type,
                size: Some(manifest.bytes.len() as u64),
            })),
        }
    }

    /// Fetches a manifest; `None` if there is none.
    ///
    /// # Errors
    /// As [`Repository::head_manifest`], and if the bytes are not those that a digest names, or more than four MiB.
    pub async fn get_manifest(
        &self,
        name: &ManifestName,
    ) -> Result<Option<FetchedManifest>, ImageError> {
        let mut ask = Ask::new(
            format!("fetch `{name}`"),
            Method::GET,
            self.url(&format!("manifests/{name}"))?,
        );
        ask.accept = Some(ACCEPT);
        let fetched = self
            .client
            .pace
            .run(async |_| {
                let answer = self
                    .ask_once(&ask, &[StatusCode::OK, StatusCode::NOT_FOUND])
                    .await?;
                if answer.status() == StatusCode::NOT_FOUND {
                    return Ok(None);
                }
                let media_type = text(answer.headers(), &CONTENT_TYPE);
                let limit = usize::try_from(LARGEST_MANIFEST).unwrap_or(usize::MAX);
                let bytes =
                    answer::body_at_most(self.registry(), &ask.doing, answer, limit).await?;
                Ok(Some((media_type, bytes)))
            })
            .await?;
        let Some((media_type, bytes)) = fetched else {
            return Ok(None);
        };
        let digest = Digest::of(&bytes);
        match name {
            ManifestName::Digest(expected) if *expected != digest => Err(ImageError::WrongDigest {
                what: format!("the manifest that `{}` sent", self.registry()),
                expected: *expected,
                found: digest,
            }),
            _ => Ok(Some(FetchedManifest {
                digest,
                media_type: media_type
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned(),
                bytes: bytes.into(),
            })),
        }
    }

    /// Stores a manifest's exact bytes under a tag or its digest.
    ///
    /// # Errors
    /// If the registry refuses, cannot be reached, or says that it stored something else.
    pub async fn put_manifest(
        &self,
        name: &ManifestName,
        media_type: &str,
        bytes: &Bytes,
    ) -> Result<Digest, ImageError> {
        let url = self.url(&format!("manifests/{name}"))?;
        self.put(url, &name.to_string(), media_type, bytes).await?;
        Ok(Digest::of(bytes))
    }

    /// Stores a manifest's exact bytes under its digest, and has several tags name it in the same request
    /// (distribution-spec after 1.1, "Pushing manifests"); returns the tags that the registry says it moved.
    ///
    /// # Errors
    /// As [`Repository::put_manifest`].
    pub(in crate::image) async fn put_manifest_with_tags(
        &self,
        media_type: &str,
        bytes: &Bytes,
        tags: &[Tag],
    ) -> Result<Vec<Tag>, ImageError> {
        let digest = Digest::of(bytes);
        let mut url = self.url(&format!("manifests/{digest}"))?;
        for tag in tags {
            url.query_pairs_mut().append_pair("tag", tag.as_str());
        }
        let headers = self
            .put(url, &digest.to_string(), media_type, bytes)
            .await?;
        let said = headers.get_all("oci-tag").iter().flat_map(|value| {
            let text = value.to_str().unwrap_or_default();
            text.split(',').map(|tag| tag.trim().to_owned())
        });
        let said: Vec<String> = said.collect();
        let taken = tags
            .iter()
            .filter(|tag| said.iter().any(|said| said == tag.as_str()));
        let taken: Vec<Tag> = taken.cloned().collect();
        if taken.is_empty() {
            self.takes_one_tag();
        }
        Ok(taken)
    }

    async fn put(
        &self,
        url: url::Url,
        name: &str,
        media_type: &str,
        bytes: &Bytes,
    ) -> Result<HeaderMap, ImageError> {
        let expected = Digest::of(bytes);
        let mut ask = Ask::new(format!("store the manifest `{name}`"), Method::PUT, url);
        ask.payload = Payload::Document {
            media_type: media_type.to_owned(),
            bytes: bytes.clone(),
        };
        let stored = [
            StatusCode::CREATED,
            StatusCode::OK,
            StatusCode::ACCEPTED,
            StatusCode::NO_CONTENT,
        ];
        let answer = self.ask(&ask, &stored).await?;
        match said_digest(answer.headers()) {
            Some(found) if found != expected => Err(ImageError::WrongDigest {
                what: format!("the manifest that `{}` stored", self.registry()),
                expected,
                found,
            }),
            _ => Ok(answer.headers().clone()),
        }
    }

    /// Takes a tag away; the image stays.
    ///
    /// # Errors
    /// If the registry refuses, as those do that are older than the specification 1.1, or cannot be reached.
    pub(in crate::image) async fn delete_tag(&self, tag: &Tag) -> Result<(), ImageError> {
        let ask = Ask::new(
            format!("take the tag `{tag}` away"),
            Method::DELETE,
            self.url(&format!("manifests/{tag}"))?,
        );
        let hoped = [
            StatusCode::ACCEPTED,
            StatusCode::OK,
            StatusCode::NO_CONTENT,
            StatusCode::NOT_FOUND,
        ];
        self.ask(&ask, &hoped).await?;
        Ok(())
    }

    /// Deletes a manifest and with it its tags; returns whether there was one.
    ///
    /// # Errors
    /// If the registry refuses, as many do, or cannot be reached.
    pub async fn delete_manifest(&self, digest: Digest) -> Result<bool, ImageError> {
        let ask = Ask::new(
            format!("delete `{digest}`"),
            Method::DELETE,
            self.url(&format!("manifests/{digest}"))?,
        );
        let hoped = [
            StatusCode::ACCEPTED,
            StatusCode::OK,
            StatusCode::NO_CONTENT,
            StatusCode::NOT_FOUND,
        ];
        Ok(self.ask(&ask, &hoped).await?.status() != StatusCode::NOT_FOUND)
    }

    /// Lists all tags, in the registry's order; those that are no tags by the specification are left out.
    ///
    /// # Errors
    /// If the repository is missing, or the registry refuses, cannot be reached, or breaks the protocol.
    pub async fn tags(&self) -> Result<Vec<Tag>, ImageError> {
        let mut url = self.url("tags/list")?;
        url.set_query(Some("n=1000"));
        let mut tags = Vec::new();
        for _ in 0..MOST_PAGES {
            let ask = Ask::new("list its tags", Method::GET, url.clone());
            let answer = self
                .ask(&ask, &[StatusCode::OK, StatusCode::NOT_FOUND])
                .await?;
            if answer.status() == StatusCode::NOT_FOUND {
                return Err(ImageError::Missing {
                    registry: self.registry().to_owned(),
                    what: format!("the repository `{}`", self.name().path()),
                });
            }
            let next = self.next_page(&ask.doing, &url, &answer)?;
            let limit = usize::try_from(LARGEST_MANIFEST).unwrap_or(usize::MAX);
            let body = answer::body_at_most(self.registry(), &ask.doing, answer, limit).await?;
            let page: TagPage = serde_json::from_slice(&body)
                .map_err(|problem| self.against(&ask.doing, problem.to_string()))?;
            tags.extend(
                page.tags
                    .unwrap_or_default()
                    .iter()
                    .filter_map(|tag| Tag::from_str(tag).ok()),
            );
            match next {
                Some(next) => url = next,
                None => return Ok(tags),
            }
        }
        Err(self.against(
            "list its tags",
            format!("it has more than {MOST_PAGES} pages of them"),
        ))
    }

    /// Reads `Link: </v2/…?last=x>; rel="next"`.
    pub(super) fn next_page(
        &self,
        doing: &str,
        from: &url::Url,
        answer: &Response,
    ) -> Result<Option<url::Url>, ImageError> {
        let link = text(answer.headers(), &LINK);
        let Some((target, parameters)) =
            link.strip_prefix('<').and_then(|link| link.split_once('>'))
        else {
            return Ok(None);
        };
        if !parameters.replace(['"', ' '], "").contains("rel=next") {
            return Ok(None);
        }
        let next = from.join(target).map_err(|problem| {
            self.against(doing, format!("its next page is no address: {problem}"))
        })?;
        super::check_leads(from, &next).map_err(|because| self.against(doing, because))?;
        Ok(Some(next))
    }
}

fn said_digest(headers: &HeaderMap) -> Option<Digest> {
    headers
        .get("docker-content-digest")?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn text(headers: &HeaderMap, name: &reqwest::header::HeaderName) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}
