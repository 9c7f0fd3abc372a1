//! Programs: where they are, which version they are, and how they are got on this system.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Patient, builders,
    finding::{Area, Finding, Needed, Report},
    needs::{self, Need, words},
};
use crate::{
    plan::model::Tool,
    process::{self, CommandSpec, Output, StopListener},
    secret::{Masker, Secret},
};

/// A program that is known: how it says its version without doing anything else, and what it is called elsewhere.
struct Known {
    name: &'static str,
    version: &'static [&'static str],
    /// Its package in Debian's, Fedora's, Alpine's, Arch's and Homebrew's words; empty: there is none.
    packages: [&'static str; 5],
    /// The page that says how to get it.
    page: &'static str,
}

/// Package managers, with the command that installs, in the order of [`Known::packages`].
const MANAGERS: [(&str, &str); 5] = [
    ("apt-get", "apt-get install --yes"),
    ("dnf", "dnf install --assumeyes"),
    ("apk", "apk add"),
    ("pacman", "pacman --sync --noconfirm"),
    ("brew", "brew install"),
];

const VERSION: &[&str] = &["--version"];

const KNOWN: &[Known] = &[
    known(
        "git",
        VERSION,
        ["git", "git", "git", "git", "git"],
        "https://git-scm.com/downloads",
    ),
    known(
        "bash",
        VERSION,
        ["bash", "bash", "bash", "bash", "bash"],
        "https://www.gnu.org/software/bash/",
    ),
    known(
        "make",
        VERSION,
        ["make", "make", "make", "make", "make"],
        "https://www.gnu.org/software/make/",
    ),
    known(
        "docker",
        VERSION,
        ["docker.io", "moby-engine", "docker", "docker", ""],
        "https://docs.docker.com/engine/install/",
    ),
    known(
        "podman",
        VERSION,
        ["podman", "podman", "podman", "podman", "podman"],
        "https://podman.io/docs/installation",
    ),
    known(
        "buildah",
        VERSION,
        ["buildah", "buildah", "buildah", "buildah", ""],
        "https://github.com/containers/buildah/blob/main/install.md",
    ),
    known(
        "terraform",
        &["version"],
        ["", "", "", "", ""],
        "https://developer.hashicorp.com/terraform/install",
    ),
    known(
        "tofu",
        &["version"],
        ["", "", "opentofu", "opentofu", "opentofu"],
        "https://opentofu.org/docs/intro/install/",
    ),
    known(
        "helm",
        &["version", "--short"],
        ["", "helm", "helm", "helm", "helm"],
        "https://helm.sh/docs/intro/install/",
    ),
    known(
        "kubectl",
        &["version", "--client"],
        [
            "",
            "kubernetes-client",
            "kubectl",
            "kubectl",
            "kubernetes-cli",
        ],
        "https://kubernetes.io/docs/tasks/tools/",
    ),
    known(
        "psql",
        VERSION,
        [
            "postgresql-client",
            "postgresql",
            "postgresql-client",
            "postgresql",
            "libpq",
        ],
        "https://www.postgresql.org/download/",
    ),
    known(
        "gh",
        VERSION,
        ["gh", "gh", "github-cli", "github-cli", "gh"],
        "https://cli.github.com",
    ),
    known("cargo", VERSION, ["", "", "", "", ""], "https://rustup.rs"),
    known("rustc", VERSION, ["", "", "", "", ""], "https://rustup.rs"),
    known(
        "go",
        &["version"],
        ["golang-go", "golang", "go", "go", "go"],
        "https://go.dev/doc/install",
    ),
    known(
        "node",
        VERSION,
        ["nodejs", "nodejs", "nodejs", "nodejs", "node"],
        "https://nodejs.org/en/download",
    ),
    known(
        "npm",
        VERSION,
        ["npm", "nodejs-npm", "npm", "npm", "node"],
        "https://nodejs.org/en/download",
    ),
    known(
        "pnpm",
        VERSION,
        ["", "", "pnpm", "pnpm", "pnpm"],
        "https://pnpm.io/installation",
    ),
    known(
        "yarn",
        VERSION,
        ["yarnpkg", "yarnpkg", "yarn", "yarn", "yarn"],
        "https://yarnpkg.com/getting-started/install",
    ),
    known(
        "python3",
        VERSION,
        ["python3", "python3", "python3", "python", "python"],
        "https://www.python.org/downloads/",
    ),
    known(
        "gcloud",
        VERSION,
        ["", "", "", "", ""],
        "https://cloud.google.com/sdk/docs/install",
    ),
    known(
        "aws",
        VERSION,
        ["awscli", "awscli2", "aws-cli", "aws-cli", "awscli"],
        "https://aws.amazon.com/cli/",
    ),
    known(
        "jq",
        VERSION,
        ["jq", "jq", "jq", "jq", "jq"],
        "https://jqlang.org/download/",
    ),
    known(
        "curl",
        VERSION,
        ["curl", "curl", "curl", "curl", "curl"],
        "https://curl.se/download.html",
    ),
];

