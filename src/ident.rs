//! Names, parsed once: whatever holds one of these types is well formed.
//!
//! Ids of phases, tasks, checks and environments become GitHub job ids and folder names, so their alphabet is small.
//! Nothing outside this module checks a name again.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest id of a phase, task, check or environment, in characters: `PHASE--TASK--ENVIRONMENT` has to fit GitHub's limit of 100.
pub const LONGEST_ID: usize = 30;

/// A name that does not have the form its place asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The text holds something else than lower-case words joined by single dashes.
    #[error(
        "`{0}` is not an id: lower-case letters and digits in words joined by `-`, starting with a letter"
    )]
    Id(String),
    /// The text is longer than [`LONGEST_ID`].
    #[error("`{text}` has {length} characters; an id has at most {LONGEST_ID}")]
    TooLong {
        /// The text found.
        text: String,
        /// Its length in characters.
        length: usize,
    },
    /// The text cannot be reached by `a.b` in an expression.
    #[error("`{0}` is not a name: letters, digits, `_` and `-`, starting with a letter or `_`")]
    Word(String),
    /// The text is not `TASK`, `TASK[LEG]`, `TASK@ENVIRONMENT` or `TASK[LEG]@ENVIRONMENT`.
    #[error("`{0}` does not name a task: expected `TASK`, `TASK[LEG]` or `TASK@ENVIRONMENT`")]
    TaskKey(String),
}

fn check_id(text: &str) -> Result<(), InvalidName> {
    let words_are_well_formed = text.split('-').all(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    });
    if !words_are_well_formed || !text.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(InvalidName::Id(text.to_owned()));
    }
    if text.len() > LONGEST_ID {
        return Err(InvalidName::TooLong {
            text: text.to_owned(),
            length: text.len(),
        });
    }
    Ok(())
}

fn check_word(text: &str) -> Result<(), InvalidName> {
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let goes_on_well = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if starts_well && goes_on_well {
        Ok(())
    } else {
        Err(InvalidName::Word(text.to_owned()))
    }
}

macro_rules! name {
    ($(#[$docs:meta])* $name:ident, $check:ident) => {
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                $check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// The id of a task as the plan file writes it, unique in the whole plan.
    TaskId,
    check_id
);
name!(
    /// The id of a phase.
    PhaseId,
    check_id
);
name!(
    /// The id of a check, unique in its task.
    CheckId,
    check_id
);
name!(
    /// The name of an environment, which is also the name of the GitHub environment.
    EnvironmentName,
    check_id
);
name!(
    /// A name that expressions can reach: an input, a connection, a decision, an output, an artifact, a secret.
    Name,
    check_word
);

/// Identifies one run of a plan, the same for all of its jobs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Wraps an identifier that a runner gave or that was made for a local run.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// One task as graph, ledger and reports know it: a task of the plan, for one leg of its matrix, in one environment.
///
/// Written `TASK`, `TASK[LEG]`, `TASK@ENVIRONMENT` or `TASK[LEG]@ENVIRONMENT`. The phase is not part of it, so a task may move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey {
    /// The task of the plan.
    pub task: TaskId,
    /// The leg of its matrix; `None` for a task without one.
    pub leg: Option<Box<str>>,
    /// The environment; `None` for a shared task.
    pub environment: Option<EnvironmentName>,
}

impl TaskKey {
    /// Returns the key of a task without a matrix that belongs to no environment.
    pub fn shared(task: TaskId) -> Self {
        Self {
            task,
            leg: None,
            environment: None,
        }
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.task.to_string();
        if let Some(leg) = &self.leg {
            text.push_str(&format!("[{leg}]"));
        }
        if let Some(environment) = &self.environment {
            text.push_str(&format!("@{environment}"));
        }
        formatter.pad(&text)
    }
}

impl FromStr for TaskKey {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName::TaskKey(text.to_owned());
        // A leg may hold any character but a bracket, so the environment is looked for behind it.
        let (task, leg, rest) = match text.split_once('[') {
            Some((task, behind)) => {
                let (leg, rest) = behind.rsplit_once(']').ok_or_else(invalid)?;
                (task, Some(leg), rest)
            }
            None => match text.find('@') {
                Some(at) => (&text[..at], None, &text[at..]),
                None => (text, None, ""),
            },
        };
        let environment = match rest.strip_prefix('@') {
            Some(environment) => Some(environment.parse()?),
            None if rest.is_empty() => None,
            None => return Err(invalid()),
        };
        if leg.is_some_and(str::is_empty) {
            return Err(invalid());
        }
        Ok(Self {
            task: task.parse()?,
            leg: leg.map(Into::into),
            environment,
        })
    }
}

impl Serialize for TaskKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TaskKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_words_of_lower_case_joined_by_single_dashes() {
        for good in ["a", "app", "add-store", "v2-x9"] {
            assert!(good.parse::<TaskId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "A", "1a", "a_b", "a b", "é"] {
            assert!(bad.parse::<TaskId>().is_err(), "{bad}");
        }
        assert!("a".repeat(30).parse::<TaskId>().is_ok());
        assert!("a".repeat(31).parse::<TaskId>().is_err());
    }

    #[test]
    fn a_task_key_reads_back_what_it_prints() {
        for text in ["app", "build[a.b]", "app@staging", "build[x@y]@production"] {
            let key: TaskKey = text.parse().expect(text);
            assert_eq!(key.to_string(), text);
        }
        for bad in ["", "app[", "app[]", "app[a]x", "app@", "@a"] {
            assert!(bad.parse::<TaskKey>().is_err(), "{bad}");
        }
    }
}
