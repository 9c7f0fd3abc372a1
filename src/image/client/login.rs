//! Credentials and the tokens that they buy.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use url::Url;

use crate::{
    image::{
        ImageError, RepositoryName,
        client::{Access, RegistryClient, challenge::Challenge, check_leads},
    },
    secret::Secret,
};

/// A token service's answer is not read beyond this.
const LARGEST_TOKEN: usize = 64 << 10;

/// A user of a registry.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The name; registries that take a token ask for a fixed one, such as `oauth2accesstoken`.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}

/// What a registry accepts for one repository.
#[derive(Debug, Clone)]
struct Grant {
    scopes: Vec<String>,
    header: HeaderValue,
    generation: u64,
}

/// The grants that were bought, by repository.
#[derive(Debug, Default)]
pub(super) struct Grants {
    known: Mutex<BTreeMap<RepositoryName, Grant>>,
}

/// A header, and which purchase it comes from.
#[derive(Debug, Clone)]
pub(super) struct Authorization {
    pub(super) header: HeaderValue,
    pub(super) generation: u64,
}

impl Grants {
    pub(super) fn current(&self, repository: &RepositoryName) -> Option<Authorization> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(repository).map(|grant| Authorization {
            header: grant.header.clone(),
            generation: grant.generation,
        })
    }

    fn scopes(&self, repository: &RepositoryName) -> Vec<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(repository)
            .map(|grant| grant.scopes.clone())
            .unwrap_or_default()
    }

    fn keep(&self, repository: &RepositoryName, scopes: Vec<String>, header: HeaderValue) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = known
            .get(repository)
            .map_or(1, |grant| grant.generation + 1);
        known.insert(
            repository.clone(),
            Grant {
                scopes,
                header,
                generation,
            },
        );
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// A request that was refused for want of a grant.
pub(super) struct Want<'w> {
    pub(super) repository: &'w RepositoryName,
    pub(super) access: &'w Access,
    pub(super) base: &'w Url,
    /// The grant that did not suffice.
    pub(super) had: Option<u64>,
}

impl RegistryClient {
    /// Buys a grant that answers `challenge`, unless another task did while this one waited.
    pub(super) async fn authorize(
        &self,
        want: &Want<'_>,
        challenge: Challenge,
    ) -> Result<(), ImageError> {
        // One purchase at a time: ten uploads whose token ran out ask for one new token.
        let _turn = self.buying.acquire().await;
        let current = self
            .grants
            .current(want.repository)
            .map(|grant| grant.generation);
        if current > want.had {
            return Ok(());
        }
        let registry = want.repository.registry();
        let credentials = self.credentials.get(registry);
        let (scopes, header) = match (challenge, credentials) {
            (Challenge::Basic, Some(credentials)) => (Vec::new(), basic(credentials)),
            (Challenge::Basic, None) => return Err(self.not_logged_in(registry)),
            (
                Challenge::Bearer {
                    realm,
                    service,
                    scope,
                },
                _,
            ) => {
                let scopes = merged_scopes(scope, want, self.grants.scopes(want.repository));
                let realm = self.realm(want, &realm)?;
                let token = self
                    .buy(registry, realm, service, &scopes, credentials)
                    .await?;
                (scopes, format!("Bearer {token}"))
            }
        };
        let mut header = HeaderValue::from_str(&header).map_err(|_| ImageError::Protocol {
            registry: registry.to_owned(),
            doing: "log in".to_owned(),
            because: "the token or password has a character that no header may have".to_owned(),
        })?;
        header.set_sensitive(true);
        self.grants.keep(want.repository, scopes, header);
        Ok(())
    }

    fn not_logged_in(&self, registry: &str) -> ImageError {
        ImageError::Refused {
            registry: registry.to_owned(),
            doing: "log in".to_owned(),
            status: 401,
            message: "it asks for a user and a password, and none are given".to_owned(),
            retry_after: None,
        }
    }

    fn realm(&self, want: &Want<'_>, realm: &str) -> Result<Url, ImageError> {
        let refuse = |because: String| ImageError::Protocol {
            registry: want.repository.registry().to_owned(),
            doing: "log in".to_owned(),
            because,
        };
        let realm = want
            .base
            .join(realm)
            .map_err(|problem| refuse(format!("its token service `{realm}`: {problem}")))?;
        check_leads(want.base, &realm).map_err(refuse)?;
        Ok(realm)
    }

