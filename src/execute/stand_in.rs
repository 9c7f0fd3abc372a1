//! What stands in the place of the real thing, as a rehearsal tells its jobs.
//!
//! The plan does not know of this: the same bytes are read in a preview, a run and a rehearsal. A rehearsal writes one file
//! and names it to its jobs by `DEPLOY_ACTION_STAND_INS`; what is not in it is real.

use std::{collections::BTreeMap, fs};

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use crate::event::Reality;

/// Name of the variable that leads to the file.
pub const VARIABLE: &str = "DEPLOY_ACTION_STAND_INS";

/// Everything that is replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandIns {
    /// Registries, by the host that the plan names.
    pub registries: BTreeMap<String, Server>,
    /// GitHub.
    pub github: Option<Server>,
    /// Google's identity services.
    #[serde(default)]
    pub google: Option<GoogleServer>,
    /// Terraform's providers and backends.
    #[serde(default)]
    pub terraform: Option<TerraformStandIns>,
    /// The certificate authority and the log by which a job signs; a rehearsal asks no others.
    #[serde(default)]
    pub sigstore: Option<Server>,
    /// Values of secrets that are not given: canaries, which must never be seen anywhere.
    pub secrets: BTreeMap<String, String>,
    /// To whom secret outputs are sealed, by environment, in place of the plan's recipients: the rehearsal has no key of theirs.
    #[serde(default)]
    pub recipients: BTreeMap<String, String>,
    /// Who gives approvals and confirmations.
    pub person: Option<String>,
}

/// A server in the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Base URL.
    pub url: String,
    /// Who it is: name and version.
    pub who: String,
}

impl Server {
    /// Says who answered, with address and version.
    pub fn reality(&self) -> Reality {
        Reality::StandIn {
            who: format!("{} at {}", self.who, self.url),
        }
    }
}

/// What terraform works with in the place of providers and backends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerraformStandIns {
    /// Variables of terraform's process, which lead it to the stand-ins.
    pub variables: BTreeMap<String, String>,
    /// Who stands in for each provider, by source address.
    pub providers: BTreeMap<String, String>,
    /// Folder of the states, in place of the modules' backends.
    pub states: String,
}

/// A server in the place of Google's identity services and of GitHub's OIDC tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoogleServer {
    /// The server.
    pub server: Server,
    /// The variables by which a job finds its OIDC tokens.
    pub variables: BTreeMap<String, String>,
}

/// A file of stand-ins that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StandInsError {
    /// It cannot be read.
    #[error("cannot read the stand-ins `{path}`")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It does not say what it should.
    #[error("`{path}` holds no stand-ins")]
    Malformed {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl StandIns {
    /// Reads the file that a rehearsal wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds something else.
    pub fn read(path: &Utf8Path) -> Result<Self, StandInsError> {
        let text = fs::read(path).map_err(|source| StandInsError::Unreadable {
            path: path.to_string(),
            source,
        })?;
        serde_json::from_slice(&text).map_err(|source| StandInsError::Malformed {
            path: path.to_string(),
            source,
        })
    }

    /// Whether anything is replaced: whether this is a rehearsal.
    pub fn is_rehearsal(&self) -> bool {
        self.github.is_some() || self.person.is_some()
    }

    /// Says whether a registry is the real one.
    pub fn reality_of_registry(&self, host: &str) -> Reality {
        self.registries
            .get(host)
            .map_or(Reality::Real, Server::reality)
    }

    /// Says whether GitHub is the real one.
    pub fn reality_of_github(&self) -> Reality {
        self.github.as_ref().map_or(Reality::Real, Server::reality)
    }
}
