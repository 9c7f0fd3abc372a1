//! A user of a registry, and where what proves it comes from.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Deserialize;

use crate::{
    cloud::{CloudError, GoogleIdentity},
    event::FailureKind,
    process::{self, CommandSpec, Output, ProcessError, StopListener},
    secret::{Masker, Secret},
};

/// The user under which Google's registries take an access token.
const GOOGLE_USER: &str = "oauth2accesstoken";
/// The user under which a helper gives a refresh token in the place of a password.
const TOKEN_USER: &str = "<token>";

/// A helper that says nothing for so long has asked somebody who is not there.
const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_ANSWER: u64 = 256 << 10;

/// A user of a registry. It is asked for what proves it whenever a registry wants it, as that may run out.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A name and a password or token.
    Password {
        /// The name; registries that take a token ask for a fixed one, or for none in particular.
        username: String,
        /// The password or token.
        password: Secret,
    },
    /// A token that a token service exchanges, as `docker login` keeps it where the registry gives it one.
    IdentityToken(Secret),
    /// A token that the registry itself takes, without a service that exchanges it.
    RegistryToken(Secret),
    /// A Google identity, whose access token is the password.
    Google(Arc<GoogleIdentity>),
    /// A program that knows the password, as docker calls it.
    Helper(CredentialHelper),
}

/// A program `docker-credential-NAME`.
#[derive(Debug, Clone)]
pub struct CredentialHelper {
    /// The name.
    pub name: String,
    /// Under which address it keeps the registry.
    pub server: String,
    /// The environment that it runs in; it needs its user's home and session.
    pub environment: BTreeMap<String, String>,
    /// What it means that it has no answer.
    pub unknown: Unknown,
}

/// What it means that a program knows no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The login that is said to be there is not.
    Refused,
    /// Nobody is logged in, and the registry is spoken to as anybody may.
    Nobody,
}

impl From<CredentialHelper> for Credentials {
    fn from(helper: CredentialHelper) -> Self {
        Self::Helper(helper)
    }
}

/// What is shown to a registry or its token service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    Password { username: String, password: Secret },
    IdentityToken(Secret),
    RegistryToken(Secret),
}

/// What proves a user could not be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Of Google.
    #[error(transparent)]
    Google(#[from] CloudError),
    /// The helper could not be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The helper knows nobody, or said something else.
    #[error("`docker-credential-{helper} get` {because}")]
    Helper {
        /// Its name.
        helper: String,
        /// What it did; never what it printed.
        because: String,
    },
}

impl CredentialsError {
    /// Classifies the failure for retries and exit codes.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Google(error) => error.kind(),
            Self::Process(error) => error.kind(),
            Self::Helper { .. } => FailureKind::Task,
        }
    }

    /// Says what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Google(error) => error.hint(),
            Self::Process(error) => error.hint(),
            Self::Helper { .. } => {
                Some("`docker login HOST` has the helper keep a login".to_owned())
            }
        }
    }
}

impl Credentials {
    /// A name and a password.
    pub fn password(username: impl Into<String>, password: Secret) -> Self {
        Self::Password {
            username: username.into(),
            password,
        }
    }

    /// Returns what is shown now; nothing where nobody is logged in after all. What was refused is not shown again where there may be something newer.
    pub(super) async fn show(
        &self,
        refused: Option<&Secret>,
    ) -> Result<Option<Shown>, CredentialsError> {
        Ok(Some(match self {
            Self::Password { username, password } => Shown::Password {
                username: username.clone(),
                password: password.clone(),
            },
            Self::IdentityToken(token) => Shown::IdentityToken(token.clone()),
            Self::RegistryToken(token) => Shown::RegistryToken(token.clone()),
            Self::Google(identity) => {
                let token = match refused {
                    None => identity.token().await?,
                    Some(refused) => identity.token_in_place_of(refused).await?,
                };
                Shown::Password {
                    username: GOOGLE_USER.to_owned(),
                    password: token.secret().clone(),
                }
            }
            Self::Helper(helper) => match (helper.ask().await, helper.unknown) {
                (Ok(shown), _) => shown,
                (Err(problem), Unknown::Refused) => return Err(problem),
                (Err(problem), Unknown::Nobody) => {
                    tracing::debug!(%problem, "a store that was asked on the chance has no login");
                    return Ok(None);
                }
            },
        }))
    }
}

