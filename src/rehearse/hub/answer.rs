//! Answers of the API: JSON, and the form of its errors.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header},
};
use serde_json::{Value, json};

use crate::digest::Digest;

/// Where every error points to.
const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// An answer before it is written.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    body: Option<Value>,
    headers: Vec<(HeaderName, String)>,
}

impl Answer {
    /// Answers with JSON.
    pub(super) fn json(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            body: Some(body),
            headers: Vec::new(),
        }
    }

    /// Answers `200 OK` with JSON.
    pub(super) fn ok(body: Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// Answers without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            body: None,
            headers: Vec::new(),
        }
    }

    /// Refuses, pointing to a page of the documentation (`/issues/comments`).
    pub(super) fn refused(status: StatusCode, message: &str, page: &str) -> Self {
        let body = json!({
            "message": message,
            "documentation_url": format!("{DOCUMENTATION}{page}"),
            "status": status.as_str(),
        });
        Self::json(status, body)
    }

    /// Says that there is no such thing, which is also what GitHub says to who may not see it.
    pub(super) fn not_found(page: &str) -> Self {
        Self::refused(StatusCode::NOT_FOUND, "Not Found", page)
    }

    /// Refuses the content of a request.
    pub(super) fn invalid(error: Value, page: &str) -> Self {
        let body = json!({
            "message": "Validation Failed",
            "errors": [error],
            "documentation_url": format!("{DOCUMENTATION}{page}"),
            "status": "422",
        });
        Self::json(StatusCode::UNPROCESSABLE_ENTITY, body)
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Returns the JSON as it is sent; an answer without a body has none.
    pub(super) fn text(&self) -> String {
        self.body
            .as_ref()
            .map_or(String::new(), |body| body.to_string())
    }

    /// Tells whether a header is set already.
    pub(super) fn has_header(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|(found, _)| found == name)
    }

    /// Names this version of a successful `GET`, and sends nothing but the name to who has it already.
    pub(super) fn with_entity_tag(self, method: &Method, headers: &HeaderMap) -> Self {
        if *method != Method::GET || self.status != StatusCode::OK {
            return self;
        }
        let tag = format!("W/\"{}\"", Digest::of(self.text()).hex());
        let known = headers.get(header::IF_NONE_MATCH);
        if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
            return Self::empty(StatusCode::NOT_MODIFIED).header(header::ETAG, tag);
        }
        self.header(header::ETAG, tag)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let text = self.text();
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        if self.body.is_some() {
            *response.body_mut() = Body::from(text);
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        for (name, value) in self.headers {
            match HeaderValue::from_str(&value) {
                Ok(value) => {
                    response.headers_mut().append(name, value);
                }
                Err(error) => tracing::warn!(%name, %error, "a header was left out"),
            }
        }
        response
    }
}
