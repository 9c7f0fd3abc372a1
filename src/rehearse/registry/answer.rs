//! Answers: what they hold, and how a refusal is written (distribution-spec, "Error codes").

use std::io;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use serde_json::{Value, json};

/// The header that names the digest of what an answer is about.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The error codes of the distribution specification that this registry uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    Unsupported,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unsupported => "UNSUPPORTED",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BlobUnknown
            | Self::BlobUploadUnknown
            | Self::ManifestBlobUnknown
            | Self::ManifestUnknown
            | Self::NameUnknown => StatusCode::NOT_FOUND,
            Self::BlobUploadInvalid
            | Self::DigestInvalid
            | Self::ManifestInvalid
            | Self::NameInvalid
            | Self::SizeInvalid => StatusCode::BAD_REQUEST,
            Self::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
        }
    }
}

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The request is at fault.
    Request {
        status: StatusCode,
        errors: Vec<Value>,
        headers: Vec<(HeaderName, String)>,
    },
    /// The folder is at fault.
    Folder(io::Error),
}

impl Refusal {
    /// Refuses with one error of the code's usual status.
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::all(code, [(message.into(), Value::Null)])
    }

    /// Refuses with several errors of one code, each with its detail.
    pub(super) fn all(code: Code, errors: impl IntoIterator<Item = (String, Value)>) -> Self {
        let errors = errors
            .into_iter()
            .map(|(message, detail)| json!({"code": code.as_str(), "message": message, "detail": detail}))
            .collect();
        Self::Request {
            status: code.status(),
            errors,
            headers: Vec::new(),
        }
    }

    /// Answers with another status than the code's usual one.
    pub(super) fn with_status(mut self, new_status: StatusCode) -> Self {
        if let Self::Request { status, .. } = &mut self {
            *status = new_status;
        }
        self
    }

    /// Adds a header.
    pub(super) fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        if let Self::Request { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        match self {
            Self::Request {
                status,
                errors,
                headers,
            } => {
                let mut answer = json_answer(status, &json!({ "errors": errors }));
                for (name, value) in headers {
                    answer = answer.header(name, value);
                }
                answer.into_response()
            }
            Self::Folder(error) => {
                tracing::error!(%error, "the embedded registry cannot use its folder");
                let errors =
                    [json!({"code": "UNKNOWN", "message": error.to_string(), "detail": null})];
                json_answer(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &json!({ "errors": errors }),
                )
                .into_response()
            }
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Folder(error)
    }
}

/// An answer while its headers are collected. A value that cannot stand in a header is left out.
#[derive(Debug)]
pub(super) struct Answer(Response<Body>);

impl Answer {
    /// Begins an answer without a body.
    pub(super) fn new(status: StatusCode) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        Self(response)
    }

    /// Adds a header beside others of its name.
    pub(super) fn header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        match HeaderValue::from_str(value.as_ref()) {
            Ok(value) => {
                self.0.headers_mut().append(name, value);
            }
            Err(error) => tracing::warn!(%name, %error, "a header was left out"),
        }
        self
    }

    /// Sets the body.
    pub(super) fn body(mut self, body: impl Into<Body>) -> Self {
        *self.0.body_mut() = body.into();
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        self.0
    }
}

/// Begins an answer of JSON.
pub(super) fn json_answer(status: StatusCode, value: &Value) -> Answer {
    Answer::new(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(value.to_string())
}
