//! The files in which docker and podman keep logins: `config.json` and `auth.json`, which have one form.
//!
//! A key is a registry's host or an address of it, or names a repository or the beginning of several
//! (containers-auth.json(5)): the longest one that fits is theirs.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::LoginError;
use crate::{
    image::{CredentialHelper, Credentials, Unknown},
    secret::Secret,
};

/// The key under which docker keeps the login of Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

#[derive(Deserialize, Default)]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: String,
}

#[derive(Deserialize, Default)]
struct Entry {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default, rename = "identitytoken")]
    identity_token: String,
    #[serde(default, rename = "registrytoken")]
    registry_token: String,
}

/// What a file says of a registry.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Logins by host, or by host and the beginning of a repository's path.
    pub(super) logins: Vec<(String, Credentials)>,
    /// A store that may know the registry, though nothing here says so.
    pub(super) store: Option<CredentialHelper>,
}

/// Returns the files in the order in which they are asked.
pub(super) fn files(variables: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let get = |name: &str| {
        let value = variables.get(name).filter(|value| !value.is_empty());
        value.map(Path::new)
    };
    let home = get("HOME").or(get("USERPROFILE"));
    let folder = |variable: &str, below_home: &str| {
        let named = get(variable).map(Path::to_owned);
        named.or_else(|| Some(home?.join(below_home)))
    };
    let docker = folder("DOCKER_CONFIG", ".docker").map(|folder| folder.join("config.json"));
    let containers = match get("REGISTRY_AUTH_FILE") {
        Some(file) => vec![file.to_owned()],
        None => {
            let runtime = get("XDG_RUNTIME_DIR").map(Path::to_owned);
            [runtime, folder("XDG_CONFIG_HOME", ".config")]
                .into_iter()
                .flatten()
                .map(|folder| folder.join("containers/auth.json"))
                .collect()
        }
    };
    docker.into_iter().chain(containers).collect()
}

