//! Application default credentials, in Google's own order: the file that a variable names, gcloud's, the machine's.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jiff::SignedDuration;
use serde::Deserialize;
use url::{Host, Url};

use super::{
    CloudError, Services,
    external::{External, JWT, Read, Subject},
    identity::Source,
    key::{Key, KeyFile},
    metadata::{self, Metadata},
    refresh::{Refresh, RefreshFile},
};
use crate::secret::Secret;

const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
const FILE: &str = "application_default_credentials.json";

/// Where tokens come from, and the universe that the file names.
pub(super) struct Found {
    pub(super) source: Source,
    pub(super) universe: Option<String>,
}

/// Finds the credentials of this machine or person.
pub(super) fn find(
    variables: &BTreeMap<String, String>,
    services: &Services,
) -> Result<Found, CloudError> {
    let get = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    if let Some(path) = get(VARIABLE) {
        return read(Path::new(path), services);
    }
    let known = well_known(variables);
    if let Some(path) = known.as_ref().filter(|path| path.is_file()) {
        return read(path, services);
    }
    let may_look = get("NO_GCE_CHECK").is_none_or(|word| word != "true");
    let host = get("GCE_METADATA_HOST").map(String::as_str);
    let machine = host
        .or_else(|| (may_look && metadata::is_google_machine()).then_some(metadata::USUAL_HOST));
    match machine {
        Some(host) => Ok(Found {
            source: Source::Metadata(Metadata::at(host, services)),
            universe: None,
        }),
        None => Err(CloudError::NoDefaultCredentials {
            looked: match known {
                Some(path) => format!(
                    "{VARIABLE} is not set, `{}` is not there, and this is no machine on Google Cloud",
                    path.display()
                ),
                None => format!("{VARIABLE} is not set, and there is no home folder"),
            },
        }),
    }
}

/// Where gcloud keeps a person's login.
fn well_known(variables: &BTreeMap<String, String>) -> Option<PathBuf> {
    let get = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let folder = get("CLOUDSDK_CONFIG").map(PathBuf::from);
    let windows = || Some(Path::new(get("APPDATA")?).join("gcloud"));
    let home = || Some(Path::new(get("HOME")?).join(".config/gcloud"));
    Some(folder.or_else(windows).or_else(home)?.join(FILE))
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    universe_domain: Option<String>,
}

#[derive(Deserialize)]
struct ExternalFile {
    audience: String,
    subject_token_type: Option<String>,
    token_url: String,
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<Impersonation>,
    credential_source: SourceFile,
}

#[derive(Deserialize)]
struct Impersonation {
    token_lifetime_seconds: Option<i64>,
}

#[derive(Deserialize)]
struct SourceFile {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Read>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
    subject_token_field_name: Option<String>,
}

fn read(path: &Path, services: &Services) -> Result<Found, CloudError> {
    let text = std::fs::read_to_string(path)
        .map(Secret::new)
        .map_err(|source| CloudError::File {
            doing: "read",
            path: path.to_owned(),
            source,
        })?;
    parse(text.expose(), &services.addresses.oauth).map_err(|because| CloudError::Malformed {
        path: path.to_owned(),
        because,
    })
}

/// Reads a file. The reader's words are left out of what is said: they may quote a key.
fn parse(text: &str, oauth: &str) -> Result<Found, String> {
    let head: Head =
        serde_json::from_str(text).map_err(|_| "it is no JSON with a `type`".to_owned())?;
    let lacking = |_| format!("it lacks what a file of type `{}` has", head.kind);
    let source = match head.kind.as_str() {
        "external_account" => {
            Source::External(external(serde_json::from_str(text).map_err(lacking)?)?)
        }
        "service_account" => {
            let file: KeyFile = serde_json::from_str(text).map_err(lacking)?;
            Source::Key(Key::new(file, oauth)?)
        }
        "authorized_user" => {
            let file: RefreshFile = serde_json::from_str(text).map_err(lacking)?;
            Source::Refresh(Refresh::new(file, oauth))
        }
        other => return Err(format!("its type is `{other}`")),
    };
    Ok(Found {
        source,
        universe: head.universe_domain,
    })
}

fn external(file: ExternalFile) -> Result<External, String> {
    let addresses = [
        Some(&file.token_url),
        file.service_account_impersonation_url.as_ref(),
    ];
    for address in addresses.into_iter().flatten() {
        if !is_safe(address) {
            return Err(format!("it leads to `{address}`, expected https"));
        }
    }
    let field = match file.credential_source.format {
        Some(Format {
            kind,
            subject_token_field_name,
        }) if kind == "json" => Some(
            subject_token_field_name.ok_or("its format `json` lacks `subject_token_field_name`")?,
        ),
        Some(_) | None => None,
    };
    let subject = match (file.credential_source.file, file.credential_source.url) {
        (Some(path), _) => Subject::File { path, field },
        (None, Some(url)) => Subject::Url {
            url,
            headers: file
                .credential_source
                .headers
                .into_iter()
                .map(|(name, value)| (name, value.0))
                .collect(),
            field,
        },
        (None, None) => {
            return Err("its `credential_source` has neither `file` nor `url`".to_owned());
        }
    };
    let lifetime = file
        .service_account_impersonation
        .and_then(|given| given.token_lifetime_seconds)
        .unwrap_or(3300);
    Ok(External {
        audience: file.audience,
        subject_token_type: file.subject_token_type.unwrap_or_else(|| JWT.to_owned()),
        token_url: file.token_url,
        impersonation: file.service_account_impersonation_url,
        lifetime: SignedDuration::from_secs(lifetime),
        subject,
        asked_audience: None,
    })
}

/// Tokens go over https, or stay on this machine.
fn is_safe(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        url.scheme() == "https" || (url.scheme() == "http" && is_here)
    })
}
