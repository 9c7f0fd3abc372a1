//! The client, and how one request reaches an answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use reqwest::{
    Method, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION},
};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use crate::{
    http,
    image::{
        BlobCache, Credentials, Descriptor, ImageError, RepositoryName,
        client::{
            Endpoints, RetryPolicy, answer,
            body::{checked_body, part_of},
            challenge::Challenge,
            check_leads,
            login::{Grants, Want},
            upload::content_range,
        },
    },
};

const CONNECT_TIME: Duration = Duration::from_secs(20);
/// Without a byte for so long, an answer does not come any more.
const SILENCE: Duration = Duration::from_secs(120);
const MOST_REDIRECTS: usize = 5;

/// Bytes from which an upload is a large one.
const LARGE: u64 = 1 << 20;
/// Large uploads at one time: more of them share the same line, and each holds bytes in memory.
const LARGE_AT_ONCE: usize = 4;

/// Makes an HTTP client for registries: proxies and certificates as [`crate::http`] reads them, redirects left to [`RegistryClient`],
/// which knows where
/// credentials may go.
///
/// # Errors
/// If the machine's certificates cannot be loaded, or the environment names a proxy or certificates that cannot be used.
pub fn http_client(user_agent: &str) -> Result<reqwest::Client, ImageError> {
    http::builder()?
        .user_agent(user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIME)
        .read_timeout(SILENCE)
        .build()
        .map_err(|problem| http::HttpError::from(problem).into())
}

/// Talks to registries; keeps the tokens that it was given, and counts its requests.
#[derive(Debug)]
pub struct RegistryClient {
    pub(super) http: reqwest::Client,
    pub(super) endpoints: Endpoints,
    pub(super) credentials: BTreeMap<String, Credentials>,
    pub(in crate::image) pace: RetryPolicy,
    pub(super) grants: Grants,
    pub(super) buying: Semaphore,
    pub(in crate::image) blobs: Arc<BlobCache>,
    lanes: Semaphore,
    /// Registries, by their address, that move one tag a request.
    one_tag_each: Mutex<BTreeSet<String>>,
    requests: AtomicU64,
}

/// What is to be done in a repository: the least that a token is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
    /// Reading and writing, and taking blobs over from other repositories of the same registry, by their paths.
    PushWithMount(Vec<String>),
    /// Reading and deleting.
    Delete,
}

impl Access {
    pub(super) fn scopes(&self, repository: &RepositoryName) -> Vec<String> {
        let scope = |path: &str, actions| format!("repository:{path}:{actions}");
        let path = repository.path();
        match self {
            Self::Pull => vec![scope(path, "pull")],
            Self::Push => vec![scope(path, "pull,push")],
            Self::PushWithMount(from) => std::iter::once(scope(path, "pull,push"))
                .chain(from.iter().map(|from| scope(from, "pull")))
                .collect(),
            Self::Delete => vec![scope(path, "pull,delete")],
        }
    }
}

impl RegistryClient {
    /// Makes a client of a prepared HTTP client, best one of [`http_client`].
    pub fn new(http: reqwest::Client) -> Self {
        Self {
            http,
            endpoints: Endpoints::default(),
            credentials: BTreeMap::new(),
            pace: RetryPolicy::default(),
            grants: Grants::default(),
            buying: Semaphore::new(1),
            blobs: Arc::default(),
            lanes: Semaphore::new(LARGE_AT_ONCE),
            one_tag_each: Mutex::default(),
            requests: AtomicU64::new(0),
        }
    }

    /// Leads registries elsewhere.
    #[must_use]
    pub fn with_endpoints(mut self, endpoints: Endpoints) -> Self {
        self.endpoints = endpoints;
        self
    }

    /// Gives the user of one registry, by the host that references name, or of the repositories in it whose names begin with a path:
    /// `HOST/PATH`. The longest that fits a repository is taken.
    #[must_use]
    pub fn with_credentials(
        mut self,
        registry: impl Into<String>,
        credentials: Credentials,
    ) -> Self {
        self.credentials.insert(registry.into(), credentials);
        self
    }

    /// Returns the user of a repository.
    pub(super) fn credentials_of(&self, repository: &RepositoryName) -> Option<&Credentials> {
        let name = repository.to_string();
        let mut scope = name.as_str();
        loop {
            match (self.credentials.get(scope), scope.rsplit_once('/')) {
                (Some(credentials), _) => return Some(credentials),
                (None, Some((before, _))) => scope = before,
                (None, None) => return None,
            }
        }
    }

