//! What goes over the pipes between us, the supervisor and the container's first process: JSON, one line each.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::container::{Barrier, ContainerError, user::User};

/// First line to a supervisor. Its standard input stays open; the end of it means that whoever started it is gone.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::container) enum Order {
    /// Enter namespaces and start a command there.
    Contain(ContainOrder),
    /// Run a command when the standard input ends.
    Guard {
        /// The command.
        command: Vec<String>,
        /// Its whole environment.
        env: BTreeMap<String, String>,
    },
}

/// What is to be started in namespaces.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::container) struct ContainOrder {
    pub root: Utf8PathBuf,
    pub read_only: bool,
    pub command: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// As the image says it.
    pub user: String,
    pub workdir: String,
    pub hostname: String,
    pub ports: BTreeSet<u16>,
}

/// What the supervisor tells the first process of the container.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::container) struct InitOrder {
    pub contain: ContainOrder,
    pub user: User,
    /// Whether a user namespace is around it, in which groups cannot be set.
    pub user_namespace: bool,
}

/// Further lines to a supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::container) enum Word {
    /// Send SIGTERM to the container's first process.
    Terminate,
    /// Send SIGKILL to it, which ends all others with it.
    Kill,
    /// A guard has nothing to do any more.
    Release,
}

/// What a supervisor says on its standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::container) enum Report {
    /// The command was executed; the ports outside, by port inside.
    Started { ports: BTreeMap<u16, u16> },
    /// The first process ended; a signal counts as 128 and its number.
    Ended { code: i32 },
    /// It did not come to that.
    Failed(Obstacle),
}

/// Why a container did not start, as it goes over a pipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::container) enum Obstacle {
    /// A step that the kernel may refuse to this user failed.
    Namespace { step: String, errno: i32 },
    /// Another step failed.
    Step { step: String, errno: i32 },
    /// The command could not be executed.
    Execute { command: String, errno: i32 },
    /// The user is not in the image.
    User { user: String, group: bool },
    /// Something that must not happen.
    Bug { words: String },
}

impl Obstacle {
    /// Makes the obstacle of a step that needs rights over a namespace.
    pub(in crate::container) fn namespace(step: impl Into<String>, error: &io::Error) -> Self {
        Self::Namespace {
            step: step.into(),
            errno: error.raw_os_error().unwrap_or(0),
        }
    }

    /// Makes the obstacle of another step.
    pub(in crate::container) fn step(step: impl Into<String>, error: &io::Error) -> Self {
        Self::Step {
            step: step.into(),
            errno: error.raw_os_error().unwrap_or(0),
        }
    }
}

impl From<Obstacle> for ContainerError {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Namespace { step, errno } => {
                let source = io::Error::from_raw_os_error(errno);
                match source.kind() {
                    // ENOSPC is what `unshare` answers when `user.max_user_namespaces` is used up.
                    io::ErrorKind::PermissionDenied | io::ErrorKind::StorageFull => {
                        Self::NotPermitted {
                            step,
                            barrier: Barrier::find(),
                            source,
                        }
                    }
                    _ => Self::Prepare { step, source },
                }
            }
            Obstacle::Step { step, errno } => Self::Prepare {
                step,
                source: io::Error::from_raw_os_error(errno),
            },
            Obstacle::Execute { command, errno } => Self::Execute {
                command,
                source: io::Error::from_raw_os_error(errno),
            },
            Obstacle::User { user, group } => Self::UnknownUser {
                user,
                file: if group { "/etc/group" } else { "/etc/passwd" },
            },
            Obstacle::Bug { words } => Self::Supervisor(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_namespace_is_told_from_a_failed_step() {
        for errno in [1, 13, 28] {
            let refused = ContainerError::from(Obstacle::Namespace {
                step: "a user namespace".into(),
                errno,
            });
            assert!(
                matches!(refused, ContainerError::NotPermitted { .. }),
                "{errno}"
            );
        }
        let failed = ContainerError::from(Obstacle::Step {
            step: "the root folder".into(),
            errno: 13,
        });
        assert!(matches!(failed, ContainerError::Prepare { .. }));
    }

    #[test]
    fn a_report_with_ports_comes_back_as_it_went() {
        let report = Report::Started {
            ports: BTreeMap::from([(8088, 40_000)]),
        };
        let line = serde_json::to_string(&report).expect("a line");
        let back: Report = serde_json::from_str(&line).expect("the report");
        assert_eq!(format!("{back:?}"), format!("{report:?}"));
    }
}
