//! What a repository holds that a deployment could be made of.

use std::{collections::BTreeSet, fs, io};

use camino::{Utf8Path, Utf8PathBuf};
use ignore::WalkBuilder;

/// Folders deeper than this are somebody else's.
const MOST_LEVELS: usize = 8;
/// More files than this are not looked at.
const MOST_FILES: usize = 50_000;
/// Larger files are not what people write by hand, in bytes.
const LARGEST: u64 = 512 * 1024;
/// Folders of what was built or fetched, and of what only looks like something to deploy.
const NOT_OURS: [&str; 11] = [
    "examples",
    "fixtures",
    "testdata",
    "tests",
    "node_modules",
    "target",
    "vendor",
    "dist",
    "build",
    "__pycache__",
    "venv",
];

/// What was found, by kind; paths are relative to the plan's folder, in order.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What the repository is called.
    pub(super) name: String,
    /// Dockerfiles and Containerfiles.
    pub(super) dockerfiles: Vec<Utf8PathBuf>,
    /// Folders of root modules of terraform.
    pub(super) terraform: Vec<RootModule>,
    /// Folders of Helm charts.
    pub(super) charts: Vec<Utf8PathBuf>,
    /// Compose files.
    pub(super) compose: Vec<Utf8PathBuf>,
    /// Folders with a kustomization that no other names.
    pub(super) kustomizations: Vec<Utf8PathBuf>,
    /// Folders with manifests of Kubernetes.
    pub(super) manifests: Vec<Utf8PathBuf>,
    /// Folders of SQL migrations.
    pub(super) migrations: Vec<Utf8PathBuf>,
    /// Packages of languages.
    pub(super) packages: Vec<Package>,
    /// Makefiles with targets whose names are known.
    pub(super) makefiles: Vec<Makefile>,
    /// Workflow files of GitHub that are there.
    pub(super) workflows: Vec<Utf8PathBuf>,
}

/// A folder that terraform is started in.
#[derive(Debug)]
pub(super) struct RootModule {
    pub(super) folder: Utf8PathBuf,
    /// Whether it says where its state is kept.
    pub(super) has_backend: bool,
}

/// A package of a language: how it is built and tested.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) file: Utf8PathBuf,
    pub(super) program: &'static str,
    pub(super) build: Vec<String>,
    pub(super) test: Vec<String>,
}

/// A Makefile and those of its targets that are called what such targets are called.
#[derive(Debug)]
pub(super) struct Makefile {
    pub(super) file: Utf8PathBuf,
    pub(super) targets: Vec<String>,
}

/// Targets that change nothing outside.
pub(super) const HARMLESS: [&str; 4] = ["build", "test", "check", "lint"];
/// Targets that change something outside.
pub(super) const DEPLOYING: [&str; 3] = ["publish", "release", "deploy"];

/// Looks at a folder. Nothing is started, and what git ignores is not looked at.
pub(super) fn survey(folder: &Utf8Path, plan_file: &str) -> io::Result<Found> {
    let files = files(folder)?;
    let mut found = Found {
        name: name_of(folder),
        ..Found::default()
    };
    let at = |path: &Utf8Path| text(&folder.join(path));
    for path in &files {
        let name = path.file_name().unwrap_or_default();
        match name {
            "Cargo.toml" => found.packages.extend(rust(path, &files)),
            "package.json" => found.packages.extend(node(path, &at(path), &files)),
            "go.mod" => found.packages.push(go(path)),
            "pyproject.toml" => found.packages.extend(python(path, &at(path))),
            "GNUmakefile" | "makefile" | "Makefile" => {
                found.makefiles.extend(makefile(path, &at(path)));
            }
            "Chart.yaml" => found.charts.push(folder_of(path)),
            _ if is_dockerfile(name) => found.dockerfiles.push(path.clone()),
            _ if is_compose(name) => found.compose.push(path.clone()),
            _ => {}
        }
    }
    found.terraform = root_modules(folder, &files);
    found.migrations = migrations(&files);
    found.workflows = workflows(folder);
    clusters(folder, &files, plan_file, &mut found);
    Ok(found)
}

/// The name of the folder of the repository, or of the plan where there is no repository.
fn name_of(folder: &Utf8Path) -> String {
    let top = folder
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .unwrap_or(folder);
    let name = top.file_name().filter(|name| is_plain(Utf8Path::new(name)));
    name.filter(|name| !name.trim().is_empty())
        .unwrap_or("app")
        .to_owned()
}