    /// Shares what is known of blobs with other pushes of this process, and by its file with later ones.
    #[must_use]
    pub fn with_blob_cache(mut self, blobs: Arc<BlobCache>) -> Self {
        self.blobs = blobs;
        self
    }

    /// Sets how often requests are tried.
    #[must_use]
    pub fn with_retries(mut self, pace: RetryPolicy) -> Self {
        self.pace = pace;
        self
    }

    /// Returns how many requests were sent, those for tokens among them.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Opens a repository; nothing is sent.
    ///
    /// # Errors
    /// If no address can be made of the registry's host.
    pub fn repository(
        &self,
        name: &RepositoryName,
        access: Access,
    ) -> Result<Repository<'_>, ImageError> {
        let base =
            self.endpoints
                .base(name.registry())
                .map_err(|problem| ImageError::Protocol {
                    registry: name.registry().to_owned(),
                    doing: "find its address".to_owned(),
                    because: problem.to_string(),
                })?;
        Ok(Repository {
            client: self,
            name: name.clone(),
            access,
            base,
        })
    }

    /// Waits for a lane where an upload is a large one; small ones need none.
    pub(super) async fn lane(&self, size: u64) -> Option<SemaphorePermit<'_>> {
        match size >= LARGE {
            // Nobody closes the semaphore.
            true => self.lanes.acquire().await.ok(),
            false => None,
        }
    }

    /// Sends, and counts what is sent.
    pub(super) async fn count(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Response, reqwest::Error> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        request.send().await.map_err(reqwest::Error::without_url)
    }
}

/// One repository of a registry, as a client reaches it.
#[derive(Debug, Clone)]
pub struct Repository<'c> {
    pub(in crate::image) client: &'c RegistryClient,
    pub(super) name: RepositoryName,
    access: Access,
    base: Url,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub(super) enum Payload {
    Nothing,
    Document {
        media_type: String,
        bytes: Bytes,
    },
    Blob {
        file: PathBuf,
        blob: Descriptor,
    },
    Part {
        file: PathBuf,
        blob: Descriptor,
        part: Range<u64>,
    },
}

/// One request, as often as it has to be sent.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) doing: String,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: Option<&'static str>,
    pub(super) payload: Payload,
}

impl Ask {
    pub(super) fn new(doing: impl Into<String>, method: Method, url: Url) -> Self {
        Self {
            doing: doing.into(),
            method,
            url,
            accept: None,
            payload: Payload::Nothing,
        }
    }
}