    async fn buy(
        &self,
        registry: &str,
        mut realm: Url,
        service: Option<String>,
        scopes: &[String],
        credentials: Option<&Credentials>,
    ) -> Result<String, ImageError> {
        let doing = "get a token";
        {
            let mut query = realm.query_pairs_mut();
            if let Some(service) = &service {
                query.append_pair("service", service);
            }
            for scope in scopes {
                query.append_pair("scope", scope);
            }
        }
        self.pace
            .run(async |_| {
                let mut request = self.http.get(realm.clone());
                if let Some(credentials) = credentials {
                    let mut header = HeaderValue::from_str(&basic(credentials))
                        .map_err(|_| self.not_logged_in(registry))?;
                    header.set_sensitive(true);
                    request = request.header(AUTHORIZATION, header);
                }
                let answer =
                    self.count(request)
                        .await
                        .map_err(|source| ImageError::Unreachable {
                            registry: registry.to_owned(),
                            doing: doing.to_owned(),
                            source,
                        })?;
                if !answer.status().is_success() {
                    return Err(super::answer::refusal(registry, doing, answer).await);
                }
                let body =
                    super::answer::body_at_most(registry, doing, answer, LARGEST_TOKEN).await?;
                read_token(registry, &body)
            })
            .await
    }
}

fn read_token(registry: &str, body: &[u8]) -> Result<String, ImageError> {
    let refuse = |because: &str| ImageError::Protocol {
        registry: registry.to_owned(),
        doing: "get a token".to_owned(),
        because: because.to_owned(),
    };
    // The reader's words are left out: they may quote the token.
    let answer: TokenAnswer =
        serde_json::from_slice(body).map_err(|_| refuse("its answer is no JSON with a `token`"))?;
    let token = answer
        .token
        .filter(|token| !token.is_empty())
        .or(answer.access_token);
    token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| refuse("its answer has neither `token` nor `access_token`"))
}

fn basic(credentials: &Credentials) -> String {
    let pair = format!("{}:{}", credentials.username, credentials.password.expose());
    format!("Basic {}", STANDARD.encode(pair))
}

/// What is newly asked for comes first: some registries read only the first scope.
fn merged_scopes(asked: Option<String>, want: &Want<'_>, had: Vec<String>) -> Vec<String> {
    let asked = asked
        .into_iter()
        .flat_map(|scopes| scopes.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let mut scopes: Vec<String> = Vec::new();
    for scope in asked.chain(want.access.scopes(want.repository)).chain(had) {
        let covered = scopes.iter().any(|known| covers(known, &scope));
        if !covered {
            scopes.retain(|known| !covers(&scope, known));
            scopes.push(scope);
        }
    }
    scopes
}

/// Whether every action of `small` on the same repository is one of `large`.
fn covers(large: &str, small: &str) -> bool {
    match (large.rsplit_once(':'), small.rsplit_once(':')) {
        (Some((on, actions)), Some((also_on, fewer))) => {
            on == also_on
                && fewer
                    .split(',')
                    .all(|action| actions.split(',').any(|known| known == action))
        }
        _ => large == small,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_merged_new_ones_first_and_smaller_ones_left_out() {
        let repository: RepositoryName = "ghcr.io/a/b".parse().expect("a repository");
        let base = "https://ghcr.io".parse().expect("an address");
        let access = Access::PushWithMount(vec!["a/c".to_owned()]);
        let want = Want {
            repository: &repository,
            access: &access,
            base: &base,
            had: None,
        };
        let merged = |asked: Option<&str>, had: &[&str]| {
            merged_scopes(
                asked.map(str::to_owned),
                &want,
                had.iter().map(|scope| (*scope).to_owned()).collect(),
            )
        };
        assert_eq!(
            merged(None, &[]),
            ["repository:a/b:pull,push", "repository:a/c:pull"]
        );
        assert_eq!(
            merged(
                Some("repository:a/b:pull repository:a/b:delete"),
                &["repository:a/c:pull"]
            ),
            [
                "repository:a/b:delete",
                "repository:a/b:pull,push",
                "repository:a/c:pull"
            ]
        );
    }

    #[test]
    fn a_token_is_read_under_both_names_and_never_quoted() {
        assert_eq!(
            read_token("r", br#"{"access_token":"a"}"#).ok().as_deref(),
            Some("a")
        );
        assert_eq!(
            read_token("r", br#"{"token":"","access_token":"a"}"#)
                .ok()
                .as_deref(),
            Some("a")
        );
        for bad in [r#"{"token":""}"#, "{}", r#"["hunter2"]"#, "hunter2"] {
            let problem = read_token("r", bad.as_bytes()).expect_err(bad).to_string();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }
}
