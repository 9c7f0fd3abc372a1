//! A token service, as the registry's token specification asks for it: tokens are signed, name their scopes, and run out.

use std::{
    fs,
    io::{self, BufReader, Write as _},
    net::TcpStream,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    exchange::Request,
    http::Head,
    listener::{Listener, lock},
    registry::Access,
    tool::{PASSWORD, USER},
};

const SERVICE: &str = "registry.test";
const ISSUER: &str = "tokens.test";

/// How much longer than a token says the registry takes it.
const LEEWAY: Duration = Duration::from_secs(60);

/// What a token service gives away.
#[derive(Debug, Clone)]
pub struct TokenOptions {
    /// How long a token is good.
    pub lifetime: Duration,
    /// Beginning of the names of the repositories into which [`USER`] may push; it may pull from all, as everybody may.
    pub writable: String,
}

impl Default for TokenOptions {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(300),
            writable: String::new(),
        }
    }
}

/// A running token service.
#[derive(Debug)]
pub struct TokenServer {
    listener: Listener,
    folder: TempDir,
    sold: Arc<Mutex<Vec<Sold>>>,
}

/// A token that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sold {
    /// Who asked; nobody without credentials.
    pub user: Option<String>,
    /// The scopes, as they were asked for.
    pub scopes: Vec<String>,
    /// Whether the credentials were right.
    pub is_granted: bool,
}

struct Signer {
    key: EcdsaKeyPair,
    certificate: String,
    random: SystemRandom,
    options: TokenOptions,
}

impl TokenServer {
    /// Starts a service with a key of its own.
    pub fn start(options: TokenOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let random = SystemRandom::new();
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = rcgen::KeyPair::try_from(pkcs8.as_ref()).expect("the same key");
        let certificate = rcgen::CertificateParams::new([ISSUER.to_owned()])
            .and_then(|parameters| parameters.self_signed(&pair))
            .expect("a certificate");
        fs::write(folder.path().join("certificate.pem"), certificate.pem()).expect("a file");
        let signer = Signer {
            key: EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                pkcs8.as_ref(),
                &random,
            )
            .expect("the key that was made"),
            certificate: STANDARD.encode(certificate.der()),
            random,
            options,
        };
        let sold: Arc<Mutex<Vec<Sold>>> = Arc::default();
        let selling = Arc::clone(&sold);
        let listener = Listener::start(move |stream| {
            // A client that goes away does not want a token.
            serve(&signer, &selling, stream).ok();
        });
        Self {
            listener,
            folder,
            sold,
        }
    }

    /// What a registry has to know to believe this service.
    pub fn access(&self) -> Access {
        Access::Token {
            realm: format!("http://{}/token", self.listener.address()),
            service: SERVICE.to_owned(),
            issuer: ISSUER.to_owned(),
            certificate: self.certificate(),
        }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// The tokens that were asked for, oldest first.
    pub fn sold(&self) -> Vec<Sold> {
        lock(&self.sold).clone()
    }
}

fn serve(signer: &Signer, sold: &Mutex<Vec<Sold>>, stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(head) = Head::read(&mut reader)? {
        let (status, body) = answer(signer, sold, &head);
        let body = body.to_string();
        let mut answer = Head::answer(status, if status == 200 { "OK" } else { "Refused" });
        answer.set("Content-Type", "application/json");
        answer.set("Content-Length", body.len().to_string());
        let mut writer = reader.get_ref();
        answer.write(&mut writer)?;
        writer.write_all(body.as_bytes())?;
    }
    Ok(())
}

fn answer(signer: &Signer, sold: &Mutex<Vec<Sold>>, head: &Head) -> (u16, Value) {
    let request = Request {
        method: head.first.split(' ').next().unwrap_or_default().to_owned(),
        target: head.second_word().to_owned(),
        length: None,
        authorization: None,
        at_other_host: false,
        before: 0,
    };
    if request.method != "GET" || request.path() != "/token" {
        return (404, json!({}));
    }
    let known = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    let (user, is_granted) = match head.header("authorization") {
        None => (None, true),
        Some(given) => (Some(USER.to_owned()), given == known),
    };
    let scopes: Vec<String> = parameters(&request.target, "scope")
        .iter()
        .flat_map(|scope| scope.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    lock(sold).push(Sold {
        user: user.clone(),
        scopes: scopes.clone(),
        is_granted,
    });
    if !is_granted || parameters(&request.target, "service") != [SERVICE] {
        return (
            401,
            json!({"errors": [{"code": "UNAUTHORIZED", "message": "no such user, or another password"}]}),
        );
    }
    let token = signer.token(user.as_deref(), &scopes);
    (
        200,
        json!({"token": token, "access_token": token, "expires_in": signer.options.lifetime.as_secs()}),
    )
}

impl Signer {
    fn token(&self, user: Option<&str>, scopes: &[String]) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("it is later than 1970")
            .as_secs();
        let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [self.certificate]});
        let access: Vec<Value> = scopes
            .iter()
            .filter_map(|scope| self.grant(user, scope))
            .collect();
        let claims = json!({
            "iss": ISSUER,
            "sub": user.unwrap_or_default(),
            "aud": SERVICE,
            "exp": now + self.options.lifetime.as_secs() - LEEWAY.as_secs(),
            "nbf": now - LEEWAY.as_secs(),
            "iat": now - LEEWAY.as_secs(),
            "jti": format!("{now}"),
            "access": access,
        });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self
            .key
            .sign(&self.random, signed.as_bytes())
            .expect("the key signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What of `repository:NAME:ACTIONS` is granted.
    fn grant(&self, user: Option<&str>, scope: &str) -> Option<Value> {
        let (kind, rest) = scope.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        let may_write = user.is_some() && name.starts_with(&self.options.writable);
        let granted: Vec<&str> = actions
            .split(',')
            .filter(|action| may_write || *action == "pull")
            .collect();
        Some(json!({"type": kind, "name": name, "actions": granted}))
    }
}

/// All values of a parameter, decoded.
fn parameters(target: &str, name: &str) -> Vec<String> {
    let (_, query) = target.split_once('?').unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| decoded(value))
        .collect()
}

fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, behind @ ..] = rest {
        let (byte, used) = match (first, behind) {
            (b'%', [high, low, ..]) => {
                let digits = [*high, *low];
                let digits = str::from_utf8(&digits).unwrap_or_default();
                (u8::from_str_radix(digits, 16).unwrap_or(b'?'), 3)
            }
            (b'+', _) => (b' ', 1),
            (byte, _) => (*byte, 1),
        };
        bytes.push(byte);
        rest = &rest[used..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
