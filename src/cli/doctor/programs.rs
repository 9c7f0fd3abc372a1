//! Programs: where they are, which version they are, and how they are got on this system.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Patient, builders,
    finding::{Area, Finding, Needed, Report},
    needs::{self, Need, words},
};
pub(super) use crate::tools::find;
use crate::{
    plan::model::Tool,
    tools::{self, Origin, Standing},
};

/// A program that is known, and what it is called elsewhere.
struct Known {
    name: &'static str,
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

const KNOWN: &[Known] = &[
    known(
        "git",
        ["git", "git", "git", "git", "git"],
        "https://git-scm.com/downloads",
    ),
    known(
        "bash",
        ["bash", "bash", "bash", "bash", "bash"],
        "https://www.gnu.org/software/bash/",
    ),
    known(
        "make",
        ["make", "make", "make", "make", "make"],
        "https://www.gnu.org/software/make/",
    ),
    known(
        "docker",
        ["docker.io", "moby-engine", "docker", "docker", ""],
        "https://docs.docker.com/engine/install/",
    ),
    known(
        "podman",
        ["podman", "podman", "podman", "podman", "podman"],
        "https://podman.io/docs/installation",
    ),
    known(
        "buildah",
        ["buildah", "buildah", "buildah", "buildah", ""],
        "https://github.com/containers/buildah/blob/main/install.md",
    ),
    known(
        "terraform",
        ["", "", "", "", ""],
        "https://developer.hashicorp.com/terraform/install",
    ),
    known(
        "tofu",
        ["", "", "opentofu", "opentofu", "opentofu"],
        "https://opentofu.org/docs/intro/install/",
    ),
    known(
        "helm",
        ["", "helm", "helm", "helm", "helm"],
        "https://helm.sh/docs/intro/install/",
    ),
    known(
        "kubectl",
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
        ["gh", "gh", "github-cli", "github-cli", "gh"],
        "https://cli.github.com",
    ),
    known("cargo", ["", "", "", "", ""], "https://rustup.rs"),
    known("rustc", ["", "", "", "", ""], "https://rustup.rs"),
    known(
        "go",
        ["golang-go", "golang", "go", "go", "go"],
        "https://go.dev/doc/install",
    ),
    known(
        "node",
        ["nodejs", "nodejs", "nodejs", "nodejs", "node"],
        "https://nodejs.org/en/download",
    ),
    known(
        "npm",
        ["npm", "nodejs-npm", "npm", "npm", "node"],
        "https://nodejs.org/en/download",
    ),
    known(
        "pnpm",
        ["", "", "pnpm", "pnpm", "pnpm"],
        "https://pnpm.io/installation",
    ),
    known(
        "yarn",
        ["yarnpkg", "yarnpkg", "yarn", "yarn", "yarn"],
        "https://yarnpkg.com/getting-started/install",
    ),
    known(
        "python3",
        ["python3", "python3", "python3", "python", "python"],
        "https://www.python.org/downloads/",
    ),
    known(
        "gcloud",
        ["", "", "", "", ""],
        "https://cloud.google.com/sdk/docs/install",
    ),
    known(
        "aws",
        ["awscli", "awscli2", "aws-cli", "aws-cli", "awscli"],
        "https://aws.amazon.com/cli/",
    ),
    known(
        "jq",
        ["jq", "jq", "jq", "jq", "jq"],
        "https://jqlang.org/download/",
    ),
    known(
        "curl",
        ["curl", "curl", "curl", "curl", "curl"],
        "https://curl.se/download.html",
    ),
];

const fn known(name: &'static str, packages: [&'static str; 5], page: &'static str) -> Known {
    Known {
        name,
        packages,
        page,
    }
}

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
    let whom = match need.tasks.is_empty() {
        true => String::new(),
        false => format!(", for {}", words(&need.tasks)),
    };
    if let Some(tool) = pinned {
        let whom = match whom.is_empty() {
            true => ", by `tools` of the plan",
            false => &whom,
        };
        return of_pinned(patient, name, tool, need.needed)
            .await
            .expected(format!("{}{whom}", tool.version));
    }
    let expected = format!("any version{whom}");
    let Some(path) = find(name, variables) else {
        return Finding::missing_if(need.needed, Area::Programs, name, "not on the PATH")
            .expected(expected)
            .next(how_to_get(name, variables));
    };
    let place = path.display();
    let found = match tools::version(name, &path, variables).await {
        Some(version) => format!("{version} at {place}"),
        None => format!("at {place}"),
    };
    Finding::ok(Area::Programs, name, found).expected(expected)
}

/// A program of an exact version: found, installed by an earlier run, to be fetched by the next one, or not to be had.
async fn of_pinned(patient: &Patient<'_>, name: &str, tool: &Tool, needed: Needed) -> Finding {
    let variables = &patient.environment.variables;
    match tools::look(name, tool, variables).await {
        Ok(Standing::Here(there)) => {
            let (version, path) = (&there.version, &there.path);
            let how = match there.origin {
                Origin::Found => "",
                Origin::Kept | Origin::Fetched => ", installed by a run",
            };
            Finding::ok(Area::Programs, name, format!("{version} at {path}{how}"))
        }
        Ok(Standing::Fetchable { here, url }) => {
            let found = format!("{here}; a run fetches {url}");
            Finding::note(Area::Programs, name, found).next(format!(
                "for a rehearsal, put {name} {} first on the PATH",
                tool.version
            ))
        }
        Err(error) => {
            let finding = Finding::missing_if(needed, Area::Programs, name, error.to_string());
            match error.hint() {
                Some(hint) => finding.next(hint),
                None => finding.next(how_to_get(name, variables)),
            }
        }
    }
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