/// Looks for the logins of a host in a file. A file that is not there knows nobody.
pub(super) fn find(
    path: &Path,
    host: &str,
    environment: &BTreeMap<String, String>,
) -> Result<Found, LoginError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
        Err(source) => {
            return Err(LoginError::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    let malformed = |because: String| LoginError::Malformed {
        path: path.to_owned(),
        because,
    };
    // The reader's words are left out: they may quote a password.
    let config: Config = serde_json::from_slice(&text)
        .map_err(|_| malformed("it is no JSON of the form that docker writes".to_owned()))?;
    config.find(host, environment).map_err(malformed)
}

impl Config {
    fn find(&self, host: &str, environment: &BTreeMap<String, String>) -> Result<Found, String> {
        let helper = |name: &str, server: &str, unknown| CredentialHelper {
            name: name.to_owned(),
            server: server.to_owned(),
            environment: environment.clone(),
            unknown,
        };
        let mut found = Found::default();
        let own_helper = self.helpers.iter().find(|(key, _)| is_of(key, host));
        if let Some((_, name)) = own_helper.filter(|(_, name)| !name.is_empty()) {
            let asked = helper(name, key_of(host), Unknown::Refused);
            found.logins.push((host.to_owned(), asked.into()));
        }
        for (key, entry) in &self.auths {
            let Some(scope) = scope(key, host) else {
                continue;
            };
            if found.logins.iter().any(|(other, _)| *other == scope) {
                continue;
            }
            match entry.read(key)? {
                Some(credentials) => found.logins.push((scope, credentials)),
                // The file says that there is a login, the store which.
                None if !self.store.is_empty() => {
                    let asked = helper(&self.store, key, Unknown::Refused);
                    found.logins.push((scope, asked.into()));
                }
                None => {}
            }
        }
        if !self.store.is_empty() {
            found.store = Some(helper(&self.store, key_of(host), Unknown::Nobody));
        }
        Ok(found)
    }
}

impl Entry {
    fn read(&self, key: &str) -> Result<Option<Credentials>, String> {
        if !self.identity_token.is_empty() {
            let token = Secret::new(self.identity_token.as_str());
            return Ok(Some(Credentials::IdentityToken(token)));
        }
        if !self.registry_token.is_empty() {
            let token = Secret::new(self.registry_token.as_str());
            return Ok(Some(Credentials::RegistryToken(token)));
        }
        if self.auth.is_empty() {
            let is_given = !self.username.is_empty() && !self.password.is_empty();
            let given = || {
                Credentials::password(self.username.as_str(), Secret::new(self.password.as_str()))
            };
            return Ok(is_given.then(given));
        }
        let pair = STANDARD
            .decode(self.auth.trim())
            .ok()
            .and_then(|pair| String::from_utf8(pair).ok())
            .map(Secret::new);
        let pair = pair.as_ref().and_then(|pair| pair.expose().split_once(':'));
        match pair {
            // Docker fills old files up with zero bytes.
            Some((user, password)) => Ok(Some(Credentials::password(
                user,
                Secret::new(password.trim_end_matches('\0')),
            ))),
            None => Err(format!(
                "`auth` of `{key}` is not `USER:PASSWORD` in base64"
            )),
        }
    }
}

/// The key under which docker keeps a host's login.
fn key_of(host: &str) -> &str {
    if is_docker_hub(host) {
        DOCKER_HUB
    } else {
        host
    }
}

/// Whether a key of the file is that of a host: the host itself, or an address of it.
fn is_of(key: &str, host: &str) -> bool {
    let address = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    let bare = match address {
        Some(address) => address.split('/').next().unwrap_or(address),
        // Without a scheme a path names a repository.
        None => key.trim_end_matches('/'),
    };
    bare == host || (is_docker_hub(host) && is_docker_hub(bare))
}

/// For what a key of the file is, as far as it is the host's: all of it, or repositories whose names begin so.
fn scope(key: &str, host: &str) -> Option<String> {
    if is_of(key, host) {
        return Some(host.to_owned());
    }
    let path = key.trim_end_matches('/').strip_prefix(host)?;
    path.starts_with('/').then(|| format!("{host}{path}"))
}

fn is_docker_hub(host: &str) -> bool {
    matches!(
        host,
        "docker.io" | "index.docker.io" | "registry-1.docker.io"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: &str, host: &str) -> String {
        let config: Config = serde_json::from_str(config).expect("a configuration");
        let found = match config.find(host, &BTreeMap::new()) {
            Ok(found) => found,
            Err(because) => return because,
        };
        let store = found
            .store
            .map(|store| format!("perhaps {} {}", store.name, store.server));
        let logins = found.logins.into_iter();
        let logins = logins.map(|(scope, credentials)| {
            let who = match credentials {
                Credentials::Password { username, password } => {
                    format!("{username}:{}", password.expose())
                }
                Credentials::IdentityToken(token) => format!("token {}", token.expose()),
                Credentials::RegistryToken(token) => format!("bearer {}", token.expose()),
                Credentials::Helper(helper) => format!("{} {}", helper.name, helper.server),
                Credentials::Google(_) => "google".to_owned(),
            };
            match scope.strip_prefix(host) {
                Some("") => who,
                _ => format!("{scope} {who}"),
            }
        });
        let words: Vec<String> = logins.chain(store).collect();
        match words.is_empty() {
            true => "nobody".to_owned(),
            false => words.join(", "),
        }
    }

    #[test]
    fn each_form_of_a_login_is_read() {
        let config = r#"{
            "auths": {
                "https://index.docker.io/v1/": { "auth": "aHViOnBhc3M6d29yZA==" },
                "https://quay.io/v2/": { "auth": "cXVheTpwdw==" },
                "acr.example": { "auth": "MDAwMDowMDAw", "identitytoken": "refresh" },
                "plain.example": { "username": "u", "password": "p" },
                "stored.example": {},
                "ghcr.io/acme": { "auth": "YTpi" },
                "ghcr.io/acme/app/": { "auth": "YzpkMQ==" },
                "ghcr.iou": { "auth": "YTpi" },
                "bearer.example": { "registrytoken": "t" },
                "broken.example": { "auth": "hunter2" }
            },
            "credHelpers": { "gcr.io": "gcloud", "docker.example": "" }
        }"#;
        for (host, expected) in [
            ("docker.io", "hub:pass:word"),
            ("registry-1.docker.io", "hub:pass:word"),
            ("quay.io", "quay:pw"),
            ("acr.example", "token refresh"),
            ("plain.example", "u:p"),
            ("stored.example", "nobody"),
            ("bearer.example", "bearer t"),
            ("gcr.io", "gcloud gcr.io"),
            ("ghcr.io", "ghcr.io/acme a:b, ghcr.io/acme/app c:d1"),
            ("eu.gcr.io", "nobody"),
            ("docker.example", "nobody"),
        ] {
            assert_eq!(found(config, host), expected, "{host}");
        }
        let problem = found(config, "broken.example");
        assert!(
            problem.contains("broken.example") && !problem.contains("hunter2"),
            "{problem}"
        );
        assert_eq!(found("{}", "a.example"), "nobody");
    }

    #[test]
    fn a_store_is_asked_for_what_the_file_says_it_has_and_perhaps_for_the_rest() {
        let stored = r#"{
            "auths": { "https://index.docker.io/v1/": {}, "a.example/team": {}, "b.example": { "auth": "YTpi" } },
            "credsStore": "pass"
        }"#;
        for (host, expected) in [
            (
                "docker.io",
                "pass https://index.docker.io/v1/, perhaps pass https://index.docker.io/v1/",
            ),
            (
                "a.example",
                "a.example/team pass a.example/team, perhaps pass a.example",
            ),
            ("b.example", "a:b, perhaps pass b.example"),
            ("c.example", "perhaps pass c.example"),
        ] {
            assert_eq!(found(stored, host), expected, "{host}");
        }
    }

    #[test]
    fn the_files_are_where_docker_and_podman_keep_them() {
        let files = |variables: &[(&str, &str)]| {
            let variables = variables.iter();
            let variables =
                variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let files = super::files(&variables.collect());
            let names = files.iter().map(|file| file.to_string_lossy().into_owned());
            names.collect::<Vec<_>>()
        };
        assert_eq!(
            files(&[("HOME", "/home/a"), ("DOCKER_CONFIG", "")]),
            [
                "/home/a/.docker/config.json",
                "/home/a/.config/containers/auth.json"
            ]
        );
        assert_eq!(
            files(&[
                ("HOME", "/home/a"),
                ("DOCKER_CONFIG", "/d"),
                ("XDG_RUNTIME_DIR", "/run/a")
            ]),
            [
                "/d/config.json",
                "/run/a/containers/auth.json",
                "/home/a/.config/containers/auth.json"
            ]
        );
        assert_eq!(
            files(&[("REGISTRY_AUTH_FILE", "/x.json"), ("XDG_RUNTIME_DIR", "/r")]),
            ["/x.json"]
        );
        assert_eq!(files(&[]), Vec::<String>::new());
    }
}