fn files(folder: &Utf8Path) -> io::Result<Vec<Utf8PathBuf>> {
    // A folder that cannot be read is an error; one below it is passed over.
    drop(fs::read_dir(folder)?);
    let mut walk = WalkBuilder::new(folder);
    walk.max_depth(Some(MOST_LEVELS))
        .require_git(false)
        .git_global(false)
        .sort_by_file_name(Ord::cmp)
        .filter_entry(|entry| {
            !entry
                .file_name()
                .to_str()
                .is_some_and(|name| NOT_OURS.contains(&name))
        });
    let paths = walk.build().filter_map(|entry| {
        let entry = entry.ok()?;
        if !entry.file_type()?.is_file() || entry.metadata().ok()?.len() > LARGEST {
            return None;
        }
        let path = Utf8PathBuf::from_path_buf(entry.into_path()).ok()?;
        let path = path.strip_prefix(folder).ok()?.to_owned();
        is_plain(&path).then_some(path)
    });
    Ok(paths.take(MOST_FILES).collect())
}

/// Whether a path stands in a plan for itself: without expressions, patterns and characters that nobody can see.
fn is_plain(path: &Utf8Path) -> bool {
    let text = path.as_str();
    !text.contains("${{") && !text.contains(['*', '?', '[']) && !text.chars().any(char::is_control)
}

fn text(path: &Utf8Path) -> String {
    // What cannot be read, or is no text, says nothing.
    fs::read_to_string(path).unwrap_or_default()
}

pub(super) fn folder_of(path: &Utf8Path) -> Utf8PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_str().is_empty() => folder.to_owned(),
        Some(_) | None => Utf8PathBuf::from("."),
    }
}

fn beside(path: &Utf8Path, name: &str) -> Utf8PathBuf {
    path.with_file_name(name)
}

fn is_dockerfile(name: &str) -> bool {
    let named = |word: &str| {
        name == word
            || name
                .strip_prefix(word)
                .is_some_and(|rest| rest.starts_with('.') && !rest.ends_with(".dockerignore"))
    };
    named("Dockerfile") || named("Containerfile")
}

fn is_compose(name: &str) -> bool {
    let Some(stem) = name
        .strip_suffix(".yml")
        .or_else(|| name.strip_suffix(".yaml"))
    else {
        return false;
    };
    let first = stem.split('.').next().unwrap_or_default();
    first == "compose" || first == "docker-compose"
}

/// A package of Rust; a member of a workspace is built with it.
fn rust(path: &Utf8Path, files: &[Utf8PathBuf]) -> Option<Package> {
    let above = path.parent()?.ancestors().skip(1);
    let is_member = above
        .into_iter()
        .any(|folder| files.contains(&folder.join("Cargo.toml")));
    if is_member {
        return None;
    }
    let locked = if files.contains(&beside(path, "Cargo.lock")) {
        " --locked"
    } else {
        ""
    };
    Some(Package {
        file: path.to_owned(),
        program: "cargo",
        build: vec![format!("cargo build --release{locked}")],
        test: vec![format!("cargo test{locked}")],
    })
}

fn node(path: &Utf8Path, text: &str, files: &[Utf8PathBuf]) -> Option<Package> {
    let manifest: serde_json::Value = serde_json::from_str(text).ok()?;
    let has = |script: &str| manifest["scripts"][script].is_string();
    let there = |name: &str| files.contains(&beside(path, name));
    let (program, install) = if there("pnpm-lock.yaml") {
        ("pnpm", "pnpm install --frozen-lockfile")
    } else if there("yarn.lock") {
        ("yarn", "yarn install --immutable")
    } else if there("package-lock.json") {
        ("npm", "npm ci")
    } else {
        ("npm", "npm install")
    };
    let lines = |script: &str| {
        if has(script) {
            vec![install.to_owned(), format!("{program} run {script}")]
        } else {
            Vec::new()
        }
    };
    let package = Package {
        file: path.to_owned(),
        program,
        build: lines("build"),
        test: lines("test"),
    };
    (!package.build.is_empty() || !package.test.is_empty()).then_some(package)
}

fn go(path: &Utf8Path) -> Package {
    Package {
        file: path.to_owned(),
        program: "go",
        build: vec!["go build ./...".to_owned()],
        test: vec!["go test ./...".to_owned()],
    }
}

fn python(path: &Utf8Path, text: &str) -> Option<Package> {
    let build = if text.contains("[build-system]") {
        vec!["python3 -m pip wheel --no-deps --wheel-dir dist .".to_owned()]
    } else {
        Vec::new()
    };
    let test = if text.contains("pytest") {
        vec!["python3 -m pytest".to_owned()]
    } else {
        Vec::new()
    };
    (!build.is_empty() || !test.is_empty()).then(|| Package {
        file: path.to_owned(),
        program: "python3",
        build,
        test,
    })
}

fn makefile(path: &Utf8Path, text: &str) -> Option<Makefile> {
    let is_there = |target: &&str| {
        text.lines().any(|line| {
            let rest = line.strip_prefix(*target).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with(':') && !rest.starts_with(":="))
        })
    };
    let targets: Vec<String> = HARMLESS
        .iter()
        .chain(&DEPLOYING)
        .filter(|target| is_there(target))
        .map(|target| (*target).to_owned())
        .collect();
    (!targets.is_empty()).then(|| Makefile {
        file: path.to_owned(),
        targets,
    })
}

