//! Listing tags, repositories and referrers (`end-8`, `end-12`, and the catalog that the specification leaves out).

use std::fs;

use axum::http::{HeaderName, StatusCode, header};
use serde_json::json;

use super::{
    answer::{Answer, Code, Refusal, json_answer},
    manifest_document::{Descriptor, IMAGE_INDEX, ManifestDocument},
    name::RepositoryName,
    server::Query,
    store::{Linked, Store, tag_order},
    upload::parse_digest,
};

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// One page of a list.
struct Page {
    items: Vec<String>,
    more: bool,
}

/// Answers `GET /v2/<name>/tags/list`.
pub(super) fn tags(store: &Store, name: &RepositoryName, query: &Query) -> Result<Answer, Refusal> {
    if !store.knows(name) {
        return Err(Refusal::new(
            Code::NameUnknown,
            format!("there is no repository `{name}`"),
        ));
    }
    let tags = store.tags(name)?;
    let tags = tags.iter().map(|tag| tag.as_str().to_owned()).collect();
    let page = page(tags, query, |tag, last| tag_order(tag) > tag_order(last))?;
    let body = json!({ "name": name.as_str(), "tags": page.items });
    let answer = json_answer(StatusCode::OK, &body);
    Ok(with_next_page(
        answer,
        &format!("/v2/{name}/tags/list"),
        query,
        &page,
    ))
}

/// Answers `GET /v2/_catalog`.
pub(super) fn catalog(store: &Store, query: &Query) -> Result<Answer, Refusal> {
    let names = store.repositories()?;
    let names = names.iter().map(|name| name.as_str().to_owned()).collect();
    let page = page(names, query, |name, last| name > last)?;
    let answer = json_answer(StatusCode::OK, &json!({ "repositories": page.items }));
    Ok(with_next_page(answer, "/v2/_catalog", query, &page))
}

/// Cuts a sorted list to what `last` and `n` ask for.
fn page(
    items: Vec<String>,
    query: &Query,
    is_after: impl Fn(&str, &str) -> bool,
) -> Result<Page, Refusal> {
    let limit = match query.first("n") {
        None => usize::MAX,
        Some(text) => text.parse().or(Err(Refusal::new(
            Code::Unsupported,
            format!("`n` is `{text}`: expected a number"),
        )
        .with_status(StatusCode::BAD_REQUEST)))?,
    };
    let last = query.first("last");
    let mut items: Vec<String> = items
        .into_iter()
        .filter(|item| last.is_none_or(|last| is_after(item, last)))
        .collect();
    let more = items.len() > limit;
    items.truncate(limit);
    Ok(Page { items, more })
}

/// Adds the `Link` header; a page of no items has none, as there is no last item to go on from.
fn with_next_page(answer: Answer, path: &str, query: &Query, page: &Page) -> Answer {
    match (page.more, page.items.last(), query.first("n")) {
        (true, Some(last), Some(n)) => answer.header(
            header::LINK,
            format!("<{path}?n={n}&last={last}>; rel=\"next\""),
        ),
        _ => answer,
    }
}

/// Answers `GET /v2/<name>/referrers/<digest>`, with an empty list for what nobody refers to.
pub(super) fn referrers(
    store: &Store,
    name: &RepositoryName,
    subject: &str,
    query: &Query,
) -> Result<Answer, Refusal> {
    let subject = parse_digest(subject)?;
    let filter = query.first("artifactType");
    let mut descriptors: Vec<Descriptor> = Vec::new();
    for digest in store.referrers(name, &subject)? {
        let Some(media_type) = store.linked(name, Linked::Manifests, &digest)? else {
            continue;
        };
        let bytes = fs::read(store.content_path(&digest))?;
        let document = ManifestDocument::parse(&bytes)?;
        let descriptor = document.describe(media_type, &digest, bytes.len() as u64);
        if filter.is_none() || descriptor.artifact_type.as_deref() == filter {
            descriptors.push(descriptor);
        }
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE_INDEX,
        "manifests": descriptors,
    });
    let mut answer = Answer::new(StatusCode::OK).header(header::CONTENT_TYPE, IMAGE_INDEX);
    if filter.is_some() {
        answer = answer.header(FILTERS_APPLIED, "artifactType");
    }
    Ok(answer.body(index.to_string()))
}