impl Shown {
    /// The secret in it.
    pub(super) fn secret(&self) -> &Secret {
        match self {
            Self::Password { password, .. } => password,
            Self::IdentityToken(token) | Self::RegistryToken(token) => token,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    username: String,
    secret: String,
}

impl CredentialHelper {
    async fn ask(&self) -> Result<Shown, CredentialsError> {
        let program = format!("docker-credential-{}", self.name);
        let purpose = format!("ask for the login of `{}`", self.server);
        let mut spec = CommandSpec::new(&program, purpose)
            .arg("get")
            .input(&self.server)
            .timeout(PATIENCE)
            .capture_secret_stdout(LONGEST_ANSWER);
        for (name, value) in &self.environment {
            spec = spec.env(name, value);
        }
        let failed = |because: String| CredentialsError::Helper {
            helper: self.name.clone(),
            because,
        };
        let masker = Masker::new(Vec::<(String, Secret)>::new())
            .map_err(|error| failed(error.to_string()))?;
        let output = Output {
            masker: &masker,
            log: None,
            live: None,
        };
        let ended = process::run(&spec, output, StopListener::never()).await?;
        if !ended.succeeded() {
            return Err(failed(format!(
                "knows no login of `{}`: {}",
                self.server, ended.how
            )));
        }
        let said = ended.stdout.as_ref().and_then(|said| read(said.expose()));
        said.ok_or_else(|| failed("printed no JSON with `Username` and `Secret`".to_owned()))
    }
}

/// Reads a helper's answer; a refresh token comes under a user of its own.
fn read(said: &[u8]) -> Option<Shown> {
    let said: Said = serde_json::from_slice(said).ok()?;
    let secret = Secret::new(said.secret);
    Some(match said.username.as_str() {
        TOKEN_USER => Shown::IdentityToken(secret),
        _ => Shown::Password {
            username: said.username,
            password: secret,
        },
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A helper that answers with what it was asked for.
    fn helper(folder: &std::path::Path, script: &str) -> CredentialHelper {
        let path = folder.join("docker-credential-test");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        crate::portable::set_mode(&path, 0o755).expect("a mode");
        CredentialHelper {
            name: "test".to_owned(),
            server: "https://index.docker.io/v1/".to_owned(),
            environment: BTreeMap::from([(
                "PATH".to_owned(),
                format!("{}:/usr/bin:/bin", folder.display()),
            )]),
            unknown: Unknown::Refused,
        }
    }

    #[tokio::test]
    async fn a_helper_is_told_the_server_on_its_input_and_its_answer_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = r#"test "$1" = get || exit 9; server=$(cat)
            printf '{"ServerURL":"%s","Username":"robot","Secret":"for %s"}' "$server" "$server""#;
        let credentials = Credentials::Helper(helper(folder.path(), script));
        assert_eq!(
            credentials.show(None).await.expect("an answer"),
            Some(Shown::Password {
                username: "robot".to_owned(),
                password: Secret::new("for https://index.docker.io/v1/"),
            })
        );
    }

    #[tokio::test]
    async fn a_helpers_refresh_token_is_told_from_a_password() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = r#"echo '{"Username":"<token>","Secret":"refresh"}'"#;
        let credentials = Credentials::Helper(helper(folder.path(), script));
        assert_eq!(
            credentials.show(None).await.expect("an answer"),
            Some(Shown::IdentityToken(Secret::new("refresh")))
        );
    }

    #[tokio::test]
    async fn a_helper_that_knows_nobody_is_named_and_never_quoted() {
        let folder = tempfile::tempdir().expect("a folder");
        for (script, expected) in [
            ("echo hunter2; exit 1", "exit code 1"),
            ("echo hunter2", "no JSON"),
        ] {
            let credentials = Credentials::Helper(helper(folder.path(), script));
            let problem = credentials.show(None).await.expect_err("it knows nobody");
            let words = problem.to_string();
            assert!(words.contains("docker-credential-test"), "{words}");
            assert!(words.contains(expected), "{words}");
            assert!(!words.contains("hunter2"), "{words}");
            assert!(problem.hint().is_some());
        }
    }
}
