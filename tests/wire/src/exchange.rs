//! What the proxy saw: requests as a schedule decides about them, and exchanges as tests read them.

use crate::fault::Fault;

/// A request, as far as a schedule decides by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `PUT`, …
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    /// How long its body says that it is.
    pub length: Option<u64>,
    /// What it carries as `Authorization`.
    pub authorization: Option<String>,
    /// Whether it came to the server that [`Fault::OtherHostLocation`] leads to.
    pub at_other_host: bool,
    /// How many requests of the same [`Request::kind`] came before.
    pub before: usize,
}

/// A request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    /// The status that the client got; `None` where the connection was cut before.
    pub status: Option<u16>,
    /// What was done to it.
    pub fault: Option<Fault>,
}

impl Request {
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, as it came.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(found, value)| (found == name).then_some(value))
    }

    /// Tells whether it asks for an upload to begin, by a mount or not.
    pub fn begins_upload(&self) -> bool {
        self.method == "POST" && self.path().contains("/blobs/uploads")
    }

    /// Tells whether it goes to an upload that was begun.
    pub fn is_of_upload(&self) -> bool {
        self.method != "POST" && self.path().contains("/blobs/uploads/")
    }

    /// Tells whether it is about a manifest.
    pub fn is_of_manifest(&self) -> bool {
        self.path().contains("/manifests/")
    }

    /// What is the same in every run of the same push: the method, and the path where it is no session's name, and the digest.
    pub fn kind(&self) -> String {
        let path = match self.path().split_once("/blobs/uploads/") {
            Some((repository, _)) => format!("{repository}/blobs/uploads/"),
            None => self.path().to_owned(),
        };
        let digest = self.parameter("digest").or(self.parameter("mount"));
        format!("{} {path} {}", self.method, digest.unwrap_or_default())
    }
}
