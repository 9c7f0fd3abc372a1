//! Logins, and the tokens that they buy.

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
        Credentials, CredentialsError, ImageError, RepositoryName,
        client::{Access, RegistryClient, challenge::Challenge, check_leads},
        credentials::Shown,
    },
    secret::Secret,
};

/// A token service's answer is not read beyond this.
const LARGEST_TOKEN: usize = 64 << 10;

/// As whom a token is asked for where a refresh token is exchanged; services only write it down.
const CLIENT: &str = "deploy-action";

/// What a registry accepts for one repository.
#[derive(Debug, Clone)]
struct Grant {
    scopes: Vec<String>,
    header: HeaderValue,
    generation: u64,
    /// What the header itself shows, where it is no token that was bought.
    shows: Option<Secret>,
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

    /// Returns what a header that was refused has shown.
    fn shown(&self, repository: &RepositoryName, generation: Option<u64>) -> Option<Secret> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = known.get(repository);
        grant
            .filter(|grant| Some(grant.generation) == generation)
            .and_then(|grant| grant.shows.clone())
    }

    fn keep(&self, repository: &RepositoryName, bought: Bought, header: HeaderValue) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = known
            .get(repository)
            .map_or(1, |grant| grant.generation + 1);
        known.insert(
            repository.clone(),
            Grant {
                scopes: bought.scopes,
                header,
                generation,
                shows: bought.shows,
            },
        );
    }
}

/// What a challenge was answered with.
struct Bought {
    header: Secret,
    scopes: Vec<String>,
    shows: Option<Secret>,
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
        let credentials = self.credentials_of(want.repository);
        let bought = match (challenge, credentials) {
            (_, Some(Credentials::RegistryToken(token))) => Bought {
                header: Secret::new(format!("Bearer {}", token.expose())),
                scopes: Vec::new(),
                shows: None,
            },
            (Challenge::Basic, Some(credentials)) => {
                let refused = self.grants.shown(want.repository, want.had);
                self.show_password(registry, credentials, refused.as_ref())
                    .await?
            }
            (Challenge::Basic, None) => return Err(not_logged_in(registry)),
            (
                Challenge::Bearer {
                    realm,
                    service,
                    scope,
                },
                _,
            ) => {
                let scopes = merged_scopes(scope, want, self.grants.scopes(want.repository));
                let shop = Shop {
                    registry,
                    realm: self.realm(want, &realm)?,
                    service,
                    scopes: &scopes,
                };
                let token = self.buy(&shop, credentials).await?;
                Bought {
                    header: Secret::new(format!("Bearer {}", token.expose())),
                    scopes,
                    shows: None,
                }
            }
        };
        let header = sensitive(registry, &bought.header)?;
        self.grants.keep(want.repository, bought, header);
        Ok(())
    }

    async fn show_password(
        &self,
        registry: &str,
        credentials: &Credentials,
        refused: Option<&Secret>,
    ) -> Result<Bought, ImageError> {
        let shown = credentials
            .show(refused)
            .await
            .map_err(no_login(registry))?;
        match &shown {
            Some(Shown::Password { username, password }) => Ok(Bought {
                header: basic(username, password),
                scopes: Vec::new(),
                shows: Some(password.clone()),
            }),
            Some(Shown::IdentityToken(_) | Shown::RegistryToken(_)) | None => {
                Err(not_logged_in(registry))
            }
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

    /// Buys a token. A login that ran out meanwhile is shown anew, once.
    async fn buy(
        &self,
        shop: &Shop<'_>,
        credentials: Option<&Credentials>,
    ) -> Result<Secret, ImageError> {
        let Some(credentials) = credentials else {
            return self.buy_with(shop, None).await;
        };
        let no_login = || no_login(shop.registry);
        let Some(shown) = credentials.show(None).await.map_err(no_login())? else {
            return self.buy_with(shop, None).await;
        };
        match self.buy_with(shop, Some(&shown)).await {
            Err(refused @ ImageError::Refused { status: 401, .. }) => {
                let newer = credentials
                    .show(Some(shown.secret()))
                    .await
                    .map_err(no_login())?;
                if newer.as_ref() == Some(&shown) {
                    return Err(refused);
                }
                self.buy_with(shop, newer.as_ref()).await
            }
            bought => bought,
        }
    }

    async fn buy_with(&self, shop: &Shop<'_>, shown: Option<&Shown>) -> Result<Secret, ImageError> {
        self.pace
            .run(async |_| {
                let request = self.order(shop, shown)?;
                let answer =
                    self.count(request)
                        .await
                        .map_err(|source| ImageError::Unreachable {
                            registry: shop.registry.to_owned(),
                            doing: GET_TOKEN.to_owned(),
                            source,
                        })?;
                if !answer.status().is_success() {
                    return Err(super::answer::refusal(shop.registry, GET_TOKEN, answer).await);
                }
                let body =
                    super::answer::body_at_most(shop.registry, GET_TOKEN, answer, LARGEST_TOKEN)
                        .await?;
                read_token(shop.registry, &body)
            })
            .await
    }

    /// The request for a token: a password is shown to a GET, a refresh token is exchanged by a POST (OAuth 2).
    fn order(
        &self,
        shop: &Shop<'_>,
        shown: Option<&Shown>,
    ) -> Result<reqwest::RequestBuilder, ImageError> {
        let service = shop
            .service
            .iter()
            .map(|service| ("service", service.as_str()));
        if let Some(Shown::IdentityToken(token)) = shown {
            let scopes = shop.scopes.join(" ");
            let mut form = vec![
                ("grant_type", "refresh_token"),
                ("client_id", CLIENT),
                ("scope", scopes.as_str()),
                ("refresh_token", token.expose()),
            ];
            form.extend(service);
            return Ok(self.http.post(shop.realm.clone()).form(&form));
        }
        let mut realm = shop.realm.clone();
        realm
            .query_pairs_mut()
            .extend_pairs(service)
            .extend_pairs(shop.scopes.iter().map(|scope| ("scope", scope)));
        let request = self.http.get(realm);
        Ok(match shown {
            Some(Shown::Password { username, password }) => {
                let header = sensitive(shop.registry, &basic(username, password))?;
                request.header(AUTHORIZATION, header)
            }
            Some(Shown::IdentityToken(_) | Shown::RegistryToken(_)) | None => request,
        })
    }
}

/// What is tried where a token is bought.
const GET_TOKEN: &str = "get a token";

/// Where a token is bought, and for what.
struct Shop<'s> {
    registry: &'s str,
    realm: Url,
    service: Option<String>,
    scopes: &'s [String],
}

