//! For tests: a registry in memory that can be told to misbehave, and images of hand-made layers.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, Uri},
};

use crate::{
    digest::Digest,
    image::{
        Endpoints, Layout, RegistryClient, RetryPolicy, http_client,
        layout::{LayoutWriter, to_json},
        spec::{CONFIG, ConfigFile, LAYER_TAR, MANIFEST, Manifest, RootFs},
    },
};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) authorization: Option<String>,
    pub(super) content_range: Option<String>,
}

/// Status, headers and body.
pub(super) type Reply = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// Answers instead of the registry, where it gives an answer.
type Trick = Box<dyn Fn(&Seen, usize) -> Option<Reply> + Send + Sync>;

#[derive(Default)]
pub(super) struct Stored {
    pub(super) blobs: BTreeMap<String, Bytes>,
    /// By repository and tag or digest.
    pub(super) manifests: BTreeMap<(String, String), (String, Bytes)>,
    /// What came in pieces of an upload that is not over.
    pub(super) pieces: Vec<u8>,
    pub(super) seen: Vec<Seen>,
    /// What was posted to a token service.
    pub(super) bodies: Vec<String>,
}

pub(super) struct Registry {
    pub(super) address: String,
    pub(super) stored: Arc<Mutex<Stored>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Registry {
    pub(super) async fn start() -> Self {
        Self::with_trick(|_, _| None).await
    }

    /// The trick sees each request and how many like it (method and path without query) came before.
    pub(super) async fn with_trick(
        trick: impl Fn(&Seen, usize) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let stored = Arc::new(Mutex::new(Stored::default()));
        let trick: Trick = Box::new(trick);
        let app = Router::new()
            .fallback(answer)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state((Arc::clone(&stored), Arc::new(trick)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = tokio::spawn(async move {
            axum::serve(listener, app)
                .await
                .expect("the server runs until the test ends");
        });
        Self {
            address,
            stored,
            server,
        }
    }

    /// A client to which `ghcr.io` is this registry.
    pub(super) fn client(&self) -> RegistryClient {
        let base = format!("http://{}", self.address)
            .parse()
            .expect("an address");
        RegistryClient::new(http_client("test").expect("a client"))
            .with_endpoints(Endpoints::default().lead("ghcr.io", base))
            .with_retries(RetryPolicy::immediate())
    }

    pub(super) fn seen(&self, method: &str) -> Vec<String> {
        let stored = self.stored.lock().expect("no test thread panicked");
        let seen = stored.seen.iter().filter(|seen| seen.method == method);
        seen.map(|seen| seen.target.clone()).collect()
    }
}

type Shared = (Arc<Mutex<Stored>>, Arc<Trick>);

async fn answer(
    State((stored, trick)): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response<Body> {
    let text = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().expect("text").to_owned())
    };
    let seen = Seen {
        method: method.to_string(),
        target: uri.to_string(),
        authorization: text("authorization"),
        content_range: text("content-range"),
    };
    let mut stored = stored.lock().expect("no test thread panicked");
    let path = |target: &str| target.split('?').next().unwrap_or_default().to_owned();
    let before = stored
        .seen
        .iter()
        .filter(|other| other.method == seen.method && path(&other.target) == path(&seen.target));
    let before = before.count();
    stored.seen.push(seen.clone());
    if let ("/token", "POST", Ok(body)) = (uri.path(), seen.method.as_str(), &body) {
        stored
            .bodies
            .push(String::from_utf8_lossy(body).into_owned());
    }
    let (status, headers, body) = match (trick(&seen, before), body) {
        (Some(reply), _) => reply,
        (None, Ok(body)) => store(&mut stored, &seen, &headers, body),
        (None, Err(_)) => (400, Vec::new(), Vec::new()),
    };
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).expect("a response")
}

fn query<'t>(target: &'t str, key: &str) -> Option<&'t str> {
    let (_, query) = target.split_once('?')?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

fn store(stored: &mut Stored, seen: &Seen, headers: &HeaderMap, body: Bytes) -> Reply {
    let path = seen.target.split('?').next().unwrap_or_default();
    let not_found = (404, Vec::new(), Vec::new());
    let Some(path) = path.strip_prefix("/v2/") else {
        return not_found;
    };
    if let Some((name, reference)) = path.split_once("/manifests/") {
        let key = (name.to_owned(), reference.to_owned());
        if seen.method == "PUT" {
            let media_type = headers["content-type"].to_str().expect("text").to_owned();
            let digest = Digest::of(&body).to_string();
            let by_digest = (name.to_owned(), digest.clone());
            stored
                .manifests
                .insert(by_digest, (media_type.clone(), body.clone()));
            stored.manifests.insert(key, (media_type, body));
            return (201, vec![("docker-content-digest", digest)], Vec::new());
        }
        return match stored.manifests.get(&key) {
            None => not_found,
            Some((media_type, bytes)) => {
                let digest = Digest::of(bytes).to_string();
                let headers = vec![
                    ("content-type", media_type.clone()),
                    ("docker-content-digest", digest),
                ];
                (200, headers, bytes.to_vec())
            }
        };
    }
    if path.contains("/blobs/uploads/") {
        return upload(stored, seen, path, body);
    }
    match path
        .split_once("/blobs/")
        .and_then(|(_, digest)| stored.blobs.get(digest))
    {
        None => not_found,
        Some(bytes) => (200, Vec::new(), bytes.to_vec()),
    }
}