impl Repository<'_> {
    /// Returns the repository's name.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    pub(super) fn registry(&self) -> &str {
        self.name.registry()
    }

    /// Returns the address of something in this repository: `manifests/latest`.
    pub(super) fn url(&self, below: &str) -> Result<Url, ImageError> {
        let base = self.base.as_str().trim_end_matches('/');
        let text = format!("{base}/v2/{}/{below}", self.name.path());
        text.parse().map_err(|problem: url::ParseError| {
            self.against("make an address", problem.to_string())
        })
    }

    pub(super) fn against(&self, doing: &str, because: String) -> ImageError {
        ImageError::Protocol {
            registry: self.registry().to_owned(),
            doing: doing.to_owned(),
            because,
        }
    }

    pub(super) fn unreachable(&self, doing: &str, source: reqwest::Error) -> ImageError {
        ImageError::Unreachable {
            registry: self.registry().to_owned(),
            doing: doing.to_owned(),
            source: source.without_url(),
        }
    }

    /// Sends until an answer is among `hoped`, or its refusal will not pass.
    pub(super) async fn ask(
        &self,
        ask: &Ask,
        hoped: &[StatusCode],
    ) -> Result<Response, ImageError> {
        self.client
            .pace
            .run(async |_| self.ask_once(ask, hoped).await)
            .await
    }

    /// Sends once, besides what a redirect or a missing token asks for.
    pub(super) async fn ask_once(
        &self,
        ask: &Ask,
        hoped: &[StatusCode],
    ) -> Result<Response, ImageError> {
        let mut url = ask.url.clone();
        let mut bought = false;
        let mut redirects = 0;
        let mut heard_words = false;
        loop {
            let grant = self
                .client
                .grants
                .current(&self.name)
                .filter(|_| self.is_home(&url));
            let had = grant.as_ref().map(|grant| grant.generation);
            let request = self
                .request(ask, &url, grant.map(|grant| grant.header))
                .await?;
            let answer = self
                .client
                .count(request)
                .await
                .map_err(|source| self.unreachable(&ask.doing, source))?;
            let status = answer.status();
            if hoped.contains(&status) {
                return Ok(answer);
            }
            let challenge = Challenge::read(answer.headers());
            match challenge {
                Some(challenge)
                    if status == StatusCode::UNAUTHORIZED && !bought && self.is_home(&url) =>
                {
                    bought = true;
                    let want = Want {
                        repository: &self.name,
                        access: &self.access,
                        base: &self.base,
                        had,
                    };
                    self.client.authorize(&want, challenge).await?;
                }
                _ if status.is_redirection()
                    && matches!(ask.method, Method::GET | Method::HEAD) =>
                {
                    redirects += 1;
                    if redirects > MOST_REDIRECTS {
                        return Err(self.against(
                            &ask.doing,
                            format!("it redirects more than {MOST_REDIRECTS} times"),
                        ));
                    }
                    url = self.location(&ask.doing, &url, &answer)?;
                }
                _ if status == StatusCode::FORBIDDEN
                    && ask.method == Method::HEAD
                    && !heard_words =>
                {
                    // Its body is what tells a limit from a permission, and this answer has none.
                    drop(answer);
                    heard_words = true;
                    self.words_of_a_head(ask, &url).await?;
                }
                _ => return Err(answer::refusal(self.registry(), &ask.doing, answer).await),
            }
        }
    }

    /// Asks by GET what was refused to HEAD, for the words of the refusal; where GET is not refused, HEAD may be asked again.
    async fn words_of_a_head(&self, ask: &Ask, url: &Url) -> Result<(), ImageError> {
        let asked = Ask {
            method: Method::GET,
            ..ask.clone()
        };
        let grant = self
            .client
            .grants
            .current(&self.name)
            .filter(|_| self.is_home(url));
        let header = grant.map(|grant| grant.header);
        let request = self.request(&asked, url, header).await?;
        let answer = self
            .client
            .count(request)
            .await
            .map_err(|source| self.unreachable(&ask.doing, source))?;
        match answer.status() {
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
                Err(answer::refusal(self.registry(), &ask.doing, answer).await)
            }
            _ => Ok(()),
        }
    }

    /// The registry's address, by which the blob cache knows it.
    pub(in crate::image) fn key(&self) -> &str {
        self.base.as_str()
    }

    /// Whether the registry may be asked to move several tags in one request.
    pub(in crate::image) fn takes_several_tags(&self) -> bool {
        let known = self.client.one_tag_each.lock();
        !known
            .unwrap_or_else(PoisonError::into_inner)
            .contains(self.key())
    }

    /// Remembers that the registry does not know how.
    pub(super) fn takes_one_tag(&self) {
        let known = self.client.one_tag_each.lock();
        known
            .unwrap_or_else(PoisonError::into_inner)
            .insert(self.key().to_owned());
    }

    /// Credentials go where the registry is, to nobody else.
    pub(super) fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Reads `Location`, relative to the address that answered, and refuses one that leads where we must not go.
    pub(super) fn location(
        &self,
        doing: &str,
        from: &Url,
        answer: &Response,
    ) -> Result<Url, ImageError> {
        let text = answer
            .headers()
            .get(LOCATION)
            .ok_or_else(|| self.against(doing, "it names no Location".to_owned()))?
            .to_str()
            .map_err(|_| self.against(doing, "its Location is no text".to_owned()))?;
        let location = from.join(text).map_err(|problem| {
            self.against(doing, format!("its Location is no address: {problem}"))
        })?;
        check_leads(&self.base, &location).map_err(|because| self.against(doing, because))?;
        Ok(location)
    }

    async fn request(
        &self,
        ask: &Ask,
        url: &Url,
        authorization: Option<reqwest::header::HeaderValue>,
    ) -> Result<reqwest::RequestBuilder, ImageError> {
        let mut request = self.client.http.request(ask.method.clone(), url.clone());
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(accept) = ask.accept {
            request = request.header(reqwest::header::ACCEPT, accept);
        }
        Ok(match &ask.payload {
            Payload::Nothing if ask.method == Method::POST || ask.method == Method::PUT => {
                request.header(CONTENT_LENGTH, 0)
            }
            Payload::Nothing => request,
            Payload::Document { media_type, bytes } => {
                request.header(CONTENT_TYPE, media_type).body(bytes.clone())
            }
            Payload::Blob { file, blob } => request
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, blob.size)
                .body(checked_body(file, blob).await?),
            Payload::Part { file, blob, part } => {
                let (name, value) = content_range(part);
                request
                    .header(name, value)
                    .header(CONTENT_TYPE, "application/octet-stream")
                    .header(CONTENT_LENGTH, part.end - part.start)
                    .body(part_of(file, blob, part.clone()).await?)
            }
        })
    }
}
