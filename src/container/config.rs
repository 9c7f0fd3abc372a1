//! What is to be started: the request, and what the image says about itself.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;

use crate::container::ContainerError;

/// What docker gives a process whose image does not set `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a check asks of a container, besides its image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerRequest {
    /// Variables over those of the image.
    pub env: BTreeMap<String, String>,
    /// Ports in the container that have to be reached from outside.
    pub ports: BTreeSet<u16>,
}

/// An unpacked root file system with the configuration of its image.
///
/// A container in [`RootMode::Writable`] writes into the folder itself, so each start wants a folder of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootFolder {
    /// The folder.
    pub path: Utf8PathBuf,
    /// Whether the container may write into it.
    pub mode: RootMode,
    /// What the image says.
    pub config: ImageConfig,
}

/// Whether a container may write into its root file system; `/dev/shm` and `/tmp` are writable anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootMode {
    /// It may.
    Writable,
    /// It may not.
    ReadOnly,
}

/// The part of an image's configuration that says how it runs (image-spec, config.md, "config").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageConfig {
    /// First words of the command.
    pub entrypoint: Vec<String>,
    /// The words that follow.
    pub cmd: Vec<String>,
    /// Variables, as `NAME=VALUE`.
    pub env: Vec<String>,
    /// `USER`, `UID`, `USER:GROUP` or `UID:GID`; empty is root.
    pub user: String,
    /// Where the command starts; empty is `/`.
    pub workdir: String,
}

impl ImageConfig {
    /// Returns the whole command.
    pub(in crate::container) fn command(&self) -> Result<Vec<String>, ContainerError> {
        let command: Vec<String> = self.entrypoint.iter().chain(&self.cmd).cloned().collect();
        match command.first().map(String::as_str) {
            None | Some("") => Err(ContainerError::NoCommand),
            Some(_) => Ok(command),
        }
    }

    /// Returns the variables of the process: the image's, then the request's over them; `PATH` and `HOSTNAME` as
    /// docker sets them.
    pub(in crate::container) fn environment(
        &self,
        request: &ContainerRequest,
        hostname: &str,
    ) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::from([
            ("PATH".to_owned(), DEFAULT_PATH.to_owned()),
            ("HOSTNAME".to_owned(), hostname.to_owned()),
        ]);
        for entry in &self.env {
            // The specification asks for `NAME=VALUE`; docker drops an entry without `=` as well.
            if let Some((name, value)) = entry.split_once('=') {
                variables.insert(name.to_owned(), value.to_owned());
            }
        }
        variables.extend(request.env.clone());
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entrypoint_comes_before_the_command() {
        let config = ImageConfig {
            entrypoint: vec!["/tini".into(), "--".into()],
            cmd: vec!["/server".into()],
            ..ImageConfig::default()
        };
        assert_eq!(
            config.command().expect("a command"),
            ["/tini", "--", "/server"]
        );
    }

    #[test]
    fn an_image_without_a_command_is_refused() {
        assert!(matches!(
            ImageConfig::default().command(),
            Err(ContainerError::NoCommand)
        ));
    }

    #[test]
    fn the_request_overrides_the_image_and_the_image_overrides_the_defaults() {
        let config = ImageConfig {
            env: vec!["PATH=/only".into(), "MODE=image".into(), "broken".into()],
            ..ImageConfig::default()
        };
        let request = ContainerRequest {
            env: BTreeMap::from([("MODE".into(), "check=1".into())]),
            ..ContainerRequest::default()
        };
        let variables = config.environment(&request, "probe");
        assert_eq!(
            variables,
            BTreeMap::from([
                ("HOSTNAME".into(), "probe".into()),
                ("MODE".into(), "check=1".into()),
                ("PATH".into(), "/only".into()),
            ])
        );
    }
}
