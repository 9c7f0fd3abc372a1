//! The backend that a module was initialised with, as terraform keeps it in its data folder (`terraform.tfstate` there).

use serde::Deserialize;
use serde_json::{Map, Value};

/// Attributes of backends that are credentials (developer.hashicorp.com, "Backend Configuration", each backend's page).
const CREDENTIALS: [&str; 14] = [
    "access_key",
    "access_token",
    "client_certificate_password",
    "client_private_key_pem",
    "client_secret",
    "conn_str",
    "credentials",
    "encryption_key",
    "oidc_token",
    "password",
    "sas_token",
    "secret_key",
    "sse_customer_key",
    "token",
];

/// A backend.
#[derive(Debug, Clone, PartialEq)]
pub struct InitialisedBackend {
    /// Its type: `s3`; `local` where none is configured.
    pub kind: String,
    configuration: Map<String, Value>,
}

impl InitialisedBackend {
    /// Reads the file; what says nothing of a backend has the local one.
    ///
    /// # Errors
    ///
    /// It is no such file.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Initialised {
            backend: Option<Configured>,
        }
        #[derive(Deserialize)]
        struct Configured {
            r#type: String,
            #[serde(default)]
            config: Option<Map<String, Value>>,
        }
        let initialised: Initialised = serde_json::from_slice(bytes)?;
        Ok(match initialised.backend {
            None => Self::local(),
            Some(configured) => Self {
                kind: configured.r#type,
                configuration: configured.config.unwrap_or_default(),
            },
        })
    }

    /// The one that is used where none is configured.
    pub fn local() -> Self {
        Self {
            kind: "local".to_owned(),
            configuration: Map::new(),
        }
    }

    /// Returns its configuration, without credentials, as a text that is the same for the same configuration.
    pub fn configuration(&self) -> String {
        let is_told = |(name, value): &(&String, &Value)| {
            !value.is_null() && !CREDENTIALS.contains(&name.as_str())
        };
        let set = self.configuration.iter().filter(is_told);
        let sorted: std::collections::BTreeMap<&String, &Value> = set.collect();
        serde_json::to_string(&sorted).expect("JSON is JSON")
    }

    /// Names the attributes with credentials: terraform writes them into every saved plan.
    pub fn credentials(&self) -> Vec<&'static str> {
        let is_set = |name: &str| {
            let value = self.configuration.get(name);
            value.is_some_and(|value| match value {
                Value::Null => false,
                // A connection string may be without a password.
                Value::String(text) if name == "conn_str" => {
                    text.contains("password") || holds_password(text)
                }
                Value::String(text) => !text.is_empty(),
                _ => true,
            })
        };
        CREDENTIALS
            .into_iter()
            .filter(|name| is_set(name))
            .collect()
    }
}

/// Whether a URL has a password before its host.
fn holds_password(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| url.password().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_without_a_backend_has_the_local_one() {
        let read = InitialisedBackend::read(br#"{"version":3,"serial":1,"lineage":"a"}"#)
            .expect("it is read");
        assert_eq!(read, InitialisedBackend::local());
        assert_eq!(read.configuration(), "{}");
    }

    #[test]
    fn attributes_that_are_not_set_and_their_order_do_not_count() {
        let read = |config: &str| {
            let text = format!(r#"{{"backend":{{"type":"s3","config":{config},"hash":7}}}}"#);
            InitialisedBackend::read(text.as_bytes()).expect("it is read")
        };
        let (first, second) = (
            read(r#"{"key":"a","bucket":"b","region":null}"#),
            read(r#"{"bucket":"b","key":"a"}"#),
        );
        assert_eq!(first.configuration(), second.configuration());
        assert_ne!(
            first.configuration(),
            read(r#"{"bucket":"b","key":"a=b"}"#).configuration()
        );
    }

    #[test]
    fn credentials_that_a_saved_plan_would_hold_are_named() {
        let read = |config: &str| {
            let text = format!(r#"{{"backend":{{"type":"x","config":{config}}}}}"#);
            InitialisedBackend::read(text.as_bytes())
                .expect("it is read")
                .credentials()
        };
        assert_eq!(
            read(r#"{"bucket":"b","token":null,"secret_key":""}"#),
            [""; 0]
        );
        assert_eq!(
            read(r#"{"secret_key":"s","token":"t"}"#),
            ["secret_key", "token"]
        );
        assert_eq!(read(r#"{"conn_str":"postgres://me@host/db"}"#), [""; 0]);
        assert_eq!(
            read(r#"{"conn_str":"postgres://me:pw@host/db"}"#),
            ["conn_str"]
        );
    }
}
