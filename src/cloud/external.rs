//! Workload Identity Federation: somebody else vouches for us, Google's token service exchanges that, and a service account
//! may be taken on with it.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    AccessToken, CloudError, Provider, Refusal, Services,
    services::{Addresses, Refused},
};
use crate::secret::Secret;

/// Who exchanges tokens.
const STS: &str = "Google's token service";
/// Who gives tokens of service accounts.
const IAM: &str = "Google's service account credentials";
/// Who vouches for a job.
const VOUCHER: &str = "the service that vouches for this job";

/// What every token is for.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
pub(super) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Under an hour, so that clocks that differ a little do not make it more than the hour that is allowed.
const LIFETIME: SignedDuration = SignedDuration::from_secs(3300);
/// How long a federated token lives where the answer does not say it: as long as GitHub's own.
const FEDERATED: SignedDuration = SignedDuration::from_mins(5);

/// The variables by which a runner offers OIDC tokens.
pub(super) const REQUEST_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
pub(super) const REQUEST_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// A job of GitHub as a provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federation {
    /// The provider.
    pub provider: Provider,
    /// The service account that the job takes on.
    pub service_account: Option<String>,
}

impl Federation {
    /// Finds the runner's offer.
    pub(super) fn external(
        &self,
        variables: &BTreeMap<String, String>,
        addresses: &Addresses,
    ) -> Result<External, CloudError> {
        let universe = &addresses.universe;
        let audience = format!("https://iam.{universe}/{}", self.provider);
        let subject = Subject::of_job(&audience, variables)?;
        let impersonation = self.service_account.as_ref().map(|account| {
            format!(
                "{}/v1/projects/-/serviceAccounts/{account}:generateAccessToken",
                addresses.iam_credentials
            )
        });
        Ok(External {
            audience: format!("//iam.{universe}/{}", self.provider),
            subject_token_type: JWT.to_owned(),
            token_url: format!("{}/v1/token", addresses.sts),
            impersonation,
            lifetime: LIFETIME,
            subject,
            asked_audience: Some(audience),
        })
    }
}

/// An external account, as Google's libraries call it: the same for GitHub's jobs and for files of credentials.
#[derive(Debug, Clone)]
pub(super) struct External {
    pub(super) audience: String,
    pub(super) subject_token_type: String,
    pub(super) token_url: String,
    pub(super) impersonation: Option<String>,
    pub(super) lifetime: SignedDuration,
    pub(super) subject: Subject,
    /// The audience that GitHub is asked for, where it is GitHub.
    pub(super) asked_audience: Option<String>,
}

/// Where the token comes from that is exchanged.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    Url {
        url: String,
        headers: BTreeMap<String, Secret>,
        /// The field of the JSON answer; the whole answer without one.
        field: Option<String>,
    },
    File {
        path: PathBuf,
        field: Option<String>,
    },
}

impl Subject {
    /// The token that GitHub gives a job for an audience; the runner's variables say where.
    pub(super) fn of_job(
        audience: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, CloudError> {
        let find = |name: &'static str| {
            variables
                .get(name)
                .filter(|value| !value.is_empty())
                .ok_or(CloudError::NoIdToken(name))
        };
        let (url, token) = (find(REQUEST_URL)?, find(REQUEST_TOKEN)?);
        let joint = if url.contains('?') { '&' } else { '?' };
        let escaped: String = url::form_urlencoded::byte_serialize(audience.as_bytes()).collect();
        Ok(Self::Url {
            url: format!("{url}{joint}audience={escaped}"),
            headers: BTreeMap::from([(
                "Authorization".to_owned(),
                Secret::new(format!("Bearer {token}")),
            )]),
            field: Some("value".to_owned()),
        })
    }

    /// Fetches what vouches.
    pub(super) async fn token(&self, services: &Services) -> Result<Secret, CloudError> {
        let (text, field) = match self {
            Subject::Url {
                url,
                headers,
                field,
            } => {
                let ask = || {
                    headers
                        .iter()
                        .fold(services.http.get(url), |ask, (name, value)| {
                            ask.header(name, value.expose())
                        })
                };
                let answer = services
                    .ask(VOUCHER, ask, |refused| match refused.status {
                        401 | 403 => Refusal::JobOver,
                        _ => Refusal::Other,
                    })
                    .await?;
                (
                    String::from_utf8_lossy(&answer.body).into_owned(),
                    field.as_deref(),
                )
            }
            Subject::File { path, field } => {
                let text = std::fs::read_to_string(path).map_err(|source| CloudError::File {
                    doing: "read",
                    path: path.clone(),
                    source,
                })?;
                (text, field.as_deref())
            }
        };
        let token = match field {
            None => Some(text.trim().to_owned()),
            Some(field) => serde_json::from_str::<Value>(&text)
                .ok()
                .and_then(|answer| Some(answer.get(field)?.as_str()?.to_owned())),
        };
        token
            .filter(|token| !token.is_empty())
            .map(Secret::new)
            .ok_or_else(|| CloudError::Protocol {
                service: VOUCHER,
                because: match field {
                    Some(field) => format!("it gave no JSON with a text `{field}`"),
                    None => "it gave nothing".to_owned(),
                },
            })
    }
}

