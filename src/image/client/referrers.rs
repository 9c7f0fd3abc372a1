//! Manifests that name a subject: storing one, and asking the registry which ones it knows (distribution-spec 1.1).

use bytes::Bytes;
use reqwest::{Method, StatusCode, header::LOCATION};

use crate::{
    digest::Digest,
    image::{
        ImageError, Repository,
        client::{
            answer,
            connection::{Ask, Payload},
        },
        spec::{INDEX, LARGEST_MANIFEST, MANIFEST},
    },
};

/// Pages of referrers are not read without end.
const MOST_PAGES: usize = 100;
const MOST_REDIRECTS: usize = 5;

/// Whether a registry lists a manifest under the subject that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::image) enum SubjectKept {
    /// It said so.
    Yes,
    /// It is for the client to keep the list.
    No,
}

/// Answers that mean that a registry does not have this request, whatever the specification would have it answer.
const NOT_THERE: [StatusCode; 4] = [
    StatusCode::NOT_FOUND,
    StatusCode::BAD_REQUEST,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::NOT_IMPLEMENTED,
];
const REDIRECTS: [StatusCode; 5] = [
    StatusCode::MOVED_PERMANENTLY,
    StatusCode::FOUND,
    StatusCode::SEE_OTHER,
    StatusCode::TEMPORARY_REDIRECT,
    StatusCode::PERMANENT_REDIRECT,
];

impl Repository<'_> {
    /// Stores a manifest that names a subject, by its digest.
    pub(in crate::image) async fn put_referrer(
        &self,
        bytes: &Bytes,
    ) -> Result<SubjectKept, ImageError> {
        let digest = Digest::of(bytes);
        let mut ask = Ask::new(
            format!("store the attachment {}", digest.short()),
            Method::PUT,
            self.url(&format!("manifests/{digest}"))?,
        );
        ask.payload = Payload::Document {
            media_type: MANIFEST.to_owned(),
            bytes: bytes.clone(),
        };
        let stored = [
            StatusCode::CREATED,
            StatusCode::OK,
            StatusCode::ACCEPTED,
            StatusCode::NO_CONTENT,
        ];
        let answer = self.ask(&ask, &stored).await?;
        Ok(match answer.headers().contains_key("oci-subject") {
            true => SubjectKept::Yes,
            false => SubjectKept::No,
        })
    }

    /// Asks for the manifests that name `subject`, page by page; `None` where the registry does not have this request.
    pub(in crate::image) async fn ask_referrers(
        &self,
        subject: Digest,
    ) -> Result<Option<Vec<Bytes>>, ImageError> {
        let doing = format!("list what is attached to {}", subject.short());
        let mut next = Some(self.url(&format!("referrers/{subject}"))?);
        let mut pages = Vec::new();
        while let Some(url) = next.take() {
            let Some(answer) = self.ask_for_page(&doing, &url).await? else {
                return Ok(None);
            };
            let media_type = answer.headers().get("content-type");
            // A page for browsers, or a list in some older form, is no answer to this question.
            if !media_type.is_some_and(|kind| kind.as_bytes().starts_with(INDEX.as_bytes())) {
                return Ok(None);
            }
            next = self.next_page(&doing, &url, &answer)?;
            let limit = usize::try_from(LARGEST_MANIFEST).unwrap_or(usize::MAX);
            pages.push(
                answer::body_at_most(self.registry(), &doing, answer, limit)
                    .await?
                    .into(),
            );
            if pages.len() > MOST_PAGES {
                return Err(self.against(&doing, format!("it has more than {MOST_PAGES} pages")));
            }
        }
        Ok(Some(pages))
    }

    /// GHCR sends whoever asks on, by 303 or to another host, to a service that limits the rate and answers for another digest.
    async fn ask_for_page(
        &self,
        doing: &str,
        url: &url::Url,
    ) -> Result<Option<reqwest::Response>, ImageError> {
        let mut hoped = vec![StatusCode::OK];
        hoped.extend(NOT_THERE.iter().chain(&REDIRECTS));
        if self.registry() == "ghcr.io" {
            hoped.push(StatusCode::TOO_MANY_REQUESTS);
        }
        let mut ask = Ask::new(doing, Method::GET, url.clone());
        ask.accept = Some(INDEX);
        for _ in 0..MOST_REDIRECTS {
            let answer = self.ask(&ask, &hoped).await?;
            match answer.status() {
                StatusCode::OK => return Ok(Some(answer)),
                StatusCode::SEE_OTHER => return Ok(None),
                status
                    if REDIRECTS.contains(&status) && answer.headers().contains_key(LOCATION) =>
                {
                    let location = self.location(doing, &ask.url, &answer)?;
                    if location.origin() != ask.url.origin() {
                        return Ok(None);
                    }
                    ask.url = location;
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}
