//! An HTTP server on the loopback address, and the parts of a request target that the stand-ins read.
//!
//! The servers listen on `127.0.0.1` only, so nothing outside this machine reaches them.

use std::{
    future::IntoFuture as _,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use axum::{Router, serve::ListenerExt as _};
use tokio::{runtime::Handle, sync::oneshot, task::JoinHandle, time::timeout};

/// How long a stopping server waits for answers under way. A client that has stopped reading must not hold the rehearsal.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address asked for; port 0 means any free one.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no tokio runtime to run on.
    #[error("a stand-in server needs a running tokio runtime")]
    NoRuntime(#[source] tokio::runtime::TryCurrentError),
}

/// A running server; dropping it lets answers under way end and stops it.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Listens on `127.0.0.1`, on the port given or on any free one, and answers with `router` from then on.
    pub(super) fn start(port: Option<u16>, router: Router) -> Result<Self, ServerError> {
        let runtime = Handle::try_current().map_err(ServerError::NoRuntime)?;
        Self::listener(port).map(|(address, listener)| {
            let (stop, stopped) = oneshot::channel();
            let listener = listener.tap_io(|stream| {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "small answers may be slow");
                }
            });
            let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
                // A dropped sender means the same as a sent word: the owner is gone.
                stopped.await.unwrap_or(());
            });
            let task = runtime.spawn(serving.into_future());
            Self {
                address,
                stop,
                task,
            }
        })
    }

    fn listener(port: Option<u16>) -> Result<(SocketAddr, tokio::net::TcpListener), ServerError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok((
                listener.local_addr()?,
                tokio::net::TcpListener::from_std(listener)?,
            ))
        };
        listen().map_err(|source| ServerError::Listen { address, source })
    }

    /// Returns the address that the server listens on.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, waits for the answers under way, and ends.
    pub(super) async fn stop(self) {
        let Self { stop, mut task, .. } = self;
        drop(stop);
        match timeout(PATIENCE, &mut task).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "a stand-in server ended with an error"),
            Ok(Err(error)) => tracing::warn!(%error, "a stand-in server did not end well"),
            Err(_) => task.abort(),
        }
    }
}

/// Decodes `%41` in a path segment or a query value; `None` where the escape or the UTF-8 is broken.
///
/// A plus sign stays one: media types in queries are often sent unescaped (RFC 3986, section 2.1).
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        if first == b'%' {
            let (escape, behind) = behind.split_at_checked(2)?;
            let mut byte = [0];
            hex::decode_to_slice(escape, &mut byte).ok()?;
            decoded.push(byte[0]);
            rest = behind;
        } else {
            decoded.push(first);
            rest = behind;
        }
    }
    String::from_utf8(decoded).ok()
}

/// Returns the names and values of a query in their order.
pub(super) fn query_pairs(query: &str) -> Option<Vec<(String, String)>> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((percent_decoded(name)?, percent_decoded(value)?))
        })
        .collect()
}

/// Builds a client for tests: no proxy, and a TLS backend that is named but never used.
#[cfg(test)]
pub(super) fn plain_client() -> reqwest::Client {
    let provider = rustls::crypto::ring::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .build()
        .expect("a client")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_is_decoded_and_a_broken_one_is_refused() {
        assert_eq!(percent_decoded("sha256%3Aab"), Some("sha256:ab".into()));
        assert_eq!(percent_decoded("a+b"), Some("a+b".into()));
        for broken in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(percent_decoded(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_query_keeps_the_order_and_the_repetition_of_its_names() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            query_pairs("tag=a&tag=b&empty&x=1%262"),
            Some(vec![
                pair("tag", "a"),
                pair("tag", "b"),
                pair("empty", ""),
                pair("x", "1&2")
            ])
        );
        assert_eq!(query_pairs(""), Some(Vec::new()));
    }

    #[test]
    fn a_server_without_a_runtime_says_so() {
        let error = Server::start(None, Router::new()).err();
        assert!(matches!(error, Some(ServerError::NoRuntime(_))));
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = taken.local_addr().expect("a bound listener has an address");
        let error =
            Server::start(Some(address.port()), Router::new()).expect_err("the port is taken");
        assert_eq!(error.to_string(), format!("cannot listen on `{address}`"));
    }
}
