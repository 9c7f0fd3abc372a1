//! A client that knows its way out.

use std::{fs, io, path::PathBuf};

use reqwest::{Certificate, ClientBuilder};

use super::proxies::Proxies;

/// The variable that names a file of certificates to trust besides the system's, in PEM.
pub const CA_FILE: &str = "DEPLOY_ACTION_CA_FILE";

/// No client can be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The file of certificates cannot be read.
    #[error("cannot read the certificates in `{}`, which {CA_FILE} names", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file of certificates holds something else.
    #[error("`{}`, which {CA_FILE} names, holds no certificates in PEM", path.display())]
    NoCertificates {
        /// The file.
        path: PathBuf,
    },
    /// An address of a proxy is none. It is not shown: it may hold a password.
    #[error("{variable} names no proxy that can be used")]
    Proxy {
        /// The variable.
        variable: &'static str,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// The client cannot be made, for want of the system's certificates for example.
    #[error("cannot prepare the HTTP client")]
    Client(#[from] reqwest::Error),
}

/// Begins a client by what the environment says of proxies and certificates.
///
/// # Errors
///
/// The environment names a file or a proxy that cannot be used.
pub fn builder() -> Result<ClientBuilder, HttpError> {
    // Another module may have installed the same provider before; whichever came first, there is one.
    drop(rustls::crypto::ring::default_provider().install_default());
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut builder = reqwest::Client::builder();
    if let Some(proxies) = Proxies::read(get) {
        // What is said here is all: the builder would read the same variables with other rules.
        builder = builder.no_proxy();
        for proxy in proxies.build()? {
            builder = builder.proxy(proxy);
        }
    }
    if let Some(path) = get(CA_FILE) {
        builder = builder.tls_certs_merge(certificates(path.into())?);
    }
    Ok(builder)
}

/// Whether a connection was ended because nobody here trusts the other side's certificate.
pub fn is_untrusted(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(found) = cause {
        // An error of TLS travels inside of one of reading and writing, which does not call it its source.
        let inside = found
            .downcast_ref::<io::Error>()
            .and_then(|error| error.get_ref()?.downcast_ref::<rustls::Error>());
        let tls = inside.or_else(|| found.downcast_ref());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        cause = found.source();
    }
    false
}

fn certificates(path: PathBuf) -> Result<Vec<Certificate>, HttpError> {
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(source) => return Err(HttpError::Unreadable { path, source }),
    };
    match Certificate::from_pem_bundle(&text) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(HttpError::NoCertificates { path }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let problem = certificates(path.clone()).expect_err("it is not there");
        assert!(
            matches!(problem, HttpError::Unreadable { .. }),
            "{problem:?}"
        );
        fs::write(&path, "no certificate").expect("a file");
        let problem = certificates(path).expect_err("it holds none");
        assert!(problem.to_string().contains("ca.pem"), "{problem}");
    }
}
