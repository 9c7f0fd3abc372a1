//! Why a container did not start.

use std::{fmt, fs, io, time::Duration};

use crate::event::FailureKind;

/// Why a container could not be started or observed.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The image names nothing to run.
    #[error("the image has neither an entrypoint nor a command")]
    NoCommand,
    /// The image's user is not in its own files.
    #[error("user `{user}` is not in the image's `{file}`")]
    UnknownUser {
        /// The user or group as the image names it.
        user: String,
        /// Where it was looked for.
        file: &'static str,
    },
    /// The command is not in the image, or cannot be executed.
    #[error("`{command}` could not be executed in the container")]
    Execute {
        /// First word of the command.
        command: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The kernel refuses namespaces to this user.
    #[error("namespaces are not permitted here: {step} was refused; {barrier}")]
    NotPermitted {
        /// What was tried.
        step: String,
        /// Why it was refused, as far as the system tells.
        barrier: Barrier,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A step on the way into the container failed.
    #[error("the container could not be prepared: {step} failed")]
    Prepare {
        /// What was tried.
        step: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Our own binary could not be started as the container's supervisor.
    #[error("`{program}` could not be started as supervisor of a container")]
    Helper {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The supervisor ended or spoke in an unexpected way.
    #[error("the supervisor of the container {0}")]
    Supervisor(String),
    /// Docker or podman did not do what it was asked.
    #[error("`{command}` failed: {words}")]
    Engine {
        /// The command without its arguments' values.
        command: String,
        /// The end of what it said.
        words: String,
    },
    /// Docker or podman could not be started.
    #[error("`{command}` could not be started")]
    EngineGone {
        /// The command.
        command: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nothing was heard in time.
    #[error("`{command}` did not answer within {} s", limit.as_secs())]
    Silent {
        /// What was asked.
        command: String,
        /// How long was waited.
        limit: Duration,
    },
    /// There are no namespaces on this system.
    #[error("containers need docker or podman on this system")]
    Unsupported,
}

impl ContainerError {
    /// Returns the class of the failure.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::NoCommand | Self::UnknownUser { .. } | Self::Execute { .. } => FailureKind::Task,
            Self::NotPermitted { .. }
            | Self::Prepare { .. }
            | Self::Engine { .. }
            | Self::EngineGone { .. }
            | Self::Silent { .. }
            | Self::Unsupported => FailureKind::Unavailable,
            Self::Helper { .. } | Self::Supervisor(_) => FailureKind::Internal,
        }
    }

    /// Returns what to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotPermitted { barrier, .. } => Some(barrier.way_out().to_owned()),
            Self::NoCommand => Some("give the image an `entrypoint` or a `cmd`".to_owned()),
            Self::UnknownUser { file, .. } => {
                Some(format!("name the user by its number, or add it to `{file}`"))
            }
            Self::Execute { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Some(
                    "the file, or the loader that it names, is not in the image; a static program needs no loader"
                        .to_owned(),
                ),
                io::ErrorKind::PermissionDenied => {
                    Some("the file is not executable for the image's user".to_owned())
                }
                _ => None,
            },
            Self::Unsupported | Self::EngineGone { .. } => Some("start docker or podman".to_owned()),
            Self::Prepare { .. }
            | Self::Helper { .. }
            | Self::Supervisor(_)
            | Self::Engine { .. }
            | Self::Silent { .. } => None,
        }
    }
}

/// What keeps this user from namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barrier {
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1 (Ubuntu since 23.10).
    AppArmor,
    /// `kernel.unprivileged_userns_clone` is 0 (Debian's switch).
    UsernsClone,
    /// `user.max_user_namespaces` is 0.
    NoUserNamespaces,
    /// The kernel does not say; often a seccomp filter or a container around us.
    Unknown,
}

impl Barrier {
    /// Looks for the barrier in the kernel's settings.
    pub(in crate::container) fn find() -> Self {
        Self::from_settings(|name| {
            fs::read_to_string(format!("/proc/sys/{name}"))
                .map(|text| text.trim().to_owned())
                .unwrap_or_default()
        })
    }

    fn from_settings(read: impl Fn(&str) -> String) -> Self {
        if read("user/max_user_namespaces") == "0" {
            Self::NoUserNamespaces
        } else if read("kernel/unprivileged_userns_clone") == "0" {
            Self::UsernsClone
        } else if read("kernel/apparmor_restrict_unprivileged_userns") == "1" {
            Self::AppArmor
        } else {
            Self::Unknown
        }
    }

    fn way_out(self) -> &'static str {
        match self {
            Self::AppArmor => {
                "start docker or podman, run as root, or `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
            }
            Self::UsernsClone => {
                "start docker or podman, run as root, or `sudo sysctl -w kernel.unprivileged_userns_clone=1`"
            }
            Self::NoUserNamespaces => {
                "start docker or podman, run as root, or `sudo sysctl -w user.max_user_namespaces=10000`"
            }
            Self::Unknown => {
                "start docker or podman; inside a container, that one needs `--security-opt seccomp=unconfined`"
            }
        }
    }
}

impl fmt::Display for Barrier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AppArmor => "AppArmor restricts user namespaces",
            Self::UsernsClone => "user namespaces are kept for root",
            Self::NoUserNamespaces => "the number of user namespaces is limited to none",
            Self::Unknown => "the system does not tell why",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn barrier(set: &str, to: &str) -> Barrier {
        Barrier::from_settings(|name| {
            if name == set {
                to.to_owned()
            } else {
                String::new()
            }
        })
    }

    #[test]
    fn each_setting_that_forbids_namespaces_is_named() {
        assert_eq!(
            barrier("kernel/apparmor_restrict_unprivileged_userns", "1"),
            Barrier::AppArmor
        );
        assert_eq!(
            barrier("kernel/apparmor_restrict_unprivileged_userns", "0"),
            Barrier::Unknown
        );
        assert_eq!(
            barrier("kernel/unprivileged_userns_clone", "0"),
            Barrier::UsernsClone
        );
        assert_eq!(
            barrier("user/max_user_namespaces", "0"),
            Barrier::NoUserNamespaces
        );
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let error = ContainerError::NotPermitted {
            step: "a user namespace".into(),
            barrier: Barrier::AppArmor,
            source: io::Error::from_raw_os_error(1),
        };
        assert_eq!(
            error.to_string(),
            "namespaces are not permitted here: a user namespace was refused; AppArmor restricts user namespaces"
        );
        assert!(
            error
                .hint()
                .expect("a hint")
                .contains("apparmor_restrict_unprivileged_userns=0")
        );
        assert_eq!(error.kind(), FailureKind::Unavailable);
    }
}