const fn known(
    name: &'static str,
    version: &'static [&'static str],
    packages: [&'static str; 5],
    page: &'static str,
) -> Known {
    Known {
        name,
        version,
        packages,
        page,
    }
}

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than a version is not read, in bytes.
const MOST_OUTPUT: u64 = 64 * 1024;

/// Looks for every program that the plan needs.
pub(super) async fn examine(patient: &Patient<'_>, report: &mut Report) {
    let mut wanted = patient.plan().map(needs::programs).unwrap_or_default();
    wanted
        .entry("git".to_owned())
        .or_insert_with(|| Need {
            tasks: BTreeSet::new(),
            needed: Needed::Now,
        })
        .needed = Needed::Now;
    let pinned = |name: &str| patient.plan().and_then(|plan| plan.tools.get(name));
    for (name, need) in &wanted {
        let finding = of_program(patient, name, need, pinned(name)).await;
        report.add(finding);
    }
    let unused = patient.plan().into_iter().flat_map(|plan| &plan.tools);
    for (name, tool) in unused.filter(|(name, _)| !wanted.contains_key(name.as_str())) {
        let need = Need {
            tasks: BTreeSet::new(),
            needed: Needed::Later,
        };
        report.add(of_program(patient, name.as_str(), &need, Some(tool)).await);
    }
    builders::check(patient, report).await;
}

async fn of_program(
    patient: &Patient<'_>,
    name: &str,
    need: &Need,
    pinned: Option<&Tool>,
) -> Finding {
    let variables = &patient.environment.variables;
    let expected = match (pinned, need.tasks.is_empty()) {
        (Some(tool), true) => format!("{}, by `tools` of the plan", tool.version),
        (Some(tool), false) => format!("{}, for {}", tool.version, words(&need.tasks)),
        (None, true) => "any version".to_owned(),
        (None, false) => format!("any version, for {}", words(&need.tasks)),
    };
    let Some(path) = find(name, variables) else {
        return Finding::missing_if(need.needed, Area::Programs, name, "not on the PATH")
            .expected(expected)
            .next(how_to_get(name, variables));
    };
    let place = path.display();
    let version = version(name, variables).await;
    let found = match &version {
        Some(version) => format!("{version} at {place}"),
        None => format!("at {place}"),
    };
    match (pinned, version) {
        (Some(tool), Some(version)) if version.trim_start_matches('v') != tool.version => {
            Finding::note(Area::Programs, name, found)
                .expected(expected)
                .next(format!(
                    "take {} {}, or let `tools` of the plan say {version}",
                    name, tool.version
                ))
        }
        _ => Finding::ok(Area::Programs, name, found).expected(expected),
    }
}

/// Finds a program on the PATH.
pub(super) fn find(name: &str, variables: &BTreeMap<String, String>) -> Option<PathBuf> {
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

/// Asks a known program for its version. An unknown one is not started: nobody knows what it would do.
async fn version(name: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    let known = KNOWN.iter().find(|known| known.name == name)?;
    let spec = CommandSpec::new(name, format!("ask {name} for its version"))
        .args(known.version.iter().copied())
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

/// The command that installs a program here, or the page that says how.
pub(super) fn how_to_get(name: &str, variables: &BTreeMap<String, String>) -> String {
    let Some(known) = KNOWN.iter().find(|known| known.name == name) else {
        return format!("get `{name}`, and put its folder on the PATH");
    };
    let here = MANAGERS
        .iter()
        .zip(known.packages)
        .find(|((manager, _), _)| find(manager, variables).is_some());
    match here {
        Some(((manager, command), package)) if !package.is_empty() => {
            format!("{}{command} {package}", sudo(manager))
        }
        Some(_) | None => format!("see {}", known.page),
    }
}

/// Homebrew wants no root, and root wants no sudo.
fn sudo(manager: &str) -> &'static str {
    if manager == "brew" || is_root() {
        ""
    } else {
        "sudo "
    }
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
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
}
