//! State files: which state of which lineage one is, so that a rescued one is pushed only where it belongs.

use std::fmt;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// What a state file says of itself: `terraform.tfstate`, `errored.tfstate`, what `state pull` prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The terraform that wrote it.
    pub terraform_version: String,
    /// Counts its changes.
    pub serial: u64,
    /// Which state it is, whatever its place.
    pub lineage: String,
    /// How many resources it knows.
    pub n_resources: usize,
    /// What resources and outputs come to. It is as secret as they are.
    content: [u8; 32],
}

/// A state file that cannot be read. Nothing of it stands in it.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It is no state.
    #[error("this is no state of terraform, at line {line}, column {column}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A format that means something else.
    #[error("the state is of format {found}, and format 4 is understood")]
    Format {
        /// What the file says.
        found: u64,
    },
}

#[derive(Deserialize)]
struct StateDocument<'t> {
    version: u64,
    #[serde(default)]
    terraform_version: String,
    #[serde(default)]
    serial: u64,
    #[serde(default)]
    lineage: String,
    #[serde(borrow)]
    outputs: Option<&'t RawValue>,
    #[serde(borrow)]
    resources: Option<&'t RawValue>,
}

impl State {
    /// Reads a state file; `None` where there is nothing in it, or a state without a lineage, as where a backend has none.
    ///
    /// # Errors
    ///
    /// It is no state, or one of another format.
    pub fn read(text: &str) -> Result<Option<Self>, StateError> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let malformed = |error: serde_json::Error| StateError::Malformed {
            line: error.line(),
            column: error.column(),
        };
        let document: StateDocument<'_> = serde_json::from_str(text).map_err(malformed)?;
        if document.version != 4 {
            return Err(StateError::Format {
                found: document.version,
            });
        }
        let resources = document.resources.map_or("[]", RawValue::get);
        let counted: Vec<IgnoredAny> = serde_json::from_str(resources).map_err(malformed)?;
        // What `state pull` prints where the backend has none.
        if document.serial == 0 && document.lineage.is_empty() && counted.is_empty() {
            return Ok(None);
        }
        let mut content = Sha256::new();
        for part in [document.outputs.map_or("{}", RawValue::get), resources] {
            // Written anew, so that white space does not count.
            let value: serde_json::Value = serde_json::from_str(part).map_err(malformed)?;
            content.update(value.to_string());
            content.update([0]);
        }
        Ok(Some(Self {
            terraform_version: document.terraform_version,
            serial: document.serial,
            lineage: document.lineage,
            n_resources: counted.len(),
            content: content.finalize().into(),
        }))
    }

    /// Says how this one, which was rescued, stands to what the backend has now.
    pub fn beside(&self, backend: Option<&Self>) -> Rescue {
        let Some(backend) = backend else {
            return Rescue::First;
        };
        if self.lineage != backend.lineage {
            return Rescue::Foreign {
                rescued: self.lineage.clone(),
                backend: backend.lineage.clone(),
            };
        }
        let (rescued, backend_serial) = (self.serial, backend.serial);
        if rescued > backend_serial {
            Rescue::Newer {
                rescued,
                backend: backend_serial,
            }
        } else if rescued < backend_serial {
            Rescue::Older {
                rescued,
                backend: backend_serial,
            }
        } else if self.content == backend.content {
            Rescue::Same
        } else {
            Rescue::Forked { serial: rescued }
        }
    }
}

/// How a rescued state stands to the one in the backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rescue {
    /// The backend has none: it can be pushed.
    First,
    /// It is the later one of the same lineage: it can be pushed.
    Newer {
        /// Its serial.
        rescued: u64,
        /// The backend's.
        backend: u64,
    },
    /// The backend has it already.
    Same,
    /// The backend went on without it.
    Older {
        /// Its serial.
        rescued: u64,
        /// The backend's.
        backend: u64,
    },
    /// Both are of one serial, and hold different things.
    Forked {
        /// The serial.
        serial: u64,
    },
    /// It is another state.
    Foreign {
        /// Its lineage.
        rescued: String,
        /// The backend's.
        backend: String,
    },
}