/// Folders with terraform's files that say a provider or a backend; what other folders use as a module does not.
fn root_modules(folder: &Utf8Path, files: &[Utf8PathBuf]) -> Vec<RootModule> {
    let folders: BTreeSet<Utf8PathBuf> = files
        .iter()
        .filter(|path| path.extension() == Some("tf"))
        .map(|path| folder_of(path))
        .collect();
    let read = |of: &Utf8Path| -> String {
        let own = files
            .iter()
            .filter(|path| path.extension() == Some("tf") && folder_of(path) == of);
        own.map(|path| text(&folder.join(path))).collect()
    };
    let is_module = |folder: &Utf8Path| folder.components().any(|part| part.as_str() == "modules");
    let roots = folders.into_iter().filter(|folder| !is_module(folder));
    roots
        .filter_map(|folder| {
            let text = read(&folder);
            let has_block =
                |word: &str| text.lines().any(|line| line.trim_start().starts_with(word));
            let has_backend = has_block("backend \"") || has_block("cloud {");
            let is_root = has_backend || has_block("provider \"") || has_block("resource \"");
            is_root.then_some(RootModule {
                folder,
                has_backend,
            })
        })
        .collect()
}

/// Folders whose SQL files are numbered, or that are called what such folders are called.
fn migrations(files: &[Utf8PathBuf]) -> Vec<Utf8PathBuf> {
    let of_sql = files.iter().filter(|path| path.extension() == Some("sql"));
    let folders: BTreeSet<Utf8PathBuf> = of_sql
        .filter(|path| {
            let numbered = path.file_name().is_some_and(|name| {
                name.starts_with(|first: char| first.is_ascii_digit() || first == 'V')
            });
            let folder = folder_of(path);
            numbered || matches!(folder.file_name(), Some("migrations" | "migrate"))
        })
        .map(|path| folder_of(path))
        .collect();
    folders.into_iter().collect()
}

/// GitHub's workflow files; their folder is hidden, so the walk did not see it.
fn workflows(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let path = Utf8Path::new(".github/workflows");
    let entries = folder.join(path).read_dir_utf8();
    let mut found: Vec<Utf8PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| path.join(entry.file_name()))
        .filter(|path| matches!(path.extension(), Some("yml" | "yaml")))
        .collect();
    found.sort();
    found
}

/// Kustomizations, and folders of manifests that belong to no kustomization and no chart.
fn clusters(folder: &Utf8Path, files: &[Utf8PathBuf], plan_file: &str, found: &mut Found) {
    let all: Vec<Utf8PathBuf> = files
        .iter()
        .filter(|path| {
            matches!(
                path.file_name(),
                Some("kustomization.yaml" | "kustomization.yml")
            )
        })
        .cloned()
        .collect();
    let texts: Vec<(Utf8PathBuf, String)> = all
        .iter()
        .map(|path| (folder_of(path), text(&folder.join(path))))
        .collect();
    let is_used = |of: &Utf8Path| {
        texts.iter().any(|(user, text)| {
            user != of
                && text.lines().any(|line| {
                    let entry = line
                        .trim()
                        .trim_start_matches("- ")
                        .trim_matches(['"', '\'']);
                    !entry.is_empty() && normal(&user.join(entry)) == normal(of)
                })
        })
    };
    found.kustomizations = texts
        .iter()
        .map(|(folder, _)| folder.clone())
        .filter(|folder| !is_used(folder))
        .collect();
    let belongs = |path: &Utf8Path| {
        let inside = |folder: &Utf8PathBuf| folder == "." || path.starts_with(folder);
        found.charts.iter().any(inside) || texts.iter().any(|(folder, _)| inside(folder))
    };
    let manifests: BTreeSet<Utf8PathBuf> = files
        .iter()
        .filter(|path| {
            let name = path.file_name().unwrap_or_default();
            matches!(path.extension(), Some("yaml" | "yml"))
                && name != plan_file
                && !is_compose(name)
                && !belongs(path)
                && is_manifest(&text(&folder.join(path)))
        })
        .map(|path| folder_of(path))
        .collect();
    // A folder of manifests is applied with those below it.
    found.manifests = manifests
        .iter()
        .filter(|folder| {
            *folder != "."
                && !manifests
                    .iter()
                    .any(|other| other != *folder && folder.starts_with(other))
        })
        .cloned()
        .collect();
}

fn is_manifest(text: &str) -> bool {
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    has("apiVersion:") && has("kind:")
}

/// The path without `.` and `..`.
fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.as_str().split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    Utf8PathBuf::from(parts.join("/"))
}
