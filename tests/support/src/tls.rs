//! TLS before a plain server, with a certificate of an authority that nobody else knows.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// How long is waited for bytes of one side before the other is asked.
const TURN: Duration = Duration::from_millis(2);

/// A certificate authority of one test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// Makes an authority.
    ///
    /// # Panics
    ///
    /// No key can be made.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Returns its certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Starts TLS for names, before a plain server, and returns its address. Its threads end with the test's process.
    ///
    /// # Panics
    ///
    /// There is no port.
    pub fn front(&self, names: &[&str], behind: SocketAddr) -> SocketAddr {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("names");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = rustls::crypto::ring::default_provider();
        let config = ServerConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .expect("the provider knows the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .expect("the key is the certificate's");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                thread::spawn(move || drop(serve(stream, config, behind)));
            }
        });
        address
    }
}

/// One connection: a session of TLS has one owner, so the two sides take turns.
fn serve(stream: TcpStream, config: Arc<ServerConfig>, behind: SocketAddr) -> io::Result<()> {
    let session = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut front = StreamOwned::new(session, stream);
    let mut back = TcpStream::connect(behind)?;
    front.sock.set_read_timeout(Some(TURN))?;
    back.set_read_timeout(Some(TURN))?;
    let mut bytes = [0; 16 * 1024];
    loop {
        match read(front.read(&mut bytes))? {
            Some(0) => return Ok(()),
            Some(n_read) => back.write_all(&bytes[..n_read])?,
            None => {}
        }
        match read(back.read(&mut bytes))? {
            Some(0) => {
                front.conn.send_close_notify();
                return front.flush();
            }
            Some(n_read) => {
                front.write_all(&bytes[..n_read])?;
                front.flush()?;
            }
            None => {}
        }
    }
}

/// Nothing at the moment is no error.
fn read(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(n_read) => Ok(Some(n_read)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}