fn upload(stored: &mut Stored, seen: &Seen, path: &str, body: Bytes) -> Reply {
    if seen.method == "POST" {
        let mount = query(&seen.target, "mount").map(|digest| digest.replace("%3A", ":"));
        return match mount.filter(|digest| stored.blobs.contains_key(digest)) {
            Some(_) => (201, Vec::new(), Vec::new()),
            None => {
                stored.pieces.clear();
                let location = format!("/v2/{path}session?_state=a%2Fb==");
                (202, vec![("location", location)], Vec::new())
            }
        };
    }
    if query(&seen.target, "_state") != Some("a%2Fb==") {
        return (404, Vec::new(), Vec::new());
    }
    match seen.method.as_str() {
        "PATCH" => {
            let starts = seen.content_range.as_deref().and_then(|range| {
                let (start, _) = range.split_once('-')?;
                start.parse::<usize>().ok()
            });
            if starts != Some(stored.pieces.len()) {
                return (416, standing(path, stored), Vec::new());
            }
            stored.pieces.extend_from_slice(&body);
            return (202, standing(path, stored), Vec::new());
        }
        "GET" => return (204, standing(path, stored), Vec::new()),
        "DELETE" => {
            stored.pieces.clear();
            return (204, Vec::new(), Vec::new());
        }
        _ => {}
    }
    let digest = query(&seen.target, "digest").unwrap_or_default();
    let whole = [std::mem::take(&mut stored.pieces), body.to_vec()].concat();
    if Digest::of(&whole).to_string() != digest {
        return (
            400,
            Vec::new(),
            b"{\"errors\":[{\"code\":\"DIGEST_INVALID\"}]}".to_vec(),
        );
    }
    stored.blobs.insert(digest.to_owned(), whole.into());
    (201, Vec::new(), Vec::new())
}

/// Where an upload goes on, and how much of it is there.
fn standing(path: &str, stored: &Stored) -> Vec<(&'static str, String)> {
    let end = stored.pieces.len().saturating_sub(1);
    vec![
        ("location", format!("/v2/{path}?_state=a%2Fb==")),
        ("range", format!("0-{end}")),
    ]
}

/// An entry of a hand-made layer: path, type, content or target, mode.
pub(super) type Made<'m> = (&'m str, tar::EntryType, &'m str, u32);

/// Makes an image of layers whose entries may be as wicked as the test wants.
pub(super) fn layout_of(folder: &Path, layers: &[&[Made<'_>]]) -> Layout {
    let writer = LayoutWriter::create(folder).expect("a folder");
    let mut descriptors = Vec::new();
    let mut diff_ids = Vec::new();
    for layer in layers {
        let bytes = tar_of(layer);
        diff_ids.push(Digest::of(&bytes));
        descriptors.push(writer.put(LAYER_TAR, &bytes).expect("a blob"));
    }
    let config = ConfigFile {
        architecture: "amd64".to_owned(),
        os: "linux".to_owned(),
        rootfs: RootFs {
            kind: "layers".to_owned(),
            diff_ids,
        },
        ..ConfigFile::default()
    };
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        config: writer
            .put(CONFIG, &to_json(&config).expect("JSON"))
            .expect("a blob"),
        layers: descriptors,
        annotations: BTreeMap::new(),
    };
    let manifest = writer
        .put(MANIFEST, &to_json(&manifest).expect("JSON"))
        .expect("a blob");
    writer.finish(vec![manifest]).expect("a layout")
}

fn tar_of(entries: &[Made<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, kind, content, mode) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        // Written byte by byte: the library itself refuses wicked paths.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        let body = match kind {
            tar::EntryType::Regular => content.as_bytes(),
            _ => {
                header.as_mut_bytes()[157..157 + content.len()].copy_from_slice(content.as_bytes());
                &[]
            }
        };
        header.set_size(body.len() as u64);
        header.set_cksum();
        bytes
            .write_all(header.as_bytes())
            .expect("memory takes all bytes");
        bytes.write_all(body).expect("memory takes all bytes");
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}