#[derive(Deserialize)]
struct Exchanged {
    access_token: Read,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: Read,
    expire_time: Timestamp,
}

/// A text that goes into custody as soon as it is read.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(super) struct Read(pub(super) Secret);

impl From<String> for Read {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

impl External {
    /// Fetches a token.
    pub(super) async fn fetch(&self, services: &Services) -> Result<AccessToken, CloudError> {
        let federated = self.exchange(services).await?;
        match &self.impersonation {
            None => Ok(federated),
            Some(url) => self.impersonate(services, url, &federated).await,
        }
    }

    async fn exchange(&self, services: &Services) -> Result<AccessToken, CloudError> {
        // A token that vouches lives for minutes: each exchange has its own.
        let subject = self.subject.token(services).await?;
        let request = json!({
            "audience": self.audience,
            "grantType": "urn:ietf:params:oauth:grant-type:token-exchange",
            "requestedTokenType": "urn:ietf:params:oauth:token-type:access_token",
            "scope": SCOPE,
            "subjectTokenType": self.subject_token_type,
            "subjectToken": subject.expose(),
        });
        let asked = services.clock.now();
        let answer = services
            .ask(
                STS,
                || services.http.post(&self.token_url).json(&request),
                |refused| self.meaning_of_exchange(refused),
            )
            .await?;
        let exchanged: Exchanged = answer.read(STS, "an `access_token`")?;
        let lifetime = exchanged
            .expires_in
            .map_or(FEDERATED, SignedDuration::from_secs);
        Ok(AccessToken::new(exchanged.access_token.0, asked, lifetime))
    }

    async fn impersonate(
        &self,
        services: &Services,
        url: &str,
        federated: &AccessToken,
    ) -> Result<AccessToken, CloudError> {
        let lifetime = format!("{}s", self.lifetime.as_secs());
        let request = json!({ "scope": [SCOPE], "lifetime": lifetime });
        let asked = services.clock.now();
        let answer = services
            .ask(
                IAM,
                || {
                    services
                        .http
                        .post(url)
                        .bearer_auth(federated.secret().expose())
                        .json(&request)
                },
                |refused| meaning_of_impersonation(url, refused),
            )
            .await?;
        let given: Impersonated = answer.read(IAM, "an `accessToken` and its `expireTime`")?;
        // Its end is told by Google's clock; how long it lives is the same by ours.
        let there = answer.date.unwrap_or(asked);
        let lifetime = given.expire_time.duration_since(there).min(self.lifetime);
        Ok(AccessToken::new(given.access_token.0, asked, lifetime))
    }

    fn meaning_of_exchange(&self, refused: &Refused) -> Refusal {
        let said = refused.said.to_ascii_lowercase();
        let has = |words: &str| said.contains(words);
        if has("127 bytes") {
            Refusal::ClaimTooLong
        } else if has("attribute condition") {
            Refusal::Condition
        } else if has("invalid_target") || has("full resource name") {
            Refusal::UnknownProvider(self.audience.clone())
        } else if has("audience in id token") || has("does not match the expected audience") {
            Refusal::Audience {
                found: self.asked_audience.clone().unwrap_or_default(),
            }
        } else if has("issuer") {
            Refusal::Issuer
        } else if has("stale to sign-in") || has("issued in the future") || has("not yet valid") {
            Refusal::ClockSkew {
                seconds: refused.skew,
            }
        } else if has("expired") {
            Refusal::Expired
        } else {
            Refusal::Other
        }
    }

    /// Writes what Google's libraries read. It holds the job's request token and no token of Google's, so that they can fetch new
    /// ones as long as the job runs.
    pub(super) fn document(&self) -> Option<String> {
        let Subject::Url {
            url,
            headers,
            field,
        } = &self.subject
        else {
            return None;
        };
        let headers: BTreeMap<&str, &str> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        let format = field.as_ref().map_or_else(
            || json!({ "type": "text" }),
            |field| json!({ "type": "json", "subject_token_field_name": field }),
        );
        let document = Document {
            kind: "external_account",
            audience: &self.audience,
            subject_token_type: &self.subject_token_type,
            token_url: &self.token_url,
            credential_source: json!({ "url": url, "headers": headers, "format": format }),
            service_account_impersonation_url: self.impersonation.as_deref(),
        };
        serde_json::to_string(&document).ok()
    }
}

#[derive(Serialize)]
struct Document<'d> {
    #[serde(rename = "type")]
    kind: &'static str,
    audience: &'d str,
    subject_token_type: &'d str,
    token_url: &'d str,
    credential_source: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_impersonation_url: Option<&'d str>,
}

fn meaning_of_impersonation(url: &str, refused: &Refused) -> Refusal {
    let said = refused.said.to_ascii_lowercase();
    let account = url
        .rsplit_once('/')
        .map_or(url, |(_, account)| account)
        .trim_end_matches(":generateAccessToken");
    match refused.status {
        401 if refused.skew.is_some() => Refusal::ClockSkew {
            seconds: refused.skew,
        },
        401 => Refusal::Expired,
        403 if said.contains("has not been used in project") || said.contains("is disabled") => {
            Refusal::ApiDisabled
        }
        403 | 404 => Refusal::NotPermitted {
            account: account.to_owned(),
        },
        _ => Refusal::Other,
    }
}
