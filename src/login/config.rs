//! The files in which docker and podman keep logins: `config.json` and `auth.json`, which have one form.
//!
//! Logins are found by host. Keys of `auth.json` that name a repository are left alone, and so is `registrytoken`.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::LoginError;
use crate::{
    image::{CredentialHelper, Credentials},
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

/// Looks for the login of a host in a file. A file that is not there knows nobody.
pub(super) fn find(
    path: &Path,
    host: &str,
    environment: &BTreeMap<String, String>,
) -> Result<Option<Credentials>, LoginError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
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
    fn find(
        &self,
        host: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Option<Credentials>, String> {
        let helper = |name: &str, server: &str| {
            Credentials::Helper(CredentialHelper {
                name: name.to_owned(),
                server: server.to_owned(),
                environment: environment.clone(),
            })
        };
        let own_helper = self.helpers.iter().find(|(key, _)| is_of(key, host));
        if let Some((_, name)) = own_helper.filter(|(_, name)| !name.is_empty()) {
            return Ok(Some(helper(name, key_of(host))));
        }
        let Some((key, entry)) = self.auths.iter().find(|(key, _)| is_of(key, host)) else {
            return Ok(None);
        };
        match entry.read(key)? {
            Some(credentials) => Ok(Some(credentials)),
            // The file says that there is a login, the store which.
            None if !self.store.is_empty() => Ok(Some(helper(&self.store, key))),
            None => Ok(None),
        }
    }
}

impl Entry {
    fn read(&self, key: &str) -> Result<Option<Credentials>, String> {
        if !self.identity_token.is_empty() {
            let token = Secret::new(self.identity_token.as_str());
            return Ok(Some(Credentials::IdentityToken(token)));
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
        match config.find(host, &BTreeMap::new()) {
            Ok(None) => "nobody".to_owned(),
            Ok(Some(Credentials::Password { username, password })) => {
                format!("{username}:{}", password.expose())
            }
            Ok(Some(Credentials::IdentityToken(token))) => format!("token {}", token.expose()),
            Ok(Some(Credentials::Helper(helper))) => format!("{} {}", helper.name, helper.server),
            Ok(Some(Credentials::Google(_))) => "google".to_owned(),
            Err(because) => because,
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
                "broken.example": { "auth": "hunter2" }
            },
            "credHelpers": { "gcr.io": "gcloud", "docker.example": "" },
            "credsStore": "desktop"
        }"#;
        for (host, expected) in [
            ("docker.io", "hub:pass:word"),
            ("registry-1.docker.io", "hub:pass:word"),
            ("quay.io", "quay:pw"),
            ("acr.example", "token refresh"),
            ("plain.example", "u:p"),
            ("stored.example", "desktop stored.example"),
            ("gcr.io", "gcloud gcr.io"),
            ("ghcr.io", "nobody"),
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
        let hub = r#"{"auths":{"https://index.docker.io/v1/":{}},"credsStore":"pass"}"#;
        assert_eq!(found(hub, "docker.io"), "pass https://index.docker.io/v1/");
        assert_eq!(
            found(r#"{"auths":{"a.example":{}}}"#, "a.example"),
            "nobody"
        );
        assert_eq!(found("{}", "a.example"), "nobody");
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
