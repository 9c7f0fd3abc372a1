//! The file of a bundle: written once, read only by its digest.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{BundleError, Manifest, Outlook};
use crate::{
    digest::Digest,
    ident::{EnvironmentName, TaskKey},
    secret::{Secret, sealed},
};

/// Raised when a file of this version would be misread by an older program.
const FORMAT: u32 = 1;

/// Saved plans, by task. They hold secrets in clear.
pub type Plans = BTreeMap<TaskKey, Zeroizing<Vec<u8>>>;

/// What is to be sealed.
#[derive(Debug)]
pub struct Draft {
    /// The readable part.
    pub manifest: Manifest,
    /// The saved plans of each environment.
    pub plans: BTreeMap<EnvironmentName, Plans>,
}

/// A bundle that is what its digest says.
#[derive(Debug)]
pub struct Bundle {
    /// Its identity.
    pub digest: Digest,
    /// Its readable part.
    pub manifest: Manifest,
    sealed: BTreeMap<EnvironmentName, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    manifest: Manifest,
    /// Armored files of `age`, by environment.
    sealed: BTreeMap<EnvironmentName, String>,
}

impl Draft {
    /// Seals the plans to the recipients, and returns the bytes of the bundle.
    ///
    /// # Errors
    ///
    /// A recipient is none.
    pub fn seal(
        self,
        recipients: &BTreeMap<EnvironmentName, String>,
    ) -> Result<Vec<u8>, BundleError> {
        let mut sealed = BTreeMap::new();
        for (environment, plans) in &self.plans {
            let recipient = recipients.get(environment).map_or("nobody", String::as_str);
            let armor = sealed::seal(recipient, &plain(plans)).map_err(|source| {
                let environment = environment.clone();
                BundleError::Sealed {
                    environment,
                    source,
                }
            })?;
            sealed.insert(environment.clone(), armor);
        }
        let document = Document {
            format: FORMAT,
            manifest: self.manifest,
            sealed,
        };
        let mut bytes =
            serde_json::to_vec_pretty(&document).expect("names, texts and digests are JSON");
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn plain(plans: &Plans) -> Zeroizing<Vec<u8>> {
    let encoded: BTreeMap<String, Zeroizing<String>> = plans
        .iter()
        .map(|(task, plan)| {
            let encoded = Zeroizing::new(BASE64_STANDARD.encode(plan));
            (task.to_string(), encoded)
        })
        .collect();
    let texts: BTreeMap<&str, &str> = encoded
        .iter()
        .map(|(task, plan)| (task.as_str(), plan.as_str()))
        .collect();
    Zeroizing::new(serde_json::to_vec(&texts).expect("texts are JSON"))
}

impl Bundle {
    /// Reads a bundle, if it is the one that was asked for.
    ///
    /// # Errors
    ///
    /// It has another digest, or is none.
    pub fn read(path: &Utf8Path, bytes: &[u8], expected: &Digest) -> Result<Self, BundleError> {
        let found = Digest::of(bytes);
        if found != *expected {
            return Err(BundleError::Tampered {
                expected: *expected,
                found,
            });
        }
        let malformed = |reason: String| BundleError::Malformed {
            path: path.to_owned(),
            reason,
        };
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } =
            serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        if format != FORMAT {
            return Err(malformed(format!(
                "it has format {format}, and {FORMAT} is read"
            )));
        }
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        Ok(Self {
            digest: found,
            manifest: document.manifest,
            sealed: document.sealed,
        })
    }

    /// Opens the plans of an environment, each held against what was shown.
    ///
    /// # Errors
    ///
    /// The key does not open them, or one of them is not the one that was shown.
    pub fn open(&self, environment: &EnvironmentName, key: &Secret) -> Result<Plans, BundleError> {
        let Some(armor) = self.sealed.get(environment) else {
            let none = Plans::new();
            self.hold(environment, &none)?;
            return Ok(none);
        };
        let failed = |source| BundleError::Sealed {
            environment: environment.clone(),
            source,
        };
        let opened = sealed::open(armor.as_bytes(), key).map_err(failed)?;
        let opened = Zeroizing::new(opened);
        let broken = |reason: &str| {
            failed(sealed::SealError::Key {
                reason: reason.to_owned(),
            })
        };
        let texts: BTreeMap<TaskKey, String> =
            serde_json::from_slice(&opened).map_err(|_| broken("it holds no plans"))?;
        let mut plans = Plans::new();
        for (task, text) in texts {
            if task.environment.as_ref() != Some(environment) {
                return Err(broken("it holds plans of another environment"));
            }
            let text = Zeroizing::new(text);
            let plan = BASE64_STANDARD
                .decode(text.as_bytes())
                .map_err(|_| broken("it holds no plans"))?;
            plans.insert(task, Zeroizing::new(plan));
        }
        self.hold(environment, &plans)?;
        Ok(plans)
    }

    /// Holds the opened plans against the readable part.
    fn hold(&self, environment: &EnvironmentName, plans: &Plans) -> Result<(), BundleError> {
        let shown = self.manifest.tasks.iter();
        let shown = shown.filter(|(task, _)| task.environment.as_ref() == Some(environment));
        for (task, entry) in shown {
            let Outlook::Planned(planned) = &entry.outlook else {
                continue;
            };
            let Some(reviewed) = &planned.plan else {
                continue;
            };
            let found = plans.get(task).map(|plan| Digest::of(plan.as_slice()));
            if found.as_ref() != Some(reviewed) {
                return Err(BundleError::OtherPlan {
                    task: task.to_string(),
                    reviewed: *reviewed,
                    found: found.map_or("nothing".to_owned(), |found| found.to_string()),
                });
            }
        }
        Ok(())
    }
}
