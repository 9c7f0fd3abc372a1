//! A provider as terraform starts it: the handshake, then calls on a Unix socket.
//!
//! Terraform's plugins speak TLS with certificates that both sides make up, unless `TF_DISABLE_PLUGIN_TLS` is set. A rehearsal sets
//! it: the socket lies in a folder that nobody else enters.

use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};

use tempfile::TempDir;
use tokio::{
    net::UnixListener,
    signal::unix::{SignalKind, signal},
};

use super::{
    catalog::CatalogError,
    grpc,
    service::{Service, ServiceOptions},
};

/// The variable by which a plugin knows that terraform starts it, and its value.
const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);
/// The certificate of a terraform that wants TLS.
const CLIENT_CERTIFICATE: &str = "PLUGIN_CLIENT_CERT";
/// The versions of the protocol that terraform speaks.
const VERSIONS: &str = "PLUGIN_PROTOCOL_VERSIONS";

/// Bytes of a folder's path that leave room for a socket's name: some systems take a path of 104 bytes.
const LONGEST_FOLDER: usize = 90;

/// A provider that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nobody but terraform starts it.
    #[error("this is a plugin of terraform, which starts it itself")]
    NotByTerraform,
    /// Terraform wants TLS.
    #[error("terraform wants TLS, which the stand-in does not speak")]
    Tls,
    /// Terraform does not speak the protocol.
    #[error("terraform speaks version {0} of the plugin protocol, the stand-in 6")]
    Version(String),
    /// There is no stand-in.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The socket cannot be used.
    #[error("the socket of the provider cannot be used")]
    Socket(#[source] io::Error),
}

impl ServeError {
    /// Returns the next step.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Tls => Some("set `TF_DISABLE_PLUGIN_TLS=1` in terraform's environment"),
            Self::NotByTerraform | Self::Version(_) | Self::Catalog(_) | Self::Socket(_) => None,
        }
    }
}

/// Serves a provider until terraform is done with it. `announce` is given the line that terraform waits for.
///
/// # Errors
///
/// It was not started by terraform, there is no stand-in, or the socket cannot be used.
pub async fn serve(options: ServiceOptions, announce: impl FnOnce(&str)) -> Result<(), ServeError> {
    handshake(&options.variables)?;
    let service = Arc::new(Service::new(options)?);
    let folder = folder().map_err(ServeError::Socket)?;
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).map_err(ServeError::Socket)?;
    // An interrupt of the whole group is terraform's to understand: it then asks its plugins to stop.
    let mut interrupts = signal(SignalKind::interrupt()).map_err(ServeError::Socket)?;
    announce(&line(&socket));
    let served = grpc::serve(listener, service);
    tokio::pin!(served);
    loop {
        tokio::select! {
            ended = &mut served => return ended.map_err(ServeError::Socket),
            _interrupt = interrupts.recv() => {}
        }
    }
}

/// Makes the folder of the socket, whose path must be short.
fn folder() -> io::Result<TempDir> {
    let folder = TempDir::with_prefix("provider-")?;
    if folder.path().as_os_str().len() > LONGEST_FOLDER {
        return TempDir::with_prefix_in("provider-", "/tmp");
    }
    Ok(folder)
}

fn handshake(variables: &BTreeMap<String, String>) -> Result<(), ServeError> {
    let get = |name: &str| variables.get(name).map(String::as_str);
    if get(COOKIE.0) != Some(COOKIE.1) {
        return Err(ServeError::NotByTerraform);
    }
    let versions = get(VERSIONS).unwrap_or("6");
    if !versions.split(',').any(|version| version.trim() == "6") {
        return Err(ServeError::Version(versions.to_owned()));
    }
    if get(CLIENT_CERTIFICATE).is_some_and(|certificate| !certificate.is_empty()) {
        return Err(ServeError::Tls);
    }
    Ok(())
}

/// The line: version of the handshake, of the protocol, where, and how.
fn line(socket: &Path) -> String {
    let socket = fs::canonicalize(socket).unwrap_or_else(|_| socket.to_owned());
    format!("1|6|unix|{}|grpc|\n", socket.display())
}
