//! Programs that are on this machine.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use super::known;
use crate::{
    process::{self, CommandSpec, Output, StopListener},
    secret::{Masker, Secret},
};

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than a version is not read, in bytes.
const MOST_OUTPUT: u64 = 64 * 1024;

/// Finds a program on the PATH.
pub fn find(name: &str, variables: &BTreeMap<String, String>) -> Option<PathBuf> {
    let path = variables.get("PATH")?;
    let endings: &[&str] = if cfg!(windows) {
        &[".exe", ".cmd", ".bat"]
    } else {
        &[""]
    };
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| {
            endings
                .iter()
                .map(move |ending| folder.join(format!("{name}{ending}")))
        })
        .find(|program| is_program(program))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Asks a program for its version, if it is known how.
pub async fn version(
    name: &str,
    program: impl AsRef<OsStr>,
    variables: &BTreeMap<String, String>,
) -> Option<String> {
    let arguments = known::asking(name)?;
    let spec = CommandSpec::new(program.as_ref(), format!("ask {name} for its version"))
        .args(arguments.iter().copied())
        .pass_env(
            variables,
            [
                "PATH",
                "HOME",
                "CARGO_HOME",
                "RUSTUP_HOME",
                "RUSTUP_TOOLCHAIN",
            ],
        )
        // Terraform would ask a server of HashiCorp's for newer versions.
        .env("CHECKPOINT_DISABLE", "1")
        .capture_stdout(MOST_OUTPUT)
        .timeout(PATIENCE);
    let masker = Masker::new(Vec::<(String, Secret)>::new()).ok()?;
    let output = Output {
        masker: &masker,
        log: None,
        live: None,
    };
    let ended = process::run(&spec, output, StopListener::never())
        .await
        .ok()?;
    let text = String::from_utf8_lossy(ended.stdout.as_ref()?.expose()).into_owned();
    version_in(&text)
}

/// The first word with a number, a point and a number: `git version 2.39.5`, `v3.19.0+g3d8990f`.
fn version_in(text: &str) -> Option<String> {
    let is_version = |word: &&str| {
        let digits = word.trim_start_matches(['v', 'V']);
        let (major, rest) = digits.split_once('.').unwrap_or(("", ""));
        let number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
        !major.is_empty() && major.bytes().all(|byte| byte.is_ascii_digit()) && number(rest)
    };
    let mut words = text.split(|character: char| character.is_whitespace() || character == ',');
    let found = words.find(is_version)?;
    Some(found.trim_start_matches(['v', 'V']).to_owned())
}

/// Whether a program's own word is the version that a plan pins, which need not name the build.
pub(super) fn is_exactly(said: &str, pinned: &str) -> bool {
    said == pinned
        || said
            .split_once('+')
            .is_some_and(|(version, _)| version == pinned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_among_words() {
        for (text, expected) in [
            ("git version 2.39.5\n", Some("2.39.5")),
            (
                "Docker version 20.10.24+dfsg1, build 297e128\n",
                Some("20.10.24+dfsg1"),
            ),
            ("Terraform v1.11.4\non linux_amd64\n", Some("1.11.4")),
            ("v3.19.0+g3d8990f\n", Some("3.19.0+g3d8990f")),
            (
                "psql (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n",
                Some("15.14"),
            ),
            ("go version go1.24.1 linux/amd64\n", None),
            (
                "Client Version: v1.34.3\nKustomize Version: v5.7.1\n",
                Some("1.34.3"),
            ),
            ("no version at all.\n", None),
        ] {
            assert_eq!(version_in(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_build_need_not_be_pinned_and_a_version_is_no_beginning_of_another() {
        assert!(is_exactly("1.11.4", "1.11.4"));
        assert!(is_exactly("3.19.0+g3d8990f", "3.19.0"));
        assert!(is_exactly("3.19.0+g3d8990f", "3.19.0+g3d8990f"));
        for other in ["1.11", "1.11.40", "1.11.4-rc1", "3.19.0+g3d8990f"] {
            assert!(!is_exactly("1.11.4", other), "{other}");
        }
        assert!(!is_exactly("1.11.4-rc1", "1.11.4"));
    }
}