fn not_logged_in(registry: &str) -> ImageError {
    ImageError::Refused {
        registry: registry.to_owned(),
        doing: "log in".to_owned(),
        status: 401,
        message: "it asks for a user and a password, and none are given".to_owned(),
        retry_after: None,
    }
}

fn no_login(registry: &str) -> impl FnOnce(CredentialsError) -> ImageError {
    let registry = registry.to_owned();
    move |source| ImageError::Login {
        registry,
        source: Box::new(source),
    }
}

fn sensitive(registry: &str, header: &Secret) -> Result<HeaderValue, ImageError> {
    let mut header = HeaderValue::from_str(header.expose()).map_err(|_| ImageError::Protocol {
        registry: registry.to_owned(),
        doing: "log in".to_owned(),
        because: "the token or password has a character that no header may have".to_owned(),
    })?;
    header.set_sensitive(true);
    Ok(header)
}

fn read_token(registry: &str, body: &[u8]) -> Result<Secret, ImageError> {
    let refuse = |because: &str| ImageError::Protocol {
        registry: registry.to_owned(),
        doing: GET_TOKEN.to_owned(),
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
        .map(Secret::new)
        .ok_or_else(|| refuse("its answer has neither `token` nor `access_token`"))
}

fn basic(username: &str, password: &Secret) -> Secret {
    let pair = Secret::new(format!("{username}:{}", password.expose()));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.expose())))
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
        for good in [
            r#"{"access_token":"a"}"#,
            r#"{"token":"","access_token":"a"}"#,
        ] {
            let token = read_token("r", good.as_bytes()).expect("a token");
            assert_eq!(token.expose(), "a");
        }
        for bad in [r#"{"token":""}"#, "{}", r#"["hunter2"]"#, "hunter2"] {
            let problem = read_token("r", bad.as_bytes()).expect_err(bad).to_string();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }
}
