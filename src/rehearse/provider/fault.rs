//! Faults on demand: resources that are slow, fail, are there only later, or are too many.
//!
//! ```json
//! {
//!   "spot_cloudspace": { "slow": { "create": 30 }, "quota": 1 },
//!   "spot_cloudspace.relay": { "fail": { "delete": { "message": "503: try again later", "times": 2 } } },
//!   "spot_spotnodepool": { "later": { "reads": 3, "shown": true }, "deaf": true, "crash": ["update"] }
//! }
//! ```
//!
//! By type, or by type and the name that the cloud's file gives an object; the second wins. The file is read at each call, so a
//! fault may come and go while terraform runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use serde_json::Value as Json;

use super::cloud::Contents;

/// What may be slow or fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Create,
    Read,
    Update,
    Delete,
}

impl Call {
    /// Its name in the file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// The faults of a resource.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Fault {
    /// Seconds that a call takes, by its name.
    slow: BTreeMap<String, f64>,
    /// Whether a slow call goes on when terraform asks for an end, as many providers do.
    pub(super) deaf: bool,
    /// Calls in which the provider dies.
    crash: BTreeSet<String>,
    /// Calls that fail, by their name.
    fail: BTreeMap<String, Failure>,
    /// An object that is not there at once for who reads it.
    pub(super) later: Option<Later>,
    /// How many objects of the type there may be.
    pub(super) quota: Option<usize>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    message: String,
    /// How often; always when nothing is said.
    times: Option<u64>,
}

/// How long an object is not there for who reads it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Later {
    /// How often a read does not find it.
    pub(super) reads: u64,
    /// Whether the provider shows it, and does not ask again itself as a careful one does.
    #[serde(default)]
    pub(super) shown: bool,
}

/// A file of faults that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// It cannot be read.
    #[error("`{file}` cannot be read")]
    File {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no file of faults.
    #[error("`{file}` is no file of faults")]
    Content {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Where the faults stand.
#[derive(Debug, Clone)]
pub(super) struct Faults {
    file: Option<PathBuf>,
}

impl Faults {
    /// The faults of a file; there need not be one.
    pub(super) fn new(file: Option<&Path>) -> Self {
        Self {
            file: file.map(Path::to_owned),
        }
    }

    /// Returns the faults of an object, whose name may not be known yet.
    ///
    /// # Errors
    ///
    /// The file cannot be used.
    pub(super) fn of(&self, kind: &str, name: Option<&str>) -> Result<Fault, FaultError> {
        let Some(file) = &self.file else {
            return Ok(Fault::default());
        };
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Fault::default()),
            Err(source) => {
                return Err(FaultError::File {
                    file: file.display().to_string(),
                    source,
                });
            }
        };
        let faults = serde_json::from_slice(&bytes).and_then(|json: Json| {
            // Every fault is read, so that a mistake is told whichever resource it concerns.
            BTreeMap::<String, Fault>::deserialize(json)
        });
        let mut faults = faults.map_err(|source| FaultError::Content {
            file: file.display().to_string(),
            source,
        })?;
        let named = name.and_then(|name| faults.remove(&format!("{kind}.{name}")));
        Ok(named.or_else(|| faults.remove(kind)).unwrap_or_default())
    }
}

impl Fault {
    /// Returns how long a call takes.
    pub(super) fn delay(&self, call: Call) -> Option<Duration> {
        let seconds = self.slow.get(call.name())?;
        Duration::try_from_secs_f64(*seconds).ok()
    }

    /// Whether the provider dies in a call.
    pub(super) fn crashes(&self, call: Call) -> bool {
        self.crash.contains(call.name())
    }

    /// Returns the words with which a call fails this time, and counts it.
    pub(super) fn failure(
        &self,
        call: Call,
        object: &str,
        contents: &mut Contents,
    ) -> Option<String> {
        let failure = self.fail.get(call.name())?;
        let key = format!("{} {object}", call.name());
        let failed = contents
            .failed
            .get(&key)
            .and_then(Json::as_u64)
            .unwrap_or(0);
        if failure.times.is_some_and(|times| failed >= times) {
            return None;
        }
        contents.failed.insert(key, (failed + 1).into());
        Some(failure.message.clone())
    }
}
