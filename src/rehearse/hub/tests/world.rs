//! A hub over a folder of its own, and two clients.

use std::{path::Path, sync::Arc};

use camino::Utf8PathBuf;
use deploy_action_test_support::github_api::{Asker, problems_of_log};
use octocrab::Octocrab;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

use super::super::{Hub, HubOptions, PullRequest, PullRequestState};
use crate::{
    rehearse::{
        loopback::plain_client,
        registry::{HeldManifest, HeldRepository},
    },
    secret::Secret,
};

pub(super) const TOKEN: &str = "ghs_rehearsal";
pub(super) const HEAD: &str = "1111111111111111111111111111111111111111";
pub(super) const LANDED: &str = "2222222222222222222222222222222222222222";
pub(super) const COMMENTS: &str = "/repos/acme/api/issues/1/comments";

pub(super) struct World {
    pub(super) folder: Recorded,
    pub(super) hub: Hub,
}

/// The folder of a hub. At its end whatever was asked and answered is held against GitHub's own description.
#[derive(Debug)]
pub(super) struct Recorded {
    folder: TempDir,
    asker: Asker,
}

impl Recorded {
    /// Makes a folder for a hub that is asked wrong things too.
    pub(super) fn new() -> Self {
        Self::of(Asker::Adversary)
    }

    fn of(asker: Asker) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self { folder, asker }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let log = self.path().join("requests.jsonl");
        // A test that fails has its own words.
        if log.exists() && !std::thread::panicking() {
            let problems = problems_of_log(&log, self.asker);
            assert!(problems.is_empty(), "{}", problems.join("\n"));
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: String,
}

impl Answered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("a header of text"))
    }
}

impl World {
    pub(super) fn new() -> Self {
        let folder = Recorded::new();
        let hub = start(options(&folder));
        Self { folder, hub }
    }

    /// Starts a hub whose every request has to be right.
    pub(super) fn of_our_client() -> Self {
        let folder = Recorded::of(Asker::Client);
        let hub = start(options(&folder));
        Self { folder, hub }
    }

    /// Builds an octocrab that speaks to this hub.
    pub(super) fn octocrab(&self) -> Octocrab {
        Octocrab::builder()
            .base_uri(self.hub.api_url())
            .expect("an address")
            .personal_token(TOKEN.to_owned())
            .build_with_reqwest(crate::rehearse::loopback::plain_client())
            .expect("a client")
    }

    /// Builds a request with the right token.
    pub(super) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(TOKEN)
    }

    /// Builds a request without a token.
    pub(super) fn anonymous(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let address = format!("{}{path}", self.hub.api_url());
        plain_client().request(method, address)
    }

    pub(super) async fn get(&self, path: &str) -> Answered {
        answered(self.request("GET", path)).await
    }

    pub(super) async fn send(&self, method: &str, path: &str, body: &Value) -> Answered {
        answered(self.request(method, path).json(body)).await
    }
}

pub(super) async fn answered(request: RequestBuilder) -> Answered {
    let response = request.send().await.expect("an answer");
    Answered {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.text().await.expect("a whole body"),
    }
}

pub(super) fn start(options: HubOptions) -> Hub {
    Hub::start(options).expect("a hub")
}

/// Returns options with the merged pull request 1, and a registry with two packages of the owner.
pub(super) fn options(folder: &Recorded) -> HubOptions {
    HubOptions {
        folder: Utf8PathBuf::try_from(folder.path().to_owned()).expect("a path of UTF-8"),
        port: None,
        repository: "acme/api".to_owned(),
        token: Secret::new(TOKEN),
        pull_request: Some(PullRequest {
            number: 1,
            title: "Add the server".to_owned(),
            state: PullRequestState::Merged,
            author: "ada".to_owned(),
            head_branch: "server".to_owned(),
            head_sha: HEAD.to_owned(),
            base_branch: "main".to_owned(),
            merge_commit_sha: Some(LANDED.to_owned()),
        }),
        packages: Arc::new(|| vec![held("acme/api/server"), held("acme/web"), held("other/x")]),
    }
}

fn held(name: &str) -> HeldRepository {
    let manifest = |digit: &str, tags: &[&str], pushed_at: &str| HeldManifest {
        digest: format!("sha256:{}", digit.repeat(64)),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        pushed_at: pushed_at.parse().expect("a time"),
    };
    HeldRepository {
        name: name.to_owned(),
        manifests: vec![
            manifest("a", &["1.0", "latest"], "2026-02-01T00:00:00Z"),
            manifest("b", &[], "2026-03-01T00:00:00Z"),
        ],
    }
}