impl Rescue {
    /// Whether pushing it loses nothing, so that terraform takes it without `-force`.
    pub fn can_be_pushed(&self) -> bool {
        match self {
            Self::First | Self::Newer { .. } => true,
            Self::Same | Self::Older { .. } | Self::Forked { .. } | Self::Foreign { .. } => false,
        }
    }
}

impl fmt::Display for Rescue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => {
                formatter.write_str("the backend has no state; the rescued one is the first")
            }
            Self::Newer { rescued, backend } => write!(
                formatter,
                "the rescued state is newer: serial {rescued}, and the backend's is {backend}"
            ),
            Self::Same => formatter.write_str("the backend has the rescued state already"),
            Self::Older { rescued, backend } => write!(
                formatter,
                "the rescued state is older: serial {rescued}, and the backend's is {backend}"
            ),
            Self::Forked { serial } => write!(
                formatter,
                "the rescued state and the backend's are both of serial {serial} and hold different things"
            ),
            Self::Foreign { rescued, backend } => write!(
                formatter,
                "the rescued state is another one: its lineage is `{rescued}`, the backend's `{backend}`"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERRORED: &str = include_str!("../../tests/data/terraform/errored.tfstate");

    fn state(text: &str) -> State {
        State::read(text)
            .expect("it is a state")
            .expect("it is not empty")
    }

    #[test]
    fn a_rescued_state_says_whose_it_is() {
        let rescued = state(ERRORED);
        assert_eq!((rescued.serial, rescued.n_resources), (1, 1));
        assert_eq!(rescued.lineage, "b66a3cd3-5031-3eb6-7bde-6117d063f849");
        assert_eq!(rescued.terraform_version, "1.11.4");
        assert_eq!(State::read(" \n").expect("nothing is no error"), None);
    }

    #[test]
    fn a_rescued_state_is_pushed_only_where_nothing_is_lost() {
        let rescued = state(ERRORED);
        let with = |from: &str, to: &str| state(&ERRORED.replace(from, to));
        let later = with("\"serial\": 1", "\"serial\": 7");
        for (ours, backend, words, can_be_pushed) in [
            (
                &rescued,
                None,
                "the backend has no state; the rescued one is the first",
                true,
            ),
            (
                &later,
                Some(rescued.clone()),
                "the rescued state is newer: serial 7, and the backend's is 1",
                true,
            ),
            (
                &rescued,
                Some(later.clone()),
                "the rescued state is older: serial 1, and the backend's is 7",
                false,
            ),
            (
                &rescued,
                Some(with("  ", " ")),
                "the backend has the rescued state already",
                false,
            ),
            (
                &rescued,
                Some(with("\"kept\"", "\"lost\"")),
                "the rescued state and the backend's are both of serial 1 and hold different things",
                false,
            ),
            (
                &rescued,
                Some(with("b66a3cd3", "00000000")),
                "the rescued state is another one: its lineage is `b66a3cd3-5031-3eb6-7bde-6117d063f849`, the backend's `00000000-5031-3eb6-7bde-6117d063f849`",
                false,
            ),
        ] {
            let rescue = ours.beside(backend.as_ref());
            assert_eq!(rescue.to_string(), words);
            assert_eq!(rescue.can_be_pushed(), can_be_pushed, "{words}");
        }
    }

    #[test]
    fn what_is_no_state_is_refused_without_being_shown() {
        for (text, words) in [
            (
                "hunter2",
                "this is no state of terraform, at line 1, column 1",
            ),
            (
                "{\"version\":3}",
                "the state is of format 3, and format 4 is understood",
            ),
            (
                "{\"version\":4,\"resources\":\"hunter2\"}",
                "this is no state of terraform, at line 1, column 9",
            ),
        ] {
            assert_eq!(State::read(text).expect_err(words).to_string(), words);
        }
    }

    #[test]
    fn what_a_backend_without_a_state_gives_is_none() {
        for text in [
            "",
            "\n",
            "{\"version\":4,\"terraform_version\":\"1.11.4\",\"serial\":0,\"lineage\":\"\",\"outputs\":{},\"resources\":[]}",
        ] {
            assert_eq!(State::read(text).expect("it is readable"), None, "{text}");
        }
    }
}
